"""Either all of it starts, or nothing does: places that are taken, Unix sockets, settings that cannot be used."""

from __future__ import annotations

import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import origins
from tests.system.clients import ask, connected, is_refused, page
from tests.system.demo import Demo
from tests.system.program import Program, Proxy, free_port, serve, to

ORIGIN = "http://127.0.0.1:9"
CANNOT_START = 2
CORPUS = Path(__file__).parents[1] / "config_corpus" / "bad"


def refused_start(program: Program) -> str:
    """The message of a program that does not start; there is no other."""
    with program:
        assert program.wait() == CANNOT_START, program.said()
        assert program.processes() == []
    assert program.output == []
    messages = [line for line in program.errors if " INFO " not in line]
    assert not any("Traceback" in line for line in messages), program.said()
    return "\n".join(messages)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A running instance with two workers, at a port and a Unix socket."""
    folder = tmp_path_factory.mktemp("first")
    listen = ["127.0.0.1:0", f"unix:{folder}/s"]
    with origins.raw(origins.answering) as origin, Proxy(folder, to(origin, listen=listen, workers=2)) as proxy:
        yield proxy
        assert ask(proxy.port, page("/")).status == 200  # whatever others tried in its place
        assert ask(path_of(proxy), page("/")).status == 200
        assert proxy.stop() == 0
    assert not Path(path_of(proxy)).exists()


def path_of(proxy: Proxy) -> str:
    return next(match[1] for line in proxy.errors if (match := re.search(r"unix:(\S+),", line)))


# ---- places that are taken


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_instance_on_the_same_port_is_refused(first: Proxy, workers: int, tmp_path: Path) -> None:
    place = f"127.0.0.1:{first.port}"
    message = refused_start(serve(tmp_path, to(ORIGIN, listen=[place], workers=workers), "--admin", "none"))
    assert message == (
        f"trafficguard: cannot listen on {place}: it is in use; stop the program that listens there or choose "
        "another with --listen"
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_instance_on_the_same_admin_port_is_refused(first: Proxy, workers: int, tmp_path: Path) -> None:
    port, admin = free_port(), f"127.0.0.1:{first.admin_port}"
    settings = to(ORIGIN, listen=[f"127.0.0.1:{port}"], workers=workers, admin={"listen": admin})
    message = refused_start(serve(tmp_path, settings))
    assert message.startswith(f"trafficguard: admin.listen: cannot listen on {admin}: Address already in use")
    assert is_refused(port)


def test_a_second_instance_on_the_same_unix_socket_is_refused(first: Proxy, tmp_path: Path) -> None:
    place = f"unix:{path_of(first)}"
    message = refused_start(serve(tmp_path, to(ORIGIN, listen=[place]), "--admin", "none"))
    assert message.startswith(f"trafficguard: cannot listen on {place}: it is in use; ")


def test_a_second_demo_on_the_same_port_is_refused_and_leaves_no_shop_behind() -> None:
    with Demo(products=20) as first:
        with Program("demo", "--listen", f"127.0.0.1:{first.port}", "--products", "20") as second:
            assert second.wait() == CANNOT_START
            assert second.processes() == []
        assert [line for line in second.errors if "in use" in line] == second.errors
        assert len(second.errors) == 1
        assert ask(first.port, page("/")).status == 200


def test_the_places_of_an_instance_that_drains_are_free_for_the_next_one(tmp_path: Path) -> None:
    path, timeouts = tmp_path / "s", {"drain": "5s"}
    with (
        origins.silent() as silent,
        Proxy(tmp_path, to(silent, listen=["127.0.0.1:0", f"unix:{path}"], timeouts=timeouts)) as first,
        connected(str(path)) as sock,
    ):
        sock.sendall(page("/"))  # is never answered, so that draining takes as long as it may
        first.send(signal.SIGTERM)
        first.wait_for_text("draining")
        listen = [f"127.0.0.1:{first.port}", f"unix:{path}"]
        with origins.raw(origins.answering) as origin, Proxy(tmp_path, to(origin, listen=listen)) as second:
            assert first.processes() != []
            assert ask(second.port, page("/")).status == 200
            first.send(signal.SIGTERM)
            assert first.wait() == 0
            assert ask(str(path), page("/")).status == 200  # not removed by the one before


# ---- Unix sockets


def test_a_stale_unix_socket_is_taken_over_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert stat.S_ISSOCK(path.stat().st_mode)
    with origins.raw(origins.answering) as origin, Proxy(tmp_path, to(origin, listen=[f"unix:{path}"])) as proxy:
        assert ask(str(path), page("/")).status == 200
        assert proxy.stop() == 0
    assert not path.exists()


def test_a_file_in_the_place_of_a_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("keep me")
    message = refused_start(serve(tmp_path, to(ORIGIN, listen=[f"unix:{path}"]), "--admin", "none"))
    assert f"cannot listen on unix:{path}" in message
    assert path.read_text() == "keep me"


def test_a_start_that_fails_leaves_no_unix_socket_behind(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        refused_start(serve(tmp_path, to(ORIGIN, listen=[f"unix:{path}"], admin={"listen": taken})))
        assert not path.exists()
        refused_start(serve(tmp_path, to(ORIGIN, listen=[f"unix:{path}", taken], admin={"listen": None})))
        assert not path.exists()


# ---- settings


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("workrs: 2\n", 3, 1, "did you mean 'workers'?"),
        ("workers: many\n", 3, 10, "is not a whole number"),
        ("timeouts: {head: soon}\n", 3, 18, "is not a duration"),
        ("admin: {listen: 0.0.0.0:9180}\n", 3, 17, "can be reached from other machines"),
        ("mode: [\n", 4, 1, ""),
    ],
)
def test_bad_settings_start_nothing(text: str, line: int, column: int, words: str, tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "bad.yaml"
    file.write_text(f'listen: ["127.0.0.1:{port}"]\nsites: [{{upstreams: [{{servers: ["{ORIGIN}"]}}]}}]\n{text}')
    message = refused_start(Program("serve", "--config", str(file)))
    assert message.startswith(f"{file}:{line}:{column}: ")
    assert words in message
    assert message.endswith("trafficguard: one thing is wrong with the settings; nothing was started")
    assert is_refused(port)


def test_an_upstream_without_servers_is_shown_with_its_place(tmp_path: Path) -> None:
    message = refused_start(Program("serve", "--config", str(CORPUS / "missing_servers.yaml")))
    assert re.match(rf"{re.escape(str(CORPUS))}/missing_servers.yaml:\d+:\d+: ", message)


@pytest.mark.parametrize("name", ["absent.yaml", "folder"])
def test_a_file_that_cannot_be_read_starts_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    message = refused_start(Program("serve", "--config", str(tmp_path / name)))
    assert message.startswith(f"{tmp_path / name}: ")


def test_settings_that_are_missing_altogether_start_nothing() -> None:
    message = refused_start(Program("serve"))
    assert "--upstream" in message or "sites" in message


def test_a_log_that_cannot_be_written_starts_nothing(tmp_path: Path) -> None:
    port = free_port()
    settings = to(ORIGIN, listen=[f"127.0.0.1:{port}"], log={"file": str(tmp_path / "absent" / "log")})
    message = refused_start(serve(tmp_path, settings, "--admin", "none"))
    assert message.startswith("trafficguard: log.file: cannot write to")
    assert is_refused(port)
