"""Reports of what became of a request: one form, and a sentence for every other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.net.outcomes import Report, read_report

ID = "0123456789abcdef0123"


def test_a_report_is_read() -> None:
    whole = b'{"id": "%b", "status": 401, "login": "failed", "account": "Ann"}' % ID.encode()
    assert read_report(whole) == Report(id=ID, status=401, login="failed", account="Ann")
    assert read_report(b'{"id": "%b", "status": 200}' % ID.encode()) == Report(id=ID, status=200)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        (b'{"status": 200}', "id: "),
        (b'{"id": "%b"}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": "200"}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": 200.0}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": true}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": 99}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": 600}' % ID.encode(), "status: "),
        (b'{"id": "%b", "status": 200, "login": "maybe"}' % ID.encode(), "login: "),
        (b'{"id": "%b", "status": 200, "login": true}' % ID.encode(), "login: "),
        (b'{"id": "%b", "status": 200, "account": ""}' % ID.encode(), "account: "),
        (b'{"id": "%b", "status": 200, "account": "%b"}' % (ID.encode(), b"x" * 257), "account: "),
        (b'{"id": "%b", "status": 200, "score": 0}' % ID.encode(), "score: "),
        (b'{"id": "0123456789ABCDEF0123", "status": 200}', "id: "),
        (b'{"id": "0123456789abcdef012", "status": 200}', "id: "),
        (b'{"id": "0123456789abcdef0123\\n", "status": 200}', "id: "),
        (b'{"id": "%b", "status": 200} {}' % ID.encode(), "JSON"),
        (b'{"id": "%b", "status": 200, "account": "\xff"}' % ID.encode(), "JSON"),
        (b"[" * 4000, "JSON"),
    ],
)
def test_every_other_form_is_refused_with_what_is_wrong(body: bytes, what: str) -> None:
    wrong = read_report(body)
    assert isinstance(wrong, str)
    assert what in wrong


@given(st.binary(max_size=200))
def test_reading_is_total(body: bytes) -> None:
    assert isinstance(read_report(body), str)
