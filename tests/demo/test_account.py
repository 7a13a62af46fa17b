"""The sample account gets in, nobody else does, and out means out."""

from __future__ import annotations

import pytest

from .conftest import Client, Page


async def test_the_right_password_opens_the_account(client: Client, page: Page) -> None:
    answer = await client.post("/login", data={"username": "demo", "password": "demo"}, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (303, "/account")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "Hello, demo" in (await page("/account"))[1]


@pytest.mark.parametrize("form", [{"username": "demo", "password": "no"}, {"username": "x"}, {}])
async def test_anything_else_is_a_401_page_with_the_form(client: Client, form: dict[str, str]) -> None:
    answer = await client.post("/login", data=form, allow_redirects=False)

    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    assert 'action="/login"' in await answer.text()


async def test_without_a_session_the_account_leads_to_the_login(client: Client) -> None:
    answer = await client.get("/account", allow_redirects=False, cookies={"session": "guessed"})

    assert (answer.status, answer.headers["Location"]) == (303, "/login")


async def test_after_logout_the_old_cookie_opens_nothing(client: Client) -> None:
    answer = await client.post("/login", data={"username": "demo", "password": "demo"}, allow_redirects=False)
    token = answer.cookies["session"].value

    left = await client.post("/logout", allow_redirects=False)
    again = await client.get("/account", allow_redirects=False, cookies={"session": token})

    assert (left.status, left.headers["Location"]) == (303, "/")
    assert again.status == 303


async def test_the_login_form_is_a_page(page: Page) -> None:
    status, text = await page("/login")

    assert status == 200
    assert 'type="password"' in text


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"\xff=%zz&username=%ff", 401), (b"&".join(b"a=1" for _ in range(30)), 400), (b"x" * 100_000, 413)],
)
async def test_a_strange_form_is_the_clients_fault(client: Client, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}
    answer = await client.post("/login", data=body, headers=headers)

    assert answer.status == status
