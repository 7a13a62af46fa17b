"""How origins bear what is asked of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.harness import Proxy, proxy_to
from tests.net.lines import until
from tests.net.messages import get, post
from tests.net.origins import recording_origin, scripted_origin
from trafficguard.clock import SECOND
from trafficguard.net.strain import Strain

FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


def after(seconds: int, strain: Strain) -> tuple[float, float]:
    """What a look shows after so many seconds without an answer."""
    shown = strain.look()
    for _ in range(seconds):
        shown = strain.look()
    return shown


def test_nothing_is_known_before_the_first_answer() -> None:
    assert Strain().look() == (0.0, 0.0)


def test_it_shows_the_mean_time_and_the_share_of_failures() -> None:
    strain = Strain()
    for took, status in ((1, 200), (2, 404), (3, 500), (6, 503)):
        strain.add(took * SECOND, status)
    assert strain.look() == (pytest.approx(3.0), 0.5)


def test_what_is_of_late_counts_more_than_what_was() -> None:
    strain = Strain()
    for second in range(60):
        for _ in range(10):
            strain.add(SECOND if second < 30 else 5 * SECOND, 200 if second < 30 else 500)
        latency, errors = strain.look()
    assert 4.7 < latency < 5.0
    assert 0.93 < errors < 1.0


def test_figures_last_while_they_fade_and_go_back_to_nothing() -> None:
    strain = Strain()
    for _ in range(100):
        strain.add(2 * SECOND, 500)
    assert after(10, strain) == (pytest.approx(2.0), pytest.approx(1.0))
    assert after(100, strain) == (0.0, 0.0)


@given(st.lists(st.tuples(st.integers(-5 * SECOND, 100 * SECOND), st.integers(200, 599)), max_size=50))
def test_figures_stay_within_what_was_seen(answers: list[tuple[int, int]]) -> None:
    strain = Strain()
    for took, status in answers:
        strain.add(took, status)
    latency, errors = strain.look()
    assert 0.0 <= latency <= max([0, *(took for took, _ in answers)]) / SECOND + 1e-9
    assert 0.0 <= errors <= 1.0


# ---- as a worker sees it


def look(proxy: Proxy) -> tuple[float, float]:
    return proxy.worker.services.strain.look()


async def test_answers_of_origins_count_and_our_own_do_not() -> None:
    async with recording_origin(lambda _: FAILED) as origin, proxy_to(origin.url, mode="enforce") as proxy:
        await proxy.ask(get("/bad"))
        assert look(proxy) == (0.0, 0.0)
        await proxy.ask(get("/good"))
        latency, errors = look(proxy)
        assert (latency > 0, errors) == (True, 1.0)


async def test_who_leaves_before_an_answer_says_nothing_about_the_origin() -> None:
    async with scripted_origin() as origin, proxy_to(origin.url) as proxy:
        line = await proxy.line(get())
        await origin.request()
        line.reset()
        await until(lambda: proxy.record.errors == ["client-left"])
        assert look(proxy) == (0.0, 0.0)


async def test_a_body_that_takes_its_time_does_not_make_the_origin_slow() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        proxy.stop_time()
        line = await proxy.line(post(b"1234")[:-2])
        await until(lambda: proxy.worker.services.meters.upstream_connects == 1)
        proxy.worker.services.clock.time += 60 * SECOND  # type: ignore[attr-defined]
        line.say(b"34")
        await line.hear_answer()
        line.close()
        assert look(proxy)[0] < 1.0


@pytest.mark.parametrize("settings", [{"limits": {"body": 12}}, {}], ids=["too large", "too slow"])
async def test_a_body_that_never_comes_whole_says_nothing_about_the_origin(settings: dict[str, Any]) -> None:
    async with recording_origin() as origin, proxy_to(origin.url, **settings) as proxy:
        proxy.stop_time()
        line = await proxy.line(get("/", "Transfer-Encoding: chunked", method="POST") + b"4\r\nbody\r\n")
        await until(lambda: proxy.meters.upstream_connects == 1)
        await until(lambda: len(origin.received) == 1)
        proxy.worker.services.clock.time += 60 * SECOND  # type: ignore[attr-defined]
        if settings:
            line.say(b"10\r\nbodybodybodybody\r\n")
        else:
            proxy.turn_wheel(60)
        await line.hear_answer()
        assert look(proxy) == (0.0, 0.0)
        line.close()


async def test_a_rule_reads_them_from_the_next_second_on() -> None:
    async with recording_origin(lambda _: FAILED) as origin, proxy_to(origin.url) as proxy:
        await proxy.ask(get())
        proxy.worker._each_second()
        conditions = proxy.worker.services.conditions
        assert conditions.error_rate == 1.0
        assert conditions.origin_latency > 0.0
        assert conditions.origins_up == 1.0
