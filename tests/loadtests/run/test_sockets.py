"""Scenarios over real sockets: a proxy as users start it, the sample shop behind it, and nothing beyond loopback."""

from __future__ import annotations

import io
import ipaddress
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from loadtests.__main__ import main as dispatcher
from loadtests.actors.places import SampleShop
from loadtests.run.command import perform
from loadtests.run.really import target
from loadtests.run.scenario import ScenarioFile
from loadtests.run.scene import scene
from loadtests.run.wire import NotLoopbackError, Via, local_address, loopback, proxy_header

SMALL = {
    "name": "small", "runner": "sockets", "minutes": 0.1, "items": 240, "people": {"number": 8},
    "waves": [{"wave": "naive", "starts": 0.01, "lasts": 0.08, "rate": 5, "workers": 1}],
}  # fmt: skip


def quiet() -> Console:
    return Console(file=io.StringIO())


@pytest.mark.parametrize("via", list(Via), ids=lambda via: via.value)
def test_a_script_is_blocked_and_nobody_else(via: Via) -> None:
    found, _ = perform(ScenarioFile.model_validate(SMALL), quiet(), via=via, ceiling_s=0)
    naive = found.waves[0]
    assert naive.requests >= 5
    assert naive.recall.share == 1.0
    everybody = found.people[0]
    assert (everybody.blocked.hits, everybody.challenged.hits, everybody.limited.hits) == (0, 0, 0)
    assert everybody.blocked.size > 0


def test_the_generator_tells_what_it_and_the_proxy_can_reach() -> None:
    found, _ = perform(ScenarioFile.model_validate(SMALL | {"waves": []}), quiet(), ceiling_s=1)
    costs = found.costs
    assert costs is not None
    assert costs.ceiling > costs.joint > costs.steady_rate > 0
    assert 0 < costs.direct_ms[0] < costs.through_ms[0]
    assert costs.proxy_cpu_us > 0


def test_a_proxy_that_runs_already_is_driven_by_its_url(tmp_path: Path) -> None:
    file, report = tmp_path / "small.yaml", tmp_path / "report.json"
    file.write_text(json.dumps(SMALL))
    with scene(240, Via.PROXY, "balanced") as here:
        arguments = ["run", str(file), "--url", f"http://127.0.0.1:{here.port}", "--json", str(report)]
        result = CliRunner().invoke(dispatcher, arguments)
    assert result.exit_code in (0, 3), result.output  # 3: too few heads of people to compare
    assert json.loads(report.read_text())["waves"][0]["recall"]["share"] == 1.0


@pytest.mark.parametrize("url", ["http://192.0.2.1:80", "https://127.0.0.1:443", "http://", "ftp://127.0.0.1"])
def test_nothing_beyond_loopback_is_driven(url: str) -> None:
    with pytest.raises(ValueError):
        target(url)


def test_the_command_refuses_it_too(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(json.dumps(SMALL))
    result = CliRunner().invoke(dispatcher, ["run", str(file), "--url", "http://192.0.2.1"])
    assert result.exit_code == 2
    assert "loopback" in result.output


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost"])
def test_all_of_loopback_may_be_driven(host: str) -> None:
    assert ipaddress.ip_address(loopback(host, 80)[0]).is_loopback


def test_other_hosts_are_named_when_they_are_refused() -> None:
    with pytest.raises(NotLoopbackError, match=r"198\.51\.100\.1"):
        loopback("198.51.100.1", 80)


@given(st.ip_addresses())
def test_every_address_has_a_stand_in_on_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert ipaddress.ip_address(local_address(str(address))).is_loopback


@pytest.mark.parametrize(("address", "length"), [("192.0.2.7", 12), ("2001:db8::7", 36)])
@pytest.mark.parametrize("secure", [True, False])
def test_a_proxy_header_has_the_length_that_it_states(address: str, length: int, secure: bool) -> None:
    header = proxy_header(address, secure)
    assert len(header) == 16 + int.from_bytes(header[14:16], "big")
    assert int.from_bytes(header[14:16], "big") >= length
    assert ipaddress.ip_address(address).packed in header


def test_the_sample_shop_answers_as_actors_expect() -> None:
    """Of paths of every kind the status, by asking the real one."""
    shop = SampleShop(240)
    paths = ["/", "/product/3", "/product/241", "/api/products/3", "/api/products/900", "/category/nowhere", "/nothing"]
    paths += [path.decode() for _, path in shop.frame]
    paths += [shop.listing_path(1, page).decode() for page in (1, shop.leaves(1), shop.leaves(1) + 1)]
    with scene(240, Via.HEADER, "monitor", "shadow") as here:
        for path in paths:
            assert _status(f"http://127.0.0.1:{here.behind}{path}") == shop.find(path.encode()).status, path


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
