"""The page of a challenge: whole, small, in the visitor's language, and nothing in it that a visitor wrote."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.actions import KINDS
from trafficguard.challenge.desk import Challenge
from trafficguard.challenge.pace import Puzzle
from trafficguard.challenge.page.languages import DEFAULT, RIGHT_TO_LEFT, TEXTS, language_of
from trafficguard.challenge.page.render import NEEDED_SLOTS, SAID_BY_SCRIPT, Brand, Page, Renderer, policy_lines
from trafficguard.challenge.questions import Question

LARGEST = 20 * 1024
WORK = Challenge("pow", "a-ticket", Puzzle(12, 16), None, 0)
ASKED = Challenge("pow", "another-ticket", None, Question(3, 4), 0)
PAGE = Page(WORK, ASKED, "/item/7?a=b", "GET", "request-1", b"en", "nonce-1")
NO_PLACE = re.compile(r"https?://|//[a-z]|url\(|@import|<link|src=\"http")


class Reader(HTMLParser):
    """Tags and attributes of a document; fails where one is left open."""

    VOID = frozenset(("meta", "img", "input", "link", "br"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


def page_of(kind: Any, **more: Any) -> Page:
    if kind == "pow":
        return replace(PAGE, **more)
    question = Question(3, 4) if kind == "interactive" else None
    return replace(PAGE, challenge=Challenge(kind, "a-ticket", None, question, 0), fallback=None, **more)


def rendered(page: Page, brand: Brand | None = None) -> str:
    return Renderer(brand).render(page).decode()


def data_of(text: str) -> dict[str, Any]:
    match = re.search(r'id="tg">(.*?)</script>', text)
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", sorted(TEXTS))
def test_every_page_is_whole_small_and_loads_nothing_from_elsewhere(kind: Any, language: str) -> None:
    text = rendered(page_of(kind, accept_language=language.encode()))
    document = Reader(text)
    [html] = document.all("html")
    assert html == {"lang": language, "dir": "rtl" if language in RIGHT_TO_LEFT else "ltr"}
    assert len(gzip.compress(text.encode())) <= LARGEST
    assert NO_PLACE.search(text) is None
    assert "request-1" in text
    assert "{{" not in text


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_every_language_says_everything_without_markup(language: str) -> None:
    texts = TEXTS[language]
    assert set(texts) == set(TEXTS[DEFAULT])
    assert set(SAID_BY_SCRIPT) <= set(texts)
    assert all(text.strip() == text and text for text in texts.values())
    assert not any(re.search(r"[<>&]", text) for text in texts.values())
    assert "{sum}" in texts["question"]
    if language != DEFAULT:
        assert not set(texts.values()) & set(TEXTS[DEFAULT].values())


def test_a_dozen_languages_and_both_directions_are_there() -> None:
    assert len(TEXTS) >= 12
    assert len(RIGHT_TO_LEFT & set(TEXTS)) >= 2


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"), (b"", "en"), (b"de", "de"), (b"de-AT,de;q=0.9,en;q=0.8", "de"), (b"en;q=0.1, fr;q=0.2", "fr"),
        (b"fr;q=0, en", "en"), (b"xx, pt-BR;q=0.5", "pt"), (b"und", "en"), (b"*", "en"), (b"iw", "he"), (b"C", "en"),
        (b"ZH-Hant-TW", "zh"), (b"de;q=1.5", "en"), (b"de;q=-1", "en"), (b"de;q=nan", "en"), (b"de;q=x", "en"),
        (b"xx," * 30 + b"de", "en"), (b",;=,;q=", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_a_visitor_likes_best(accept: bytes | None, language: str) -> None:
    assert language_of(accept) == language


@given(st.binary(max_size=600))
def test_whatever_is_sent_as_language_gives_one(accept: bytes) -> None:
    assert language_of(accept) in TEXTS


# ---- what visitors write


HOSTILE = '"><script>alert(1)</script><!--&</title>'


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_request_becomes_markup(kind: Any) -> None:
    plain, text = (rendered(page_of(kind, target=one, request_id=one)) for one in ("/x", HOSTILE))
    assert "<script>alert" not in text
    assert len(Reader(text).seen) == len(Reader(plain).seen)
    if kind == "pow":
        assert data_of(text)["to"] == HOSTILE


def test_nothing_of_a_brand_becomes_markup() -> None:
    text = rendered(PAGE, Brand(name=HOSTILE, contact=HOSTILE))
    assert "<script>alert" not in text
    Reader(text)


# ---- what belongs to it


def test_the_policy_allows_this_pages_own_script_and_nothing_else() -> None:
    lines = policy_lines(PAGE).decode()
    assert "default-src 'none'; script-src 'nonce-nonce-1'; style-src 'nonce-nonce-1'" in lines
    assert "unsafe" not in lines
    assert lines.endswith("\r\n")


def test_every_script_and_style_carries_the_nonce() -> None:
    document = Reader(rendered(PAGE))
    assert all(one.get("nonce") == "nonce-1" for one in document.all("style"))
    assert all(one.get("nonce") == "nonce-1" or one.get("type") == "application/json" for one in document.all("script"))
    assert not any(name.startswith("on") or name == "style" for _, attrs in document.seen for name in attrs)


def test_the_script_is_told_what_to_do() -> None:
    data = data_of(rendered(replace(PAGE, method="HEAD")))
    assert (data["challenge"], data["bits"], data["parts"], data["to"], data["method"]) == ("a-ticket", 12, 16, "/item/7?a=b", "GET")
    assert set(data["texts"]) == set(SAID_BY_SCRIPT)


def test_a_form_that_was_challenged_is_told_of_before() -> None:
    assert TEXTS["en"]["post"] in rendered(replace(PAGE, method="POST"))
    assert TEXTS["en"]["post"] not in rendered(PAGE)


def test_who_has_no_javascript_can_answer_a_question() -> None:
    document = Reader(rendered(PAGE))
    [form] = document.all("form")
    assert form == {"method": "post", "action": "/.trafficguard/solve"}
    hidden = {one["name"]: one["value"] for one in document.all("input") if one.get("type") == "hidden"}
    assert hidden == {"challenge": "another-ticket", "to": "/item/7?a=b"}


def test_a_shop_puts_its_name_its_logo_and_its_colour_on_it() -> None:
    text = rendered(PAGE, Brand(name="My shop", logo="/logo.svg", accent="#123456", contact="help@shop.example"))
    assert '<img src="/logo.svg" alt="My shop">' in text
    assert "--accent: #123456" in text
    assert "help@shop.example" in text


def test_a_template_of_the_shops_own_takes_the_place_of_ours() -> None:
    template = "<html lang={{lang}}><b nonce={{nonce}}>{{title}} {{unknown}}</b>{{body}}{{script}}</html>"
    assert all(f"{{{{{slot}}}}}" in template for slot in NEEDED_SLOTS)
    text = rendered(PAGE, Brand(template=template))
    assert text.startswith("<html lang=en><b nonce=nonce-1>One moment, please </b><p>")
    assert 'id="tg"' in text
