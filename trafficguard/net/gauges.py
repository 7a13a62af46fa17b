"""How many client connections there are, in total and per address, over all workers.

Promises: every worker writes only its own plane of shared memory and reads all of them, so no lock is needed and the
plane of a dead worker is zeroed by the one that takes its place. Addresses share 65,536 cells by a keyed hash: a
count may be too high by a collision, never too low. Never: remembers an address.
"""

from __future__ import annotations

from typing import Final

from trafficguard.net.peer import pack_address

_CELLS: Final = 1 << 16
_PLANE: Final = 8 + 2 * _CELLS
"""Bytes of one worker: a total, then one 16-bit count per cell."""
_FULL: Final = 0xFFFF


def gauges_bytes(workers: int) -> int:
    """Bytes of shared memory for `workers` planes."""
    return workers * _PLANE


class ConnectionGauges:
    """The connection counts as one worker sees them."""

    __slots__ = ("_cells", "_other_cells", "_other_totals", "_per_address", "_total", "_total_limit")

    def __init__(self, memory: memoryview, workers: int, worker: int, total_limit: int, per_address: int) -> None:
        planes = [memory[index * _PLANE : (index + 1) * _PLANE] for index in range(workers)]
        planes[worker][:] = bytes(_PLANE)
        own = planes.pop(worker)
        self._total = own[:8].cast("Q")
        self._cells = own[8:].cast("H")
        self._other_totals = [plane[:8].cast("Q") for plane in planes]
        self._other_cells = [plane[8:].cast("H") for plane in planes]
        self._total_limit = total_limit
        self._per_address = per_address

    def enter(self, address: str, exempt: bool) -> int | None:
        """Counts a new connection; its cell for `leave`, or None when a limit is reached (then it is not counted)."""
        connections = self._total[0]
        for total in self._other_totals:
            connections += total[0]
        if connections >= self._total_limit:
            return None
        cell = _cell_of(address)
        held = self._cells[cell]
        for cells in self._other_cells:
            held += cells[cell]
        if (held >= self._per_address and not exempt) or self._cells[cell] == _FULL:
            return None
        self._cells[cell] += 1
        self._total[0] += 1
        return cell

    def leave(self, cell: int) -> None:
        """Takes back what `enter` counted."""
        self._cells[cell] -= 1
        self._total[0] -= 1


def _cell_of(address: str) -> int:
    """IPv6 addresses count by their /64; Python's string hash is keyed, and the key is shared by forked workers."""
    if ":" in address:
        packed = pack_address(address)
        return hash(packed[:8] if packed and len(packed) == 16 else address) % _CELLS
    return hash(address) % _CELLS
