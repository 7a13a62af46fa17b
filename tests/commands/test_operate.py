"""`trafficguard status`, `mode`, `allow`, `block`, `forget` and `reload`: with a program that runs, and when one does not.

Part 1 steers a real supervisor with two workers; what was ordered is taken back by each test. Part 2 talks to a door that
answers what a test wants.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result

from tests.system.clients import CURL, ask, page
from tests.system.origins import OK
from tests.system.program import Proxy, until
from trafficguard.cli import main
from trafficguard.commands import door as module

OWN = """\
name: own
rules: [{name: libraries, when: '"ua.library" in labels', action: block}]
"""
SITES = ("shop.example", "other.example")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for name in [name for name in os.environ if name.startswith("TRAFFICGUARD_")]:
        monkeypatch.delenv(name)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


# ---- 1. a program that runs


class Shop(BaseHTTPRequestHandler):
    """Says ok to everything."""

    def do_GET(self) -> None:
        self.wfile.write(OK)

    def log_message(self, *_: object) -> None:
        pass


class Steered(Proxy):
    """A proxy whose operator sits here."""

    folder: Path

    def tell(self, *arguments: str) -> Result:
        return run(*arguments, "--admin", f"127.0.0.1:{self.admin_port}")

    def done(self, *arguments: str) -> str:
        """What is printed by an order that is carried out."""
        result = self.tell(*arguments)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.done("status", "--json"))
        return found

    def statuses(self, request: bytes) -> set[int]:
        """What a client gets, on enough connections to meet both workers."""
        return {ask(self.port, request).status for _ in range(12)}

    @property
    def curl(self) -> set[int]:
        return self.statuses(CURL.format("/").encode())

    def audit(self) -> list[dict[str, Any]]:
        lines = (self.folder / "log.jsonl").read_text().splitlines()
        return [record for line in lines if "audit" in (record := json.loads(line))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operate")


@pytest.fixture(scope="module")
def proxy(folder: Path) -> Iterator[Steered]:
    shop = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=shop.serve_forever)
    thread.start()
    (folder / "own.yaml").write_text(OWN)
    servers = [f"http://127.0.0.1:{shop.server_address[1]}"]
    settings = {
        "workers": 2,
        "policy": "own.yaml",
        "fuse": 1,
        "log": {"file": str(folder / "log.jsonl"), "sample": 0},
        "sites": [{"hosts": [host], "upstreams": [{"servers": servers}]} for host in SITES],
    }
    with Steered(folder, settings) as proxy:
        proxy.folder = folder
        yield proxy
        assert proxy.stop() == 0
    shop.shutdown()
    thread.join()
    shop.server_close()


@pytest.fixture
def steered(proxy: Steered) -> Iterator[Steered]:
    """The same proxy for all tests, each time as configured and with nothing decided by hand."""
    yield proxy
    (proxy.folder / "own.yaml").write_text(OWN)
    proxy.done("reload")
    proxy.done("mode", "configured")
    for one in proxy.state()["by_hand"]:
        proxy.done("forget", one["key"])


def test_status_says_what_is_in_force(steered: Steered) -> None:
    said = steered.done("status")
    for text in (
        f"own, version {steered.state()['version']}, {steered.folder / 'own.yaml'}",
        "enforce: verdicts are carried out",
        "followed by all workers (2)",
        "blown never",
    ):
        assert text in said


def test_a_mode_holds_for_the_next_request_of_every_worker(steered: Steered) -> None:
    assert steered.curl == {403}
    assert steered.done("mode", "enforce").startswith("mode enforce: verdicts are carried out\n")
    for mode in ("shadow", "off"):
        assert steered.done("mode", mode).startswith(f"mode {mode}: ")
        assert steered.curl == {200}
    assert "verdicts are carried out" in steered.done("mode", "configured")
    assert steered.curl == {403}
    assert [one["mode"] for one in steered.audit()[-4:]] == ["enforce", "shadow", "off", "as configured"]


def test_a_site_has_a_mode_of_its_own(steered: Steered) -> None:
    said = steered.done("mode", "shadow", "--site", "shop.example")
    assert "shop.example: shadow (ordered for this site)" in said
    assert "other.example: enforce" in said
    assert steered.curl == {200}
    assert steered.statuses(CURL.replace("shop.", "other.").format("/").encode()) == {403}
    steered.done("mode", "configured", "--site", "shop.example")
    assert steered.curl == {403}


def test_the_weakest_mode_counts_and_a_stronger_order_is_told_so(steered: Steered) -> None:
    steered.done("mode", "shadow")
    result = steered.tell("mode", "enforce", "--site", "shop.example")
    assert result.exit_code == 1
    assert "shop.example: not in mode enforce" in result.stderr
    assert "the weakest counts" in result.stderr
    assert steered.curl == {200}


def test_a_policy_in_shadow_is_told_to_whoever_orders_enforce(steered: Steered) -> None:
    (steered.folder / "own.yaml").write_text("mode: shadow\n" + OWN)
    assert "instead of" in steered.done("reload")
    result = steered.tell("mode", "enforce")
    assert result.exit_code == 1
    assert "shadow (the policy says so; ordered is enforce)" in result.stdout
    assert steered.curl == {200}


def test_a_site_that_is_not_there_is_refused_with_those_that_are(steered: Steered) -> None:
    result = steered.tell("mode", "off", "--site", "shop.exampel")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there are shop.example, other.example" in result.stderr


def test_a_blocked_key_is_blocked_and_an_allowed_one_passes_until_it_is_forgotten(steered: Steered) -> None:
    browser = page("/")
    assert steered.statuses(browser) == {200}
    said = steered.done("block", "127.0.0.0/8", "--for", "15m", "--reason", "odd prices")
    assert said.startswith("127.0.0.0/8 is blocked for another 15 min, until ")
    assert "(odd prices)" in said
    assert steered.statuses(browser) == {403}
    assert steered.done("forget", "127.0.0.0/8").startswith("nothing is decided by hand about 127.0.0.0/8")
    assert steered.statuses(browser) == {200}
    steered.done("allow", "127.0.0.1")
    assert steered.curl == {200}
    [one] = steered.state()["by_hand"]
    assert (one["action"], one["key"], one["reason"]) == ("allow", "127.0.0.1", "")
    assert "127.0.0.1 is allowed for another" in steered.done("status")
    [block] = [one for one in steered.audit() if one["audit"] == "block"]
    assert (block["key"], block["seconds"], block["reason"]) == ("127.0.0.0/8", 900, "odd prices")
    assert block["who"].startswith("admin (")


def test_a_block_in_shadow_is_told_to_block_nobody(steered: Steered) -> None:
    steered.done("mode", "shadow")
    result = steered.tell("block", "203.0.113.7")
    assert result.exit_code == 1
    assert "only recorded that 203.0.113.7 would be blocked" in result.stderr
    assert steered.tell("allow", "203.0.113.8").exit_code == 0


def test_forgetting_what_nobody_has_decided_is_refused(steered: Steered) -> None:
    result = steered.tell("forget", "203.0.113.99")
    assert result.exit_code == 1
    assert "nothing is decided about 203.0.113.99" in result.stderr


def test_a_reload_puts_the_file_in_force_or_says_why_not(steered: Steered) -> None:
    file, before = steered.folder / "own.yaml", steered.state()["version"]
    assert "which was in force before" in steered.done("reload")
    file.write_text("rules: [{name: all, when: method == 'GET', action: pass}]\n")
    steered.done("reload")
    assert steered.curl == {200}
    file.write_text("rules: [{name: all, when: method = 'GET', action: pass}]\n")
    result = steered.tell("reload")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"the policy was not taken:\n{file}:1:34: " in result.stderr
    state = steered.state()
    assert state["version"] != before
    assert str(file) in steered.done("status").split("Not taken")[1]
    assert steered.curl == {200}, "the last good one stays in force"


def test_verdicts_are_counted_by_version(steered: Steered) -> None:
    version = steered.state()["version"]

    def blocked() -> int:
        counts = {(one["version"], one["action"]): one["count"] for one in steered.state()["verdicts"]}
        return counts.get((version, "block"), 0)

    before = blocked()
    assert steered.curl == {403}
    until(lambda: blocked() >= before + 12, "the count of blocked requests")
    assert f"{version} (in force)" in steered.done("status")


def test_the_door_is_found_in_settings_of_which_nothing_else_is_in_order(steered: Steered, tmp_path: Path) -> None:
    place = f"127.0.0.1:{steered.admin_port}"
    file = tmp_path / "broken.yaml"
    file.write_text(f"admin: {{listen: '{place}'}}\nworkers: none of them\nsites: 5\npolicy: gone.yaml\n")
    assert run("status", "--config", file).exit_code == 0
    assert CliRunner().invoke(main, ["status"], env={"TRAFFICGUARD_ADMIN_LISTEN": place}).exit_code == 0
    assert CliRunner().invoke(main, ["status"], env={"TRAFFICGUARD_CONFIG": str(file)}).exit_code == 0


# ---- 2. a door that answers what a test wants


STATE: dict[str, Any] = {
    "number": 7, "name": "balanced", "version": "0a1b2c", "file": "", "policy_since": 0, "mode": "enforce",
    "mode_since": 0, "site_modes": {}, "modes": {"*": "enforce"}, "latest": "start", "applied": True,
    "following": [7, 7], "by_hand": [], "complaints": [], "reloads": 0, "refused": 0, "fuses": 0, "fuse_limit": 0.2,
    "fuse_seconds": 0, "verdicts": [], "errors": [],
}  # fmt: skip


class FakeDoor(HTTPServer):
    """Gives its answers one after the other, the last one again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: list[tuple[int, object]] = []
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: FakeDoor

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, body))
        answers = self.server.answers
        status, document = answers.pop(0) if len(answers) > 1 else answers[0]
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fake() -> Iterator[FakeDoor]:
    server = FakeDoor()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_order_is_done_once_all_workers_follow_it(fake: FakeDoor) -> None:
    late = STATE | {"applied": False, "following": [7, 6]}
    fake.answers = [(200, late), (200, late), (200, STATE | {"applied": True, "number": 6}), (200, STATE)]
    result = run("mode", "enforce", "--admin", fake.place)
    assert result.exit_code == 0
    assert result.stdout == "mode enforce: verdicts are carried out\nfollowed by all workers (2)\n"
    assert [(method, path) for method, path, _ in fake.asked] == [("POST", "/mode"), *[("GET", "/policy")] * 3]
    assert fake.asked[0][2].keys() == {"mode", "by"}


def test_an_order_that_a_worker_does_not_follow_is_not_done(fake: FakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    fake.answers = [(200, STATE | {"applied": False, "following": [7, 6, 0]})]
    result = run("forget", "203.0.113.7", "--admin", fake.place)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not all workers follow it: 1, 2" in result.stderr


def test_what_the_door_refuses_is_said_in_its_words(fake: FakeDoor) -> None:
    fake.answers = [(400, STATE | {"errors": ["10000 keys are decided by hand; put the others into a list"]})]
    result = run("block", "203.0.113.7", "--admin", fake.place)
    assert result.exit_code == 1
    assert result.stderr == "trafficguard: 10000 keys are decided by hand; put the others into a list\n"


@pytest.mark.parametrize("answer", [(404, b"not found"), (200, b"[]"), (200, {"ok": True}), (502, b"<html>")])
def test_another_program_at_the_place_is_not_taken_for_ours(fake: FakeDoor, answer: tuple[int, object]) -> None:
    fake.answers = [answer]
    result = run("status", "--admin", fake.place)
    assert result.exit_code == 1
    assert "is not the admin listener of this version" in result.stderr
    assert "--admin" in result.stderr


def test_a_door_behind_which_nobody_is_says_how_to_name_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        places = (f"127.0.0.1:{taken.getsockname()[1]}", f"unix:{tmp_path}/absent.sock")
        for place in places:
            result = run("status", "--admin", place)
            assert result.exit_code == 1
            assert f"nothing listens at {place}" in result.stderr
            assert "--config FILE" in result.stderr


def test_a_door_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = run("status", "--admin", f"127.0.0.1:{silent.getsockname()[1]}")
    assert result.exit_code == 1
    assert "does not answer within 0.05 s" in result.stderr


def test_a_door_that_closes_at_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        thread = threading.Thread(target=lambda: rude.accept()[0].close())
        thread.start()
        result = run("status", "--admin", f"127.0.0.1:{rude.getsockname()[1]}")
        thread.join()
    assert result.exit_code == 1
    assert "cannot be talked to" in result.stderr


def test_a_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    path, answer = tmp_path / "admin.sock", json.dumps(STATE).encode()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer_once() -> None:
            with contextlib.closing(listening.accept()[0]) as client:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

        thread = threading.Thread(target=answer_once)
        thread.start()
        result = run("status", "--json", "--admin", f"unix:{path}")
        thread.join()
    assert result.exit_code == 0
    assert json.loads(result.stdout) == STATE


def test_a_socket_that_may_not_be_used_names_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")  # the tests may run as root, who may use everything

    monkeypatch.setattr(module._UnixConnection, "connect", refuse)
    (tmp_path / "admin.sock").touch()
    result = run("mode", "off", "--admin", f"unix:{tmp_path}/admin.sock")
    assert result.exit_code == 1
    assert "may: use sudo, or become a member of the group" in result.stderr
    absent = run("mode", "off", "--admin", f"unix:{tmp_path}/absent/admin.sock")
    assert f"whoever may look into {tmp_path}/absent may" in absent.stderr


def test_settings_without_a_door_say_what_still_works(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("admin: {listen: none}\n")
    result = run("mode", "off", "--config", file)
    assert result.exit_code == 1
    assert "admin.listen: none" in result.stderr
    assert "SIGHUP" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("mode", "shdow"), ("mode",), ("block", "me"), ("block", "1.2.3.4", "--for", "soon"), ("forget", "h1.x"),
        ("allow", "10.0.0.1/8"), ("block", "1.2.3.4", "--for", "721h"), ("status", "--admin", "nowhere"),
        ("status", "--config", "/absent/settings.yaml"), ("status", "--admin", "192.0.2.1:80"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_ends_with_code_2_and_asks_nobody(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Door, "_talk", lambda *_: pytest.fail("somebody was asked"))
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.parametrize("command", ["status", "mode", "allow", "block", "forget", "reload"])
def test_every_help_ends_with_examples_and_exit_codes(command: str) -> None:
    said = run(command, "--help").output
    assert f"trafficguard {command}" in said.split("Example")[-1]
    assert "Exit codes" in said
