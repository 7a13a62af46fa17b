"""Numbers and letters of CEL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trafficguard.policy.texts import decimal, lower, whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-7", -7), ("+12", 12), ("007", 7)])
def test_digits_are_a_whole_number(text: str, number: float) -> None:
    assert whole(text) == decimal(text) == number


def test_a_decimal_number_is_no_whole_one() -> None:
    assert decimal("1.5") == 1.5
    with pytest.raises(ValueError, match="not a whole number"):
        whole("1.5")


@pytest.mark.parametrize("text", ["", " 1", "1\n", "1_0", "0x1", "1e3", "nan", "inf", "٣", "1.", ".5", "-", "9" * 19])
def test_what_python_takes_beyond_plain_digits_is_refused(text: str) -> None:
    for read in (whole, decimal):
        with pytest.raises(ValueError, match="not a"):
            read(text)


@given(st.text())
def test_only_a_to_z_change_their_case(text: str) -> None:
    assert lower(text) == "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
