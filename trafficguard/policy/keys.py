"""Whose time runs: the names of gates, by kind of key.

Promises: a name is of one rule, one site and one key; who has no key of a kind goes by the address. Never: says who
it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from trafficguard.actions import Key
from trafficguard.counters import slot
from trafficguard.exchange import Request

_SITE: Final = slice(8 * slot.SITE, 8 * slot.SITE + 8)
_WORDS: Final[Mapping[Key, slice]] = {
    "address": slice(8 * slot.ADDRESS_LOW, 8 * slot.ADDRESS_LOW + 16),
    "network": slice(8 * slot.NETWORK_LOW, 8 * slot.NETWORK_LOW + 16),
    "session": slice(8 * slot.SESSION_LOW, 8 * slot.SESSION_LOW + 16),
    "fingerprint": slice(8 * slot.STEADY_MARK, 8 * slot.STEADY_MARK + 8),
    "cluster": slice(8 * slot.MANNER_MARK, 8 * slot.MANNER_MARK + 8),
    "account": slice(8 * slot.ACCOUNT_LOW, 8 * slot.ACCOUNT_LOW + 16),
}
_NOBODY: Final = bytes(16)


def gate_key(request: Request, kind: Key, rule: str, is_part: bool = False) -> bytes:
    """The name of a gate: who it is of, and by which rule; `is_part`: for the parts of pages."""
    asked = request.asked
    if asked:
        who = asked[_WORDS[kind]]
        if who == _NOBODY:
            kind, who = "address", asked[_WORDS["address"]]
        who += asked[_SITE]
    else:
        who = request.client.encode()
    return blake2b(b"%b %b %d %b" % (kind.encode(), rule.encode(), is_part, who), digest_size=16).digest()
