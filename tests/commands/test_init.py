"""`trafficguard init`: what it writes can be used, and nothing that is there is lost."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.cli import main
from trafficguard.commands import init as module
from trafficguard.commands.init import Answers, as_text
from trafficguard.load import load_settings, load_with_policy
from trafficguard.sources.packs import PACKS

SHOP = "http://10.0.0.5:9000"
DEADLINE = 60


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, and no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TRAFFICGUARD_")]:
        monkeypatch.delenv(name)


def run(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(main, ["init", *arguments], input=answers)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "can_ask", lambda: True)


# ---- flags


def test_a_shop_is_all_it_needs_and_it_begins_in_shadow(tmp_path: Path) -> None:
    result = run("--upstream", SHOP)
    assert result.exit_code == 0
    assert result.stdout.startswith("written: trafficguard.yaml\n")
    assert "trafficguard check trafficguard.yaml" in result.stdout
    settings = load_settings(tmp_path / "trafficguard.yaml", {}, {})
    assert settings.sites[0].upstreams[0].servers == [SHOP]
    assert (settings.mode, settings.policy, settings.listen) == ("shadow", "balanced", ["127.0.0.1:8080"])
    assert settings.workers == len(os.sched_getaffinity(0))


def test_what_flags_say_is_what_the_settings_are(tmp_path: Path) -> None:
    flags = ("--upstream", SHOP, "--upstream", "unix:/run/shop.sock", "--listen", "[::1]:80", "--workers", "3")
    more = ("--policy", "strict", "--mode", "enforce", "--trusted", "10.0.0.0/8", "--trusted-header", "forwarded")
    assert run("own.yaml", *flags, *more).exit_code == 0
    settings = load_settings(tmp_path / "own.yaml", {}, {})
    assert settings.sites[0].upstreams[0].servers == [SHOP, "unix:/run/shop.sock"]
    assert (settings.listen, settings.workers, settings.policy, settings.mode) == (["[::1]:80"], 3, "strict", "enforce")
    assert ([str(one) for one in settings.trusted.peers], settings.trusted.header) == (["10.0.0.0/8"], "forwarded")


def test_balancers_that_speak_the_proxy_protocol_write_no_header(tmp_path: Path) -> None:
    assert run("--upstream", SHOP, "--trusted", "10.0.0.1", "--trusted-header", "proxy-protocol").exit_code == 0
    trusted = load_settings(tmp_path / "trafficguard.yaml", {}, {}).trusted
    assert (trusted.header, trusted.proxy_protocol) == ("none", "any")


@pytest.mark.parametrize("pack", PACKS)
def test_a_policy_of_ones_own_is_the_pack_in_a_file_beside(pack: str, tmp_path: Path) -> None:
    assert run("--upstream", SHOP, "--policy", pack, "--own-policy").exit_code == 0
    loaded, policy = load_with_policy(tmp_path / "trafficguard.yaml", {}, {})
    assert loaded.settings.policy == str(tmp_path / "policy.yaml")
    assert policy.file == load_with_policy(None, {}, {"upstream": [SHOP], "policy": pack})[1].file
    assert "schema" not in (tmp_path / "policy.yaml").read_text(), "there is no schema beside it"


def test_what_is_written_passes_check() -> None:
    assert run("--upstream", SHOP, "--own-policy").exit_code == 0
    assert CliRunner().invoke(main, ["check", "trafficguard.yaml"]).exit_code == 0
    assert CliRunner().invoke(main, ["check", "policy.yaml"]).exit_code == 0


@given(
    listen=st.lists(st.sampled_from(["127.0.0.1:80", "[::1]:0", "unix:/run/a b.sock"]), min_size=1, max_size=3, unique=True),
    upstream=st.lists(st.sampled_from([SHOP, "unix:/it's: #1", "http://[::1]:1"]), min_size=1, max_size=3),
    workers=st.integers(1, 256),
    policy=st.sampled_from(PACKS),
    mode=st.sampled_from(["off", "shadow", "enforce"]),
    trusted=st.lists(st.sampled_from(["10.0.0.0/8", "2001:db8::/32"]), max_size=2),
    header=st.sampled_from(module._HEADERS),
)
def test_every_answer_is_read_as_it_was_meant(
    listen: list[str], upstream: list[str], workers: int, policy: str, mode: str, trusted: list[str], header: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    file = tmp_path_factory.getbasetemp() / "answers.yaml"
    given_ = Answers(tuple(upstream), tuple(listen), workers, policy, False, mode, tuple(trusted), header)
    file.write_text(as_text(given_, file))
    settings = load_settings(file, {}, {})
    assert (settings.listen, settings.workers, settings.policy, settings.mode) == (listen, workers, policy, mode)
    assert settings.sites[0].upstreams[0].servers == upstream
    assert [str(peer) for peer in settings.trusted.peers] == trusted
    told = settings.trusted.proxy_protocol if header == "proxy-protocol" else settings.trusted.header
    assert told == ({"proxy-protocol": "any"}.get(header, header) if trusted else told)


def test_every_setting_has_a_comment_and_those_that_are_off_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    text = as_text(Answers((SHOP,)), file)
    lines = [line for line in text.splitlines() if re.match(r" *(#(?! ))?[ -]*\w+:", line)]
    assert len(lines) > 20
    assert [line for line in lines if "  # " not in line] == []
    file.write_text(re.sub(r"(?m)^( *)#(?=\w+:|  - \{)", r"\1", text))
    settings = load_settings(file, {}, {})
    assert settings.secrets == "/var/lib/trafficguard/secret"
    assert (settings.log.file, settings.sites[0].session.cookie) == ("/var/log/trafficguard/decisions.jsonl", "PHPSESSID")
    assert settings.sites[0].routes[0].path == "/product/{id}"


def test_what_it_shows_without_being_asked_are_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(as_text(Answers((SHOP,), mode="enforce"), file))
    shown, default = load_settings(file, {}, {}), load_settings(None, {}, {"upstream": [SHOP]})
    assert shown.model_copy(update={"policy": None}) == default


# ---- what is in the way


@pytest.mark.parametrize("there", ["trafficguard.yaml", "policy.yaml"])
def test_nothing_is_overwritten_unless_it_is_meant(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("precious")
    result = run("--upstream", SHOP, "--own-policy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{there} exists already; nothing was written" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"
    assert run("--upstream", SHOP, "--own-policy", "--force").exit_code == 0
    assert (tmp_path / there).read_text() != "precious"


def test_a_folder_that_is_not_there_is_said_so() -> None:
    result = run("absent/trafficguard.yaml", "--upstream", SHOP)
    assert result.exit_code == 2
    assert "absent/trafficguard.yaml cannot be written: no such file or directory" in result.stderr


def test_answers_that_do_not_go_together_are_explained(tmp_path: Path) -> None:
    result = run("--upstream", SHOP, "--listen", "127.0.0.1:80", "--listen", "127.0.0.1:80")
    assert result.exit_code == 2
    assert "127.0.0.1:80 is there twice" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flags",
    [
        (), ("--upstream", "shop"), ("--upstream", SHOP, "--workers", "0"), ("--upstream", SHOP, "--workers", "many"),
        ("--upstream", SHOP, "--listen", "80"), ("--upstream", SHOP, "--policy", "harsh"),
        ("--upstream", SHOP, "--trusted", "me"), ("--upstream", SHOP, "--trusted-header", "forwarded"),
        ("--upstream", SHOP, "--mode", "on"),
    ],
)  # fmt: skip
def test_flags_that_cannot_be_used_write_nothing(flags: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*flags)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "Error" in result.stderr


# ---- asking


@pytest.mark.usefixtures("terminal")
def test_enter_takes_what_is_proposed(tmp_path: Path) -> None:
    assert run(answers="\n" * 7).exit_code == 0
    settings = load_settings(tmp_path / "trafficguard.yaml", {}, {})
    assert settings.sites[0].upstreams[0].servers == ["http://127.0.0.1:9000"]
    assert (settings.mode, settings.policy, settings.trusted.peers) == ("shadow", "balanced", [])


@pytest.mark.usefixtures("terminal")
def test_what_cannot_be_used_is_asked_again(tmp_path: Path) -> None:
    answers = ("shop", SHOP, "80", "[::1]:80", "0", "2", "strict", "me", "10.0.0.0/8, 10.9.0.1", "forwarded", "", "y")
    result = run(answers="\n".join(answers) + "\n")
    assert result.exit_code == 0
    assert result.stdout.count("Error") == 4
    assert "'shop' is not an origin; write http://127.0.0.1:9000" in result.stdout
    settings = load_settings(tmp_path / "trafficguard.yaml", {}, {})
    assert (settings.listen, settings.workers, settings.trusted.header) == (["[::1]:80"], 2, "forwarded")
    assert [str(peer) for peer in settings.trusted.peers] == ["10.0.0.0/8", "10.9.0.1/32"]
    assert settings.policy == str(tmp_path / "policy.yaml")


@pytest.mark.usefixtures("terminal")
def test_what_a_flag_says_is_not_asked(tmp_path: Path) -> None:
    flags = ("--upstream", SHOP, "--listen", "localhost:1", "--workers", "2", "--policy", "strict", "--own-policy")
    result = run(*flags, "--trusted", "10.0.0.0/8", "--trusted-header", "forwarded", "--mode", "off")
    assert result.exit_code == 0, result.output
    assert "[" not in result.stdout, "a question was asked"
    assert load_settings(tmp_path / "trafficguard.yaml", {}, {}).mode == "off"


@pytest.mark.usefixtures("terminal")
def test_whoever_leaves_while_being_asked_leaves_nothing_behind(tmp_path: Path) -> None:
    result = run(answers="http://a\n")
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_it_asks_at_a_real_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trafficguard", "init"]
    path = os.pathsep.join([str(Path(module.__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        os.close(theirs)
        os.write(ours, b"\n" * 7)
        assert process.wait(DEADLINE) == 0
        said = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "Where is your shop? [http://127.0.0.1:9000]" in said
    assert load_settings(tmp_path / "trafficguard.yaml", {}, {}).mode == "shadow"
