"""What a shop puts on the page of a challenge: its name and template, and somebody else's check.

Promises: a template, or a secret, that could not work is refused at the start, with what it lacks. Never: asks anybody
for it later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trafficguard.challenge.page.render import NEEDED_SLOTS, Brand
from trafficguard.challenge.providers import Provider
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


def read_provider(settings: ChallengeSettings, key: bytes) -> Provider | None:
    """Somebody else's check, if one is named; `key`: our own secret. StartError when its secret cannot be read."""
    named = settings.provider
    if named is None:
        return None
    secret = ""
    if named.secret is not None:
        try:
            secret = Path(named.secret).read_text("ascii").strip()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StartError(f"challenge.provider.secret: {named.secret} cannot be read: {reason}") from error
        except UnicodeDecodeError as error:
            raise StartError(f"challenge.provider.secret: {named.secret} is no secret key") from error
    return Provider(
        named.kind, sitekey=named.sitekey or "", secret=secret, script=named.script or "", verify=named.verify or "",
        key=key,
    )  # fmt: skip
