"""What was worked out before: bounded, and kept while it is in use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trafficguard.signals.memory import Memory


def find(memory: Memory[int, int], key: int) -> int | None:
    """As callers look."""
    return memory.young.get(key) or memory.recall(key)


def test_what_is_kept_is_found_and_what_is_not_is_not() -> None:
    memory: Memory[int, int] = Memory()
    memory.keep(1, 2)
    assert (find(memory, 1), find(memory, 2)) == (2, None)


def test_what_is_in_use_survives_any_number_of_others() -> None:
    memory: Memory[int, int] = Memory(4)
    memory.keep(0, 7)
    for number in range(1, 100):
        memory.keep(number, number)
        assert find(memory, 0) == 7


def test_what_is_not_in_use_is_forgotten_after_two_generations() -> None:
    memory: Memory[int, int] = Memory(4)
    memory.keep(0, 7)
    for number in range(1, 8):
        memory.keep(number, number)
    assert find(memory, 0) == 7  # which brings it back into the young generation
    for number in range(10, 18):
        memory.keep(number, number)
    assert find(memory, 0) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans())), st.integers(1, 5))
def test_it_never_holds_more_than_two_generations_nor_anything_wrong(steps: list[tuple[int, bool]], most: int) -> None:
    memory: Memory[int, int] = Memory(most)
    for key, keeps in steps:
        if keeps:
            memory.keep(key, key + 1)
        else:
            assert find(memory, key) in (None, key + 1)
        assert len(memory.young) <= most
        assert len(memory) <= 2 * most
