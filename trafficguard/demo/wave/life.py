"""What a visitor is: a life that asks, is answered, and asks again.

A life is a generator. It yields one `Ask` at a time and is sent the `Answer` back, so that it can react: keep a cookie,
solve a challenge, lose heart. How the time between passes is for whoever runs it to see to: tests have a clock of their
own.

Never: reads a clock, or knows what judges it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from trafficguard.demo.wave.heads import Browser, Kind, Values

HOST: Final = "shop.example"
ORIGIN: Final = f"https://{HOST}"
REFUSED: Final = (403, 429, 503)
"""Statuses of those that are turned away."""


class Ask(NamedTuple):
    """One request to be sent."""

    pause: float
    """Seconds after the answer to the one before."""
    address: str
    """Where it comes from."""
    browser: Browser
    kind: Kind
    target: str
    method: str
    values: Values
    body: bytes = b""

    @property
    def head(self) -> bytes:
        """Its bytes without the body."""
        return self.browser.head(self.kind, self.method, self.target, self.values)


class Answer(NamedTuple):
    """What came back."""

    status: int
    cookies: tuple[str, ...] = ()
    """Values of its Set-Cookie lines."""
    body: bytes = b""

    @property
    def is_refusal(self) -> bool:
        """Whether the visitor was turned away."""
        return self.status in REFUSED


Life = Generator[Ask, Answer, None]
Step = Generator[Ask, Answer, Answer]
"""A part of a life that ends with an answer."""


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser, an address and a jar of cookies."""

    browser: Browser
    address: str
    keeps_cookies: bool = True
    jar: dict[str, str] = field(default_factory=dict)

    def ask(
        self, pause: float, kind: Kind, target: str, *, referer: str = "", site: str = "same-origin", body: bytes = b""
    ) -> Step:
        """One request after `pause` seconds; with a body it is a POST. `referer`: a path of the shop, or an address."""
        told = ORIGIN + referer if referer.startswith("/") else referer
        cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        values = Values(HOST, ORIGIN, told, cookie, site, len(body))
        method = "POST" if body else "GET"
        answer = yield Ask(pause, self.address, self.browser, kind, target, method, values, body)
        if self.keeps_cookies:
            for line in answer.cookies:
                self._keep(line)
        return answer

    def _keep(self, line: str) -> None:
        pair, _, rest = line.partition(";")
        name, _, value = pair.partition("=")
        if "max-age=0" in rest.lower() or not value.strip('"'):
            self.jar.pop(name.strip(), None)
        else:
            self.jar[name.strip()] = value
