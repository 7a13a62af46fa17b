"""Programs from PyPI that tests of this folder need, and one demo that many of them share."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator

import pytest

from tests.system.demo import Demo


@pytest.fixture
def scrapy() -> list[str]:
    """The command that starts Scrapy, or the test is skipped (or fails, where programs are required)."""
    return [needs_library("scrapy"), "-m", "scrapy"]


@pytest.fixture
def requests_library() -> str:
    """The Python that has the library `requests`, or the test is skipped (or fails, where programs are required)."""
    return needs_library("requests")


def needs_library(name: str) -> str:
    """The Python that has it."""
    if importlib.util.find_spec(name) is not None:
        return sys.executable
    message = f"needs {name}: pip install -e '.[lab]'"
    if os.environ.get("TRAFFICGUARD_REQUIRE_PROGRAMS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="package")
def demo() -> Iterator[Demo]:
    """A demo that all tests of this folder share; each looks for addresses of its own in the live view."""
    with Demo() as demo:
        yield demo
        assert demo.stop() == 0, demo.said()
        assert demo.errors == []


@pytest.fixture
def fresh_demo() -> Iterator[Demo]:
    """A demo that has seen nobody yet: what other programs did from this address is not held against a browser."""
    with Demo() as demo:
        yield demo
        assert demo.stop() == 0, demo.said()
        assert demo.errors == []
