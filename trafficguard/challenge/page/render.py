"""The document of a challenge, put together.

Promises: what follows from the language and the shop's branding is made once and kept; what comes from a request or
from settings stands escaped. The header lines allow scripts and styles of this one answer only. Never: more than one
document for a request.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from trafficguard.challenge.desk import REFRESH_S, RESOURCE_S, Challenge
from trafficguard.challenge.page.languages import RIGHT_TO_LEFT, TEXTS, language_of

PREFIX: Final = "/.trafficguard/"
"""Begins the paths that are ours on every site."""
SAID_BY_SCRIPT: Final = ("working", "waiting", "done", "offline", "failed", "cookies")


@dataclass(frozen=True, slots=True)
class Brand:
    """What a shop puts on the page."""

    name: str = ""
    logo: str = ""
    """A path at the shop, or a `data:` address; instead of the name."""
    accent: str = "#1a73e8"
    """Colour of the bar and of what has the focus."""
    contact: str = ""
    """A line of text for those who need help."""
    template: str = ""
    """A document of the shop's own in the place of ours: with the same {{names}}."""


@dataclass(frozen=True, slots=True)
class Widget:
    """Somebody else's check on the page."""

    script: str
    """Address of its script."""
    origins: str
    """Whom that talks to, as a Content-Security-Policy lists them."""
    markup: str
    """The element that it fills."""
    is_module: bool
    """Whether the script is an ES module."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is about."""

    challenge: Challenge
    fallback: Challenge | None
    """With a question, for browsers without JavaScript."""
    target: str
    """Path to go on to."""
    method: str
    """Of the request that was challenged."""
    request_id: str
    accept_language: bytes | None
    nonce: str
    note: str = ""
    """Name of a text to say first: `wrong`."""
    widget: Widget | None = None
    """In the place of the challenge's question."""


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _lean(source: str) -> str:
    """A script without its comment lines and indentation: it goes over the wire with every challenge."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


SCRIPT: Final = _lean("\n".join(_read(name) for name in ("work.js", "probes.js", "page.js")))
SAID: Final = {
    language: {name: html.escape(text) for name, text in texts.items()} for language, texts in TEXTS.items()
}
"""All texts, as they stand in HTML."""
_FOR_SCRIPT: Final = {
    language: json.dumps({name: texts[name] for name in SAID_BY_SCRIPT}, ensure_ascii=False).replace("<", "\\u003c")
    for language, texts in TEXTS.items()
}
_SCRIPT: Final = SCRIPT.encode()
_STYLE: Final = _lean(_read("page.css"))
_SLOT: Final = re.compile(r"\{\{(\w+)\}\}")
NEEDED_SLOTS: Final = ("nonce", "body", "script")
"""What a template must have."""
_LATE: Final = frozenset(("nonce", "refresh", "body", "request_id", "script"))


class Renderer:
    """Makes pages for one shop."""

    __slots__ = ("_brand", "_pieces")

    def __init__(self, brand: Brand | None = None) -> None:
        self._brand = brand or Brand()
        self._pieces: dict[str, list[bytes]] = {}
        """By language: the document with what all its pages have; at odd places, names of what they have not."""

    def render(self, page: Page) -> bytes:
        """The document."""
        language = language_of(page.accept_language)
        pieces = self._pieces.get(language) or self._prepare(language)
        late = {
            b"nonce": page.nonce.encode(),
            b"refresh": _refresh(page).encode(),
            b"body": _body(page, SAID[language]).encode(),
            b"request_id": html.escape(page.request_id).encode(),
            b"script": _script(page, _FOR_SCRIPT[language]),
        }
        return b"".join([late[piece] if at % 2 else piece for at, piece in enumerate(pieces)])

    def _prepare(self, language: str) -> list[bytes]:
        """What all pages of a language have."""
        texts, brand = TEXTS[language], self._brand
        logo = f'<img src="{html.escape(brand.logo)}" alt="{html.escape(brand.name)}">' if brand.logo else ""
        early = {
            "lang": language,
            "dir": "rtl" if language in RIGHT_TO_LEFT else "ltr",
            "title": html.escape(texts["title"]),
            "css": _STYLE.replace("{{accent}}", brand.accent),
            "brand": f'<p class="brand">{logo or html.escape(brand.name)}</p>\n' if logo or brand.name else "",
            "help": html.escape(texts["help"]),
            "contact": f"<p>{html.escape(brand.contact)}</p>" if brand.contact else "",
        }
        parts = _SLOT.split(brand.template or _read("page.html"))
        pieces = [""]
        for at, part in enumerate(parts):
            if at % 2 and part in _LATE:
                pieces += [part, ""]
            else:
                pieces[-1] += early.get(part, "") if at % 2 else part
        encoded = self._pieces[language] = [piece.encode() for piece in pieces]
        return encoded


def policy_lines(page: Page) -> bytes:
    """The header lines that belong to a page, each with its CRLF."""
    more = f" {page.widget.origins}" if page.widget is not None and page.widget.origins else ""
    styles = " 'unsafe-inline'" if page.widget is not None else f" 'nonce-{page.nonce}'"  # widgets style themselves
    text = (
        f"default-src 'none'; script-src 'nonce-{page.nonce}'{more}; style-src{styles}{more}; "
        f"connect-src 'self'{more}; img-src 'self' data:; worker-src blob:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'self'" + (f"; frame-src{more}" if more else "")
    )
    return (
        f"Content-Security-Policy: {text}\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
        "Vary: Cookie, Accept-Language\r\n"
    ).encode("ascii")


def _go(page: Page) -> str:
    return f"{PREFIX}go?c={page.challenge.ticket}&to={_quoted(page.target)}"


def _quoted(target: str) -> str:
    return target.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace("?", "%3F").replace("=", "%3D")


def _refresh(page: Page) -> str:
    seconds = {"refresh": REFRESH_S, "resource": RESOURCE_S}.get(page.challenge.kind)
    if seconds is None:
        return ""
    return f'<meta http-equiv="refresh" content="{seconds};url={html.escape(_go(page))}">\n'


def _body(page: Page, said: dict[str, str]) -> str:
    challenge = page.challenge
    body = f"<p>{said['lead']}{'' if challenge.question is not None else ' ' + said['effort']}</p>\n"
    if page.note:
        body = f'<p class="note" role="alert">{said[page.note]}</p>\n{body}'
    if page.method not in ("GET", "HEAD"):
        body += f'<p class="note">{said["post"]}</p>\n'
    match challenge.kind:
        case "pow" if challenge.puzzle is not None:
            body += (
                '<div id="working" hidden>'
                f'<progress id="bar" max="{challenge.puzzle.parts}" value="0" aria-labelledby="title"></progress>'
                '<p id="state" role="status"></p>'
                f'<p><button id="again" type="button" hidden>{said["retry"]}</button></p></div>\n'
            )
            if page.fallback is not None:
                body += f'<div id="ask"><p>{said["ask"]}</p>\n{_form(page, page.fallback, said)}</div>\n'
        case "refresh" | "resource":
            part = f'{PREFIX}part?c={challenge.ticket}'
            body += f'<p>{said["working"]}</p>\n<p><a class="go" href="{html.escape(_go(page))}">{said["go"]}</a></p>\n'
            if challenge.kind == "resource":
                body += f'<img class="part" src="{part}" alt="" width="1" height="1">\n'
        case _:
            body += _form(page, challenge, said)
    return body


def _form(page: Page, challenge: Challenge, said: dict[str, str]) -> str:
    question = challenge.question
    hidden = f'<input type="hidden" name="challenge" value="{challenge.ticket}">'
    hidden += f'<input type="hidden" name="to" value="{html.escape(page.target)}">'
    if page.widget is not None and challenge is page.challenge:
        button = f'<p><button type="submit">{said["go"]}</button></p>'
        return f'<form method="post" action="{PREFIX}solve">{hidden}{page.widget.markup}{button}</form>\n'
    if question is None:
        return ""
    asked = said["question"].replace("{sum}", f'<bdi dir="ltr">{question.first} + {question.second}</bdi>')
    return (
        f'<form method="post" action="{PREFIX}solve">{hidden}<label for="answer">{asked}</label>\n<div class="row">'
        f'<input id="answer" name="answer" inputmode="numeric" autocomplete="off" maxlength="4" required '
        f'title="{said["answer"]}"><button type="submit">{said["go"]}</button></div></form>\n'
    )


def _script(page: Page, texts: str) -> bytes:
    if page.widget is not None:
        src = html.escape(page.widget.script)
        kind = ' type="module"' if page.widget.is_module else ""
        return f'<script nonce="{page.nonce}" src="{src}"{kind} async></script>\n'.encode()
    puzzle = page.challenge.puzzle
    if puzzle is None:
        return b""
    data = {
        "kind": page.challenge.kind, "challenge": page.challenge.ticket, "bits": puzzle.bits, "parts": puzzle.parts,
        "to": page.target, "method": "GET" if page.method == "HEAD" else page.method,
        "solve": f"{PREFIX}solve", "pass": f"{PREFIX}pass", "lend": f"{PREFIX}lend",
    }  # fmt: skip
    text = json.dumps(data).replace("<", "\\u003c")
    told = f'<script type="application/json" id="tg">{text[:-1]}, "texts": {texts}}}</script>\n'
    told += f'<script nonce="{page.nonce}">'
    return b"%b{\n%b\n}</script>\n" % (told.encode(), _SCRIPT)
