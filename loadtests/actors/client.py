"""A window of a browser, or what a crawler has in its place: an address, cookies, and a clock that only goes on.

Promises: what is asked is asked at the moment of its own clock, which an answer that comes late moves on; a cookie is
brought back under its name until it is set again. Never: decides what to ask for.
"""

from __future__ import annotations

from random import Random
from typing import Final

from loadtests.actors.model import SECOND, Answer, Ask, Step, Work
from loadtests.actors.templates import Browser, Kind

HOST: Final = b"shop.example"
_GONE: Final = (b"", b'""')


class Client:
    """One of them."""

    def __init__(self, random: Random, browser: Browser, address: str, now: int, takes_cookies: bool = True) -> None:
        self.random = random
        self.browser = browser
        self.address = address
        self.now = now
        """Nanoseconds from the start of the scenario."""
        self.takes_cookies = takes_cookies
        self.origin = (b"https://" if browser.secure else b"http://") + HOST
        """The shop's, as this browser sees it."""
        self.cookies: dict[bytes, bytes] = {}

    def wait(self, seconds: float) -> None:
        """Lets time go by."""
        self.now += int(seconds * SECOND)

    def ask(
        self, kind: Kind, path: bytes, referer: bytes | None = None, *, method: bytes = b"GET",
        site: bytes = b"same-origin", etag: bytes | None = None, body: bytes = b"", account: bytes = b"",
        right_password: bool = False, work: Work | None = None,
    ) -> Step:  # fmt: skip
        """One request; the answer."""
        variant = draw_variant(self.random, self.browser, kind)
        answer = yield Ask(
            self.now, self.address, self.browser, kind, path, method, referer, site, self.cookie, etag, variant, body,
            account, right_password, work,
        )  # fmt: skip
        self.now = max(self.now, answer.at)
        self._keep(answer)
        return answer

    @property
    def cookie(self) -> bytes | None:
        """What it brings along."""
        return b"; ".join(b"%b=%b" % pair for pair in self.cookies.items()) if self.cookies else None

    def _keep(self, answer: Answer) -> None:
        if not self.takes_cookies:
            return
        first = (answer.cookie,) if answer.cookie is not None else ()
        for cookie in (*first, *answer.more_cookies):
            name, _, value = cookie.partition(b"=")
            if value in _GONE:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def draw_variant(random: Random, browser: Browser, kind: Kind) -> int:
    """Which of the templates of a kind a browser uses this time, as often as it was recorded."""
    weights = browser.weights(kind)
    return random.choices(range(len(weights)), weights)[0] if len(weights) > 1 else 0
