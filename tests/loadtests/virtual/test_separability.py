from __future__ import annotations

from collections.abc import Callable
from random import Random

from loadtests.actors.crowd import BROWSERS
from loadtests.actors.model import Ask
from loadtests.actors.templates import Kind, Values, browsers
from loadtests.virtual.samples import MOST, Samples
from loadtests.virtual.separability import MOST_AUC, Separability, check, line_form

Planting = Callable[[bytes], bytes]


def sampled(planted: Planting = lambda raw: raw, size: int = 30, crawlers_cookie: bytes | None = None) -> Samples:
    """Heads of people and of crawlers in equal numbers; those of crawlers changed by `planted`."""
    samples, random = Samples(), Random(1)
    for name in BROWSERS:
        browser = browsers()[name]
        for number in range(2 * size):
            is_person = number % 2 == 0
            cookie = b"sid=%016x" % random.getrandbits(64) if is_person else crawlers_cookie
            cookie = cookie if crawlers_cookie is not None else None
            ask = Ask(0, "", browser, Kind.PAGE, b"/product/%d" % random.randrange(1, 99_999), cookie=cookie)
            raw = browser.head(Kind.PAGE, b"GET", ask.path, Values(b"shop.example", b"", cookie=cookie))
            samples.offer(ask, raw if is_person else planted(raw), is_person)
    return samples


def test_heads_from_the_same_templates_are_told_apart_by_nothing() -> None:
    found = check(sampled())
    assert found.auc is not None
    assert found.auc <= MOST_AUC
    assert found.is_valid
    assert found.text.startswith("valid")


def test_a_different_order_is_found() -> None:
    def swap(raw: bytes) -> bytes:
        lines = raw.split(b"\r\n")
        lines[2], lines[3] = lines[3], lines[2]
        return b"\r\n".join(lines)

    found = check(sampled(swap))
    assert found.auc is not None
    assert found.auc > 0.7
    assert not found.is_valid
    assert found.text.startswith("INVALID")


def test_another_spelling_a_new_line_and_another_value_are_found() -> None:
    for planted in (
        lambda raw: raw.replace(b"Host:", b"host:"),
        lambda raw: raw.replace(b"\r\n\r\n", b"\r\nX-Crawler: 1\r\n\r\n"),
        lambda raw: raw.replace(b"gzip, deflate", b"gzip,deflate"),
    ):
        found = check(sampled(planted))
        assert found.auc is not None
        assert found.auc > 0.9


def test_a_cookie_of_another_form_is_found_and_another_value_is_not() -> None:
    same = check(sampled(crawlers_cookie=b"sid=00000000deadbeef"))
    other = check(sampled(crawlers_cookie=b"session=42"))
    assert same.is_valid
    assert not other.is_valid


def test_the_visit_itself_is_no_byte_of_the_browser() -> None:
    assert line_form(b"Referer: https://shop.example/product/7") == line_form(b"Referer: https://shop.example/")
    assert line_form(b"Referer: https://elsewhere.example/") != line_form(b"Referer: https://shop.example/")
    assert line_form(b"Cookie: sid=0a") == line_form(b"Cookie: sid=ff")
    assert line_form(b"Content-Length: 5") == line_form(b"Content-Length: 52")


def test_heads_that_no_person_sends_make_a_scenario_invalid() -> None:
    samples = sampled()
    lone = Ask(0, "", browsers()["lynx-plain-linux"], Kind.PAGE, b"/")
    for _ in range(400):
        samples.offer(lone, b"GET / HTTP/1.0\r\n\r\n", is_person=False)
    found = check(samples)
    assert found.unmatched > 0.3
    assert not found.is_valid


def test_too_few_heads_are_not_judged() -> None:
    found = check(sampled(size=1))
    assert found.auc is None
    assert found.text.startswith("unchecked")
    assert check(Samples()) == Separability(None, 0, 0, 0.0)


def test_samples_keep_a_bounded_number_of_heads_and_count_all() -> None:
    samples = Samples()
    ask = Ask(0, "", browsers()["firefox-tls-linux"], Kind.PAGE, b"/")
    for _ in range(MOST + 5):
        samples.offer(ask, b"", is_person=True)
    (side,) = samples.people.values()
    assert (len(side.heads), side.seen) == (MOST, MOST + 5)
