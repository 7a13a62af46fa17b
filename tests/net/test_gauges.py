"""Connection counts in shared memory: each worker writes its own plane, all of them count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.net.gauges import ConnectionGauges, gauges_bytes


def gauges(workers: int = 1, total: int = 1000, per_address: int = 3) -> list[ConnectionGauges]:
    memory = memoryview(bytearray(gauges_bytes(workers)))
    return [ConnectionGauges(memory, workers, worker, total, per_address) for worker in range(workers)]


def test_an_address_may_hold_as_many_connections_as_configured() -> None:
    (only,) = gauges(per_address=3)
    cells = [only.enter("203.0.113.7", exempt=False) for _ in range(4)]
    assert None not in cells[:3]
    assert cells[3] is None
    assert only.enter("203.0.113.8", exempt=False) is not None
    assert cells[0] is not None
    only.leave(cells[0])
    assert only.enter("203.0.113.7", exempt=False) is not None


def test_all_workers_count_together() -> None:
    one, two = gauges(workers=2, per_address=3)
    assert one.enter("203.0.113.7", exempt=False) is not None
    assert two.enter("203.0.113.7", exempt=False) is not None
    assert one.enter("203.0.113.7", exempt=False) is not None
    assert one.enter("203.0.113.7", exempt=False) is None
    assert two.enter("203.0.113.7", exempt=False) is None


def test_the_total_counts_over_addresses_and_workers_and_for_the_exempt_too() -> None:
    one, two = gauges(workers=2, total=3)
    assert one.enter("203.0.113.1", exempt=False) is not None
    assert two.enter("203.0.113.2", exempt=True) is not None
    assert one.enter("203.0.113.3", exempt=False) is not None
    assert one.enter("203.0.113.4", exempt=False) is None
    assert two.enter("203.0.113.5", exempt=True) is None


def test_a_trusted_peer_is_exempt_from_the_limit_of_one_address() -> None:
    (only,) = gauges(per_address=3)
    assert all(only.enter("10.0.0.1", exempt=True) is not None for _ in range(10))
    assert only.enter("10.0.0.1", exempt=False) is None


def test_what_a_worker_held_when_it_died_is_forgotten_by_its_replacement() -> None:
    memory = memoryview(bytearray(gauges_bytes(2)))
    one = ConnectionGauges(memory, 2, 0, 1000, 3)
    two = ConnectionGauges(memory, 2, 1, 1000, 3)
    for worker in (one, one, two):
        assert worker.enter("203.0.113.7", exempt=False) is not None
    reborn = ConnectionGauges(memory, 2, 0, 1000, 3)
    assert reborn.enter("203.0.113.7", exempt=False) is not None
    assert reborn.enter("203.0.113.7", exempt=False) is not None
    assert reborn.enter("203.0.113.7", exempt=False) is None


@pytest.mark.parametrize(("one", "two", "together"), [
    ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
    ("2001:db8:0:0::1", "2001:db8:0:1::1", False),
    ("203.0.113.7", "203.0.113.8", False),
    ("unix", "unix", True),
    ("fe80::1%eth0", "fe80::1%eth0", True),
])  # fmt: skip
def test_ipv6_addresses_count_by_their_64(one: str, two: str, together: bool) -> None:
    (only,) = gauges(per_address=1)
    assert only.enter(one, exempt=False) is not None
    assert (only.enter(two, exempt=False) is None) == together


def test_a_cell_that_is_full_takes_no_more() -> None:
    (only,) = gauges(total=1 << 20, per_address=1 << 20)
    assert sum(only.enter("10.0.0.1", exempt=True) is not None for _ in range(65_540)) == 65_535


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans()), max_size=60))
def test_coming_and_going_leaves_exactly_those_who_stayed(steps: list[tuple[str, bool]]) -> None:
    memory = memoryview(bytearray(gauges_bytes(1)))
    only = ConnectionGauges(memory, 1, 0, 1000, 1000)
    held: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    for address, comes in steps:
        if comes:
            cell = only.enter(address, exempt=False)
            assert cell is not None
            held[address].append(cell)
        elif held[address]:
            only.leave(held[address].pop())
    assert memory[:8].cast("Q")[0] == sum(map(len, held.values()))
    for cells in held.values():
        for cell in cells:
            only.leave(cell)
    assert not any(memory)
