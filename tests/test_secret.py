"""The secret of cookies and hashes: made once, kept for nobody else, never written over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trafficguard.errors import StartError
from trafficguard.secret import SIZE, read_secret


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_without_a_file_every_start_has_its_own() -> None:
    first, second = read_secret(None), read_secret(None)
    assert (len(first), len(second)) == (SIZE, SIZE)
    assert first != second


def test_a_file_is_made_at_the_first_start_for_nobody_else_and_read_at_the_next(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    before = os.umask(0)
    try:
        first = read_secret(str(path))
    finally:
        os.umask(before)
    assert mode_of(path) == 0o600
    assert len(first) >= SIZE
    assert read_secret(str(path)) == first
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_no_two_files_are_alike(tmp_path: Path) -> None:
    assert read_secret(str(tmp_path / "a")) != read_secret(str(tmp_path / "b"))


def test_a_secret_that_is_given_is_taken_without_blanks_around_it_and_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "secret", b"\n" + b"s" * SIZE + b"\n", 0o400)
    assert read_secret(str(path)) == b"s" * SIZE
    assert path.read_bytes() == b"\n" + b"s" * SIZE + b"\n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_secret_that_others_may_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "secret", b"s" * SIZE, mode)
    with pytest.raises(StartError, match=rf"chmod 600 {path}"):
        read_secret(str(path))
    assert mode_of(path) == mode


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, 4097])
def test_a_secret_that_is_too_short_or_too_long_is_refused_and_not_written_over(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "secret", b"s" * size)
    with pytest.raises(StartError, match=f"must hold {SIZE} to 4096 bytes, not {size}; remove it"):
        read_secret(str(path))
    assert path.read_bytes() == b"s" * size


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"secrets: .* cannot be used: is a directory"):
        read_secret(str(tmp_path))
    with pytest.raises(StartError, match="is no file"):
        read_secret("/dev/null")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"secrets: .* cannot be used: no such file or directory"):
        read_secret(str(tmp_path / "none" / "secret"))


def test_a_start_that_breaks_off_leaves_no_half_of_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StartError, match="no space left on device"):
        read_secret(str(tmp_path / "secret"))
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_start_together_both_have_the_secret_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    link: Callable[..., None] = os.link

    def be_late(fresh: Path, wanted: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        written(wanted, b"t" * SIZE)
        link(fresh, wanted)

    monkeypatch.setattr(os, "link", be_late)
    assert read_secret(str(path)) == b"t" * SIZE
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]
