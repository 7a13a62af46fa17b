"""The memory map: nothing overlaps, sizes are as stated, and nonsense is refused."""

from __future__ import annotations

import itertools

import pytest

from trafficguard.counters.layout import (
    ALIGNMENT,
    BYTES_PER_KEY,
    HEADER_WORDS,
    MAX_SLOTS,
    PROBES,
    WORD_BYTES,
    layout,
    layout_digest,
)


@pytest.mark.parametrize("slots", [PROBES, 1 << 20])
def test_regions_follow_each_other_without_gap_or_overlap(slots: int) -> None:
    regions = layout(slots).regions
    assert regions[0].offset == 0
    assert all(before.end == after.offset for before, after in itertools.pairwise(regions))
    assert regions[-1].end == layout(slots).size


def test_a_key_takes_eighty_bytes() -> None:
    assert BYTES_PER_KEY == 80
    assert layout(1 << 20).size == (1 << 20) * BYTES_PER_KEY + HEADER_WORDS * WORD_BYTES


@pytest.mark.parametrize("slots", [PROBES, 1 << 10])
def test_the_counters_of_a_slot_fill_exactly_one_cache_line(slots: int) -> None:
    counters = layout(slots).counters
    assert counters.offset % ALIGNMENT == 0
    assert counters.words * WORD_BYTES == ALIGNMENT


@pytest.mark.parametrize("slots", [0, -16, 8, 17, 100, 2 * MAX_SLOTS])
def test_a_number_of_slots_that_cannot_be_masked_is_refused(slots: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        layout(slots)


def test_the_map_prints_every_region_with_offset_and_size() -> None:
    printed = str(layout(1 << 20))
    for wanted in ("header", "directory", "counters", "16,777,344", "67,108,864", "83,886,208"):
        assert wanted in printed


def test_the_digest_is_stable_and_never_looks_like_empty_memory() -> None:
    assert layout_digest() == layout_digest()
    assert 0 < layout_digest() < 1 << 64
