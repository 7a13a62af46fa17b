"""The deadline wheel: everybody is visited once a second, and told once when the time is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trafficguard.net.wheel import NEVER, Wheel, ticks


class Item:
    def __init__(self, wheel: Wheel[Item], due: int) -> None:
        self.due = due
        self.spoke = -1
        self.told: list[int] = []
        self._wheel = wheel

    def on_deadline(self) -> None:
        self.told.append(self._wheel.now)
        self.due = NEVER


def test_durations_are_rounded_up_and_never_nothing() -> None:
    assert [ticks(seconds) for seconds in (0.001, 0.25, 0.26, 1.0, 60.0)] == [1, 1, 2, 4, 240]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_everybody_is_told_once_and_within_a_second_of_the_deadline(dues: list[int]) -> None:
    wheel: Wheel[Item] = Wheel()
    items = [Item(wheel, due) for due in dues]
    for item in items:
        wheel.join(item)
    for _ in range(50):
        wheel.turn()
    for item, due in zip(items, dues, strict=True):
        (told,) = item.told
        assert due <= told < due + 4


def test_a_deadline_moved_before_it_passes_is_the_one_that_counts() -> None:
    wheel: Wheel[Item] = Wheel()
    item = Item(wheel, 3)
    wheel.join(item)
    wheel.turn()
    item.due = 20
    for _ in range(19):
        wheel.turn()
    assert not item.told
    for _ in range(4):
        wheel.turn()
    assert len(item.told) == 1


def test_nobody_is_told_after_leaving() -> None:
    wheel: Wheel[Item] = Wheel()
    staying, leaving, stranger = Item(wheel, 1), Item(wheel, 1), Item(wheel, 1)
    wheel.join(staying)
    wheel.join(leaving)
    assert set(wheel.items()) == {staying, leaving}
    wheel.leave(leaving)
    wheel.leave(leaving)
    wheel.leave(stranger)
    for _ in range(8):
        wheel.turn()
    assert wheel.items() == [staying]
    assert (len(staying.told), leaving.told, stranger.told) == (1, [], [])


def test_items_may_leave_and_join_while_the_wheel_turns() -> None:
    wheel: Wheel[Item] = Wheel()

    class Replacing(Item):
        def on_deadline(self) -> None:
            super().on_deadline()
            self._wheel.leave(self)
            self._wheel.join(Item(self._wheel, self._wheel.now + 4))

    for _ in range(8):
        wheel.join(Replacing(wheel, 4))
    for _ in range(8):
        wheel.turn()
    assert len(wheel.items()) == 8
    assert not any(isinstance(item, Replacing) for item in wheel.items())


def test_items_are_spread_so_that_no_turn_visits_everybody() -> None:
    wheel: Wheel[Item] = Wheel()
    items = [Item(wheel, 0) for _ in range(100)]
    for item in items:
        wheel.join(item)
    wheel.turn()
    assert sum(bool(item.told) for item in items) == 25
