"""Forms label every field and escape what visitors typed."""

from __future__ import annotations

import re

import pytest

from trafficguard.demo import forms


@pytest.mark.parametrize("page", [forms.login(failed=True, user="x"), forms.checkout(100)])
def test_every_field_has_a_label(page: str) -> None:
    fields = re.findall(r'<input id="(\w+)"', page)

    assert fields
    assert fields == re.findall(r'<label for="(\w+)"', page)


def test_a_failed_login_is_announced_and_keeps_the_name_escaped() -> None:
    page = forms.login(failed=True, user='"><b>')

    assert 'role="alert"' in page
    assert 'value="&quot;&gt;&lt;b&gt;"' in page
    assert 'role="alert"' not in forms.login(failed=False)


def test_thanks_escapes_the_name_and_does_without_one() -> None:
    assert "Thank you, &lt;b&gt;</h1>" in forms.thanks("<b>", 1)
    assert "Thank you</h1>" in forms.thanks("", 1)


def test_an_empty_cart_cannot_be_ordered() -> None:
    assert "<form" not in forms.checkout(0)
    assert "/checkout" not in forms.cart([], 0)
