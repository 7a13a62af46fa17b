"""The memory map: nothing overlaps, sizes are as stated, and nonsense is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.counters.memories import SMALL, TINY
from trafficguard.counters import layout, slot
from trafficguard.counters.layout import KINDS, MAX_SLOTS, PROBES, WORD_BYTES, Sizes

MOST_BYTES = {"address": 512, "session": 512, "network": 2048, "fingerprint": 2048, "account": 2048, "cluster": 8192}
"""Of one key, its directory entry included."""
USED = {
    "address": slot.SMALL_WORDS,
    "session": slot.SMALL_WORDS,
    "network": slot.MEDIUM_WORDS,
    "fingerprint": slot.MEDIUM_WORDS,
    "account": slot.MEDIUM_WORDS,
    "cluster": slot.LARGE_WORDS,
}
GIB = 1 << 30


@pytest.mark.parametrize("sizes", [TINY, SMALL, Sizes()])
def test_regions_stand_on_cache_lines_one_behind_the_other(sizes: Sizes) -> None:
    plan = layout.layout(sizes)
    assert plan.regions[0].offset == 0
    assert all(region.offset % layout.LINE == 0 for region in plan.regions)
    for before, after in itertools.pairwise(plan.regions):
        assert before.end <= after.offset < before.end + layout.LINE
    assert plan.regions[-1].end <= plan.words < plan.regions[-1].end + layout.LINE


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_takes_no_more_memory_than_stated(kind: str) -> None:
    plan = layout.layout()
    words = plan[f"{kind} directory"].words + plan[f"{kind} slots"].words
    assert words * WORD_BYTES <= MOST_BYTES[kind]


def test_all_of_it_takes_no_more_than_a_gibibyte() -> None:
    assert layout.layout().size <= GIB


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_remembered_of_a_key_fits_its_slot(kind: str) -> None:
    assert USED[kind] <= layout.DATA_WORDS[KINDS.index(kind)]


def test_what_is_counted_for_sites_fits_their_region() -> None:
    assert slot.SITES_WORDS <= layout.SITE_WORDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slots", [0, -16, 8, 17, 100, 2 * MAX_SLOTS])
def test_a_number_of_slots_that_cannot_be_masked_is_refused(kind: str, slots: int) -> None:
    with pytest.raises(ValueError, match=f"{kind} has a power of two of slots from {PROBES}"):
        layout.layout(replace(TINY, **{kind: slots}))


@pytest.mark.parametrize(
    ("name", "number"), [("sketch_cells", 4), ("sketch_cells", 12), ("gate_buckets", 0), ("nonces", 8), ("workers", 3)]
)
def test_other_sizes_that_cannot_be_masked_are_refused(name: str, number: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is a power of two"):
        layout.layout(replace(TINY, **{name: number}))


def test_the_map_prints_every_region_with_offset_and_size() -> None:
    plan = layout.layout()
    lines = str(plan).splitlines()
    assert len(lines) == len(plan.regions) + 2
    for region, line in zip(plan.regions, lines[1:], strict=False):
        assert line.split()[:2] == [f"{region.offset * WORD_BYTES:,}", f"{region.size * WORD_BYTES:,}"]
        assert region.name in line
    assert f"{plan.size:,}" in lines[-1]


def test_a_region_that_there_is_not_is_not_found() -> None:
    with pytest.raises(StopIteration):
        layout.layout(TINY)["nowhere"]


def test_the_digest_never_looks_like_empty_memory() -> None:
    assert 0 < layout.layout_digest() < 1 << 64


@pytest.mark.parametrize("name", ["REQUESTS", "BLOOM", "DISTINCT", "LARGE", "SITE_PAGES"])
def test_the_digest_differs_when_a_word_of_a_slot_or_site_means_something_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = layout.layout_digest()
    monkeypatch.setitem(layout._SLOT_MEANING, name, "something else")
    assert layout.layout_digest() != before


def test_the_words_that_never_change_tell_other_sizes_apart() -> None:
    maps = [layout.fixed_words(layout.layout(sizes)) for sizes in (TINY, SMALL, replace(TINY, nonces=32))]
    assert len({tuple(sorted(words.items())) for words in maps}) == len(maps)
