"""The languages of the page, and which of them a visitor reads.

Promises: any Accept-Language has a language, English if nothing fits (RFC 9110 section 12.5.4; basic filtering of RFC
4647 by the primary subtag, which is all that texts differ in). Never: raises.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Final

TEXTS: Final[dict[str, dict[str, str]]] = json.loads(files(__package__).joinpath("texts.json").read_text("utf-8"))
"""By language and name."""
DEFAULT: Final = "en"
RIGHT_TO_LEFT: Final = frozenset(("ar", "he", "fa", "ur"))
_OTHER_NAMES: Final = {"iw": "he"}
_MOST_RANGES: Final = 16
_LONGEST: Final = 512


def language_of(accept: bytes | None) -> str:
    """The language to write in for a visitor who sent this Accept-Language."""
    return _language_of(accept[:_LONGEST]) if accept else DEFAULT


@lru_cache(maxsize=1024)
def _language_of(accept: bytes) -> str:
    best, found = 0.0, DEFAULT
    for item in accept.decode("latin-1").lower().split(",")[:_MOST_RANGES]:
        tag, *parameters = (part.strip() for part in item.split(";"))
        name = tag.partition("-")[0]
        name = _OTHER_NAMES.get(name, name)
        quality = _quality(parameters)
        if name in TEXTS and quality > best:
            best, found = quality, name
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0.0 <= quality <= 1.0 else 0.0
    return 1.0
