"""Tests of loadtests/bench/verify.py, against a server that answers as a target would."""

from __future__ import annotations

import pytest

from loadtests.bench.errors import BenchError
from loadtests.bench.origin import BODY, SEEN
from loadtests.bench.plan import Workload
from loadtests.bench.verify import verify
from tests.loadtests.bench.servers import serving


def forwards(head: bytes) -> tuple[int, bytes]:
    """What a good target answers."""
    if SEEN.encode() in head.split(b"\r\n", 1)[0]:
        return 200, head.partition(b"X-Forwarded-For: ")[2].partition(b"\r\n")[0] + b", 127.0.0.1"
    return 200, BODY


@pytest.mark.parametrize("workload", list(Workload))
def test_a_target_that_forwards_passes(workload: Workload) -> None:
    with serving(forwards) as port:
        verify(port, workload)


def test_a_status_other_than_200_is_named() -> None:
    with serving(lambda _: (403, BODY)) as port, pytest.raises(BenchError, match="status 403"):
        verify(port, Workload.HOT)


def test_a_body_that_is_not_the_origins_is_named() -> None:
    with serving(lambda _: (200, BODY[:-1])) as port, pytest.raises(BenchError, match="1023 bytes"):
        verify(port, Workload.HOT)


def test_a_connection_that_ought_to_close_and_stays_open_is_named() -> None:
    with serving(forwards, obeys_close=False) as port, pytest.raises(BenchError, match="stays open"):
        verify(port, Workload.HOT)


def test_one_refused_head_of_the_crowd_is_named_with_its_client() -> None:
    def refuses_curl(head: bytes) -> tuple[int, bytes]:
        return (403, b"") if b"User-Agent: curl/" in head else forwards(head)

    with (
        serving(refuses_curl) as port,
        pytest.raises(BenchError, match=r"recorded head of .*curl.*status 403"),
    ):
        verify(port, Workload.MIXED)


def test_a_lost_client_address_is_named() -> None:
    def forgets(head: bytes) -> tuple[int, bytes]:
        return forwards(head.replace(b"X-Forwarded-For: ", b"X-Forwarded-For: 192.0.2.9\r\nX-Old: "))

    with serving(forgets) as port, pytest.raises(BenchError, match=r"192\.0\.2\.9"):
        verify(port, Workload.MIXED)
