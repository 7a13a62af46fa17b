"""Human shoppers: what they do, how fast, and with which browser. Parameters are stated here and in `Habits`.

Where the model comes from:

- Time on a page is Weibull with shape 0.75 ("negative ageing": most leave soon, some stay very long): Liu, White,
  Dumais, "Understanding web browsing behaviors through Weibull analysis of dwell time", SIGIR 2010, found a shape below
  1 on 98.5 % of pages. A person's own pace multiplies it, log-normal; rare pauses (a phone call) are log-normal. So the
  gaps between clicks are heavy-tailed (Doran, Gokhale, QEST 2010) with a variation coefficient above 1.
- Pages in a visit are inverse Gaussian: Huberman, Pirolli, Pitkow, Lukose, "Strong regularities in World Wide Web
  surfing", Science 280, 1998.
- Items are chosen by popularity (`catalogue`), or from what a page shows, the first most.
- People come back to pages: 30 to 58 % of page loads are revisits, a seventh of all steps is the back button, and a
  tenth opens a new tab (Tauscher, Greenberg 1997; Obendorf, Weinreich, Herder, Mayer, "Web page revisitation
  revisited", CHI 2007). Half of the steps back are served from the browser's memory and never reach a shop.
- A page's parts follow within a second, in the kinds and the order in which the recorded browsers asked for them; what
  has been loaded is not loaded again.
- First guesses, for want of a source: how people arrive, the shares without cookies, parts or scripts, log-ins and
  mistyped passwords, what is clicked from where.

Who is challenged does what the page asks. A person that is refused reloads once and then leaves. Never: anything from
the detector's own settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Literal

from loadtests.actors.catalogue import Catalogue, item_path
from loadtests.actors.challenges import Skill, meet
from loadtests.actors.client import Client
from loadtests.actors.model import Life, Step
from loadtests.actors.templates import Browser, Kind

_SEARCH_ENGINES: Final = (b"https://www.google.com/", b"https://www.bing.com/", b"https://duckduckgo.com/")
_SOCIAL: Final = (b"https://www.facebook.com/", b"https://www.reddit.com/", b"https://www.instagram.com/")
_WORDS: Final = b"lamp wool kettle glass chair oak linen mug blanket pot shelf candle clock basket rug".split()

Parts = Literal["cold", "warm", "none"]


@dataclass(frozen=True, slots=True)
class Habits:
    """The stated parameters of the model. Times in seconds, shares of 1."""

    dwell_shape: float = 0.75
    """Weibull shape of the time on a page."""
    dwell_item: float = 30.0
    """Weibull scale on an item's page."""
    dwell_listing: float = 18.0
    dwell_other: float = 12.0
    shortest: float = 0.7
    """Nobody sees and clicks faster."""
    pace_spread: float = 0.4
    """Sigma of the log-normal factor of a person."""
    pause_share: float = 0.04
    """Steps that are preceded by a pause."""
    pause_median: float = 240.0
    pause_spread: float = 0.8
    pages_mean: float = 8.0
    """Inverse Gaussian: mean and shape of the pages in a visit."""
    pages_shape: float = 6.0
    most_pages: int = 80
    tab_gap: float = 1.3
    """Median seconds between several tabs opened from one page."""
    part_gap: float = 0.012
    """Mean seconds between the parts of a page."""
    part_start: float = 0.09
    """Median seconds from a page to its first part."""
    returns: float = 0.1
    """Share that comes back within the hour."""
    return_median: float = 720.0
    dead_link: float = 0.006
    """Clicks on a link to something that is gone."""
    log_in: float = 0.1
    """Share of visits with a log-in."""
    mistyped: float = 0.07
    """Share of passwords that are mistyped."""


@dataclass(slots=True)
class Person:
    """One person on one visit."""

    number: int
    browser: Browser
    address: str
    arrives: int
    """Nanoseconds from the start of the scenario."""
    entry: Literal["search", "home", "cold", "social", "sale"]
    """How it gets here; `cold`: an item without referrer; `sale`: all to the one item."""
    takes_cookies: bool = True
    parts: Parts = "cold"
    """`warm`: was here on an earlier day, so that style and scripts are in its cache; `none`: loads no parts at all."""
    runs_scripts: bool = True
    pace: float = 1.0
    moves_to: str = ""
    """Address from the middle of the visit on, where it changes."""
    sale_item: int = 0
    hashes: float = 1_000_000.0
    """What its device computes a second."""


class Shopper:
    """A person in a shop, as an actor."""

    def __init__(self, person: Person, catalogue: Catalogue, habits: Habits, random: Random) -> None:
        self._person = person
        self._catalogue = catalogue
        self._habits = habits
        self._random = random
        self._client = Client(random, person.browser, person.address, person.arrives, person.takes_cookies)
        self._skill = Skill(works=person.runs_scripts, answers=True, hashes=person.hashes, pace=person.pace)
        self._cache: set[bytes] = set()
        self._here = b""
        """The page that is looked at."""
        self._shown: list[int] = []
        """The items that it shows."""
        self._trail: list[bytes] = []
        """Pages before it, for the back button."""
        self._items: list[int] = []
        """Items seen so far."""
        self._category = 1
        self._page = 1
        self._refused = 0
        self._is_logged_in = False
        if person.parts == "warm":
            self._cache.update(path for _, path in catalogue.frame)
            if person.takes_cookies:  # of the earlier day, too, is what it said about cookies
                self._client.cookies[b"consent"] = b"yes"

    def life(self) -> Life:
        """The visit, and the one after it of those who come back."""
        random, habits = self._random, self._habits
        yield from self._visit(self._visit_length(), self._person.entry)
        if self._refused < 2 and random.random() < habits.returns:
            self._wait(random.lognormvariate(math.log(habits.return_median), habits.pause_spread))
            yield from self._visit(self._visit_length(), "home")

    def _visit_length(self) -> int:
        habits = self._habits
        drawn = inverse_gaussian(self._random, habits.pages_mean, habits.pages_shape)
        return min(max(1, round(drawn)), habits.most_pages)

    def _visit(self, pages: int, entry: str) -> Life:
        logs_in_at = self._random.randrange(pages) if self._random.random() < self._habits.log_in else -1
        yield from self._enter(entry)
        for step in range(1, pages):
            if self._refused >= 2:
                return
            if self._person.moves_to and step == pages // 2:
                self._client.address = self._person.moves_to
            self._dwell()
            if step == logs_in_at:
                yield from self._log_in()
            else:
                yield from self._go_on()

    def _enter(self, entry: str) -> Life:
        random = self._random
        if entry == "home":
            yield from self._open(b"/", None, b"none")
        elif entry == "sale":
            referer = random.choice(_SOCIAL) if random.random() < 0.4 else None
            yield from self._sale(referer)
        elif entry == "cold":
            yield from self._open(item_path(self._catalogue.popular(random)), None, b"none")
        else:
            referer = linked_from(random, entry == "search")
            item = self._catalogue.popular(random)
            listed = entry == "search" and random.random() < 0.4
            category = self._catalogue.category_of(item)
            path = self._catalogue.listing_path(category, 1) if listed else item_path(item)
            yield from self._open(path, referer, b"cross-site")

    def _sale(self, referer: bytes | None) -> Life:
        """Waits for the sale on its page, reloading, and then grabs the item."""
        random, path = self._random, item_path(self._person.sale_item)
        yield from self._open(path, referer, b"cross-site" if referer else b"none")
        for _ in range(random.choice((0, 0, 1, 1, 2, 3, 5))):
            self._wait(2 + random.weibullvariate(7, self._habits.dwell_shape))
            yield from self._open(path, referer, b"cross-site" if referer else b"none", again=True)
        if random.random() < 0.5:
            self._wait(1 + random.weibullvariate(4, self._habits.dwell_shape))
            yield from self._add_to_cart()

    def _go_on(self) -> Life:
        """One step from the page that is looked at."""
        random = self._random
        if random.random() < self._habits.dead_link:
            yield from self._follow(item_path(self._catalogue.size + random.randrange(1, 900)))
        elif self._here.startswith(b"/product/"):
            yield from self._from_item(random.random())
        else:
            yield from self._from_listing(random.random())

    def _from_item(self, draw: float) -> Life:
        random = self._random
        if draw < 0.28 and self._trail:
            yield from self._back()
        elif draw < 0.48 and self._shown:
            yield from self._follow(item_path(self._look_at_one()))
        elif draw < 0.58 and len(self._items) > 1:
            yield from self._follow(item_path(random.choice(self._items)))
        elif draw < 0.66:
            yield from self._add_to_cart()
        elif draw < 0.69:
            yield from self._open(self._here, None, b"none", again=True)
        elif draw < 0.82:
            yield from self._search()
        else:
            item = int(self._here[9:])
            yield from self._list(self._catalogue.category_of(item), 1)

    def _from_listing(self, draw: float) -> Life:
        if draw < 0.6 and self._shown:
            yield from self._follow(item_path(self._look_at_one()))
        elif draw < 0.7 and len(self._shown) > 4:
            yield from self._open_tabs()
        elif draw < 0.82 and self._here.startswith(b"/category/"):
            page = self._page + 1 if self._page < self._catalogue.leaves(self._category) else 1
            yield from self._list(self._category, page)
        elif draw < 0.88 and self._trail:
            yield from self._back()
        elif draw < 0.94:
            yield from self._search()
        else:
            yield from self._list(self._catalogue.category_of(self._catalogue.popular(self._random)), 1)

    def _look_at_one(self) -> int:
        """One of the items on the page, the first most often."""
        at = int(self._random.expovariate(1 / (1 + len(self._shown) / 4)))
        return self._shown[at % len(self._shown)]

    def _search(self) -> Life:
        word = self._random.choice(_WORDS)
        yield from self._follow(b"/search?q=" + word)

    def _list(self, category: int, page: int) -> Life:
        self._category, self._page = category, page
        yield from self._follow(self._catalogue.listing_path(category, page))

    def _back(self) -> Life:
        """The back button; every second time the page comes from the browser's memory."""
        path = self._trail.pop()
        if self._random.random() < 0.5:
            self._here = path
            self._show(path)
            return
        yield from self._open(path, self._trail[-1] if self._trail else None, b"same-origin", again=True)

    def _open_tabs(self) -> Life:
        """Several items of one page, each in a tab of its own, then a look at each."""
        random, page = self._random, self._here
        shown = list(self._shown)
        for item in random.sample(shown, min(len(shown), random.choice((2, 2, 3, 3, 4, 6)))):
            self._here = page
            yield from self._follow(item_path(item))
            self._wait(max(0.2, random.lognormvariate(math.log(self._habits.tab_gap), 0.5)))
            if random.random() < 0.3:
                self._dwell()

    def _add_to_cart(self) -> Life:
        if not (self._person.runs_scripts and self._person.browser.sends(Kind.ADD)):
            yield from self._follow(b"/cart")
            return
        here = self._url(self._here)
        if not self._catalogue.cart_by_form:
            body = b'{"id":%b,"qty":1}' % self._here[9:]
            yield from self._client.ask(Kind.ADD, b"/api/cart/add", here, method=b"POST", body=body)
        elif self._person.browser.sends(Kind.LOGIN):
            body = b"id=" + self._here[9:]
            yield from self._send(b"/cart/add", here, body)
            yield from self._open(b"/cart", here, b"same-origin")
        self._dwell()
        if self._random.random() < 0.4:
            yield from self._follow(b"/cart")
            self._dwell()
            if self._random.random() < 0.4:
                yield from self._follow(b"/checkout")

    def _log_in(self) -> Life:
        """The form, and the password until it is right, three times at most."""
        yield from self._follow(b"/login")
        if not self._person.browser.sends(Kind.LOGIN):
            return
        account = b"person%d@mail.example" % self._person.number
        for _ in range(3):
            self._wait(4 + self._random.weibullvariate(8, 1.2) * self._person.pace)
            right = self._random.random() >= self._habits.mistyped
            catalogue, password = self._catalogue, b"secret" if right else b"secrte"
            body = b"%b=%b&%b=%b" % (catalogue.user_field, account, catalogue.password_field, password)
            answer = yield from self._send(b"/login", self._url(b"/login"), body, account, right)
            if answer.is_refused:
                return
            if right:
                self._is_logged_in = True
                yield from self._follow(b"/account")
                return

    # What a step is made of.

    def _follow(self, path: bytes) -> Step:
        """A click on a link of the page that is looked at."""
        return (yield from self._open(path, self._here, b"same-origin"))

    def _open(self, path: bytes, referer: bytes | None, site: bytes, again: bool = False) -> Step:
        """A page with its parts; `referer` is a page of the shop or an address outside."""
        browser = self._person.browser
        if referer is not None:
            referer = self._url(referer)
            if not browser.secure and referer.startswith(b"https:"):
                referer = None  # browsers do not tell an insecure page where in a secure one they come from
        elif browser.family == "dillo":
            referer = self._url(path)  # which always names the page itself
        etag = b'"%x"' % (hash_of(path)) if again and browser.revalidates else None
        visit = partial(self._client.ask, Kind.PAGE, path, referer, site=site, etag=etag)
        answer = yield from meet(self._client, self._skill, visit)
        if answer.is_refused:
            self._refused += 1
            if self._refused == 1:
                self._wait(3 + self._random.weibullvariate(6, 0.9))
                return (yield from self._open(path, referer, site))
            return answer
        if self._here and not again:
            self._trail.append(self._here)
        self._here = path
        self._show(path)
        if path.startswith(b"/product/") and answer.status < 400:
            self._items.append(int(path[9:]))
        yield from self._load_parts(path)
        return answer

    def _show(self, path: bytes) -> None:
        """What a page shows."""
        catalogue, random = self._catalogue, self._random
        if path.startswith(b"/category/"):
            self._shown = catalogue.leaf(self._category, self._page)
        elif path.startswith(b"/product/"):
            self._shown = catalogue.leaf(catalogue.category_of(int(path[9:])), 1)[:4]
        elif path.startswith(b"/search") or path == b"/":
            self._shown = [catalogue.popular(random) for _ in range(12 if path == b"/" else 16)]
        else:
            self._shown = []

    def _load_parts(self, path: bytes) -> Life:
        """What a browser loads for a page: what it has not got yet, and what scripts ask for."""
        person, random, habits = self._person, self._random, self._habits
        if person.parts == "none":
            return
        base = self._url(path)
        style = self._url(self._catalogue.frame[0][1])
        self._wait(min(random.lognormvariate(math.log(habits.part_start), 0.5), 0.4))
        for kind, part in self._catalogue.frame:
            if part in self._cache or not person.browser.sends(kind):
                continue
            if not person.runs_scripts and kind in (Kind.SCRIPT, Kind.MODULE):
                continue
            self._cache.add(part)
            yield from self._ask(kind, part, style if kind is Kind.FONT else base)
            self._wait(random.expovariate(1 / habits.part_gap))
        if person.runs_scripts and person.browser.sends(Kind.FETCH):
            yield from self._ask(Kind.FETCH, b"/api/cart", base)
        if person.browser.sends(Kind.IMAGE):
            yield from self._load_images(path, base)

    def _load_images(self, path: bytes, base: bytes) -> Life:
        """The images in view; the rest of a long page would be loaded when scrolled to."""
        own = [int(path[9:])] if path.startswith(b"/product/") else []
        for item in own + self._shown[: self._random.randint(2, 10)]:
            part = b"/images/%d.svg" % item
            if part not in self._cache:
                self._cache.add(part)
                self._wait(self._random.expovariate(1 / self._habits.part_gap))
                yield from self._ask(Kind.IMAGE, part, base)

    def _ask(self, kind: Kind, path: bytes, referer: bytes | None) -> Step:
        return (yield from self._client.ask(kind, path, referer))

    def _send(
        self, path: bytes, referer: bytes, body: bytes, account: bytes = b"", right_password: bool = False
    ) -> Step:  # fmt: skip
        """A form."""
        again = partial(
            self._client.ask, Kind.LOGIN, path, referer, method=b"POST", body=body, account=account,
            right_password=right_password,
        )  # fmt: skip
        return (yield from meet(self._client, self._skill, again))

    def _url(self, path: bytes) -> bytes:
        return path if path.startswith(b"http") else self._client.origin + path

    def _wait(self, seconds: float) -> None:
        self._client.wait(seconds)

    def _dwell(self) -> None:
        """Looks at the page."""
        habits, random = self._habits, self._random
        scale = habits.dwell_other
        if self._here.startswith(b"/product/"):
            scale = habits.dwell_item
        elif self._here.startswith((b"/category/", b"/search")):
            scale = habits.dwell_listing
        seconds = habits.shortest + random.weibullvariate(scale, habits.dwell_shape) * self._person.pace
        if random.random() < habits.pause_share:
            seconds += random.lognormvariate(math.log(habits.pause_median), habits.pause_spread)
        self._wait(seconds)


def linked_from(random: Random, is_search: bool) -> bytes:
    """A page outside that leads to the shop."""
    return random.choice(_SEARCH_ENGINES if is_search else _SOCIAL)


def hash_of(path: bytes) -> int:
    """A number that stands for a page's content in its entity tag."""
    return int.from_bytes(path, "big") * 0x9E3779B97F4A7C15 % (1 << 64)


def inverse_gaussian(random: Random, mean: float, shape: float) -> float:
    """A draw (Michael, Schucany, Haas 1976)."""
    square = random.gauss(0, 1) ** 2
    low = mean + mean * mean * square / (2 * shape)
    low -= mean / (2 * shape) * math.sqrt(4 * mean * shape * square + mean * mean * square * square)
    return low if random.random() <= mean / (mean + low) else mean * mean / low
