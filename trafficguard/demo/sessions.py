"""Who is logged in: a bounded table of session tokens, and the one account there is.

Promises: at most MAX_SESSIONS are remembered, the longest unused forgotten first; tokens cannot be guessed.
Never: keeps a password of a visitor.
"""

from __future__ import annotations

import hmac
import secrets

from cachetools import LRUCache

COOKIE = "session"
MAX_SESSIONS = 10_000

DEMO_USER = "demo"
DEMO_PASSWORD = "demo"  # noqa: S105 - printed on the login page


class Sessions:
    """Tokens that stand for a logged-in visitor."""

    def __init__(self) -> None:
        self._users: LRUCache[str, str] = LRUCache(MAX_SESSIONS)

    def login(self, user: str, password: str) -> str | None:
        """A new token, or None for the wrong name or password."""
        right_user = hmac.compare_digest(user.encode("utf-8", "replace"), DEMO_USER.encode())
        right_password = hmac.compare_digest(password.encode("utf-8", "replace"), DEMO_PASSWORD.encode())
        if not (right_user and right_password):
            return None
        token = secrets.token_urlsafe(16)
        self._users[token] = user
        return token

    def user(self, token: str) -> str | None:
        """Whose token this is."""
        return self._users.get(token)

    def logout(self, token: str) -> None:
        """Forgets a token, known or not."""
        self._users.pop(token, None)
