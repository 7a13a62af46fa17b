"""What stands where in one key's slot, and what a request says of itself to the request kernel.

Promises: every kind of key has the same words at the same places up to `BLOOM`; what follows only differs in size.
Never: touches the memory, or imports a compiler.

A counter word holds an epoch and three counts of 16 bits; there are two of each, by epoch parity, so that they slide as
`windows` do. Counts of `address` and `session` slide over an hour, those of keys that many visitors share over a
minute, because what matters of a crowd is what it does now.
"""

from __future__ import annotations

from typing import Final

# Words of a slot.
REQUESTS: Final = 0
"""Eight: two buckets for each of the four windows."""
PAGES_1M: Final = 8
"""Two buckets of the one-minute window of pages."""
ORDER: Final = 10
"""When the last page was asked for (ms) and the last item: changed by exchange, because order matters in both."""
EVIDENCE: Final = 11
"""Evidence remembered, and when."""
TEMPLATES: Final = 12
"""Histogram of path templates: sixteen counts of four bits, all halved when one is full."""
GAPS: Final = 13
"""Histogram of the times between pages, by powers of two of 1/8 s."""
QUERIES: Final = 14
"""Histogram of query shapes."""
GAP_SUMS: Final = 15
"""Two: how many gaps, and their sum in hundredths of a second."""
GAP_SQUARES: Final = 17
"""Two: sum of their squares."""
VIEWS: Final = 19
"""Two counter words: pages, items, assets."""
ITEMS: Final = 21
"""Two: items new to the key, items seen before, small steps up from one item id to the next."""
ANSWERS: Final = 23
"""Two: answers, those with 4xx, HEAD requests."""
LOGINS: Final = 25
"""Two: login attempts that ended one way or the other, failed ones, POSTs."""
SHOWS: Final = 27
"""Two: views of items that hardly anybody looks at, bare pages, pages opened out of nowhere."""
TURNS: Final = 29
"""Two, of seven small numbers each: what `TURN_...` say, see `turns`."""
STEADY: Final = 31
"""The fingerprint of the latest request."""
STAMP: Final = 32
"""Epochs of the two generations of distinct counts."""
BLOOM: Final = 33
"""Items seen before: a Bloom filter, then the distinct counts."""

DISTINCT: Final = ("paths", "items", "peers")
"""Counted by HyperLogLog, twice each, by epoch parity. Peers: addresses of a key, fingerprints of an address."""
GENERATIONS: Final = 2

# Sizes by kind: words of the Bloom filter and of one HyperLogLog (sixteen registers of four bits a word).
SMALL: Final = (4, 4)
MEDIUM: Final = (0, 16)
LARGE: Final = (0, 64)


def distinct_at(bloom: int) -> int:
    """First word of the distinct counts."""
    return BLOOM + bloom


def end_of(size: tuple[int, int]) -> int:
    """Words that a slot of this size needs."""
    bloom, registers = size
    return distinct_at(bloom) + len(DISTINCT) * GENERATIONS * registers


SMALL_WORDS: Final = end_of(SMALL)
WORKED_OUT: Final = len(DISTINCT)
"""Medium and large slots end with distinct counts as last worked out, for reading a thousand registers takes long."""
MEDIUM_WORDS: Final = end_of(MEDIUM) + WORKED_OUT
SINCE: Final = end_of(LARGE) + WORKED_OUT
"""The minute in which the cluster was first seen."""
CELLS: Final = SINCE + 1
"""Traffic of a cluster by the way it arrives, see `cells`."""
CELL_WORDS: Final = 3
REFERRERS: Final = 3
VISITORS: Final = 4
CELL_COUNT: Final = VISITORS * REFERRERS * 2
"""Known, bare from a new address, bare from one seen before, known by a cookie alone × no, own or foreign referrer
× cold item or not."""
RATIOS: Final = CELLS + CELL_COUNT * CELL_WORDS
"""Slowly learned ratios of a cluster: addresses per page, items per item page, burstiness."""
RATIO_COUNT: Final = 3
LARGE_WORDS: Final = RATIOS + RATIO_COUNT

# Where the small numbers of a word of turns stand: bits from the right.
TURN_CHANGES: Final = 0
"""Changes of the fingerprint."""
TURN_ROBOTS: Final = 4
"""Requests for robots.txt."""
TURN_SOLVED: Final = 8
"""Challenges that were solved."""
TURN_FAILED: Final = 16
"""Attempts at challenges that were wrong or forged."""
TURN_ASKED: Final = 24
"""Moments at which a page was asked for and a challenge was the answer."""
TURN_WITHHELD: Final = 32
"""Those pages."""
TURN_MOMENT: Final = 40
"""The latest of those moments."""

# Words of what is asked (`ask`): the facts of one request.
NOW: Final = 0
"""Nanoseconds since the Unix epoch."""
SITE: Final = 1
ADDRESS_LOW: Final = 2
ADDRESS_HIGH: Final = 3
NETWORK_LOW: Final = 4
NETWORK_HIGH: Final = 5
SESSION_LOW: Final = 6
SESSION_HIGH: Final = 7
"""Both 0: the request carries no session."""
STEADY_MARK: Final = 8
MANNER_MARK: Final = 9
ACCOUNT_LOW: Final = 10
ACCOUNT_HIGH: Final = 11
"""Both 0: the request is about no account."""
ROUTE: Final = 12
TEMPLATE: Final = 13
ITEM: Final = 14
PATH: Final = 15
QUERY: Final = 16
FLAGS: Final = 17
ASK_WORDS: Final = 18

# Flags.
IS_PAGE: Final = 1
IS_ASSET: Final = 2
IS_LOGIN: Final = 4
REFERRER_OWN: Final = 8
REFERRER_FOREIGN: Final = 16
IS_TYPED: Final = 32
"""A page opened out of nowhere: Sec-Fetch-Site says none, or nothing refers to it."""
IS_HEAD: Final = 64
IS_POST: Final = 128
TAKES_COOKIES: Final = 256
"""Visitors of this site are given a session, so that one without it has not brought it back."""
IS_ROBOTS: Final = 512
READS_ALL: Final = 1024
"""Somebody wants to see what is known of all keys, those included that no signal looks at for this request."""

# What becomes of a request (`outcome`).
STATUS_CLASS: Final = 0
LOGIN_RESULT: Final = 1
"""0 nothing known, 1 succeeded, 2 failed."""
SHOP_ACCOUNT_LOW: Final = 2
SHOP_ACCOUNT_HIGH: Final = 3
CHALLENGE_RESULT: Final = 4
"""0 it has nothing to do with challenges, 1 it solved one, 2 it failed to, 3 it was answered with one."""
OUTCOME_WORDS: Final = 5

FEATURES: Final = (
    "requests_10s",
    "requests_1m",
    "requests_10m",
    "requests_1h",
    "pages_1m",
    "pages",
    "items",
    "assets_per_page",
    "novelty",
    "novelty_odds",
    "order_odds",
    "burstiness",
    "gaps",
    "gap_entropy",
    "template_entropy",
    "query_entropy",
    "answers",
    "errors",
    "logins",
    "login_failures",
    "heads",
    "posts",
    "tail_odds",
    "bare",
    "typed",
    "changes",
    "robots",
    "paths",
    "distinct_items",
    "peers",
    "peers_per_page",
    "coverage",
    "uncookied",
    "surge_odds",
    "fanout_rise",
    "coverage_rise",
    "synchrony",
    "age_minutes",
    "shown",
    "challenges",
    "attempts",
    "failures",
    "unanswered",
)
"""What is known of a key after a request, in the order of the kernel's result; `scoring.features` says what each is."""
FEATURE: Final = {name: place for place, name in enumerate(FEATURES)}

# Words of the result (`out`).
INDIVIDUAL: Final = 0
GROUP: Final = 1
KNOWN: Final = 2
"""1 where the visitor has shown that it keeps cookies or loads assets."""
HELD: Final = 3
"""Evidence that was remembered of the visitor, before this request."""
COLD_SHARE: Final = 4
"""Share of item views on this site that go to items hardly anybody looks at; -1: not known yet."""
GROWTH: Final = 5
"""Traffic of visitors known to the site, as a multiple of what is usual."""
TOLD: Final = 6
"""First of what a verdict tells, in steps coarse enough that much is told again and again."""
TOTAL: Final = TOLD
"""All evidence: that of the head, and what came to it in whole steps of `TOTAL_STEPS` to a nat, never more than it."""
REMEMBERED: Final = 7
"""Remembered evidence that weighs more than all that is fresh; 0 where there is none."""
STRONGEST: Final = 8
"""The ramps (from 0) that count and found most, strongest first, each followed by what it found; -1 ends them."""
TOTAL_STEPS: Final = 64
NAMED_STEPS: Final = 16
"""Steps to a nat of what is named as a reason."""
MOST_STRONGEST: Final = 5
STRONGEST_WORDS: Final = 2 * MOST_STRONGEST + 1
END_OF_TOLD: Final = STRONGEST + STRONGEST_WORDS
FOUND: Final = END_OF_TOLD
"""First of the evidence found, one for each ramp."""
MOST_RAMPS: Final = 64
KINDS: Final = 6
SUMS: Final = FOUND + MOST_RAMPS
"""Evidence that counts, by kind of key."""
TRAITS: Final = SUMS + KINDS
"""First of the features: one row for each kind of key."""
LEAST_MINUTES: Final = 10
"""Minutes of traffic before anything is usual for a cluster or a site."""
OUT_WORDS: Final = TRAITS + KINDS * len(FEATURES)

# Columns of the first row of ramps, which holds the terms of the sum.
MOST_GROUP: Final = 0
DISCOUNT: Final = 1
HALF_LIFE_SESSION: Final = 2
HALF_LIFE_ADDRESS: Final = 3
HALF_LIFE_ACCOUNT: Final = 4
MOST_TOTAL: Final = 5
WORTH_HOLDING: Final = 6
WORTH_NAMING: Final = 7

# Columns of a ramp.
RAMP_KIND: Final = 0
RAMP_FEATURE: Final = 1
RAMP_FROM: Final = 2
RAMP_TO: Final = 3
RAMP_SUPPORT: Final = 4
RAMP_FEW: Final = 5
RAMP_ENOUGH: Final = 6
RAMP_WEIGHT: Final = 7
RAMP_COUNTS: Final = 8
RAMP_COLUMNS: Final = 9

# The region of the sites: popularity of items, then one record for each site.
ROWS: Final = 2
ROW_WORDS: Final = 1 << 14
"""Sixteen counts of four bits in each word: 262,144 places a row."""
POPULARITY_WORDS: Final = ROWS * GENERATIONS * ROW_WORDS
SITE_RECORDS: Final = 64
SITE_RECORD_WORDS: Final = 64
POPULARITY_STAMP: Final = POPULARITY_WORDS + SITE_RECORDS * SITE_RECORD_WORDS
SITES_WORDS: Final = POPULARITY_STAMP + 8

# Words of a site's record.
SITE_VIEWS: Final = 0
"""Two counter words: item views of known visitors, those of items that hardly anybody looks at."""
SITE_PAGES: Final = 2
"""A cell: pages of known visitors."""
SITE_ASSETS: Final = 5
"""A cell: assets."""
SITE_SINCE: Final = 8
"""The minute in which the site was first seen."""
