"""What judging knows about one shop beside a request itself: its places, sessions and accounts.

Promises: made once for each site of a worker and shared by all who ask, so that what one has worked out is
remembered for the others. Never: changes after it was made, but for what it remembers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trafficguard.settings import SiteSettings
from trafficguard.signals.accounts import Accounts
from trafficguard.signals.places import Places
from trafficguard.signals.sessions import Sessions


class SiteFacts(NamedTuple):
    """One shop's."""

    places: Places
    sessions: Sessions
    accounts: Accounts


def facts_of(sites: Sequence[SiteSettings], secret: bytes) -> dict[str, SiteFacts]:
    """The facts of each site under its first host, as `Request.site` names it."""
    return {
        site.hosts[0]: SiteFacts(
            Places(site.routes), Sessions(secret, site.session.cookie), Accounts(secret, site.accounts)
        )
        for site in sites
    }


def hidden_headers(sites: Sequence[SiteSettings]) -> frozenset[bytes]:
    """Headers of answers (lower case) that shops mean for us alone; of one shop, they are hidden in all."""
    names = [name for site in sites for name in (site.accounts.account_header, site.accounts.login_header)]
    return frozenset(name.encode() for name in names if name)
