"""Where compiled kernels may be kept: only where nobody else can write."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from trafficguard.counters import cache_folder
from trafficguard.counters.cache_folder import FOLDER, SWITCH, choose_cache_folder, kernels_digest, why_unsafe

COMPILER = "compiler 1.0 some-processor"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder that only we can write."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    return folder


def test_kernels_are_kept_in_a_folder_of_their_own_below_the_one_asked_for(ours: Path) -> None:
    choice = choose_cache_folder({FOLDER: str(ours)}, COMPILER)
    assert choice.folder == ours / kernels_digest(COMPILER)
    assert choice.remark == ""
    assert choice.folder.stat().st_mode & 0o777 == 0o755


def test_a_new_folder_can_be_written_by_nobody_else_whatever_the_umask(ours: Path) -> None:
    before = os.umask(0)
    try:
        choice = choose_cache_folder({FOLDER: str(ours / "new")}, COMPILER)
    finally:
        os.umask(before)
    assert choice.folder is not None
    assert (ours / "new").stat().st_mode & 0o777 == 0o755


def test_without_a_wish_the_folder_is_below_home(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(ours))
    (ours / ".cache").mkdir(mode=0o700)
    choice = choose_cache_folder({}, COMPILER)
    assert choice.folder is not None
    assert choice.folder.parent == ours / ".cache" / "trafficguard"


def test_the_switch_keeps_nothing(ours: Path) -> None:
    choice = choose_cache_folder({FOLDER: str(ours), SWITCH: "off"}, COMPILER)
    assert choice.folder is None
    assert SWITCH in choice.remark
    assert list(ours.iterdir()) == []


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_can_write_is_refused(ours: Path, mode: int) -> None:
    ours.chmod(mode)
    assert "written by others" in why_unsafe(ours)


def test_a_private_folder_below_one_that_others_can_write_is_refused(ours: Path) -> None:
    ours.chmod(0o777)
    choice = choose_cache_folder({FOLDER: str(ours)}, COMPILER)
    assert choice.folder is None
    assert str(ours) in choice.remark


def test_a_private_folder_below_a_sticky_one_is_fine(ours: Path) -> None:
    ours.chmod(0o1777)
    inner = ours / "inner"
    inner.mkdir(mode=0o700)
    assert why_unsafe(inner) == ""


def test_a_file_that_others_can_write_is_refused(ours: Path) -> None:
    (ours / "kernel").write_bytes(b"")
    (ours / "kernel").chmod(0o666)
    assert "kernel can be written by others" in why_unsafe(ours)


def test_a_link_is_judged_by_where_it_leads(ours: Path) -> None:
    (ours / "open").mkdir()
    (ours / "open").chmod(0o777)
    (ours / "link").symlink_to(ours / "open")
    assert "written by others" in why_unsafe(ours / "link")


def test_a_folder_of_another_user_is_refused(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ourselves = os.geteuid()
    if ourselves == 0:
        os.chown(ours, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: ourselves + 1)
    assert "another user" in why_unsafe(ours)


def test_a_folder_that_cannot_be_made_is_refused_with_a_reason(ours: Path) -> None:
    (ours / "file").write_bytes(b"")
    choice = choose_cache_folder({FOLDER: str(ours / "file" / "below")}, COMPILER)
    assert choice.folder is None
    assert choice.remark


def test_another_compiler_gets_another_folder() -> None:
    assert kernels_digest(COMPILER) != kernels_digest(COMPILER + "0")


def test_any_changed_source_gets_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "counters"
    shutil.copytree(Path(cache_folder.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_folder, "__file__", str(package / "cache_folder.py"))
    digests = {kernels_digest(COMPILER)}
    for source in sorted(package.glob("*.py")):
        source.write_text(source.read_text() + "\n")
        digests.add(kernels_digest(COMPILER))
    assert len(digests) == 1 + len(list(package.glob("*.py")))
