"""What a shop puts on the page of a challenge, read from its settings and the template that they name.

Promises: a template that could not work is refused at the start, with what it lacks. Never: asks anybody for it later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trafficguard.challenge.page.render import NEEDED_SLOTS, Brand
from trafficguard.errors import StartError
from trafficguard.settings import ChallengeSettings

LARGEST: Final = 256 * 1024
"""Bytes of a template."""


def read_brand(settings: ChallengeSettings) -> Brand:
    """What the shop puts on the page of a challenge. StartError when its template cannot be used."""
    template = ""
    if settings.template is not None:
        try:
            with Path(settings.template).open("rb") as stream:
                template = stream.read(LARGEST).decode("utf-8")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StartError(f"challenge.template: {settings.template} cannot be read: {reason}") from error
        except UnicodeDecodeError as error:
            raise StartError(f"challenge.template: {settings.template} is not UTF-8") from error
        missing = [f"{{{{{slot}}}}}" for slot in NEEDED_SLOTS if f"{{{{{slot}}}}}" not in template]
        if missing:
            raise StartError(f"challenge.template: {settings.template} lacks {' and '.join(missing)}")
    return Brand(settings.name or "", settings.logo or "", settings.accent, settings.contact or "", template)
