"""Which account a request is about, and how a login ended.

An account is named by a field of a login's form or JSON, by a cookie or header of the request, or by a header of the
shop's answer. How a login ended is told by the shop's own header or cookie where one is configured, else by the
status, the place that it redirects to, and whether a page (the form, once more) came back.

Promises: total on any bytes; a name leaves here only as a hash of 16 bytes under the secret, the same for all cases
and blanks it may be written in. Never: keeps a name, or looks at a password.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal
from urllib.parse import parse_qsl

from trafficguard.http.head import AnswerHead, RequestHead
from trafficguard.http.target import has_prefix, resolved_path
from trafficguard.settings import AccountSettings
from trafficguard.signals.hashes import Keyed
from trafficguard.signals.sessions import cookie_value

LARGEST_LOGIN: Final = 16 * 1024
"""Bytes of a login's body that are waited for; a longer one is judged without the account in it."""

_FORM: Final = b"application/x-www-form-urlencoded"
_JSON: Final = b"application/json"
_PAGES: Final = frozenset((b"text/html", b"application/xhtml+xml"))
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_MOST_FIELDS: Final = 64
_FAILED: Final = -1
_SUCCEEDED: Final = 1
_RESULTS: Final[dict[bytes, Literal[-1, 1]]] = {b"failed": _FAILED, b"ok": _SUCCEEDED}

Result = Literal[-1, 0, 1]
"""Of a login: it failed, nothing is known, it succeeded."""


class Accounts:
    """The accounts of one shop."""

    __slots__ = (
        "_account_header", "_cookie", "_failed_locations", "_failed_statuses", "_fields", "_hashes", "_header",
        "_login_cookie", "_login_header", "is_in_answers", "is_in_heads",
    )  # fmt: skip

    def __init__(self, secret: bytes, settings: AccountSettings) -> None:
        self._hashes = Keyed(secret, b"tg.account")
        self._cookie = _bytes(settings.cookie)
        self._header = _bytes(settings.header)
        self._fields = [name.casefold() for name in settings.fields]
        self._account_header = _bytes(settings.account_header)
        self._login_header = _bytes(settings.login_header)
        self._login_cookie = _bytes(settings.login_cookie)
        self._failed_statuses = frozenset(settings.failed_statuses)
        self._failed_locations = [path.encode() for path in settings.failed_locations]
        self.is_in_heads = bool(self._cookie or self._header)
        """Whether the head of a request may name an account."""
        self.is_in_answers = bool(self._account_header)
        """Whether answers may name one."""

    def hash(self, name: bytes) -> bytes:
        """The 16 bytes that stand for an account; empty for an empty name."""
        text = unicodedata.normalize("NFKC", name.decode("utf-8", "replace")).casefold()
        text = " ".join(text.split())
        return self._hashes.hash(text.encode("utf-8", "replace")) if text else b""

    def of_head(self, head: RequestHead) -> bytes:
        """The account that the head of a request names, hashed; empty without one."""
        name = head.value(self._header) if self._header else None
        if not name and self._cookie and head.cookie:
            name = cookie_value(head.cookie, self._cookie)
        return self.hash(name) if name else b""

    def reads(self, head: RequestHead, length: int) -> bool:
        """Whether a login's body of this length (negative: not known) may name an account, so that it is waited for.

        A client that waits for 100 Continue would wait for us while we wait for it.
        """
        if not self._fields or not length or length > LARGEST_LOGIN or head.value(b"expect") is not None:
            return False
        return head.value(b"content-encoding") is None and (_is_form(head) or _is_json(head))

    def of_body(self, head: RequestHead, body: bytes) -> bytes:
        """The account that the body of a login names, hashed; empty without one."""
        try:
            found = dict(_json_fields(body) if _is_json(head) else _form_fields(body))
        except (ValueError, RecursionError):
            return b""
        name = next((found[field] for field in self._fields if found.get(field)), "")
        return self.hash(name.encode("utf-8", "replace"))

    def of_answer(self, answer: AnswerHead) -> bytes:
        """The account that an answer names, hashed; empty without one."""
        name = answer.value(self._account_header) if self._account_header else None
        return self.hash(name) if name else b""

    def login_of(self, head: RequestHead, answer: AnswerHead) -> Result:
        """How the login that `head` tried ended; 0 where the answer does not tell."""
        told = answer.value(self._login_header) if self._login_header else None
        result = _RESULTS.get(told.lower()) if told is not None else None
        if result is not None:
            return result
        status = answer.status
        if status in self._failed_statuses:
            return _FAILED
        if status >= 400:
            return 0
        if self._login_cookie:
            return _SUCCEEDED if _sets(answer, self._login_cookie) else _FAILED
        if status in _REDIRECTS:
            return _FAILED if self._leads_back(head, answer.value(b"location") or b"") else _SUCCEEDED
        if 200 <= status < 300:
            is_form_again = not _is_json(head) and _media_type(answer.value(b"content-type")) in _PAGES
            return _FAILED if is_form_again else _SUCCEEDED
        return 0

    def _leads_back(self, head: RequestHead, location: bytes) -> bool:
        path = _path_of(location)
        if not path or path == _plain(head.target.path):
            return True
        return any(has_prefix(path, prefix) for prefix in self._failed_locations)


def _bytes(name: str | None) -> bytes:
    return name.encode() if name else b""


def _media_type(value: bytes | None) -> bytes:
    return (value or b"").partition(b";")[0].strip(b" \t").lower()


def _is_form(head: RequestHead) -> bool:
    return _media_type(head.value(b"content-type")) == _FORM


def _is_json(head: RequestHead) -> bool:
    kind = _media_type(head.value(b"content-type"))
    return kind == _JSON or kind.endswith(b"+json")


def _form_fields(body: bytes) -> Iterator[tuple[str, str]]:
    """Names and values of a form, the first of a name last so that it counts; `login[email]` is `email`."""
    text = body.decode("utf-8", "replace")  # as the escapes in it are read, so that both spell one name
    for name, value in reversed(parse_qsl(text, max_num_fields=_MOST_FIELDS)):
        yield name.rpartition("[")[2].rstrip("]").casefold(), value


def _json_fields(body: bytes) -> Iterator[tuple[str, str]]:
    """Names and texts of an object, and of those directly in it; what stands outside counts."""
    document = json.loads(body)
    if not isinstance(document, dict):
        return
    inner = [value for value in document.values() if isinstance(value, dict)]
    for group in (*inner, document):
        for name, value in group.items():
            if isinstance(value, str | int):
                yield name.casefold(), str(value)


def _sets(answer: AnswerHead, cookie: bytes) -> bool:
    """Whether an answer gives a cookie a value; one that it takes away is set to nothing, or to the past."""
    for field in answer.block.fields:
        if field.name == b"set-cookie":
            pair, _, attributes = field.value.partition(b";")
            name, _, value = pair.partition(b"=")
            ended = b"max-age=0" in attributes.lower().replace(b" ", b"") or b"01 jan 1970" in attributes.lower()
            if name.strip(b" \t") == cookie and value.strip(b' \t"') and not ended:
                return True
    return False


def _path_of(location: bytes) -> bytes:
    """The path of a Location, resolved; empty when it has none of its own."""
    rest = location.partition(b"#")[0].partition(b"?")[0]
    scheme, _, after = rest.partition(b"//")
    if after and (not scheme or scheme.endswith(b":")):
        rest = b"/" + after.partition(b"/")[2]
    elif rest and not rest.startswith(b"/"):
        rest = b"/" + rest  # relative to a login, which lies at the top in most shops
    return _plain(rest) if rest else b""


def _plain(path: bytes) -> bytes:
    return resolved_path(path).rstrip(b"/") or b"/"
