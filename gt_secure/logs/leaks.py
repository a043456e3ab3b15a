"""Presigned URLs that were used from more than one place.

S3 masks the SigV4 signature in the log, so a URL is known by its fingerprint; two URLs signed for
the same object, by the same credential, in the same second look like one, and every finding says
so.

What counts as a leak is decided by :class:`LeakRules`, which a person can change: an office behind
several addresses, a laptop with an IPv4 and an IPv6 address, a mail or chat program that looks at
links.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Protocol, TypeAlias, overload

from ..base import html as markup
from ..base.errors import InvalidInput
from ..base.groups import grouped
from ..base.network import IPNetworks, parse_networks, read_address
from ..base.text import Json, count, duration, members, some
from ..base.truth import without_truth
from .named_networks import About, Networks
from .sql.application_names import PREFETCHERS
from .sql.literals import literal
from .sql.log_columns import METHOD
from .table import SqlRows, Table, _plain

TWINS = "URLs signed in the same second for the same object cannot be told apart."


@dataclass(frozen=True, slots=True)
class LeakRules:
    """Rules by which two users of one URL count as one.

    Attributes
    ----------
    v4_prefix, v6_prefix : int
        Addresses that share this many leading bits are one network.
    pools : tuple of networks
        Addresses of one organisation, such as a NAT pool or a proxy: all are one user.
    networks : Networks or None
        Names of networks. A network of a person's own file is one user, unless its kind is
        ``cloud`` or ``other``.
    pair_seconds : float
        An IPv4 and an IPv6 address with the same user agent within this time are one machine; 0
        turns it off.
    per_address : bool
        Each address is a user, and each VPC endpoint with it. Only ``pools`` join addresses then.
    """

    v4_prefix: int = 24
    v6_prefix: int = 48
    pools: IPNetworks = ()
    networks: Networks | None = None
    pair_seconds: float = 60.0
    per_address: bool = False

    def __post_init__(self) -> None:
        if self.per_address and (self.v4_prefix, self.v6_prefix, self.pair_seconds) != (
            24,
            48,
            60.0,
        ):
            raise InvalidInput(
                "per_address counts single addresses, so it reads neither widths nor pair_seconds.",
                next_step="Give per_address=True and pools alone, or widths without per_address.",
                field="per_address",
            )
        for field, name, bits in (("v4_prefix", "IPv4", 32), ("v6_prefix", "IPv6", 128)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= bits:
                raise InvalidInput(
                    f"{str(value)[:40]} is not a prefix length of {name}.",
                    next_step=f"Give a whole number from 0 to {bits}.",
                    field=field,
                    value=value,
                )
        seconds = self.pair_seconds
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 <= seconds < math.inf
        ):
            raise InvalidInput(
                f"{str(seconds)[:40]} is not a number of seconds.",
                next_step="Give 0 or more seconds. 0 turns the rule off.",
                field="pair_seconds",
                value=seconds,
            )

    @classmethod
    def make(cls, *, pools: str | Iterable[Any] = (), **values: Any) -> LeakRules:
        """Rules with pools as people write them."""
        return cls(pools=parse_networks(pools) if pools else (), **values)


Users: TypeAlias = "tuple[User, ...]"


@dataclass(frozen=True, slots=True)
class User:
    """One source that used a URL.

    ``first`` is the time of its first use, UTC. ``requests`` and ``refused`` are the numbers of all
    its requests and of those that were refused.
    """

    address: str
    endpoint: str | None
    network: str
    agent: str
    first: dt.datetime
    requests: int
    refused: int = 0
    prefetcher: bool = False
    name: str = ""

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
        return times + refused + (", a link preview" if self.prefetcher else "")


@dataclass(frozen=True, slots=True)
class Leak:
    """One URL that several sources used; ``users`` in the order of their first use.

    ``kind`` is ``leak``, ``preview`` (only link previews after the first user) or ``refused`` (all
    later ones were refused: the lock held). ``signer`` is who signed the URL, as the log names it:
    ``gt.revoke(leak)`` stops it. ``viewer`` is the person for whom it was signed, if its tag names
    one. ``more`` is the number of addresses beyond those that were compared.
    """

    fingerprint: str
    key: str
    signed_at: dt.datetime | None
    expires_s: int | None
    kind: str
    users: Users
    bucket: str = ""
    signer: str = ""
    viewer: str = ""
    method: str = ""
    more: int = 0

    @property
    def others(self) -> Users:
        """The users after the first, from other networks than the first."""
        return tuple(user for user in self.users[1:] if user.network != self.users[0].network)

    @property
    def sentence(self) -> str:
        """The leak in a sentence."""
        signed_at, more = (
            self._subject,
            f" {self.more:,} more addresses were not compared." if self.more else "",
        )
        if not self.others:
            return f"{signed_at}, used from {self.users[0].label} ({self.users[0].words}).{more}"
        first = f"first used from {self.users[0].label}, then {_from(self.others)}"
        if together := self.together:
            named = some([user.label for user in together], 4, between=" and ")
            known = set(map(id, together))  # whoever holds a URL can open it from very many places
            rest = [user for user in self.others if id(user) not in known]
            then = f", then {_from(rest)}" if rest else ""
            first = f"first used in the same second from {named}, so who was first is unknown{then}"
        soon = max(user.first for user in self.users) - self.users[0].first
        within = f", within {duration(round(soon.total_seconds()))}" if self.viewer and soon else ""
        return f"{signed_at}, {first}{within}.{more}"

    @property
    def _subject(self) -> str:
        listing = f"the list of objects of {_plain(self.bucket)}" if self.method == "LIST" else ""
        key = _plain(self.key) or listing or f"the bucket {_plain(self.bucket)}"
        at = f"igned {self.signed_at:%d %b %H:%M} UTC" if self.signed_at else ""
        if self.viewer:
            return f"{_plain(self.viewer)}'s URL for {key}" + (f", s{at}" if at else "")
        return f"S{at} for {key}" if at else f"A URL for {key}"

    @property
    def together(self) -> Users:
        """The users of the first second, if others than the first are among them:
        their order is unknown.
        """
        first = self.users[0]
        same = tuple(user for user in self.others if user.first == first.first and not user.held)
        return (first, *same) if same else ()

    def to_dict(self) -> Json:
        """JSON-able form; holds no secret."""
        users = [
            {
                "source": u.label,
                "network": u.network,
                "first": u.first.isoformat() + "Z",
                "uses": u.requests,
                **members(u, "refused", "prefetcher"),
                "user_agent": u.agent,
                "name": u.name,
            }
            for u in self.users
        ]
        signed_at = self.signed_at.isoformat() + "Z" if self.signed_at else None
        return {
            **members(self, "fingerprint", "kind", "bucket", "key", "signer", "viewer"),
            "signed_at": signed_at,
            "expires_s": self.expires_s,
            "users": users,
            **members(self, "more", "sentence"),
            "same_second": [user.label for user in self.together],
            "note": TWINS,
        }


@dataclass(repr=False)
class Leaks:
    """Result: a sequence of :class:`Leak`, the worst first.

    ``checked`` is how many URLs were looked at, ``tests`` the number of requests with one's own
    test URLs, which were not, ``unread`` says what of the logs was not read, or can be read in
    another way that changes the result, and ``left_out`` is how many URLs of several addresses were
    not compared. ``places`` is what two users differ in: ``networks`` or ``addresses``.
    """

    found: list[Leak]
    checked: int
    notes: list[str]
    tests: int = 0
    unread: Sequence[str] = ()
    _: KW_ONLY
    left_out: int = 0
    places: str = "networks"

    def __len__(self) -> int:
        return len(self.found)

    def __bool__(self) -> bool:
        if not self.found and (self.unread or self.left_out or not self.checked):
            raise TypeError(without_truth(self, f".found: {self.summary}"))
        return bool(self.found)

    def __repr__(self) -> str:
        return f"<Leaks: {self.summary}>"

    def _repr_html_(self) -> str:
        rows = self.to_table().markup() if self.found else []
        return markup.output(markup.hint(self.summary), *rows)

    def __iter__(self) -> Iterator[Leak]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> Leak: ...
    @overload
    def __getitem__(self, index: slice) -> Leaks: ...
    def __getitem__(self, index: int | slice) -> Leak | Leaks:
        return (
            replace(self, found=self.found[index])
            if isinstance(index, slice)
            else self.found[index]
        )

    @property
    def not_compared(self) -> str:
        """A sentence on the URLs of :attr:`left_out`, which may have leaked unseen."""
        were, their = ("URL was", "its") if self.left_out == 1 else ("URLs were", "their")
        return f"{self.left_out:,} {were} not compared by all of {their} addresses."

    @property
    def leaked(self) -> int:
        """Number of URLs that were opened from another place, not only tried or previewed."""
        return sum(leak.kind == "leak" for leak in self.found)

    @property
    def summary(self) -> str:
        """One sentence, which never says that nothing can have leaked."""
        if self.unread and not self.found:
            return f"Unknown whether a URL leaked. {' '.join(self.unread)}"
        if not self.checked and self.tests:
            return (
                f"{count(self.tests, 'presigned request')}, all with your own test URLs: nothing to"
                " check for leaks."
            )
        if not self.checked:
            return "The logs contain no presigned URLs."
        if not self.found and self.left_out:
            return f"Unknown whether a URL leaked: of {self.checked:,}, {self.not_compared}"
        if not self.found:
            none = f"None of {self.checked:,} presigned URLs was used from two {self.places}"
            return f"{none}, as far as the logs that were read show."
        kinds = {
            kind: sum(leak.kind == kind for leak in self.found)
            for kind in ("leak", "refused", "preview")
        }
        parts = [f"{kinds['leak']:,} used from other {self.places}"] if kinds["leak"] else []
        if kinds["refused"]:
            parts.append(f"{kinds['refused']:,} tried from other {self.places} and refused")
        parts += [f"{kinds['preview']:,} looked at by link previews"] if kinds["preview"] else []
        return " ".join((f"Of {self.checked:,} presigned URLs: {', '.join(parts)}.", *self.unread))

    def to_table(self) -> Table:
        """One row a later user."""
        rows = [
            (
                leak.kind,
                leak.key,
                leak.signed_at,
                leak.users[0].label,
                user.label,
                user.first,
                user.requests,
                user.refused,
                leak.fingerprint,
                leak.viewer,
            )
            for leak in self.found
            for user in leak.others
        ]
        return Table(
            (
                "kind",
                "key",
                "signed_at",
                "first_user",
                "later_user",
                "later_first",
                "uses",
                "refused",
                "fingerprint",
                "viewer",
            ),
            rows,
        )

    def to_dicts(self) -> list[Json]:
        """Return the rows of :meth:`to_table` as dictionaries."""
        return self.to_table().to_dicts()

    def to_pandas(self) -> Any:
        """Return the rows of :meth:`to_table` as a pandas DataFrame."""
        return self.to_table().to_pandas()

    def to_dict(self) -> Json:
        """JSON-able form."""
        return {
            "summary": self.summary,
            **members(self, "checked", "tests", "unread"),
            "leaks": [leak.to_dict() for leak in self.found],
            "notes": self.notes,
        }


def _from(users: Sequence[User]) -> str:
    return some([f"from {user.label} ({user.words})" for user in users], 4, between="; ")


_MOST = 2_000
"""URLs that are compared."""
_SOURCES = 40_000
"""Sources that are compared, of all URLs.
Whoever has a URL can open it from any number of addresses.
"""

_USED = (
    "FROM {hits} WHERE presigned AND NOT test AND fingerprint IS NOT NULL AND remote_ip IS NOT NULL"
)
_ABOUT = (
    "any_value(key), max(signed_at), max(expires_s), max(bucket), max(requester),"
    f" min(nullif(viewer, '')), any_value({METHOD})"
)
_PREVIEW = (
    f"coalesce(regexp_matches(lower(user_agent), '{'|'.join(map(re.escape, PREFETCHERS))}'), false)"
)


class Queryable(Protocol):
    """Rows that answer SQL, such as :class:`~gt_secure.logs.Hits`."""

    def query(self, sql: str) -> SqlRows:
        """Return the rows of a query over the view ``hits``."""
        ...


def find_leaks(hits: Queryable, rules: LeakRules | None = None) -> Leaks:
    """Find URLs that were used from more than one network, or address; test requests are not looked
    at.

    At most 2,000 URLs (those with the most addresses) and 40,000 addresses are compared, of each
    URL the first address, and those that were not refused before the others. What is left out is
    said in ``notes``.
    """
    rules = rules or LeakRules()
    # Grouped in steps: the aggregates that do it in one keep all of it in memory.
    each = f"SELECT fingerprint, remote_ip, endpoint {_USED} GROUP BY ALL"
    # Totals by a window would need as long as all the rest: a window keeps and sorts every row.
    urls = hits.query(
        f"WITH urls AS MATERIALIZED (SELECT fingerprint, count(*) AS n FROM ({each}) GROUP BY 1)"
        " SELECT fingerprint, n, (SELECT count(*) FROM urls), (SELECT count(*) FROM urls WHERE n >"
        f" 1) FROM urls ORDER BY n DESC, 1 LIMIT {_MOST}"
    )
    checked, candidates = urls[0][2:] if urls else (0, 0)
    shared = {fingerprint: n for fingerprint, n, *_ in urls if n > 1}
    compared = _compare(hits, shared, rules)
    cut = sum(more > 0 for _, more in compared.values())
    leaks = [leak for leak, _ in compared.values() if leak is not None]
    order = {"leak": 0, "refused": 1, "preview": 2}
    leaks.sort(
        key=lambda leak: (
            order[leak.kind],
            -len(leak.others) - leak.more,
            leak.users[0].first,
            leak.fingerprint,
        )
    )
    notes, left_out = [TWINS], max(0, candidates - _MOST)
    if left_out:
        notes.append(
            f"{left_out:,} more URLs were used from several addresses; look at a shorter time."
        )
    if cut:
        of = count(
            cut,
            "URL was used from more addresses than are",
            "URLs were used from more addresses than are",
        )
        notes.append(f"{of} compared; look at a shorter time.")
        left_out += sum(
            more > 0 and (leak is None or leak.kind != "leak") for leak, more in compared.values()
        )
    tests = (
        0 if checked else hits.query("SELECT count(*) FROM {hits} WHERE presigned AND test")[0][0]
    )
    places = "addresses" if rules.per_address else "networks"
    return Leaks(leaks, checked, notes, tests, left_out=left_out, places=places)


def _compare(
    hits: Queryable, urls: dict[str, int], rules: LeakRules, known: str = ""
) -> dict[str, tuple[Leak | None, int]]:
    """Return the leak of each URL, if it is one, and how many of its sources were not compared.

    ``known`` is the kind of URLs that leaked although their uses do not show it.
    """
    if not urls:
        return {}
    chosen = f"{_USED} AND fingerprint IN ({', '.join(map(literal, urls))})"
    about = {
        row[0]: row[1:] for row in hits.query(f"SELECT fingerprint, {_ABOUT} {chosen} GROUP BY 1")
    }
    identify = _Identities(rules)
    compared: dict[str, tuple[Leak | None, int]] = {}
    for fingerprint, rows in grouped(
        (row[0], row) for row in _sources_of(hits, chosen, urls)
    ).items():
        users = _paired(tuple(_user(row, identify) for row in rows), rules)
        kind, more = _kind(users) or known, urls[fingerprint] - len(users)
        key, signed_at, expires_s, bucket, signer, viewer, method = about[fingerprint]
        leak = Leak(
            fingerprint,
            key or "",
            signed_at,
            expires_s,
            kind,
            users,
            bucket=bucket or "",
            signer=signer or "",
            viewer=viewer or "",
            method=method,
            more=more,
        )
        compared[fingerprint] = leak if kind else None, more
    return compared


def _sources_of(hits: Queryable, chosen: str, urls: dict[str, int]) -> SqlRows:
    """Return a row for each URL and source that is compared,
    the sources of a URL in the order of their first use.
    """
    source = "fingerprint, remote_ip, endpoint"
    held = "bool_and(refused)"
    # The log tells whole seconds: of two in one second, who was only refused is not taken for the
    # first user.
    in_turn = f"min(time), {held}, remote_ip, endpoint"
    most = max(2, _SOURCES // len(urls))
    if max(urls.values()) > most:
        place = "row_number() OVER (PARTITION BY fingerprint ORDER BY {})"
        kept = (
            f"SELECT {source} {chosen} GROUP BY {source} QUALIFY"
            f" {place.format(f'{held}, {in_turn}')} <= {most} OR {place.format(in_turn)} = 1"
        )
        same = "fingerprint, remote_ip, coalesce(endpoint, '')"
        chosen += f" AND ({same}) IN (SELECT ({same}) FROM ({kept}))"
    return hits.query(
        f"SELECT {source}, min(user_agent), bool_and({_PREVIEW}), count(*), count(*) FILTER"
        f" (refused), min(time) {chosen} GROUP BY {source} ORDER BY fingerprint, {in_turn}"
    )


class _Identities:
    """Identities of addresses, each looked up once."""

    def __init__(self, rules: LeakRules) -> None:
        self.rules = rules
        self._known: dict[tuple[str, str | None], tuple[str, About]] = {}

    def of(self, address: str, endpoint: str | None) -> tuple[str, About]:
        """Return the identity in comparisons, and what files of networks know."""
        known = self._known.get((address, endpoint))
        if known is None:
            networks = self.rules.networks
            about = networks.about(address) if networks is not None else About()
            known = self._known[address, endpoint] = (
                network_name(address, endpoint, self.rules),
                about,
            )
        return known


def url_uses(hits: Queryable, fingerprint: str) -> Leak | None:
    """Return the uses of one URL, leaked or not, for a person who knows that it leaked;
    None if the log has none.
    """
    chosen = f"{_USED} AND fingerprint = {literal(fingerprint)}"
    [(number,)] = hits.query(f"SELECT count(*) FROM (SELECT DISTINCT remote_ip, endpoint {chosen})")
    if not number:
        return None
    return _compare(hits, {fingerprint: number}, LeakRules(), known="leak")[fingerprint][0]


def _kind(users: Sequence[User]) -> str:
    """Return which kind of leak the uses of a URL are; empty if they are none."""
    others = [user for user in users[1:] if user.network != users[0].network]
    people = [user for user in others if not user.prefetcher]
    if not people:
        return "preview" if others else ""
    return "refused" if all(user.held for user in people) else "leak"


def _user(row: tuple[Any, ...], identify: _Identities) -> User:
    _, address, endpoint, agent, preview, requests, refused, first = row
    network, about = identify.of(address, endpoint)
    return User(
        address, endpoint, network, agent or "", first, requests, refused, preview, about.name
    )


def network_name(text: str, endpoint: str | None, rules: LeakRules) -> str:
    """Return the identity of a user in comparisons: endpoint, pool, network,
    or the address itself.
    """
    if endpoint and not rules.per_address:
        return endpoint
    name = _address_name(text, rules)
    return f"{name} via {endpoint}" if endpoint else name


def _address_name(text: str, rules: LeakRules) -> str:
    address = read_address(text)
    if address is None:
        return text
    about = rules.networks.about(text) if rules.networks is not None else About()
    if about.user and not rules.per_address:
        return about.user
    for number, pool in enumerate(rules.pools):
        if pool.version == address.version and address in pool:
            return f"pool {number + 1}" if len(rules.pools) == 1 else "pools"
    if rules.per_address:
        return str(address)
    prefix = rules.v4_prefix if address.version == 4 else rules.v6_prefix
    rest = address.max_prefixlen - prefix
    return (
        f"{type(address)(int(address) >> rest << rest)}/{prefix}"  # costs a fifth of an ip_network
    )


def _paired(users: Users, rules: LeakRules) -> Users:
    """Let an address of the other family with the first user's agent and time share the first
    user's network.

    Where each address counts, one whose endpoint the log does not name shares that of the same
    address.
    """
    if rules.per_address:
        named = {
            _address_name(user.address, rules): user.network for user in users if user.endpoint
        }
        return tuple(
            user if user.endpoint else replace(user, network=named.get(user.network, user.network))
            for user in users
        )
    first = users[0]
    if not rules.pair_seconds or not first.agent:
        return users
    return (first, *(_as_pair(user, first, rules) for user in users[1:]))


def _as_pair(user: User, first: User, rules: LeakRules) -> User:
    near = abs((user.first - first.first).total_seconds()) <= rules.pair_seconds
    if (
        not near
        or user.agent != first.agent
        or user.prefetcher
        or ":" not in user.address + first.address
    ):
        return user
    one, other = read_address(user.address), read_address(first.address)
    other_family = one is not None and other is not None and one.version != other.version
    return replace(user, network=first.network) if other_family else user
