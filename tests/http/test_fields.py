"""Tests of header lines as shared values."""

from __future__ import annotations

import gc

import pytest

from trafficguard.http import fields
from trafficguard.http.fields import (
    LONGEST_SHARED,
    MOST_NAMES,
    MOST_SHARED,
    PERSONAL,
    Field,
    FieldStore,
    Kind,
    kind_of,
)


def test_a_line_is_taken_apart_without_its_blanks() -> None:
    field = FieldStore(PERSONAL).admit(b"X-Color: \t a: b \t")
    assert (field.raw_name, field.name, field.value) == (b"X-Color", b"x-color", b"a: b")
    assert field.line == b"X-Color: \t a: b \t"


def test_a_line_seen_again_is_found_by_one_look_up() -> None:
    store = FieldStore(PERSONAL)
    field = store.admit(b"Accept: */*")
    assert store.young[b"Accept: */*"] is field


def test_lines_with_personal_values_are_not_kept() -> None:
    store = FieldStore(PERSONAL)
    for name in PERSONAL:
        store.admit(name.title() + b": secret")
    assert store.young == {}


def test_a_personal_line_adds_only_its_name_to_the_shape_of_a_head() -> None:
    store = FieldStore(PERSONAL)
    assert store.admit(b"Cookie: a=1").token == store.admit(b"Cookie: b=2").token == b"Cookie"
    assert store.admit(b"Accept: */*").token == b"Accept: */*"


def test_long_lines_are_not_kept() -> None:
    store = FieldStore(PERSONAL)
    longest = b"X-Long: ".ljust(LONGEST_SHARED, b"a")
    store.admit(longest)
    store.admit(longest + b"a")
    assert list(store.young) == [longest]


def test_memory_is_bounded_whatever_clients_send() -> None:
    def living() -> int:
        gc.collect()
        return sum(isinstance(thing, Field) for thing in gc.get_objects())

    before = living()
    store = FieldStore(PERSONAL)
    for number in range(3 * MOST_SHARED):
        store.admit(b"X-%d: %d" % (number, number))
    assert MOST_SHARED <= living() - before <= 2 * MOST_SHARED + MOST_NAMES
    assert len(store.young) <= MOST_SHARED


def test_a_line_that_repeats_outlives_a_change_of_generations() -> None:
    store = FieldStore(PERSONAL)
    first = store.admit(b"Accept: */*")
    for number in range(MOST_SHARED):
        store.admit(b"X-A: %d" % number)
    assert b"Accept: */*" not in store.young
    assert store.admit(b"Accept: */*") is first
    assert store.young[b"Accept: */*"] is first


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"accept", Kind.PLAIN),
        (b"host", Kind.HOST),
        (b"content-length", Kind.CONTENT_LENGTH),
        (b"transfer-encoding", Kind.TRANSFER_ENCODING),
        (b"te", Kind.HOP),
        (b"trailer", Kind.HOP),
        (b"proxy-authorization", Kind.HOP),
        (b"x-forwarded-for", Kind.FORWARDED),
        (b"x-forwarded-anything", Kind.FORWARDED),
        (b"forwarded", Kind.FORWARDED),
        (b"x-real-ip", Kind.FORWARDED),
        (b"x-request-id", Kind.REQUEST_ID),
        (b"x-bot-score", Kind.OURS),
        (b"x-bottle", Kind.PLAIN),
        (b"x_color", Kind.PLAIN),
    ],
)
def test_what_a_name_means_to_a_proxy(name: bytes, kind: Kind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("name", sorted(name for name in fields.KINDS if b"-" in name))
def test_an_underscore_spelling_of_a_name_that_matters_is_never_plain(name: bytes) -> None:
    assert kind_of(name.replace(b"-", b"_")) is Kind.HOP
    assert kind_of(name.replace(b"-", b"_", 1)) is Kind.HOP


@pytest.mark.parametrize("name", [b"x_bot_score", b"x-bot_score", b"x_bot-score"])
def test_an_underscore_spelling_of_our_own_headers_is_ours(name: bytes) -> None:
    assert kind_of(name) is Kind.OURS


@pytest.mark.parametrize("name", [b"x_forwarded_for", b"x-forwarded_for", b"x_forwarded-proto"])
def test_an_underscore_spelling_of_forwarding_headers_is_believed_from_nobody(name: bytes) -> None:
    assert kind_of(name) is Kind.HOP
