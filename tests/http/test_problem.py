"""Tests of our own error answers."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from trafficguard.http.problem import HTML, JSON, render, wants_html

BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept", [BROWSER, b"text/html", b"TEXT/HTML", b"application/xhtml+xml", b"*/*, text/html;q=0.1"]
)
def test_who_asks_for_html_by_name_gets_a_page(accept: bytes) -> None:
    assert wants_html(accept)
    media_type, body = render(403, "Not you.", "r-1", accept)
    assert media_type == HTML
    assert body.startswith(b"<!doctype html>")
    assert b"<h1>Forbidden</h1>" in body
    assert b"Not you." in body
    assert b"r-1" in body


@pytest.mark.parametrize(
    "accept",
    [
        None,
        b"",
        b"*/*",
        b"application/json",
        b"image/avif,image/*",
        b"text/html;q=0",
        b"text/html; q=0.000",
        b",,;",
    ],
)
def test_everybody_else_gets_problem_details(accept: bytes | None) -> None:
    assert not wants_html(accept)
    media_type, body = render(502, "Gone.", "r-1", accept)
    assert media_type == JSON
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": "Gone.",
        "request_id": "r-1",
    }


def test_a_page_never_holds_markup_from_outside() -> None:
    body = render(400, "<script>", '"><img>', BROWSER)[1]
    assert b"<script>" not in body
    assert b"<img>" not in body


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= 400])
def test_every_error_status_has_both_forms(status: HTTPStatus) -> None:
    assert status.phrase.encode() in render(status, "", "", None)[1]
    assert status.phrase.replace("'", "&#x27;").encode() in render(status, "", "", BROWSER)[1].replace(b"'", b"&#x27;")
