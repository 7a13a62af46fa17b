"""Crawlers go on while they are answered, and lose heart when they are not."""

from __future__ import annotations

from itertools import count
from random import Random

from tests.demo.wave.lives import OK, REFUSED, lead
from trafficguard.demo.wave.crawlers import jittered, steady, stuff, walk
from trafficguard.demo.wave.heads import Kind, browsers
from trafficguard.demo.wave.life import Answer, Ask, Visitor

ITEMS = [f"/product/{number}" for number in range(1, 100)]


def visitor(name: str = "requests") -> Visitor:
    return Visitor(browsers()[name], "11.0.0.1")


def test_a_walk_takes_one_address_after_the_other_at_its_pace() -> None:
    asks = lead(walk(visitor(), ITEMS, 2.0, steady(0.2), 3), most=4)
    assert [(ask.pause, ask.target) for ask in asks] == [(2.0, "/product/1"), *((0.2, target) for target in ITEMS[1:4])]


def test_a_walk_ends_after_so_many_refusals_in_a_row() -> None:
    assert len(lead(walk(visitor(), ITEMS, 0, steady(0.2), 3), lambda _: REFUSED)) == 3
    turns = count()
    assert len(lead(walk(visitor(), ITEMS, 0, steady(0.2), 3), lambda _: (OK, REFUSED)[next(turns) % 2])) == len(ITEMS)


def test_jitter_is_a_fifth() -> None:
    gaps = [gap() for gap in [jittered(1.0, Random(1))] * 500]
    assert 0.8 <= min(gaps) < 0.82 < 1.18 < max(gaps) <= 1.2


def test_stuffing_tries_one_name_after_the_other_and_keeps_the_forms_cookie() -> None:
    given = Answer(200, ("tgs=abc; Path=/",))
    asks = lead(stuff(visitor("chromium-mac"), ["anna", "ben"], 0, steady(0.4), 3), lambda _: given)
    assert [(ask.kind, ask.method) for ask in asks] == [(Kind.PAGE, "GET"), (Kind.LOGIN, "POST")] * 2
    assert [ask.body.partition(b"%40")[0] for ask in asks[1::2]] == [b"username=anna", b"username=ben"]
    assert asks[1].values.cookie == "tgs=abc"


def test_stuffing_counts_wrong_passwords_as_answers_and_refused_ones_as_refusals() -> None:
    names = [str(number) for number in range(30)]
    wrong = lead(stuff(visitor("chromium-mac"), names, 0, steady(0.4), 3), lambda _: Answer(401))
    assert len(wrong) == 60

    def shut(ask: Ask) -> Answer:
        return REFUSED if ask.method == "POST" else OK

    assert len(lead(stuff(visitor("chromium-mac"), names, 0, steady(0.4), 3), shut)) == 6
    assert len(lead(stuff(visitor("chromium-mac"), names, 0, steady(0.4), 3), lambda _: REFUSED)) == 3
