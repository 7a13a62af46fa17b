"""The admin listener, asked over real sockets."""

from __future__ import annotations

import asyncio
import socket
import stat

import aiohttp
import pytest

from trafficguard.control.admin import is_local, start_admin
from trafficguard.errors import StartError
from trafficguard.telemetry.meters import Meters


@pytest.fixture
async def admin(state, shared, helm):
    running = await start_admin("127.0.0.1:0", state, shared, helm)
    yield running
    await running.close()


@pytest.fixture
async def ask(admin):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{admin.port}") as session:

        async def request(path, method="GET", **options):
            async with session.request(method, path, **options) as answer:
                return answer, await answer.text()

        yield request


async def test_it_is_healthy_as_long_as_it_answers_ready_or_not(ask, state):
    state.warm = False
    answer, text = await ask("/healthz")
    assert (answer.status, text) == (200, "ok\n")


async def test_it_is_ready_when_nothing_is_missing(ask):
    answer, _ = await ask("/readyz")
    assert answer.status == 200
    assert await answer.json() == {"ready": True, "missing": []}


async def test_it_says_what_is_missing_until_it_is_ready(ask, state):
    state.workers[0].ready = False
    state.draining = True
    answer, _ = await ask("/readyz")
    assert answer.status == 503
    missing = ["worker 0 has not reported ready", "shutting down"]
    assert await answer.json() == {"ready": False, "missing": missing}


async def test_metrics_show_what_workers_counted_since_the_last_scrape(ask, shared):
    _, before = await ask("/metrics")
    meters = Meters(shared[0])
    meters.retries = 4
    meters.flush()
    answer, after = await ask("/metrics")
    assert "trafficguard_retries_total 0.0\n" in before
    assert "trafficguard_retries_total 4.0\n" in after
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_index_names_every_page(ask):
    answer, text = await ask("/")
    assert answer.content_type == "text/html"
    assert all(f'href="{path}"' in text for path in ("/healthz", "/readyz", "/metrics"))


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
async def test_head_is_answered_like_get_without_a_body(ask, path):
    get, text = await ask(path)
    head, nothing = await ask(path, "HEAD")
    assert (head.status, nothing) == (get.status, "")
    assert int(head.headers["Content-Length"]) == len(text.encode())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics"])
async def test_every_other_method_is_refused(ask, path, method):
    answer, _ = await ask(path, method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD"


async def test_unknown_paths_are_not_found(ask):
    answer, _ = await ask("/admin")
    assert answer.status == 404


@pytest.mark.parametrize("path", ["/metrics", "/unknown"])
async def test_a_name_that_a_web_page_could_have_pointed_here_is_refused(ask, path):
    answer, text = await ask(path, headers={"Host": "evil.example"})
    assert answer.status == 403
    assert "trafficguard_" not in text


async def test_no_answer_is_cached_or_taken_for_something_else(ask):
    for path in ("/metrics", "/unknown"):
        answer, _ = await ask(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9180", "LOCALHOST", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:9180"]
)
def test_names_of_this_machine_are_local(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "evil.localhost.", "10.0.0.1", "0.0.0.0", "[2001:db8::1]",
     "127.0.0.1.evil.example", "evil@localhost.example", "[::1", "2130706433", ":80"],
)  # fmt: skip
def test_every_other_name_is_not(host):
    assert not is_local(host)


async def raw(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_an_old_client_without_host_is_served(admin):
    assert b" 200 " in await raw(admin.port, b"GET /healthz HTTP/1.0\r\n\r\n")


async def test_one_good_host_does_not_excuse_a_bad_one(admin):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b" 200 " not in await raw(admin.port, request)


@pytest.mark.parametrize("listen", ["localhost:0", "[::1]:0"])
async def test_it_listens_on_every_spelling_of_this_machine(state, shared, listen, helm):
    if listen.startswith("["):
        _needs_ipv6()
    admin = await start_admin(listen, state, shared, helm)
    host = listen.removesuffix(":0")
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{host}:{admin.port}/healthz") as answer,
        ):
            assert answer.status == 200
    finally:
        await admin.close()


def _needs_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("needs IPv6 on the loopback interface")


async def test_a_port_in_use_is_refused_with_a_remedy(admin, state, shared, helm):
    with pytest.raises(StartError, match=r"admin\.listen: cannot listen on 127.*in use(.|\n)*--admin none"):
        await start_admin(f"127.0.0.1:{admin.port}", state, shared, helm)


async def test_a_closed_admin_leaves_its_port_free(state, shared, helm):
    first = await start_admin("127.0.0.1:0", state, shared, helm)
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{first.port}/healthz"):
        pass
    await first.close()
    second = await start_admin(f"127.0.0.1:{first.port}", state, shared, helm)
    await second.close()


# Unix sockets


@pytest.fixture
def path(tmp_path):
    return tmp_path / "admin.sock"


async def ask_unix(path, host):
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://x/healthz", headers={"Host": host}) as answer,
    ):
        return answer.status


async def test_a_unix_socket_serves_any_host_to_its_owner_and_group(path, state, shared, helm):
    admin = await start_admin(f"unix:{path}", state, shared, helm)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert admin.port is None
    assert await ask_unix(path, "anything.example") == 200
    await admin.close()
    assert not path.exists()


async def test_a_unix_socket_that_is_in_use_is_not_taken_over(path, state, shared, helm):
    admin = await start_admin(f"unix:{path}", state, shared, helm)
    with pytest.raises(StartError, match="in use"):
        await start_admin(f"unix:{path}", state, shared, helm)
    assert await ask_unix(path, "x") == 200
    await admin.close()


async def test_a_unix_socket_left_by_a_dead_process_is_replaced(path, state, shared, helm):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    admin = await start_admin(f"unix:{path}", state, shared, helm)
    assert await ask_unix(path, "x") == 200
    await admin.close()


async def test_a_file_that_is_no_socket_is_never_removed(path, state, shared, helm):
    path.write_text("precious")
    with pytest.raises(StartError):
        await start_admin(f"unix:{path}", state, shared, helm)
    assert path.read_text() == "precious"


async def test_a_folder_that_does_not_exist_is_said_so(tmp_path, state, shared, helm):
    with pytest.raises(StartError, match="No such file or directory"):
        await start_admin(f"unix:{tmp_path}/missing/admin.sock", state, shared, helm)


async def test_a_path_too_long_for_a_unix_socket_is_said_so(tmp_path, state, shared, helm):
    with pytest.raises(StartError, match="too long"):
        await start_admin(f"unix:{tmp_path}/{'x' * 120}", state, shared, helm)
