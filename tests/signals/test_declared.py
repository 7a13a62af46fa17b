"""Senders that say what they are, and senders that say nothing."""

from __future__ import annotations

import pytest

from tests.signals.heads import CHROME, CURL, changed, row_of
from trafficguard.signals import declared

WEBKIT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"


def test_a_program_is_named_in_the_finding() -> None:
    finding = declared.library(row_of(CURL))
    assert finding is not None
    assert finding.detail == "curl"


def test_a_driven_browser_that_hides_its_name_is_known_by_its_hints() -> None:
    head = CHROME.replace("Google Chrome", "HeadlessChrome")
    assert declared.automation(row_of(head)) is not None
    assert declared.automation(row_of(CHROME)) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
        f"{WEBKIT} Chrome/116.0.0.0 Safari/537.36",
    ],
)
def test_a_name_that_breaks_off_speaks(text: str) -> None:
    assert declared.incomplete(row_of(changed(CURL, f"User-Agent: {text}"))) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0 (PLAYSTATION 3; 1.00)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (X11; Linux x86_64) KIO/5.103 konqueror/22.12.3",
        "Mozilla/4.0",
        "Dillo/3.0.5",
        "curl/8.5.0",
    ],
)
def test_odd_names_of_real_browsers_and_of_programs_do_not(text: str) -> None:
    assert declared.incomplete(row_of(changed(CURL, f"User-Agent: {text}"))) is None
