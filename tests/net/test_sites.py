"""Which origin a request goes to: by host, then by path as an origin would resolve it, then in turn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.net.harness import SECRET, proxy_to
from tests.net.messages import get, ok, statuses, value_of
from tests.net.origins import recording_origin
from trafficguard.http.target import Target
from trafficguard.net.pool import Origin
from trafficguard.net.sites import Route, Sites, listed_servers
from trafficguard.net.upstream import Upstream
from trafficguard.net.wheel import Wheel
from trafficguard.settings import PoolSettings, Settings
from trafficguard.signals.facts import facts_of


class Board:
    """Makes real origins on a board of its own; none of them is ever connected to."""

    def __init__(self) -> None:
        self.memory = memoryview(bytearray(b"\1" * 8))
        self.origins: list[Origin] = []

    def make(self, server: str) -> Origin:
        services: Any = SimpleNamespace(wheel=Wheel())
        self.origins.append(Origin(server, len(self.origins), self.memory, PoolSettings(), 1.0, services))
        return self.origins[-1]

    def take_out(self, index: int) -> None:
        self.memory[index] = 0

    def let_rest(self, index: int) -> None:
        self.origins[index]._resting_until = 1


def sites(*settings: dict[str, Any], board: Board | None = None) -> Sites:
    checked = Settings.model_validate({"sites": list(settings)})
    return Sites(checked.sites, 1000, (board or Board()).make, facts_of(checked.sites, SECRET))


def site(*hosts: str, **paths: str) -> dict[str, Any]:
    upstreams = [{"path": path.replace("_", "/"), "servers": [server]} for path, server in paths.items()]
    return {"hosts": list(hosts), "upstreams": upstreams or [{"servers": ["http://127.0.0.1:1"]}]}


# Hosts

HOSTS = [
    ("shop.example", "shop.example"),
    ("www.shop.example", "*.shop.example"),
    ("a.b.shop.example", "*.shop.example"),
    ("api.shop.example", "api.shop.example"),
    ("x.api.shop.example", "*.api.shop.example"),
    ("notshop.example", "*"),
    ("shop.example.evil", "*"),
    ("", "*"),
    ("[::1]", "[::1]"),
    ("shop.example.", "*"),
    (".shop.example", "*.shop.example"),
]


@pytest.mark.parametrize(("host", "name"), HOSTS)
def test_exact_names_come_before_longer_and_shorter_suffixes_and_those_before_all(host: str, name: str) -> None:
    all_names = ["*", "*.shop.example", "shop.example", "*.api.shop.example", "api.shop.example", "[::1]"]
    found = sites(*(site(one) for one in all_names)).find(host.encode())
    assert found is not None
    assert found.name == name


def test_a_host_of_no_site_is_nobodys() -> None:
    assert sites(site("shop.example")).find(b"other.example") is None
    assert sites(site("*.shop.example")).find(b"shop.example") is None


def test_names_are_compared_without_regard_to_case() -> None:
    assert sites(site("Shop.Example")).find(b"shop.example") is not None


@pytest.mark.parametrize("host", ["SHOP.example", "shop.example:8080", "Shop.Example:1"])
async def test_case_and_port_of_the_host_header_do_not_matter(host: str) -> None:
    async with recording_origin() as origin:
        async with proxy_to(sites=[{"hosts": ["shop.example"], "upstreams": [{"servers": [origin.url]}]}]) as proxy:
            request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            assert statuses(await proxy.send(request)) == [200]
            assert origin.requests[0].values(b"host") == [host.encode()]


async def test_a_host_that_is_not_served_gets_421_and_the_connection_goes_on() -> None:
    async with recording_origin() as origin:
        async with proxy_to(sites=[{"hosts": ["shop.example"], "upstreams": [{"servers": [origin.url]}]}]) as proxy:
            line = await proxy.line(get().replace(b"shop.example", b"other.example"))
            assert (await line.hear_answer())[0].startswith(b"HTTP/1.1 421 ")
            line.say(get())
            assert (await line.hear_answer())[0].startswith(b"HTTP/1.1 200 ")


async def test_a_request_with_a_body_for_nobody_is_answered_before_its_body_is_read() -> None:
    async with recording_origin() as origin:
        upstreams = [{"path": "/shop", "servers": [origin.url]}]
        async with proxy_to(sites=[{"hosts": ["shop.example"], "upstreams": upstreams}]) as proxy:
            body = get("/", "Content-Length: 1000", method="POST")
            for request, status in ((body.replace(b"shop.example", b"other.example"), 421), (body, 404)):
                line = await proxy.line(request)
                head, _ = await line.hear_answer()
                assert statuses(head) == [status]
                assert value_of(head, "Connection") == "close"
                await line.hear_nothing_more()
            assert not origin.received


# Paths

PATHS = [
    (b"/", "root"),
    (b"/apix", "root"),
    (b"/api", "api"),
    (b"/api/", "api"),
    (b"/api/x", "api"),
    (b"/%61pi/x", "api"),
    (b"/x/../api/x", "api"),
    (b"/x/%2e%2e/api/x", "api"),
    (b"//api//x", "api"),
    (b"/./api/./x", "api"),
    (b"/api/../x", "root"),
    (b"/api/..", "root"),
    (b"/api/admin", "admin"),
    (b"/api//admin/x", "admin"),
    (b"/api/administrator", "api"),
    (b"*", "root"),
]


@pytest.mark.parametrize(("path", "name"), PATHS)
def test_the_longest_prefix_on_segment_borders_wins(path: bytes, name: str) -> None:
    shop = sites(site("*", _="http://root", _api="http://api", _api_admin="http://admin")).find(b"")
    assert shop is not None
    route = shop.route(Target(path, b""))
    assert route is not None
    assert [origin.server for origin in route.origins] == [f"http://{name}"]


def test_a_path_under_no_prefix_has_no_route() -> None:
    shop = sites(site("*", _api="http://api")).find(b"")
    assert shop is not None
    assert shop.route(Target(b"/", b"")) is None
    assert shop.route(Target(b"*", b"")) is None


async def test_prefixes_lead_to_their_own_servers_over_the_wire() -> None:
    async with recording_origin(lambda _: ok(b"shop")) as shop, recording_origin(lambda _: ok(b"api")) as api:
        upstreams = [{"servers": [shop.url]}, {"path": "/api", "servers": [api.url]}]
        async with proxy_to(sites=[{"upstreams": upstreams}]) as proxy:
            bodies = [(await proxy.ask(get(path)))[1] for path in ("/", "/api/x", "/a/../api", "/apix")]
            assert bodies == [b"shop", b"api", b"api", b"shop"]
            assert [seen.target for seen in api.requests] == [b"/api/x", b"/a/../api"]  # never changed on the way


# Turns


def route_of(count: int) -> tuple[Board, Route]:
    board = Board()
    servers = [f"http://127.0.0.1:{port}" for port in range(1, count + 1)]
    shop = sites({"upstreams": [{"servers": servers}]}, board=board).find(b"")
    assert shop is not None
    route = shop.route(Target(b"/", b""))
    assert route is not None
    return board, route


def test_every_server_gets_its_turn() -> None:
    _, route = route_of(3)
    firsts = []
    for _ in range(6):
        assert route.take() is None
        firsts.append(route.in_turn()[0].server[-1])
        assert len(route.in_turn()) == 3
    assert sorted(firsts[:3]) == ["1", "2", "3"]
    assert firsts[:3] == firsts[3:]


def test_resting_servers_come_last_and_those_off_the_board_not_at_all() -> None:
    board, route = route_of(3)
    board.let_rest(0)
    board.take_out(1)
    for _ in range(3):
        route.take()
        assert [origin.server[-1] for origin in route.in_turn()] == ["3", "1"]
    board.take_out(0)
    board.take_out(2)
    assert route.take() is None
    assert route.in_turn() == []


@pytest.mark.parametrize("count", [1, 2])
def test_no_kept_connection_of_a_server_off_the_board_is_used(count: int) -> None:
    board, route = route_of(count)
    for index, origin in enumerate(route.origins):
        keep(origin, 1)
        board.take_out(index)
    assert route.take() is None
    assert all(origin.idle for origin in route.origins)


def test_kept_connections_are_taken_from_the_server_whose_turn_it_is() -> None:
    _, route = route_of(2)
    for origin in route.origins:
        keep(origin, 2)
    for _ in range(4):
        assert route.take() is not None
    assert [len(origin.idle) for origin in route.origins] == [0, 0]


def keep(origin: Origin, count: int) -> None:
    origin.idle = [Upstream(origin, origin._services) for _ in range(count)]


# Order of the board


def test_the_board_lists_servers_in_the_order_in_which_sites_make_them() -> None:
    settings = Settings.model_validate(
        {
            "sites": [
                {
                    "hosts": ["a.example"],
                    "upstreams": [
                        {"servers": ["http://a:1"]},
                        {"path": "/deep", "servers": ["http://a:2", "http://a:3"]},
                    ],
                },
                {"hosts": ["b.example"], "upstreams": [{"servers": ["http://b:1"], "health": {"path": "/up"}}]},
            ]
        }
    )
    board = Board()
    Sites(settings.sites, 1, board.make, facts_of(settings.sites, SECRET))
    listed = listed_servers(settings.sites)
    assert [server for server, _ in listed] == [origin.server for origin in board.origins]
    assert [health.path for _, health in listed if health] == ["/up"]


def test_body_limits_of_a_site_go_by_the_longest_prefix() -> None:
    settings = site("*")
    settings["bodies"] = [{"path": "/images", "limit": 5000}, {"path": "/images/small", "limit": 10}]
    shop = sites(settings).find(b"")
    assert shop is not None
    limits = [
        shop.body_limit(Target(path, b""))
        for path in (b"/", b"/images", b"/images/small/x", b"/imagesx", b"/x/..//images", b"*")
    ]
    assert limits == [1000, 5000, 10, 1000, 5000, 1000]
