"""The demo is a shop and a proxy that start and end together."""

from __future__ import annotations

import os
import select
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from trafficguard.demo import run
from trafficguard.demo.run import demo_settings, run_demo
from trafficguard.errors import StartError
from trafficguard.settings import Settings

DEADLINE = 10.0
LISTEN = "127.0.0.1:8088"
Serve = Callable[..., int]


def put_in(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    """Puts `serve` in the place of the proxy."""
    monkeypatch.setattr(run, "serve", serve)


def origin_of(settings: Settings) -> str:
    return settings.sites[0].upstreams[0].servers[0]


def is_answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=DEADLINE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_the_settings_record_everything_and_take_large_uploads() -> None:
    settings = demo_settings(LISTEN, 9000, 3)
    assert (settings.listen, settings.workers, settings.mode) == ([LISTEN], 3, "enforce")
    assert origin_of(settings) == "http://127.0.0.1:9000"
    assert settings.log.sample == 1.0
    assert settings.log.file is None
    assert settings.admin.listen is None
    assert [(body.path, int(body.limit)) for body in settings.sites[0].bodies] == [("/upload", 4 << 30)]


def test_the_shop_runs_for_as_long_as_the_proxy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    origins: list[str] = []

    def serve(settings: Settings, **_: object) -> int:
        origins.append(origin_of(settings))
        assert is_answered(origins[0])
        return 5

    put_in(monkeypatch, serve)
    assert run_demo(LISTEN, 20, 1) == 5
    assert not is_answered(origins[0])


def test_a_proxy_that_cannot_start_leaves_no_shop_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    origins: list[str] = []

    def serve(settings: Settings, **_: object) -> int:
        origins.append(origin_of(settings))
        raise StartError("the port is taken")

    put_in(monkeypatch, serve)
    with pytest.raises(StartError, match="the port is taken"):
        run_demo(LISTEN, 20, 1)
    assert not is_answered(origins[0])


def test_both_addresses_are_told_once_the_proxy_is_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    origins: list[str] = []

    def serve(settings: Settings, on_events: object, on_ready: Callable[[], None]) -> int:
        origins.append(origin_of(settings))
        assert "http://" not in capsys.readouterr().out
        on_ready()
        return 0

    put_in(monkeypatch, serve)
    run_demo(LISTEN, 20, 1)
    told = capsys.readouterr().out
    assert f"the shop through TrafficGuard   http://{LISTEN}/\n" in told
    assert f"the shop without it             {origins[0]}/\n" in told
    assert f"curl -i http://{LISTEN}/product/7" in told
    assert told.rstrip().endswith("request and strongest reason")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_shop_obeys_sigterm_and_leaves_ctrl_c_to_the_proxy(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def serve(settings: Settings, **_: object) -> int:
        (shop,) = children() - before
        watched = os.pidfd_open(shop)
        os.kill(shop, number)
        if number == signal.SIGTERM:
            assert select.select([watched], [], [], DEADLINE)[0]
        assert is_answered(origin_of(settings)) is (number == signal.SIGINT)
        os.close(watched)
        return 0

    before = children()
    put_in(monkeypatch, serve)
    run_demo(LISTEN, 20, 1)


def test_a_shop_that_does_not_start_is_an_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_products: int) -> None:
        raise OSError("no port is left")

    before = children()
    put_in(monkeypatch, lambda *_, **__: pytest.fail("the proxy was started"))
    monkeypatch.setattr(run, "build_shop", fail)
    with pytest.raises(StartError, match="the sample shop did not start"):
        run_demo(LISTEN, 20, 1)
    for child in children() - before:
        os.waitpid(child, 0)  # it has ended already, or this would wait for ever
