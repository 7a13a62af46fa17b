"""The command line: what each command prints, its exit codes, and that nothing starts with bad settings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trafficguard import __version__
from trafficguard.cli import main
from trafficguard.errors import StartError
from trafficguard.signals.behaviour import BEHAVIOURS
from trafficguard.signals.catalog import CATALOG, DIRECT

CORPUS = Path(__file__).parent / "config_corpus"
CURL = b"GET /product/7 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"
DEADLINE = 60


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests, and a terminal that is none, 80 columns wide."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    for name in [name for name in os.environ if name.startswith("TRAFFICGUARD_")]:
        monkeypatch.delenv(name)


def run(*arguments: str | Path, given: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=given)


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trafficguard", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)


def accept(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, code: int = 0
) -> list[tuple[object, ...]]:
    """Puts a recorder in the place of what a command would start; its calls."""
    calls: list[tuple[object, ...]] = []

    def record(*arguments: object) -> int:
        calls.append(arguments)
        return code

    monkeypatch.setattr(f"{module}.{name}", record)
    return calls


# ---- the whole


def test_the_version_is_printed() -> None:
    assert run("--version").output == f"trafficguard {__version__}\n"


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_help_ends_with_examples_that_fit_into_a_terminal(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"trafficguard {command}" in result.output.split("Example")[-1]
    assert max(map(len, result.output.splitlines())) <= 88


def test_the_help_lists_every_command_under_what_one_wants_to_do() -> None:
    said = run("--help").output
    assert "Others:" not in said
    assert [name for name in main.commands if f"\n  {name} " not in said] == []
    assert said.index("Start:") < said.index("Steer a program that runs:") < said.index("Work on a policy:")


def test_the_help_of_serve_states_what_wins() -> None:
    text = " ".join(run("serve", "--help").output.split())
    assert "flags, then TRAFFICGUARD_ environment variables, then the file, then defaults" in text


def test_starting_is_cheap() -> None:
    code = "import sys, trafficguard.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE
    )
    assert not {"numba", "numpy", "aiohttp", "uvloop", "asyncio"} & set(loaded.stdout.split())


# ---- serve


def test_serve_hands_the_settings_over_and_ends_with_the_code_it_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = accept(monkeypatch, "trafficguard.supervisor", "serve", 7)
    flags = ("--upstream", "http://a", "--listen", "localhost:1", "--listen", "localhost:2", "--workers", "3")
    assert run("serve", *flags, "--shadow", "--admin", "none").exit_code == 7
    [(settings,)] = calls
    assert (settings.listen, settings.workers) == (["localhost:1", "localhost:2"], 3)
    assert (settings.mode, settings.admin.listen) == ("shadow", None)


def test_serve_takes_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = accept(monkeypatch, "trafficguard.supervisor", "serve")
    monkeypatch.setenv("TRAFFICGUARD_UPSTREAM", "http://a")
    monkeypatch.setenv("TRAFFICGUARD_LIMITS__HEAD", "16KiB")
    assert run("serve").exit_code == 0
    assert calls[0][0].limits.head == 16 * 1024


def test_serve_starts_nothing_with_settings_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = accept(monkeypatch, "trafficguard.supervisor", "serve")
    file = CORPUS / "bad" / "unknown_key.yaml"
    result = run("serve", "--config", file, "--listen", "nowhere")
    assert (result.exit_code, result.stdout, calls) == (2, "", [])
    assert f"{file}:2:1: there is no setting 'workrs'\n    did you mean 'workers'?" in result.stderr
    assert "--listen: 'nowhere' is not a listening place" in result.stderr
    assert result.stderr.endswith("trafficguard: 2 things are wrong with the settings; nothing was started\n")


def test_what_keeps_serve_from_starting_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_settings: object) -> int:
        raise StartError("127.0.0.1:8080 is in use")

    monkeypatch.setattr("trafficguard.supervisor.serve", refuse)
    result = run("serve", "--upstream", "http://a")
    assert (result.exit_code, result.stderr) == (2, "trafficguard: 127.0.0.1:8080 is in use\n")


def test_a_port_in_use_ends_the_process_with_one_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        place = f"127.0.0.1:{holder.getsockname()[1]}"
        result = run_process(
            "serve", "--listen", place, "--upstream", "http://127.0.0.1:9", "--admin", "none"
        )
    assert result.returncode == 2
    assert place in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "file", ["unknown_key", "wrong_types", "no_sites", "unclosed_quote", "latin1", "absent"]
)
def test_a_bad_file_ends_the_process_with_its_place(file: str) -> None:
    path = str(CORPUS / "bad" / f"{file}.yaml")
    result = run_process("serve", "--config", path)
    assert result.returncode == 2
    assert result.stderr.startswith(path)
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


# ---- demo


def test_demo_hands_its_flags_over(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = accept(monkeypatch, "trafficguard.demo.run", "run_demo", 3)
    assert run("demo").exit_code == 3
    run("demo", "--listen", "127.0.0.1:1", "--products", "5", "--workers", "2")
    assert calls == [("127.0.0.1:8080", 2000, 1), ("127.0.0.1:1", 5, 2)]


def test_demo_lets_a_crowd_in_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = accept(monkeypatch, "trafficguard.demo.wave.run", "run_wave", 4)
    assert run("demo", "--wave").exit_code == 4
    run("demo", "--wave", "--seconds", "5", "--products", "7")
    assert calls == [("127.0.0.1:8080", 2000, 1, 30.0), ("127.0.0.1:8080", 7, 1, 5.0)]


def test_seconds_without_a_wave_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = accept(monkeypatch, "trafficguard.demo.run", "run_demo")
    result = run("demo", "--seconds", "5")
    assert (result.exit_code, calls) == (2, [])
    assert "--seconds goes with --wave" in result.output


@pytest.mark.parametrize(
    "flags",
    [
        ("--listen", "x"),
        ("--listen", "unix:/x"),
        ("--listen", "a:0"),
        ("--products", "0"),
        ("--workers", "0"),
    ],
)
def test_demo_starts_nothing_with_flags_that_cannot_be_used(
    flags: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = accept(monkeypatch, "trafficguard.demo.run", "run_demo")
    result = run("demo", *flags)
    assert (result.exit_code, calls) == (2, [])
    assert flags[0] in result.stderr


# ---- check


def test_check_shows_every_setting_that_was_given_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAFFICGUARD_LIMITS__HEADERS", "64")
    result = run("check", "--config", CORPUS / "good" / "several_shops.yaml", "--workers", "3")
    assert result.exit_code == 0
    rows = {
        line.split()[0]: line.split()[-2:] for line in result.output.splitlines() if len(line.split()) > 2
    }
    assert rows["workers"] == ["3", "--workers"]
    assert rows["limits.headers"] == ["64", "TRAFFICGUARD_LIMITS__HEADERS"]
    assert rows["mode"] == ["enforce", "default"]
    assert rows["admin.listen"][-2:] == ["line", "16"]
    assert "shop.example" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_check_shows_where_other_proxies_ask() -> None:
    result = run("check", CORPUS / "good" / "forward_auth.yaml")
    text = " ".join(result.output.split())
    assert "caddy asks on 127.0.0.1:9181 from 127.0.0.1/32, line 4" in text
    assert "nginx asks on unix:/run/trafficguard/auth.sock from" in text
    assert max(map(len, result.output.splitlines())) <= 80


def test_check_of_bad_settings_says_what_is_wrong() -> None:
    result = run("check", "--config", CORPUS / "bad" / "duplicate_key.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert ":5:1: 'workers' is there twice" in result.stderr


# ---- explain


def test_explain_shows_the_verdict_with_its_reasons(tmp_path: Path) -> None:
    file = tmp_path / "request.txt"
    file.write_bytes(CURL)
    result = run("explain", file)
    assert result.exit_code == 0
    assert "GET /product/7 HTTP/1.1" in result.output
    assert "block: bot score" in result.output
    assert "agent.library" in result.output
    assert "sum" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output


def test_explain_reads_standard_input_and_notes_what_it_changed() -> None:
    result = run("explain", "-", given=CURL.replace(b"\r\n", b"\n").rstrip())
    assert result.exit_code == 0
    assert "read as CR LF" in result.output
    assert "empty line" in result.output


def test_explain_for_machines_is_one_json_object() -> None:
    result = run("explain", "--json", "--https", "--client", "192.0.2.7", "-", given=CURL)
    record = json.loads(result.stdout)
    assert (record["action"], record["client"], record["https"]) == ("block", "192.0.2.7", True)
    counted = sum(signal["evidence"] for signal in record["signals"] if signal["mode"] == "on")
    assert record["evidence"] == min(counted, 16.0)
    assert "agent.library" in [signal["signal"] for signal in record["signals"]]
    names = [signal["signal"] for signal in record["signals"]]
    assert not set(names) & {*record["silent"], *record["unmet"]}


def test_explain_names_the_signals_that_forward_auth_cannot_ask() -> None:
    shown = " ".join(run("explain", "--front", "forward-auth", "--times", "30", "-", given=CURL).stdout.split())
    not_asked = shown.partition("Not asked: ")[2]
    assert "headers.order (needs raw header order)" in not_asked
    assert "protocol.old (needs own version)" in not_asked
    assert "address.errors (needs the shop's answer, told by POST /outcomes)" in not_asked
    direct, asked = (
        set(json.loads(run("explain", "--front", front, "--times", "30", "--json", "-", given=CURL).stdout)["unmet"])
        for front in ("direct", "forward-auth")
    )
    spoilt = {name for name, signal in CATALOG.items() if signal.needs & DIRECT}
    assert asked - direct == (spoilt | {name for name, one in BEHAVIOURS.items() if one.needs_answer}) - direct
    assert {"headers.order", "address.errors"} <= asked - direct


def test_explain_judges_by_the_policy_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "lenient.yaml").write_text("rules: [{name: anybody, when: method == 'GET', action: pass}]\n")
    settings = tmp_path / "settings.yaml"
    settings.write_text("policy: lenient.yaml\n")
    record = json.loads(run("explain", "--json", "--config", settings, "-", given=CURL).stdout)
    assert (record["action"], record["rule"]) == ("pass", "anybody")


def test_explain_judges_by_a_policy_that_comes_with_the_program() -> None:
    record = json.loads(run("explain", "--json", "--policy", "strict", "-", given=CURL).stdout)
    assert (record["action"], record["rule"]) == ("block", "libraries")


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "missing-host"),
        (b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "fragment"),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", "head-too-large"),
        (b"\x00\xff\x1b[31m", "malformed"),
    ],
)
def test_explain_shows_why_a_request_is_refused_for_its_form(request_text: bytes, reason: str) -> None:
    shown = run("explain", "-", given=request_text)
    assert shown.exit_code == 0
    assert f"({reason})" in shown.output
    assert "\x1b" not in shown.output
    record = json.loads(run("explain", "--json", "-", given=request_text).stdout)
    assert record["refused"]["reason"] == reason
    assert "action" not in record


@pytest.mark.parametrize(
    "arguments",
    [("explain", "/nowhere/request.txt"), ("explain", "-"), ("explain", "--client", "me", "-"), ("explain",)],
)
def test_explain_without_a_request_ends_with_code_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr


# ---- warm


def test_warm_names_the_kernels_and_where_they_are_kept() -> None:
    result = run("warm")
    assert result.exit_code == 0
    assert "ready after" in result.output
    assert "kept" in result.output
