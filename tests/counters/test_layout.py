"""The memory map: nothing overlaps, memory is bounded by the sizes alone, and nonsense is refused."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from tests.counters.memories import SMALL, TINY
from trafficguard.counters import layout, slot
from trafficguard.counters.layout import ALIGNMENT, DATA_WORDS, KINDS, WORD_BYTES, Layout, Sizes, fixed_words

NAMES = [field.name for field in dataclasses.fields(Sizes)]
SIZES = [Sizes(), SMALL, TINY]
KIBIBYTE = 1024
MOST_BYTES = {"fingerprint": 2 * KIBIBYTE, "network": 2 * KIBIBYTE, "account": 2 * KIBIBYTE, "cluster": 8 * KIBIBYTE}


def with_one(name: str, number: int) -> Layout:
    """The map of the default sizes but one."""
    return layout.layout(dataclasses.replace(Sizes(), **{name: number}))


@pytest.mark.parametrize("sizes", SIZES)
def test_regions_stand_on_cache_lines_one_after_the_other_and_fill_the_memory(sizes: Sizes) -> None:
    plan = layout.layout(sizes)
    assert plan.regions[0].offset == 0
    assert all(region.offset * WORD_BYTES % ALIGNMENT == 0 for region in plan.regions)
    for before, after in itertools.pairwise(plan.regions):
        assert 0 <= after.offset - before.end < layout.LINE
    assert 0 <= plan.words - plan.regions[-1].end < layout.LINE
    assert plan.size == plan.words * WORD_BYTES


def test_without_a_wish_the_sizes_are_the_default_ones() -> None:
    assert layout.layout() == layout.layout(Sizes())


def test_a_slot_takes_no_more_than_is_stated_for_its_kind() -> None:
    for kind, words in zip(KINDS, DATA_WORDS, strict=True):
        assert (words + layout.DIRECTORY_WORDS) * WORD_BYTES <= MOST_BYTES.get(kind, 512)


def test_what_is_counted_of_a_key_fits_into_its_slot_and_of_sites_into_their_region() -> None:
    needed = {"address": slot.SMALL_WORDS, "session": slot.SMALL_WORDS, "cluster": slot.LARGE_WORDS}
    for kind, words in zip(KINDS, DATA_WORDS, strict=True):
        assert needed.get(kind, slot.MEDIUM_WORDS) <= words
    assert slot.SITES_WORDS <= layout.SITE_WORDS


@pytest.mark.parametrize("name", NAMES)
def test_one_size_doubled_makes_the_memory_larger_and_its_header_another(name: str) -> None:
    plan, larger = layout.layout(), with_one(name, 2 * getattr(Sizes(), name))
    assert larger.size > plan.size
    assert fixed_words(larger) != fixed_words(plan)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slots", [0, -16, 8, 17, 100, 2 * layout.MAX_SLOTS])
def test_a_number_of_slots_that_cannot_be_masked_is_refused(kind: str, slots: int) -> None:
    with pytest.raises(ValueError, match=f"{kind} has a power of two of slots from 16 to 67108864, not {slots}"):
        with_one(kind, slots)


@pytest.mark.parametrize(
    ("name", "number"),
    [("sketch_cells", 4), ("gate_buckets", 0), ("nonces", 8), ("workers", 3), ("nonces", 1 << 33), ("workers", -1)],
)
def test_any_other_size_that_cannot_be_masked_is_refused(name: str, number: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is a power of two"):
        with_one(name, number)


def test_the_header_holds_what_never_changes_below_what_does_and_leaves_the_secret_out() -> None:
    held = fixed_words(layout.layout())
    assert max(held) < layout.TALLIES
    assert not {layout.SECRET, layout.SECRET + 1} & set(held)
    assert all(0 <= word < 1 << 64 for word in held.values())


def test_the_map_prints_every_region_and_the_sum() -> None:
    plan = layout.layout()
    printed = str(plan)
    assert all(region.name in printed and f"{region.size * WORD_BYTES:,}" in printed for region in plan.regions)
    assert f"{plan.size:,}  in all" in printed


def test_a_region_that_there_is_not_is_an_error() -> None:
    with pytest.raises(StopIteration):
        layout.layout()["visitors"]


def test_another_meaning_of_a_word_has_another_digest_and_none_looks_like_empty_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = layout.layout_digest()
    monkeypatch.setattr(layout, "_MEANING", layout._MEANING + " ")
    assert digest != layout.layout_digest()
    assert 0 < digest < 1 << 64


@pytest.mark.parametrize("name", ["REQUESTS", "BLOOM", "DISTINCT", "LARGE", "SITE_PAGES"])
def test_the_digest_differs_when_a_word_of_a_slot_or_site_means_something_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = layout.layout_digest()
    monkeypatch.setitem(layout._SLOT_MEANING, name, "something else")
    assert layout.layout_digest() != digest
