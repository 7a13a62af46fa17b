"""Somebody else's check in the place of our question: what stands on the page, and how its answer is read.

Turnstile and hCaptcha are asked over the net, with the token that their script puts into the form; who asks is the
door's business. ALTCHA is a script of the shop's own whose work is checked here: SHA-256 of salt and number is the
challenge, and the HMAC of the challenge says that it is ours (altcha.org, "Proof-of-Work mechanism"). Its salt follows
from the ticket, so it counts for one challenge, once.

Promises: what cannot be read is a no. Never: asks anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
from base64 import b64decode
from typing import Final, Literal, NamedTuple

from trafficguard.challenge.tickets import Ticket

ProviderKind = Literal["turnstile", "hcaptcha", "altcha"]
LONGEST_TOKEN: Final = 4096
"""Letters of what a script puts into the form."""
LARGEST_ANSWER: Final = 64 * 1024
"""Bytes of an answer about a token."""
_ALTCHA_FIELD: Final = "altcha"
_ALTCHA_MOST: Final = 100_000
"""Numbers that ALTCHA's script tries at most."""


class Service(NamedTuple):
    """Who checks."""

    script: str
    """Address of what the page loads."""
    origins: str
    """Whom that talks to, for the Content-Security-Policy."""
    field: str
    """Name of the form's field with its token."""
    verify: str
    """Address at which tokens are checked."""
    look: str
    """Class of the element that the script fills."""


SERVICES: Final[dict[str, Service]] = {
    # https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
    "turnstile": Service(
        "https://challenges.cloudflare.com/turnstile/v0/api.js", "https://challenges.cloudflare.com",
        "cf-turnstile-response", "https://challenges.cloudflare.com/turnstile/v0/siteverify", "cf-turnstile",
    ),
    # https://docs.hcaptcha.com/#verify-the-user-response-server-side
    "hcaptcha": Service(
        "https://js.hcaptcha.com/1/api.js", "https://hcaptcha.com https://*.hcaptcha.com",
        "h-captcha-response", "https://api.hcaptcha.com/siteverify", "h-captcha",
    ),
}  # fmt: skip


class Provider:
    """The check that the settings name."""

    __slots__ = ("_key", "_sitekey", "field", "kind", "origins", "script", "secret", "verify")

    def __init__(self, kind: ProviderKind, *, sitekey: str, secret: str, script: str, verify: str, key: bytes) -> None:
        """`script` and `verify` are empty for the addresses of `SERVICES`; `key` seals what ALTCHA is to solve."""
        service = SERVICES.get(kind)
        self.kind = kind
        self._sitekey = sitekey
        self.secret = secret
        """What we are known by where tokens are checked."""
        self.script = script or (service.script if service else "")
        self.origins = service.origins if service else ""
        self.field = service.field if service else _ALTCHA_FIELD
        self.verify = verify or (service.verify if service else "")
        """Address at which tokens are checked; empty for ALTCHA, which is checked here."""
        self._key = hashlib.blake2b(key, digest_size=32, person=b"tg.altcha").digest()

    def markup(self, nonce: bytes) -> str:
        """The element on the page of the challenge with a nonce."""
        service = SERVICES.get(self.kind)
        if service is not None:
            return f'<div class="{service.look}" data-sitekey="{html.escape(self._sitekey)}"></div>'
        salt = _salt_of(nonce)
        number = int.from_bytes(hashlib.blake2b(nonce, digest_size=8, key=self._key).digest()) % _ALTCHA_MOST
        challenge = hashlib.sha256(f"{salt}{number}".encode()).hexdigest()
        asked = {
            "algorithm": "SHA-256", "challenge": challenge, "maxnumber": _ALTCHA_MOST, "salt": salt,
            "signature": self._sign(challenge),
        }  # fmt: skip
        return f'<altcha-widget challengejson="{html.escape(json.dumps(asked))}"></altcha-widget>'

    def holds(self, ticket: Ticket, token: str) -> bool:
        """Whether ALTCHA's token solves what the page of a ticket was given."""
        try:
            sent = json.loads(b64decode(token, validate=True))
            salt, number, challenge = str(sent["salt"]), int(sent["number"]), str(sent["challenge"])
            signature = str(sent["signature"])
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return False
        is_ours = hmac.compare_digest(self._sign(challenge).encode(), signature.encode("utf-8", "replace"))
        if not is_ours or salt != _salt_of(ticket.nonce):
            return False
        return hashlib.sha256(f"{salt}{number}".encode()).hexdigest() == challenge

    def _sign(self, challenge: str) -> str:
        return hmac.new(self._key, challenge.encode("utf-8", "replace"), "sha256").hexdigest()


def is_good(answer: bytes, host: str) -> bool:
    """Whether a service's answer says that a token is good, and for this host where it names one."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict) or said.get("success") is not True:
        return False
    named = said.get("hostname")
    return named is None or named == host


def _salt_of(nonce: bytes) -> str:
    return hashlib.blake2b(nonce, digest_size=12, person=b"tg.altcha.salt").hexdigest()
