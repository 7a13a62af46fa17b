"""A sample shop on loopback and a client that follows no redirect by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from trafficguard.demo.catalogue import Catalogue
from trafficguard.demo.shop import build_shop

PRODUCTS = 400
"""Enough for two pages in every category."""

Client = TestClient[web.Request, web.Application]
Page = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def catalogue() -> Catalogue:
    """The catalogue of the shop under test."""
    return Catalogue(PRODUCTS)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A browser's session with the shop: it keeps cookies."""
    async with TestClient(TestServer(build_shop(PRODUCTS))) as client:
        yield client


@pytest.fixture
def page(client: Client) -> Page:
    """Status and text of a page."""

    async def fetch(address: str, **options: object) -> tuple[int, str]:
        async with client.get(address, allow_redirects=False, **options) as answer:
            return answer.status, await answer.text()

    return fetch
