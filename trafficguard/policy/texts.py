"""The few functions of CEL that have no one-word equal in Python.

Promises: `whole` and `decimal` take plain digits only and raise ValueError for all else. Never: depends on a locale.
"""

from __future__ import annotations

import re
import string
from typing import Final

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def whole(text: str) -> float:
    """The whole number that `text` spells."""
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("not a whole number")
    return float(text)


def decimal(text: str) -> float:
    """The number that `text` spells."""
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("not a number")
    return float(text)


def lower(text: str) -> str:
    """`text` with A to Z, and no other letter, in lower case."""
    return text.lower() if text.isascii() else text.translate(_LOWER)
