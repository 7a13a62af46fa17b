"""Every case of `tests/corpus/wire` over real sockets: what is refused never reaches the origin as a request."""

from __future__ import annotations

import re

import pytest

from tests.corpus.wire import Case, cases
from tests.net.harness import Proxy, proxy_to
from tests.net.lines import until
from tests.net.messages import statuses
from tests.net.origins import Origin, recording_origin

CASES = cases()
NAMES = [case.id for case in CASES]


async def run(case: Case, pieces: list[bytes]) -> tuple[bytes, Origin, Proxy]:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        answers = await proxy.send(*pieces)
        await until(lambda: proxy.connections == 0)
        # What a broken body has begun must be gone too; what was served whole may be kept.
        await until(lambda: origin.open <= len(proxy.servers[0].idle))
        return answers, origin, proxy


def check(case: Case, answers: bytes, origin: Origin, proxy: Proxy) -> None:
    assert [seen.body for seen in origin.requests] == list(case.bodies)
    expected = [200] * case.messages + ([] if case.status is None else [case.status])
    assert statuses(answers) == expected
    if case.messages == 0 and fault_is_in_the_head(case):
        assert not any(origin.received)
    if case.reason is not None:
        (refused,) = [one for one in proxy.record.exchanges if one.error]
        assert refused.framing_refusal
        assert refused.error in words_for(case)


def words_for(case: Case) -> set[str | None]:
    """In pieces, a bare line end may be seen before the rest of what is wrong."""
    return {case.reason, "bare-line-end"} if case.reason in ("malformed", "request-line") else {case.reason}


def fault_is_in_the_head(case: Case) -> bool:
    return case.reason != "bad-chunk" and not (case.reason == "body-too-large" and b"chunked" in case.raw.lower())


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_case_whose_bytes_arrive_whole(case: Case) -> None:
    check(case, *await run(case, [case.raw]))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_case_whose_bytes_arrive_one_by_one(case: Case) -> None:
    size = 1 if len(case.raw) < 5000 else 257  # a large one would take a while, byte by byte
    check(case, *await run(case, [case.raw[at : at + size] for at in range(0, len(case.raw), size)]))


async def test_all_cases_through_one_data_plane_leave_nothing_behind_for_each_other() -> None:
    async with recording_origin() as origin, proxy_to(origin.url) as proxy:
        for case in CASES:
            before = len(origin.requests)
            answers = await proxy.send(case.raw)
            assert [seen.body for seen in origin.requests[before:]] == list(case.bodies), case.id
            assert statuses(answers) == [200] * case.messages + ([] if case.status is None else [case.status]), case.id
        await until(lambda: proxy.connections == 0)
        assert not any(proxy.gauges)


async def test_a_connection_that_closes_says_so() -> None:
    for case in CASES:
        if case.closes or case.reason is not None:
            async with recording_origin() as origin, proxy_to(origin.url) as proxy:
                answers = await proxy.send(case.raw, end=False)  # returns because we are the ones who close
                heads = re.split(rb"(?=HTTP/1\.1 [0-9])", answers)
                assert b"\r\nconnection: close\r\n" in heads[-1].lower(), case.id
                assert origin.open <= len(proxy.servers[0].idle) + 1
