"""The users of one URL, and what their uses are together: a leak, a refusal or a look by previews.

The kind follows from the set of networks that opened the URL, never from the order of the uses. A
client chooses its user agent, so a link preview is not what says that it is one, but what also does
no more than a preview does.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..base.groups import grouped
from ..base.network import read_address, scope
from ..base.shown import Shown
from ..base.text import count, duration
from .leak_rules import LeakRules, address_name
from .sql.application_names import PREFETCHERS, PREFETCHES

_CLAIMS = {name.lower(): name for name in PREFETCHERS}
_LOOKS = 3
"""Requests of one network up to which it may be a preview's."""
_SAME_PREVIEW, _PREVIEWS = 2, 4
"""Networks that preview one URL with one program, and in all."""
_PAIRED = 8
"""Networks up to which addresses of two families are one machine."""
_TOGETHER_S, _SWITCH_S = 5, 600
"""Seconds in which two first uses may be of one event, and one device may change its network."""
_CDN = "Amazon CloudFront"


@dataclass(frozen=True, slots=True)
class User(Shown):
    """One source that used a URL.

    ``first`` and ``last`` are the times of its first and last use, UTC. ``requests``, ``refused``
    and ``altered`` are the numbers of all its requests, of those that were refused, and of those
    for another form of the URL, whose signature was refused. ``one_agent`` is True if all requests
    have one user agent, and ``claim`` is the link preview that this agent says it is.
    ``prefetcher`` is True if they also do no more than a preview.
    """

    document = (
        "source: label",
        "network",
        "first",
        "uses: requests",
        "refused",
        "altered",
        "prefetcher",
        "claim",
        "user_agent: agent",
        "name",
    )

    address: str
    endpoint: str | None
    network: str
    agent: str
    first: dt.datetime
    requests: int
    refused: int = 0
    prefetcher: bool = False
    name: str = ""
    last: dt.datetime = dt.datetime.min
    altered: int = 0
    claim: str = ""
    one_agent: bool = True

    @property
    def label(self) -> str:
        """Name of the network, address, and endpoint if the log names it."""
        plain = f"{self.address} via {self.endpoint}" if self.endpoint else self.address
        return f"{self.name} · {plain}" if self.name else plain

    @property
    def held(self) -> bool:
        """True if all its requests were refused."""
        return self.refused == self.requests

    @property
    def words(self) -> str:
        """``3 times, 1 refused``."""
        times = "once" if self.requests == 1 else f"{self.requests:,} times"
        refused = ""
        if self.refused:
            refused = ", refused" if self.requests == 1 else f", {self.refused:,} refused"
        changed = ", the URL was changed and its signature was refused" if self.altered else ""
        return times + refused + changed + (f", says it is {self.claim}" if self.claim else "")

    @property
    def did(self) -> str:
        """The verb for this user: ``used``, ``tried`` or ``looked at``."""
        return "looked at" if self.prefetcher else "tried" if self.held else "used"


Users: TypeAlias = tuple[User, ...]


def claim_of(agent: str) -> str:
    """Return the link preview that a user agent says it is; empty for every other one."""
    found = re.search(PREFETCHES, agent.lower())
    return "" if found is None else _CLAIMS[found[0]]


def with_previews(users: Users) -> Users:
    """Mark the users that are link previews, by what they say and by what they do."""
    by_network = _by_network(users)
    claims = {name: {user.claim for user in each} for name, each in by_network.items()}
    programs = Counter(claim for each in claims.values() for claim in each)
    looked = {
        name
        for name, each in by_network.items()
        if "" not in claims[name]
        and sum(user.requests for user in each) <= _LOOKS
        and all(programs[claim] <= _SAME_PREVIEW for claim in claims[name])
    }
    if not looked or len(looked) > _PREVIEWS:
        return users
    return tuple(replace(user, prefetcher=user.network in looked) for user in users)


def kind_of(users: Users) -> str:
    """Return which kind of leak the uses of a URL are; empty if they are none."""
    people = {user.network for user in users if not user.prefetcher}
    if len(_opened(users)) > 1:
        return "leak"
    if len(people) > 1:
        return "refused"
    return "preview" if len({user.network for user in users}) > 1 else ""


def doubt_of(users: Users) -> str:
    """Return a sentence on why one person may have opened a URL in several networks;
    empty without a reason.
    """
    opened = list(_opened(users).values())
    if all(_is_private(user.address) for each in opened for user in each):
        return "All are private addresses: subnets of one VPC may be one user."
    if len(opened) != 2:
        return ""
    one, other = sorted(opened, key=_first)
    soon = (_first(other) - _first(one)).total_seconds()
    agents = {user.agent if user.one_agent else "" for each in opened for user in each}
    same = len(agents) == 1 and "Mozilla/" in min(agents)
    wide = {user.network.rsplit(".", 2)[0] for user in (*one, *other)}  # of IPv4, a /16
    gap = (_first(other) - max(user.last for user in one)).total_seconds()
    if same and (0 <= gap <= _SWITCH_S or len(wide) == 1):
        return same_agent(max(gap, 0))
    if soon <= _TOGETHER_S:
        when = f"within {count(round(soon), 'second')}" if soon else "in the same second"
        return (
            f"Both used it first {when}: a mail program may have scanned it, or these are two URLs"
            " that were signed in the same second."
        )
    if any(user.agent == _CDN for each in opened for user in each):
        return f"One says it is {_CDN}, which may have asked for the other."
    return ""


def same_agent(gap: float) -> str:
    """Return the sentence on two networks with one user agent."""
    return (
        f"Both sent the same user agent{f', {duration(round(gap))} apart' if gap else ''}: this may"
        " be one device that changed its network."
    )


def paired(users: Users, rules: LeakRules) -> Users:
    """Let an IPv4 and an IPv6 address with one agent and about one time share a network.

    One agent has one such pair. Where each address counts, one whose endpoint the log does
    not name shares that of the same address.
    """
    if rules.per_address:
        named = {address_name(user.address, rules): user.network for user in users if user.endpoint}
        return tuple(
            user if user.endpoint else replace(user, network=named.get(user.network, user.network))
            for user in users
        )
    networks = len({user.network for user in users})
    if not rules.pair_seconds or not 1 < networks <= _PAIRED:
        return users
    return _with_partners(users, rules.pair_seconds)


def _with_partners(users: Users, seconds: float) -> Users:
    firsts: dict[tuple[str, bool], User] = {}
    for user in users:
        if user.agent and not user.claim:
            firsts.setdefault((user.agent, ":" in user.network), user)
    partners = {
        user.network: other.network
        for (agent, is_v6), user in firsts.items()
        if is_v6
        and (other := firsts.get((agent, False)))
        and abs((user.first - other.first).total_seconds()) <= seconds
    }
    return tuple(replace(user, network=partners.get(user.network, user.network)) for user in users)


def _is_private(text: str) -> bool:
    address = read_address(text)
    return address is not None and scope(address) == "private"


def _first(users: Iterable[User]) -> dt.datetime:
    return min(user.first for user in users)


def _by_network(users: Users) -> dict[str, list[User]]:
    return grouped((user.network, user) for user in users)


def _opened(users: Users) -> dict[str, list[User]]:
    """Return the users who opened a URL and are no link previews, by network."""
    return _by_network(tuple(user for user in users if not (user.held or user.prefetcher)))
