"""The memory map of the counters: kinds, regions, words, and how many of each.

Promises: the same `Sizes` always give the same map, and `layout_digest` differs whenever the meaning of a word
does, so that memory of another version is never misread. `python -m trafficguard.counters.layout` prints the
map. Never: touches the memory, counts, or imports a compiler.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from trafficguard.counters import slot

WORD_BYTES: Final = 8
"""Everything is a little-endian unsigned 64-bit word, the unit that atomic operations change."""
ALIGNMENT: Final = 64
"""Every region starts on a cache line."""
LINE: Final = ALIGNMENT // WORD_BYTES
"""Words of a cache line."""

WINDOWS_S: Final = (10, 60, 600, 3600)
"""Lengths of the sliding windows in seconds."""
WINDOW_WORDS: Final = 2
"""Words of one sliding window: a bucket for the current epoch and one for the epoch before."""

# ---- kinds of keys

ADDRESS: Final = 0
NETWORK: Final = 1
SESSION: Final = 2
FINGERPRINT: Final = 3
CLUSTER: Final = 4
ACCOUNT: Final = 5
KINDS: Final = ("address", "network", "session", "fingerprint", "cluster", "account")
"""Names of the kinds, in the order of their numbers."""
DATA_WORDS: Final = (61, 240, 61, 240, 1000, 240)
"""Words of data in a slot of each kind: with its directory entry at most 512 B, 2 KiB or (cluster) 8 KiB."""

# ---- the header: the words up to `TALLIES` never change, those after it do

DIGEST: Final = 0
SIZE: Final = 1
"""Words of the whole memory."""
SECRET: Final = 2
"""First of the two words of the hash secret."""
SITES: Final = 4
"""Where the words of the sites start."""
GATES: Final = 5
GATES_MASK: Final = 6
"""Gate buckets less one."""
NONCES: Final = 7
NONCES_MASK: Final = 8
"""Nonce words of one generation less one."""
GAUGES: Final = 9
SKETCH_LIMIT: Final = 10
"""Visits that a sketch generation takes before the next one begins."""

KIND_ROWS: Final = 16
"""The kinds table: a cache line for each kind, in the order of their numbers."""
DIRECTORY: Final = 0
MASK: Final = 1
"""Slots less one."""
DATA: Final = 2
SLOT_WORDS: Final = 3
SKETCH: Final = 4
SKETCH_MASK: Final = 5
"""Words of one sketch row less one."""
GROUPS: Final = 6
GROUP_CAP: Final = 7
KIND_WORDS: Final = LINE

TALLIES: Final = KIND_ROWS + KIND_WORDS * len(KINDS)
"""What changes of each kind, a cache line each, in the same order."""
LIVE: Final = 0
EVICTIONS: Final = 1
REFUSALS: Final = 2
GENERATION: Final = 3
"""Number of the sketch's generation in the upper half, visits that it has taken in the lower."""
BEGAN: Final = 4
"""When that generation began, in ns."""
HAND: Final = 5
"""Where the search for slots that a full group may give back goes on."""

GATE_TALLIES: Final = TALLIES + KIND_WORDS * len(KINDS)
GATES_FULL: Final = GATE_TALLIES
NONCES_FULL: Final = GATE_TALLIES + 1
NONCE_GENERATION: Final = GATE_TALLIES + 2
"""First of two words: the expiry generation that holds the even and the odd half of the nonces."""
HEADER_WORDS: Final = GATE_TALLIES + LINE

# ---- words of a directory entry

TAG: Final = 0
STATE: Final = 1
"""Last seen in s << 32, visits in the clock hour before << 18, in the current one << 16, all visits."""
KEEP: Final = 2
"""Group << 48, when evidence was last marked << 24, when a pass was last marked, both in 64 s."""
DIRECTORY_WORDS: Final = 3

HAS_EVIDENCE: Final = 1
"""Mark of a slot whose key has evidence against it."""
HAS_PASS: Final = 2
"""Mark of a slot whose key holds a pass."""

PROBES: Final = 16
"""Slots looked at for one key, starting at its home slot; also the fewest slots a kind can have."""
GROUP_COUNT: Final = 1 << 16
GROUP_SHARE: Final = 64
"""A group may hold one slot in so many, …"""
GROUP_LEAST: Final = 64
"""… but at least these."""

SKETCH_ROWS: Final = 4
SKETCH_CELLS_PER_WORD: Final = 8
"""Cells of 2 bits in a sketch word for each of two generations, below 32 bits of generation number."""

GATES_PER_BUCKET: Final = 7
BUCKET_WORDS: Final = 2 + 2 * GATES_PER_BUCKET
"""A lock, a spare word, then (tag, theoretical arrival time) of each gate."""
NONCE_PROBES: Final = 16
GAUGES_PER_WORKER: Final = LINE
SITE_WORDS: Final = 1 << 17
MAX_SLOTS: Final = 1 << 26

_MEANING: Final = f"""
word {WORD_BYTES} bytes; windows {WINDOW_WORDS} words: by epoch parity, epoch << 44 | second half << 22 | first half;
header {HEADER_WORDS}: kind rows {KIND_ROWS}, tallies {TALLIES}, gate tallies {GATE_TALLIES}; {DATA_WORDS};
directory {DIRECTORY_WORDS}: tag (0 empty, top bit = published, else claim in ms), state, keep; probes {PROBES};
groups {GROUP_COUNT}; sketch {SKETCH_ROWS} rows, words generation << 32 | before << 16 | now, 8 cells of 2 bits;
gates {BUCKET_WORDS}: lock in ms, spare, tag and arrival in ns, all ones = being replaced;
turns: epoch << 48, two of 4 bits, five of 8, a moment is 8 s;
nonces: tag's upper 40 bits, generation in 24; sites {SITE_WORDS}, gauges {GAUGES_PER_WORKER}
"""
_SLOT_MEANING: Final = {name: value for name, value in vars(slot).items() if name.isupper()}
"""What stands where in a slot and on a site. Names of results are among them: rather start empty than misread."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of what the operator may choose; all powers of two."""

    address: int = 1 << 18
    network: int = 1 << 15
    session: int = 1 << 18
    fingerprint: int = 1 << 13
    cluster: int = 1 << 11
    account: int = 1 << 14
    sketch_cells: int = 1 << 22
    """Cells in each of the four rows of a generation."""
    gate_buckets: int = 1 << 14
    """Seven gates each."""
    nonces: int = 1 << 20
    """In each of the two expiry generations."""
    workers: int = 64
    """Most workers that have gauges."""

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots of each kind, in the order of their numbers."""
        return tuple(getattr(self, kind) for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Region:
    """One run of words in the memory."""

    name: str
    offset: int
    """Words from the start of the memory."""
    rows: int
    """How many there are of what `meaning` describes."""
    words: int
    """Words in each row."""
    meaning: str

    @property
    def size(self) -> int:
        """Words."""
        return self.rows * self.words

    @property
    def end(self) -> int:
        """Words from the start of the memory to the first word after this region."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Layout:
    """The map of a memory."""

    sizes: Sizes
    regions: tuple[Region, ...]
    """In the order of their offsets, each on a cache line, nothing overlapping."""

    def __getitem__(self, name: str) -> Region:
        """The region of that name; raises StopIteration for an unknown one."""
        return next(region for region in self.regions if region.name == name)

    @property
    def words(self) -> int:
        """Words of the whole memory."""
        return _aligned(self.regions[-1].end)

    @property
    def size(self) -> int:
        """Bytes of the whole memory. Pages that were never touched cost nothing."""
        return self.words * WORD_BYTES

    def __str__(self) -> str:
        lines = [_line(region) for region in self.regions]
        total = f"{'':>14} {self.size:>14,}  in all ({self.size / (1 << 20):.1f} MiB)"
        return "\n".join([f"{'offset':>14} {'bytes':>14}", *lines, total])


def layout(sizes: Sizes | None = None) -> Layout:
    """The map for those sizes, else for the default ones.

    Raises ValueError unless every size is a power of two, and a kind has `PROBES` to `MAX_SLOTS` slots.
    """
    chosen = Sizes() if sizes is None else sizes
    _check(chosen)
    regions = [Region("header", 0, 1, HEADER_WORDS, "digest, secret, where all else stands, tallies")]

    def add(name: str, rows: int, words: int, meaning: str) -> None:
        regions.append(Region(name, _aligned(regions[-1].end), rows, words, meaning))

    add("sites", 1, SITE_WORDS, "item popularity and what is counted for whole sites")
    row_words = chosen.sketch_cells // SKETCH_CELLS_PER_WORD
    for kind, slots, words in zip(KINDS, chosen.slots, DATA_WORDS, strict=True):
        add(f"{kind} directory", slots, DIRECTORY_WORDS, "tag, last seen and visits, group and marks")
        add(f"{kind} slots", slots, words, "data of one key")
        add(f"{kind} sketch", SKETCH_ROWS, row_words, "two generations of 2-bit cells under one stamp")
        add(f"{kind} groups", GROUP_COUNT, 1, "slots held by a group")
    add("gates", chosen.gate_buckets, BUCKET_WORDS, f"lock, {GATES_PER_BUCKET} gates of tag and arrival time")
    add("nonces", 2 * chosen.nonces, 1, "burnt nonces of two expiry generations")
    add("gauges", chosen.workers, GAUGES_PER_WORKER, "gauges of one worker")
    return Layout(chosen, tuple(regions))


def fixed_words(plan: Layout) -> dict[int, int]:
    """What the words of the header that never change hold for a map, the secret left out."""
    sizes = plan.sizes
    held = {
        DIGEST: layout_digest(),
        SIZE: plan.words,
        SITES: plan["sites"].offset,
        GATES: plan["gates"].offset,
        GATES_MASK: sizes.gate_buckets - 1,
        NONCES: plan["nonces"].offset,
        NONCES_MASK: sizes.nonces - 1,
        GAUGES: plan["gauges"].offset,
        SKETCH_LIMIT: sizes.sketch_cells * 3 // 4,
    }
    for number, kind in enumerate(KINDS):
        row, slots = KIND_ROWS + number * KIND_WORDS, sizes.slots[number]
        held[row + DIRECTORY] = plan[f"{kind} directory"].offset
        held[row + MASK] = slots - 1
        held[row + DATA] = plan[f"{kind} slots"].offset
        held[row + SLOT_WORDS] = DATA_WORDS[number]
        held[row + SKETCH] = plan[f"{kind} sketch"].offset
        held[row + SKETCH_MASK] = sizes.sketch_cells // SKETCH_CELLS_PER_WORD - 1
        held[row + GROUPS] = plan[f"{kind} groups"].offset
        held[row + GROUP_CAP] = max(slots // GROUP_SHARE, GROUP_LEAST)
    return held


def layout_digest() -> int:
    """64 bits, never 0, that name the meaning of every word."""
    meaning = f"{_MEANING}{sorted(_SLOT_MEANING.items())}"
    digest = hashlib.blake2b(meaning.encode(), digest_size=WORD_BYTES).digest()
    return int.from_bytes(digest, "little") or 1


def _check(sizes: Sizes) -> None:
    for kind, slots in zip(KINDS, sizes.slots, strict=True):
        if not PROBES <= slots <= MAX_SLOTS or slots & (slots - 1):
            raise ValueError(f"{kind} has a power of two of slots from {PROBES} to {MAX_SLOTS}, not {slots}")
    for name, least in (("sketch_cells", SKETCH_CELLS_PER_WORD), ("gate_buckets", 1), ("nonces", 16), ("workers", 1)):
        number = getattr(sizes, name)
        if not least <= number <= 1 << 32 or number & (number - 1):
            raise ValueError(f"{name} is a power of two from {least} on, not {number}")


def _aligned(words: int) -> int:
    return -(-words // LINE) * LINE


def _line(region: Region) -> str:
    row = f"{region.name}: {region.rows:,} × {region.words * WORD_BYTES} bytes: {region.meaning}"
    return f"{region.offset * WORD_BYTES:>14,} {region.size * WORD_BYTES:>14,}  {row}"


if __name__ == "__main__":
    print(layout())  # noqa: T201 - printing is what this command is for
