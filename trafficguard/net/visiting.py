"""What the answer to a request still has to tell or to carry: how a login ended, whose it is, a session to begin.

Promises: a session is begun only while enforcing, where the shop has named none of its own, on answers to visitors who
go to a page and have no session, and never on an answer that others may be given too. Never: sends a byte.
"""

from __future__ import annotations

from typing import Final

from trafficguard.exchange import Exchange
from trafficguard.http.head import AnswerHead, RequestHead
from trafficguard.http.problem import wants_html
from trafficguard.signals.facts import SiteFacts
from trafficguard.signals.places import RouteClass

SESSION: Final = 1
LOGIN: Final = 2
ACCOUNT: Final = 4
TELL: Final = 8
"""Lines about the request's pace."""

_NO_PAGES: Final = frozenset((RouteClass.ASSET, RouteClass.API, RouteClass.FEED))
_VISIT: Final = b"text/html,application/xhtml+xml,application/xml"
"""How Accept begins when a browser goes to a page; scripts that ask for HTML word it otherwise."""
_SHARED: Final = (b"public", b"s-maxage")


def due_of(head: RequestHead, facts: SiteFacts, enforcing: bool, now: int) -> int:
    """What is due with the answer, as bits; 0 for most requests."""
    due = ACCOUNT if facts.accounts.is_in_answers else 0
    if head.method == b"GET":
        if enforcing and facts.sessions.is_ours and navigates(head):
            is_page = facts.places.find(head).route not in _NO_PAGES
            if is_page and facts.sessions.find(head.cookie, now) is None:
                due |= SESSION
    elif head.method == b"POST" and facts.places.find(head).route is RouteClass.LOGIN:
        due |= LOGIN
    return due


def navigates(head: RequestHead) -> bool:
    """Whether a visitor goes to a page: by Sec-Fetch where a browser sends it, else by asking for HTML."""
    block = head.block
    known = block.navigates
    if known is None:
        mode = head.value(b"sec-fetch-mode")
        if mode is None:
            known = wants_html(head.value(b"accept"))
        else:
            goal = head.value(b"sec-fetch-dest")
            known = mode == b"navigate" and goal in (b"document", None)
            # A service worker that passes a visit on sends what the browser would have, but for these lines.
            known = known or (goal == b"empty" and (head.value(b"accept") or b"").startswith(_VISIT))
        block.navigates = known
    return known


def settle(due: int, exchange: Exchange, answer: AnswerHead, facts: SiteFacts) -> bytes:
    """Notes in `exchange` what the answer tells; the header lines to add to it, each with its CRLF."""
    request = exchange.request
    if request is None:
        return b""
    if due & LOGIN:
        exchange.login = facts.accounts.login_of(request.head, answer)
    if due & ACCOUNT:
        exchange.account = facts.accounts.of_answer(answer)
    if due & SESSION and _may_carry(answer):
        return facts.sessions.issue(request.id_bytes, exchange.started, request.secure)
    return b""


def _may_carry(answer: AnswerHead) -> bool:
    """Whether an answer is for one visitor alone, as far as it says."""
    if not 200 <= answer.status < 400 or answer.status == 304:
        return False
    for field in answer.block.fields:
        if field.name == b"cache-control":
            value = field.value.lower()
            if any(word in value for word in _SHARED):
                return False
    return True
