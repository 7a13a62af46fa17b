from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from loadtests.actors.crowd import BROWSERS, OFFICE_BROWSERS
from loadtests.actors.derive_templates import is_part, kind_of, recorded, templates
from loadtests.actors.templates import Kind, Template, Values, browsers, load
from trafficguard.http.head import RequestHead, RequestReader

SHOP = Values(b"shop.test", b"https://shop.test")


def head(browser: str, kind: Kind = Kind.PAGE, values: Values = SHOP) -> list[str]:
    raw = browsers()[browser].head(kind, b"GET", b"/product/1", values)
    return raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")


def test_the_templates_are_those_of_the_recordings(shared_data: Path) -> None:
    assert templates(recorded(shared_data / "captures")) == load()


@pytest.mark.parametrize(("client", "leg"), [("chromium-human-s2", "tlsh1"), ("firefox-human-s2", "tlsh1"), ("epiphany-human", "plain"), ("w3m-interactive", "tls")])
def test_a_rendered_head_is_the_recorded_one_byte_for_byte(shared_data: Path, client: str, leg: str) -> None:
    family = client.partition("-")[0]
    browser = browsers()[f"{family}-{leg}-linux"]
    rendered = 0
    with gzip.open(shared_data / "captures" / f"{client}.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    for record in records:
        kind = kind_of(record["method"], record["path"]) if record["kind"] == "request" else None
        if record["leg"] != leg or kind is None or record["telemetry"]:
            continue
        raw = base64.b64decode(record["raw_b64"])
        if b"full-version-list" in raw or (kind is Kind.PAGE and b"Cache-Control" in raw):
            continue
        given = {name.lower(): value for name, _, value in (line.partition(b": ") for line in raw.split(b"\r\n"))}
        values = Values(
            given[b"host"], given.get(b"origin", b""), given.get(b"referer"), given.get(b"cookie"),
            given.get(b"if-none-match"), int(given.get(b"content-length", 0)), given.get(b"sec-fetch-site", b""),
        )
        heads = [
            browser.head(kind, record["method"].encode(), record["path"].encode(), values, variant)
            for variant in range(browser.variants(kind))
        ]
        assert raw in heads, raw.decode("latin-1")
        rendered += 1
    assert rendered >= 3


def test_optional_lines_without_a_value_are_left_out() -> None:
    full = SHOP._replace(referer=b"https://shop.test/", cookie=b"sid=1", etag=b'"1"')
    longer, shorter = head("chromium-tls-linux", values=full), head("chromium-tls-linux")
    assert is_part(tuple(shorter[1:]), tuple(longer[1:]))
    assert {line.partition(":")[0] for line in longer} - {line.partition(":")[0] for line in shorter} == {
        "referer", "cookie", "if-none-match",
    }


def test_another_system_changes_its_own_names_only() -> None:
    linux, phone = head("chromium-tls-linux"), head("chromium-tls-phone")
    changed = {one.partition(":")[0] for one, other in zip(linux, phone, strict=True) if one != other}
    assert changed == {"user-agent", "sec-ch-ua-mobile", "sec-ch-ua-platform"}
    assert any("Android 10; K" in line and "Mobile Safari" in line for line in phone)


def test_every_browser_of_the_crowd_is_known_and_can_ask_for_pages() -> None:
    for name in BROWSERS | OFFICE_BROWSERS:
        assert browsers()[name].sends(Kind.PAGE)


def test_every_head_is_one_the_proxy_takes() -> None:
    reader = RequestReader()
    for browser in browsers().values():
        for kind in Kind:
            if browser.sends(kind):
                for variant in range(browser.variants(kind)):
                    raw = browser.head(kind, b"GET", b"/x", SHOP._replace(cookie=b"a=b"), variant)
                    assert isinstance(reader.read(raw), RequestHead), raw


def test_a_head_over_http2_becomes_what_a_proxy_makes_of_it() -> None:
    first, host, *rest = head("firefox-tls-linux")
    assert (first, host) == ("GET /product/1 HTTP/1.1", "Host: shop.test")
    names = [line.partition(":")[0] for line in rest]
    assert names == [name.lower() for name in names]
    assert "te" not in names


def test_a_percent_sign_in_a_header_stays_one() -> None:
    from loadtests.actors.templates import SYSTEMS, Browser

    template = Template("x", "tls", Kind.PAGE, "HTTP/1.1", ("Host: {host}", "X: 100%d"), "", "", 1)
    raw = Browser([template], SYSTEMS["chromium"][0]).head(Kind.PAGE, b"GET", b"/", SHOP)
    assert b"X: 100%d\r\n" in raw


@pytest.mark.parametrize(
    ("shorter", "longer", "whether"),
    [
        (("A: 1",), ("A: 1", "Referer: {referer}"), True),
        (("A: 1",), ("A: 1", "B: 2"), False),
        (("A: 1", "Cookie: x"), ("Cookie: x", "A: 1"), False),
        (("A: 1", "C: 3"), ("A: 1",), False),
    ],
)
def test_only_optional_lines_may_be_missing_from_a_template(
    shorter: tuple[str, ...], longer: tuple[str, ...], whether: bool
) -> None:
    assert is_part(shorter, longer) is whether
