"""What stands where in the memory of a counter table: shapes, offsets and sizes.

Promises: the same number of slots always gives the same map, and `layout_digest` differs whenever the meaning
of a word does, so that memory of another version is never misread. Never: touches the memory, counts, or
imports anything but the standard library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

WORD_BYTES: Final = 8
"""Everything in the table is a little-endian unsigned 64-bit word, the unit that atomic operations change."""
ALIGNMENT: Final = 64
"""The memory starts on a cache line, so that the counters of one slot fill exactly one."""

WINDOWS_S: Final = (10, 60, 600, 3600)
"""Lengths of the sliding windows in seconds, in the order of the counters of a slot and of a result row."""

# Words of the header.
DIGEST: Final = 0
SLOTS: Final = 1
SECRET: Final = 2
"""First of the two words of the hash secret."""
LIVE: Final = 8
"""The tallies stand on a cache line of their own: they change, the words before them do not."""
EVICTIONS: Final = 9
REFUSALS: Final = 10
HEADER_WORDS: Final = 16

# Words of a slot in the directory and in the counters.
TAG: Final = 0
LAST_SEEN: Final = 1
DIRECTORY_WORDS: Final = 2
BUCKETS: Final = 2
"""Buckets per window: the current epoch's and the previous one's."""
COUNTER_WORDS: Final = BUCKETS * len(WINDOWS_S)

# Columns of a result row: the estimates of the windows, then:
SECONDS_SINCE: Final = len(WINDOWS_S)
"""Seconds since the key was last seen, infinite on first sight."""
ROW_COLUMNS: Final = SECONDS_SINCE + 1

BYTES_PER_KEY: Final = WORD_BYTES * (DIRECTORY_WORDS + COUNTER_WORDS)
"""80 bytes for each slot, whatever it holds."""
PROBES: Final = 16
"""Slots looked at for one key, starting at its home slot; also the fewest slots a table can have."""
MAX_SLOTS: Final = 1 << 32

_MEANING: Final = f"""
word {WORD_BYTES} bytes, header {HEADER_WORDS}: digest {DIGEST}, slots {SLOTS}, secret {SECRET}, live {LIVE},
evictions {EVICTIONS}, refusals {REFUSALS}; directory {DIRECTORY_WORDS}: tag {TAG}, last seen {LAST_SEEN};
last seen in ns; tag 0 = empty, top bit = SipHash-1-3 of the key, else = being filled since; home = low bits;
probes {PROBES};
counters {COUNTER_WORDS}: windows {WINDOWS_S} s of {BUCKETS} buckets by epoch parity, epoch << 32 | count
"""


@dataclass(frozen=True, slots=True)
class Region:
    """One run of words in the memory."""

    name: str
    offset: int
    """Bytes from the start of the memory."""
    rows: int
    """How many there are of what `meaning` describes."""
    words: int
    """64-bit words in each row."""
    meaning: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.rows * self.words * WORD_BYTES

    @property
    def end(self) -> int:
        """Bytes from the start of the memory to the first byte after this region."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Layout:
    """The map of a table."""

    slots: int
    header: Region
    directory: Region
    counters: Region

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions in the order of their offsets."""
        return (self.header, self.directory, self.counters)

    @property
    def size(self) -> int:
        """Bytes of the whole table."""
        return self.counters.end

    def __str__(self) -> str:
        lines = [f"{region.offset:>14,} {region.size:>14,}  {_row(region)}" for region in self.regions]
        return "\n".join([f"{'offset':>14} {'bytes':>14}", *lines, f"{'':>14} {self.size:>14,}  in all"])


def layout(slots: int) -> Layout:
    """The map of a table with that many slots.

    Raises ValueError unless `slots` is a power of two from `PROBES` to `MAX_SLOTS`.
    """
    if not PROBES <= slots <= MAX_SLOTS or slots & (slots - 1):
        raise ValueError(f"a table has a power of two of slots from {PROBES} to {MAX_SLOTS}, not {slots}")
    header = Region("header", 0, 1, HEADER_WORDS, "layout digest, slots, hash secret, tallies")
    directory = Region("directory", header.end, slots, DIRECTORY_WORDS, "tag of the key, when last seen")
    windows = ", ".join(f"{seconds} s" for seconds in WINDOWS_S)
    counters = Region("counters", directory.end, slots, COUNTER_WORDS, f"two buckets for each of {windows}")
    return Layout(slots, header, directory, counters)


def layout_digest() -> int:
    """64 bits, never 0, that name the meaning of every word."""
    digest = hashlib.blake2b(_MEANING.encode(), digest_size=WORD_BYTES).digest()
    return int.from_bytes(digest, "little") or 1


def _row(region: Region) -> str:
    return f"{region.name}: {region.rows:,} × {region.words * WORD_BYTES} bytes: {region.meaning}"
