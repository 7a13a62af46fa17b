"""Short visits, one for each signal of behaviour, in which nothing but that signal speaks.

Promises: `SCRIPTS` names, for every signal of behaviour that is on, a function that lets visitors do something in front
of a fresh guard and returns what they were told: the most evidence of each reason. Everything that a script does not
need is done as people do it: they follow links, load a style with each page, keep their cookie and take their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice

from tests.guards import Visitor
from trafficguard.guard import Guard

APP = """\
GET / HTTP/1.1
Host: shop.example
User-Agent: ShopApp/{}.1
Accept: text/html
Accept-Language: en
"""
OWN = "Referer: https://shop.example/"
STYLE = "/assets/shop.css"
PLACES = ("/", "/list/3", "/about", "/help", "/list/9", "/contact")
"""Pages of many kinds."""
LEISURE = (2.3, 41.0, 7.5, 150.0, 1.1, 19.0, 75.0, 4.2, 33.0, 0.6)
"""Seconds between pages, as people leave them."""
NIMBLE = (0.3,)
"""Seconds between pages that count as pages, but not as pauses."""
EVEN = (1.8, 3.8, 7.8, 8.2, 8.2, 7.8, 8.2, 3.8, 7.8, 1.8)
"""Seconds that vary little about their mean and still are of many sizes."""

Told = dict[str, float]
Script = Callable[[Guard], Told]


def person(guard: Guard, number: int = 1, session: str = "s1") -> Visitor:
    """A visitor with a head of that number."""
    return Visitor(guard, APP.format(number), session=session)


def scattered(count: int) -> list[str]:
    """Item pages in no order, none twice."""
    return [f"/product/{1 + number * 7919 % 100_003}" for number in range(count)]


def in_order(count: int) -> list[str]:
    """Item pages one after another."""
    return [f"/product/{500 + number}" for number in range(count)]


def places(count: int) -> list[str]:
    """Pages of all kinds."""
    return list(islice(cycle(PLACES), count))


def look(
    visitor: Visitor,
    targets: Iterable[str],
    waits: Iterable[float] = LEISURE,
    *,
    loads: bool = True,
    follows: bool = True,
    method: str = "GET",
    status: int = 200,
) -> Told:
    """Looks at pages, one after another."""
    for target, wait in zip(targets, cycle(waits), strict=False):
        visitor.ask(target, *((OWN,) if follows else ()), method=method, status=status, wait=wait)
        if loads:
            visitor.ask(STYLE, OWN)
    return visitor.highest


def fail_to_log_in(visitor: Visitor, times: int) -> Told:
    """Tries to log in."""
    for _, wait in zip(range(times), cycle(LEISURE), strict=False):
        visitor.ask("/login", OWN, method="POST", login=-1, wait=wait)
    return visitor.highest


# --- one visit


def in_haste(guard: Guard) -> Told:
    return look(person(guard), places(60), NIMBLE)


def without_styles(guard: Guard) -> Told:
    return look(person(guard), places(14), loads=False)


def without_cookie(guard: Guard) -> Told:
    return look(person(guard, session=""), places(14))


def never_back(guard: Guard) -> Told:
    targets = (target for pair in zip(scattered(18), places(18), strict=True) for target in pair)
    return look(person(guard), targets)


def by_number(guard: Guard) -> Told:
    return look(person(guard), in_order(8))


def evenly(guard: Guard) -> Told:
    return look(person(guard), places(24), EVEN)


def same_pauses(guard: Guard) -> Told:
    return look(person(guard), places(26), (3.0, 3.1, 2.9, 3.0, 500.0))


def one_kind(guard: Guard) -> Told:
    return look(person(guard), [f"/list/{number}" for number in range(26)])


def out_of_nowhere(guard: Guard) -> Told:
    return look(person(guard), places(12), follows=False)


def other_names(guard: Guard) -> Told:
    visitor = person(guard)
    for number, (target, wait) in enumerate(zip(places(6), LEISURE, strict=False)):
        visitor.head = APP.format(number % 2)
        look(visitor, [target], [wait])
    return visitor.highest


def into_nothing(guard: Guard) -> Told:
    return look(person(guard), places(20), status=404)


def only_heads(guard: Guard) -> Told:
    return look(person(guard), places(14), method="HEAD")


def robots_rules(guard: Guard) -> Told:
    return look(person(guard), ["/", "/about", "/robots.txt", "/"])


def guesses_passwords(guard: Guard) -> Told:
    visitor = person(guard)
    for number in range(6):
        visitor.address = f"198.51.100.{number % 3}"
        fail_to_log_in(visitor, 2)
    return visitor.highest


def from_everywhere(guard: Guard) -> Told:
    visitor = person(guard)
    for number, (target, wait) in enumerate(zip(places(10), LEISURE, strict=True)):
        visitor.address = f"198.51.{number}.7"
        look(visitor, [target], [wait])
    return visitor.highest


def make_popular(guard: Guard) -> None:
    """Known visitors look at a few items many times."""
    crowd = Visitor(guard, APP.format(99), address="203.0.113.1", session="crowd")
    for number in range(340):
        crowd.ask(f"/product/{90_000 + number % 5}", OWN)


def what_nobody_wants(guard: Guard) -> Told:
    make_popular(guard)
    return look(person(guard), scattered(8))


# --- one address that has a new cookie for every request


def visits(
    guard: Guard, targets: Iterable[str], waits: Iterable[float] = LEISURE, *, loads: bool = True, status: int = 200
) -> Told:
    """Looks at pages, each as somebody new."""
    visitor = person(guard)
    for number, (target, wait) in enumerate(zip(targets, cycle(waits), strict=False)):
        visitor.session = f"page{number}"
        visitor.ask(target, OWN, status=status, wait=wait)
        if loads:
            visitor.session = f"style{number}"
            visitor.ask(STYLE, OWN)
    return visitor.highest


def address_in_haste(guard: Guard) -> Told:
    return visits(guard, places(190), NIMBLE)


def address_of_many_names(guard: Guard) -> Told:
    visitor = person(guard, session="")
    for number, (target, wait) in enumerate(zip(places(10), LEISURE, strict=True)):
        visitor.head = APP.format(number)
        look(visitor, [target], [wait])
    return visitor.highest


def address_without_styles(guard: Guard) -> Told:
    return visits(guard, places(12), loads=False)


def address_never_back(guard: Guard) -> Told:
    return visits(guard, scattered(20))


def address_by_number(guard: Guard) -> Told:
    return visits(guard, in_order(8))


def address_evenly(guard: Guard) -> Told:
    return visits(guard, places(24), EVEN)


def address_what_nobody_wants(guard: Guard) -> Told:
    make_popular(guard)
    return visits(guard, scattered(8))


def address_into_nothing(guard: Guard) -> Told:
    return visits(guard, places(40), status=404)


def address_guesses_passwords(guard: Guard) -> Told:
    visitor = person(guard, session="")
    for number in range(2):
        visitor.head = APP.format(number)
        fail_to_log_in(visitor, 4)
    return visitor.highest


# --- many visitors


def strangers(guard: Guard, count: int, networks: bool = True) -> Iterator[Visitor]:
    """Visitors from addresses of their own, of one network or each of its own, with names of their own."""
    for number in range(count):
        address = f"198.{51 + number // 250}.{number % 250}.7" if networks else f"198.51.100.{number // 2}"
        yield Visitor(guard, APP.format(number), address=address)


def guess_passwords(those: Iterable[Visitor], account: bytes = b"") -> Told:
    """Each tries to log in once, half a second after the one before."""
    told: Told = {}
    for number, visitor in enumerate(those):
        visitor.account = account
        visitor.now += number * 500_000_000
        visitor.ask("/login", OWN, method="POST", login=-1)
        told.update({name: max(nats, told.get(name, 0.0)) for name, nats in visitor.highest.items()})
    return told


def account_is_guessed(guard: Guard) -> Told:
    return guess_passwords(strangers(guard, 16), b"one account 16 b")


def network_guesses(guard: Guard) -> Told:
    return guess_passwords(strangers(guard, 40, networks=False))


def look_alikes_guess(guard: Guard) -> Told:
    those = list(strangers(guard, 50))
    for visitor in those:
        visitor.head = APP.format(1)
    return guess_passwords(those)


class Crowd:
    """Visitors who look alike, and whom the shop knows already when they open their one page."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._now = person(guard).now
        self._count = 0

    def pass_by(self, targets: Iterable[str], waits: Iterable[float], addresses: int, known: bool = True) -> Told:
        """One visitor for each target, from so many addresses in turn."""
        told: Told = {}
        for target, wait in zip(targets, cycle(waits), strict=False):
            self._count += 1
            self._now += int(wait * 1e9)
            at = self._count % addresses
            visitor = Visitor(self._guard, APP.format(1), address=f"198.51.{at}.7", now=self._now)
            if known:
                visitor.session = f"v{self._count}"
                visitor.ask(STYLE, OWN)
                visitor.ask(STYLE, OWN)
            visitor.ask(target, OWN)
            told.update({name: max(nats, told.get(name, 0.0)) for name, nats in visitor.highest.items()})
        return told


def flood(guard: Guard) -> Told:
    crowd = Crowd(guard)
    crowd.pass_by(places(15), (60.0,), 2)
    return crowd.pass_by(places(29), (0.5,), 250, known=False)


def from_more_addresses(guard: Guard) -> Told:
    crowd = Crowd(guard)
    crowd.pass_by(places(900), (1.0,), 2)
    return crowd.pass_by(places(60), (1.0,), 250)


def over_more_items(guard: Guard) -> Told:
    crowd, wide = Crowd(guard), scattered(60)
    crowd.pass_by([*wide, *wide], (1.0,), 2)
    crowd.pass_by(islice(cycle(wide[:4]), 1200), (1.0,), 2)
    return crowd.pass_by(wide, (1.0,), 2)


def in_step(guard: Guard) -> Told:
    crowd = Crowd(guard)
    crowd.pass_by(places(1800), (*[0.05] * 19, 9.05), 2)
    return crowd.pass_by(places(240), (0.5,), 2)


# --- challenges


def answers_wrongly(guard: Guard) -> Told:
    visitor = person(guard)
    for target, wait in zip(places(8), LEISURE, strict=False):
        visitor.ask(target, OWN, status=0, wait=wait)
        visitor.ask(STYLE, OWN)
        visitor.ask("/solve", OWN, method="POST", challenge=-1, wait=2.0)
    return visitor.highest


def never_answers(guard: Guard) -> Told:
    visitor = person(guard)
    for target, wait in zip(places(20), cycle(LEISURE), strict=False):
        visitor.ask(target, OWN, status=0, challenged=True, wait=wait)
    return visitor.highest


def address_answers_wrongly(guard: Guard) -> Told:
    visitor = person(guard)
    for number, (target, wait) in enumerate(zip(places(20), cycle(LEISURE), strict=False)):
        visitor.session = f"page{number}"
        visitor.ask(target, OWN, status=0, wait=wait)
        visitor.session = f"style{number}"
        visitor.ask(STYLE, OWN)
        visitor.session = f"answer{number}"
        visitor.ask("/solve", OWN, method="POST", challenge=-1, wait=2.0)
    return visitor.highest


def address_never_answers(guard: Guard) -> Told:
    visitor = person(guard)
    for number, (target, wait) in enumerate(zip(places(60), cycle((9.0, 30.0, 11.0, 80.0, 19.0)), strict=False)):
        visitor.session = f"page{number}"
        visitor.ask(target, OWN, status=0, challenged=True, wait=wait)
    return visitor.highest


SCRIPTS: dict[str, Script] = {
    "visit.pace": in_haste,
    "visit.assets": without_styles,
    "visit.cookies": without_cookie,
    "visit.novelty": never_back,
    "visit.order": by_number,
    "visit.rhythm": evenly,
    "visit.gaps": same_pauses,
    "visit.sameness": one_kind,
    "visit.tail": what_nobody_wants,
    "visit.typed": out_of_nowhere,
    "visit.changes": other_names,
    "visit.errors": into_nothing,
    "visit.heads": only_heads,
    "visit.robots": robots_rules,
    "visit.logins": guesses_passwords,
    "visit.spread": from_everywhere,
    "address.pace": address_in_haste,
    "address.agents": address_of_many_names,
    "address.assets": address_without_styles,
    "address.novelty": address_never_back,
    "address.order": address_by_number,
    "address.rhythm": address_evenly,
    "address.tail": address_what_nobody_wants,
    "address.errors": address_into_nothing,
    "address.logins": address_guesses_passwords,
    "account.logins": account_is_guessed,
    "network.logins": network_guesses,
    "cluster.surge": flood,
    "cluster.fanout": from_more_addresses,
    "cluster.coverage": over_more_items,
    "cluster.synchrony": in_step,
    "cluster.logins": look_alikes_guess,
    "challenge.failures": answers_wrongly,
    "challenge.unanswered": never_answers,
    "address.failures": address_answers_wrongly,
    "address.unanswered": address_never_answers,
}
