"""What one signal found in one request.

Promises: amount is never negative; a signal that found nothing returns None instead. Never: weighs.
"""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One signal's measurement."""

    amount: float = 1.0
    """In the unit of the signal's row in the catalog."""
    detail: str = ""
    """What exactly, in our own words: never text that the sender wrote."""
