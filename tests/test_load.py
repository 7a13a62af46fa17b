"""Settings out of file, environment and flags: what wins, and what is said when something is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trafficguard.errors import Complaint, ConfigError
from trafficguard.load import load_policy_of, load_settings, load_with_places, load_with_policy
from trafficguard.policy.defaults import BALANCED
from trafficguard.settings import Settings
from trafficguard.sources.document import LARGEST_FILE
from trafficguard.sources.packs import PACKS, policy_path

CORPUS = Path(__file__).parent / "config_corpus"
GOOD = sorted((CORPUS / "good").glob("*.yaml"))
BAD = sorted((CORPUS / "bad").glob("*.yaml"))
ORIGIN = "http://127.0.0.1:9000"
MINIMAL = f"sites: [{{upstreams: [{{servers: [{ORIGIN}]}}]}}]\n"


class Expected(NamedTuple):
    """A `# expect LINE:COLUMN message => remedy` line of a bad file; `-` where there is no line."""

    place: str
    message: str
    remedy: str


def expectations(file: Path) -> list[Expected]:
    text = file.read_bytes().decode("latin-1")
    return [Expected(*found) for found in re.findall(r"(?m)^# expect (\S+) (.*?) => (.*)$", text)]


def complaints(file: Path | None, environ: dict[str, str] | None = None, **flags: object) -> list[Complaint]:
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ or {}, flags)
    return caught.value.complaints


def written(folder: Path, text: str) -> Path:
    file = folder / "trafficguard.yaml"
    file.write_text(text)
    return file


# ---- the corpus


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_file_gives_settings(file: Path) -> None:
    assert load_settings(file, {}, {}).sites


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_gives_exactly_the_complaints_it_names(file: Path) -> None:
    found = complaints(file)
    expected = expectations(file)
    assert expected, "a bad file names what it expects"
    places = [f"{one.place.line}:{one.place.column}" if one.place.line else "-" for one in found]
    assert places == [one.place for one in expected], "\n".join(map(str, found))
    for complaint, one in zip(found, expected, strict=True):
        assert complaint.place.source == str(file)
        assert one.message in complaint.message
        assert one.remedy in complaint.remedy


def test_the_values_of_the_good_files_are_read_as_meant() -> None:
    numbers = load_settings(CORPUS / "good" / "numbers.yaml", {}, {})
    assert (numbers.workers, numbers.limits.headers, numbers.limits.body) == (2, 64, 1_048_576)
    assert (numbers.timeouts.head, numbers.timeouts.tunnel, numbers.fuse) == (1.5, 86_400, 0.35)
    shops = load_settings(CORPUS / "good" / "several_shops.yaml", {}, {})
    assert shops.sites[0].hosts[0] == "shop.example"
    assert shops.sites[1].upstreams[0].servers == ["http://fallback:80"]
    assert load_settings(CORPUS / "good" / "behind_balancer.yaml", {}, {}).admin.listen is None


def test_a_byte_order_mark_and_line_ends_of_other_systems_are_read(tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + b"workers: 2\r\n" + MINIMAL.encode())
    assert load_settings(file, {}, {}).workers == 2


MUTATED = [text for file in (*GOOD, *BAD) if len(text := file.read_bytes()) < 2_000]
PIECES = [
    b"\n",
    b" ",
    b"  ",
    b":",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"*a",
    b"&a ",
    b"'",
    b'"',
    b"#",
    b"!!int ",
    b"|\n",
    b"%YAML 1.1\n",
    b"---\n",
    b"<<: ",
    b"? ",
    b"null",
    b"-1",
    b"\x00",
    b"\xff",
    b"\t",
    b"~",
    b"sites: ",
    b",",
    b"9" * 5000,
    b"!!float ''",
    b"!!binary x",
    b"!!timestamp x",
    b"=",
    b"1:20",
    b"0o9",
    b"\xe2\x80\xa8",
]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mutated_file_gives_settings_or_complaints_and_nothing_else(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = data.draw(st.sampled_from(MUTATED))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.integers(at, min(len(text), at + 12)))
        text = text[:at] + data.draw(st.sampled_from(PIECES)) + text[until:]
    file = tmp_path_factory.getbasetemp() / "mutated.yaml"
    file.write_bytes(text)
    try:
        assert isinstance(load_settings(file, {}, {}), Settings)
    except ConfigError as error:
        assert error.complaints
        for complaint in error.complaints:
            assert complaint.message
            assert complaint.remedy
            assert "cannot be used here" not in complaint.message, "an error of pydantic has no words of ours"


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60))
@example(data=b"")
@example(data=b"\xef\xbb\xbf")
def test_any_bytes_give_complaints_and_nothing_else(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    assert complaints(file)


# ---- files that are none


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    [complaint] = complaints(tmp_path / "absent.yaml")
    assert complaint.place.source.endswith("absent.yaml")
    assert complaint.message == "there is no such file"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    [complaint] = complaints(tmp_path)
    assert complaint.message == "this is a directory"


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")  # the tests may run as root, who may read everything

    monkeypatch.setattr(Path, "open", refuse)
    [complaint] = complaints(tmp_path / "trafficguard.yaml")
    assert complaint.message == "the file may not be read"
    assert f"user with id {os.geteuid()}" in complaint.remedy


def test_any_other_failure_to_read_names_its_reason(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    [complaint] = complaints(loop)
    assert "symbolic links" in complaint.message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    [complaint] = complaints(written(tmp_path, MINIMAL + "#" * LARGEST_FILE))
    assert "larger than 256 KiB" in complaint.message


def test_a_file_that_cannot_be_read_brings_no_complaint_about_what_it_would_have_said(tmp_path: Path) -> None:
    found = complaints(tmp_path / "absent.yaml", {"TRAFFICGUARD_FOO": "1"})
    assert [one.message for one in found] == ["there is no such file", "there is no such setting"]


# ---- precedence


def test_flag_beats_variable_beats_file_beats_default(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "workers: 2\n")
    variable = {"TRAFFICGUARD_WORKERS": "3"}
    assert load_settings(None, {}, {"upstream": [ORIGIN]}).workers == 1
    assert load_settings(file, {}, {}).workers == 2
    assert load_settings(file, variable, {}).workers == 3
    assert load_settings(file, variable, {"workers": "4"}).workers == 4


def test_a_variable_overwrites_one_setting_and_leaves_its_group(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "limits: {head: 1KiB, headers: 7}\n")
    loaded = load_settings(file, {"TRAFFICGUARD_LIMITS__HEAD": "16KiB"}, {})
    assert (loaded.limits.head, loaded.limits.headers) == (16 * 1024, 7)


def test_a_variable_for_a_group_that_is_none_in_the_file_mends_it(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "limits: 7\n")
    assert load_settings(file, {"TRAFFICGUARD_LIMITS__HEAD": "16KiB"}, {}).limits.head == 16 * 1024


def test_each_flag_sets_what_it_names() -> None:
    flags = {
        "upstream": ("http://a", "http://b"),
        "listen": ("[::1]:80", "localhost:81"),
        "workers": "2",
        "shadow": True,
        "admin": "none",
    }
    loaded = load_settings(None, {}, flags)
    assert loaded.listen == ["[::1]:80", "localhost:81"]
    assert (loaded.workers, loaded.mode, loaded.admin.listen) == (2, "shadow", None)
    assert [site.hosts for site in loaded.sites] == [["*"]]
    assert loaded.sites[0].upstreams[0].servers == ["http://a", "http://b"]


def test_flags_that_were_not_given_change_nothing() -> None:
    flags = {"upstream": (ORIGIN,), "listen": (), "workers": None, "shadow": False, "admin": None}
    assert load_settings(None, {}, flags) == load_settings(None, {}, {"upstream": [ORIGIN]})


def test_the_upstream_flag_replaces_all_sites_of_the_file_and_of_the_environment() -> None:
    file = CORPUS / "good" / "several_shops.yaml"
    environ = {"TRAFFICGUARD_UPSTREAM": "http://c"}
    assert len(load_settings(file, {}, {}).sites) == 2
    assert load_settings(file, environ, {}).sites[0].upstreams[0].servers == ["http://c"]
    assert load_settings(file, environ, {"upstream": ("http://d",)}).sites[0].upstreams[0].servers == [
        "http://d"
    ]


def test_a_variable_names_the_file_and_the_flag_is_stronger(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "workers: 2\n")
    assert load_settings(None, {"TRAFFICGUARD_CONFIG": str(file)}, {}).workers == 2
    other = CORPUS / "good" / "smallest.yaml"
    assert load_settings(other, {"TRAFFICGUARD_CONFIG": str(file)}, {}).workers == 1


def test_an_empty_variable_for_the_file_is_a_complaint() -> None:
    [complaint] = complaints(None, {"TRAFFICGUARD_CONFIG": ""}, upstream=[ORIGIN])
    assert str(complaint.place) == "TRAFFICGUARD_CONFIG"


def test_the_place_of_each_setting_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "listen: ['localhost:1']\nlimits:\n  head: 1KiB\n  headers: 5\n")
    loaded = load_with_places(file, {"TRAFFICGUARD_LIMITS__HEAD": "2KiB"}, {"listen": ("localhost:2",)})
    assert str(loaded.tree.place_of(("listen", 0))) == "--listen"
    assert str(loaded.tree.place_of(("limits", "head"))) == "TRAFFICGUARD_LIMITS__HEAD"
    assert str(loaded.tree.place_of(("limits", "headers"))) == f"{file}:5:12"


# ---- the policy


def test_a_policy_file_is_found_from_the_folder_of_the_settings_that_name_it(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "policy: own.yaml\n")
    (tmp_path / "own.yaml").write_text("name: own\n")
    loaded, policy = load_with_policy(file, {}, {})
    assert (loaded.settings.policy, policy.file.name) == (str(tmp_path / "own.yaml"), "own")
    assert load_settings(file, {}, {"policy": "other.yaml"}).policy == "other.yaml", "a flag is said where one stands"
    assert load_settings(file, {"TRAFFICGUARD_POLICY": "x.yaml"}, {}).policy == "x.yaml"


def test_a_relative_settings_file_is_no_stumbling_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    written(tmp_path / "etc", MINIMAL + "policy: own.yaml\n")
    (tmp_path / "etc" / "own.yaml").write_text("name: own\n")
    monkeypatch.chdir(tmp_path)
    assert load_with_policy(Path("etc/trafficguard.yaml"), {}, {})[1].file.name == "own"


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_is_named_without_its_file(pack: str, tmp_path: Path) -> None:
    loaded, policy = load_with_policy(written(tmp_path, MINIMAL + f"policy: {pack}\n"), {}, {})
    assert (loaded.settings.policy, policy.file.name) == (pack, pack)
    assert load_policy_of(loaded.settings)[1] == (policy_path(pack),)


def test_without_a_policy_balanced_is_in_force() -> None:
    assert load_with_policy(None, {}, {"upstream": [ORIGIN]})[1].file == BALANCED


def test_mistakes_in_settings_and_policy_are_told_together(tmp_path: Path) -> None:
    file, policy = written(tmp_path, MINIMAL + "workers: 0\npolicy: own.yaml\n"), tmp_path / "own.yaml"
    policy.write_text("mode: shdow\nrules: 5\n")
    with pytest.raises(ConfigError) as caught:
        load_with_policy(file, {}, {})
    places = [str(one.place) for one in caught.value.complaints]
    assert places == [f"{file}:2:10", f"{policy}:1:7", f"{policy}:2:8"]


@pytest.mark.parametrize(("named", "remedy"), [("strikt", "did you mean 'strict'?"), ("own.yaml", "or balanced, strict or monitor")])
def test_a_policy_that_is_not_there_is_told_where_it_is_named(named: str, remedy: str, tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + f"policy: {named}\n")
    with pytest.raises(ConfigError) as caught:
        load_with_policy(file, {}, {})
    [complaint] = caught.value.complaints
    assert str(complaint.place) == f"{file}:2:9"
    assert complaint.message == f"policy {tmp_path / named}: there is no such file"
    assert remedy in complaint.remedy


# ---- complaints from several sources


def test_everything_wrong_is_said_at_once_file_first(tmp_path: Path) -> None:
    file = written(tmp_path, MINIMAL + "workrs: 1\nlimits: {head: x}\n")
    found = complaints(
        file, {"TRAFFICGUARD_POOL__IDLE": "-1", "TRAFFICGUARD_X": "1"}, listen=("80", "81"), workers="0"
    )
    assert [str(one.place) for one in found] == [
        f"{file}:2:1",
        f"{file}:3:16",
        "TRAFFICGUARD_X",
        "--listen",
        "--listen",
        "--workers",
        "TRAFFICGUARD_POOL__IDLE",
    ]


def test_a_complaint_about_a_flag_or_variable_names_only_that() -> None:
    [about_flag] = complaints(None, upstream=["ftp://a"])
    assert (
        str(about_flag)
        == "--upstream: 'ftp://a' is not an origin\n    write http://127.0.0.1:9000 or unix:/path"
    )
    [about_variable] = complaints(None, {"TRAFFICGUARD_MODE": "shdow"}, upstream=[ORIGIN])
    assert str(about_variable.place) == "TRAFFICGUARD_MODE"
    assert about_variable.remedy == "did you mean 'shadow'?"


def test_without_any_upstream_all_three_ways_to_name_one_are_told() -> None:
    [complaint] = complaints(None)
    for way in ("--upstream", "TRAFFICGUARD_UPSTREAM", "`sites`"):
        assert way in complaint.remedy


def test_the_text_of_the_error_is_all_its_complaints() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(CORPUS / "bad" / "wrong_types.yaml", {}, {})
    assert str(caught.value).count("wrong_types.yaml:") == len(caught.value.complaints)
    assert "pydantic" not in str(caught.value)
