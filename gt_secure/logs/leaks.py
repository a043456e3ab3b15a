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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol, overload

from ..base import html as markup
from ..base.columns import Tabular
from ..base.groups import grouped
from ..base.shown import Shown
from ..base.text import Json, capital, count, duration, members, printable, some
from ..base.truth import without_truth
from ..base.viewers import CLAIMED
from .leak_rules import LeakRules as LeakRules, network_name
from .named_networks import NamedNetwork
from .sql.application_names import PREFETCHES
from .sql.derived_columns import ODD_URI, SIGNED_COLUMNS
from .sql.literals import literal
from .sql.log_columns import METHOD
from .table import SqlRows, Table
from .url_users import (
    User,
    Users,
    claim_of,
    doubt_of,
    kind_of,
    paired,
    same_agent,
    with_previews,
)

TWINS = "URLs signed in the same second for the same object cannot be told apart."
KINDS = ("leak", "person", "refused", "preview")
"""Kinds of leaks, the most severe first."""


@dataclass(frozen=True, slots=True, repr=False)
class Leak(Shown):
    """One URL that several sources used; ``users`` in the order of their first use.

    ``kind`` is ``leak`` (two networks other than link previews opened it), ``refused`` (at most one
    opened it, and another only tried: the lock held), ``preview`` (beside one user, only link
    previews looked at it) or ``person`` (not one URL, but a person's: opened in two networks within
    minutes). ``doubt`` says why a leak may be the work of one user; such a leak is ranked lower.
    ``signer`` is who signed the URL, as the log names it: ``gt.revoke(leak)`` stops it. ``viewer``
    is the person for whom it was signed, if its tag names one. ``more`` is the number of addresses
    beyond those that were compared.
    """

    document = (
        "fingerprint",
        "kind",
        "rank",
        "doubt",
        "bucket",
        "key",
        "signer",
        "viewer",
        "signed_at",
        "expires_s",
        "users",
        "more",
        "sentence",
        "same_second",
        "note",
    )

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
    doubt: str = ""

    note = TWINS

    @property
    def rank(self) -> str:
        """``likely`` or, if there is a doubt, ``possible``; empty for other kinds."""
        return "" if self.kind != "leak" else "possible" if self.doubt else "likely"

    @property
    def others(self) -> Users:
        """The users after the first, from other networks than the first."""
        return tuple(user for user in self.users[1:] if user.network != self.users[0].network)

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        """The leak in a sentence."""
        start = self.users[0]
        more = f" {self.more:,} more addresses were not compared." if self.more else ""
        more += f" {self.doubt}" if self.doubt else ""
        if not self.others:
            return f"{self._subject}, {start.did} from {start.label} ({start.words}).{more}"
        then = f"then {_from(self.others)}"
        if start.did != "used":
            did = "tried" if all(user.held for user in self.others) else "used"
            then = f"then {did} {_from(self.others)}"
        words = "" if start.did == "used" else f" ({start.words})"
        first = f"first {start.did} from {start.label}{words}, {then}"
        if together := self.together:
            named = some([user.label for user in together], 4, between=" and ")
            known = set(map(id, together))  # whoever holds a URL can open it from very many places
            rest = [user for user in self.others if id(user) not in known]
            then = f", then {_from(rest)}" if rest else ""
            first = f"first used in the same second from {named}, so who was first is unknown{then}"
        soon = max(user.first for user in self.users) - start.first
        is_told = self.viewer and soon and self.kind != "person"
        within = f", within {duration(round(soon.total_seconds()))}" if is_told else ""
        return f"{self._subject}, {first}{within}.{more}"

    @property
    def _subject(self) -> str:
        listing = (
            f"the list of objects of {printable(self.bucket)}" if self.method == "LIST" else ""
        )
        key = printable(self.key) or listing or f"the bucket {printable(self.bucket)}"
        signed = f"signed {self.signed_at:%d %b %H:%M} UTC" if self.signed_at else ""
        if self.kind == "person":
            return f"{printable(self.viewer)}'s URLs"
        if self.viewer:
            return ", ".join(filter(None, (f"{printable(self.viewer)}'s URL for {key}", signed)))
        return capital(f"{signed or 'a URL'} for {key}")

    @property
    def together(self) -> Users:
        """The users of the first second, if others than the first are among them:
        their order is unknown.
        """
        first = self.users[0]
        same = tuple(user for user in self.others if user.first == first.first and not user.held)
        return (first, *same) if same else ()

    @property
    def same_second(self) -> list[str]:
        """The names of these users."""
        return [user.label for user in self.together]


@dataclass(repr=False)
class Leaks(Tabular):
    """Result: a sequence of :class:`Leak`, the most likely leak first.

    ``checked`` is how many URLs were looked at, ``tests`` the number of requests with one's own
    test URLs, which were not, ``unread`` says what of the logs was not read, or can be read in
    another way that changes the result, and ``left_out`` is how many URLs of several addresses were
    not compared. ``places`` is what two users differ in: ``networks`` or ``addresses``.
    """

    columns = (
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
        "rank",
        "doubt",
    )

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
        if not self.found and not (self.is_known and self.checked):
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
    def is_known(self) -> bool:
        """False where a URL may have leaked of which the logs that were read show nothing."""
        return bool(self.found) or not (self.unread or self.left_out)

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
        kinds = Counter(leak.kind for leak in self.found)
        unsure = sum(leak.rank == "possible" for leak in self.found)
        persons = (
            count(kinds["person"], "person opened", "persons opened") if kinds["person"] else ""
        )
        more = [f"{persons} URLs in two networks within minutes."] if persons else []
        if len(self.found) == kinds["person"]:
            none = f"None of {self.checked:,} presigned URLs was used from two {self.places}"
            return " ".join(
                (f"{none}, as far as the logs that were read show.", *more, *self.unread)
            )
        maybe = f" ({unsure:,} possibly by one user)" if unsure else ""
        words = {
            "leak": f"used from other {self.places}{maybe}",
            "refused": f"tried from other {self.places} and refused",
            "preview": "looked at by programs that say they are link previews",
        }
        parts = [f"{kinds[kind]:,} {text}" for kind, text in words.items() if kinds[kind]]
        start = f"Of {self.checked:,} presigned URLs: {', '.join(parts)}."
        return " ".join((start, *more, *self.unread))

    def to_table(self) -> Table:
        """One row a later user; where nothing is known, one that says why."""
        rows: SqlRows = [
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
                leak.rank,
                leak.doubt,
            )
            for leak in self.found
            for user in leak.others
        ]
        if not self.is_known:
            rows = [("unknown", *[None] * 10, self.summary)]
        return Table(self.columns, rows)

    def _cells(self) -> SqlRows:
        return self.to_table().rows

    def to_dict(self) -> Json:
        """JSON-able form."""
        none = None if self.unread else 0
        return {
            "summary": self.summary,
            "checked": self.checked or none,
            "tests": self.tests or none,
            **members(self, "unread"),
            "leaks": [leak.to_dict() for leak in self.found] if self.is_known else None,
            "notes": self.notes,
        }


def _from(users: Sequence[User]) -> str:
    return some([f"from {user.label} ({user.words})" for user in users], 4, between="; ")


COLUMNS = (*SIGNED_COLUMNS, "user_agent", "fingerprint", ODD_URI)
"""Stored columns of which leaks are made."""
_MOST = 2_000
"""URLs that are compared, and persons and changed URLs."""
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
_PREVIEW = f"coalesce(regexp_matches(lower(user_agent), '{PREFETCHES}'), false)"
_SIGNED = ("access_key", "bucket", "key", "signed_at")
"""Columns in which a URL and its changed forms agree: the log hides the signature."""
_CHANGED = (
    "refused AND access_key IS NOT NULL AND signed_at IS NOT NULL AND (error_code ="
    f" 'SignatureDoesNotMatch' OR {METHOD} = 'HEAD')"
)
"""Condition: the signature may have been made for another form of the URL."""
_PERSON = (
    f"coalesce(CASE WHEN viewer NOT LIKE '%{CLAIMED}' THEN viewer END,"
    " nullif(regexp_extract(requester, ':assumed-role/[^/]+/([^/]*@[^/]*)$', 1), ''))"
)
"""Expression: who a URL was signed for or by, where a signed tag or a session names a person."""
_USES = (
    f"min(user_agent), min(user_agent) = max(user_agent), bool_and({_PREVIEW}), count(*), count(*)"
    " FILTER (refused), min(time), max(time)"
)
"""Expressions: what the requests of one source have in common."""
_SOON_S = 600
"""Seconds in which one person is hardly in two places."""


class Queryable(Protocol):
    """Rows that answer SQL, such as :class:`~gt_secure.logs.Hits`."""

    def query(self, sql: str) -> SqlRows:
        """Return the rows of a query over the view ``hits``."""
        ...


def find_leaks(hits: Queryable, rules: LeakRules | None = None) -> Leaks:
    """Find URLs that were used from more than one network, or address, and persons whose URLs were
    opened in two networks within minutes; test requests are not looked at.

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
    changed = {} if rules.per_address else _changed(hits)
    shared |= {each: 1 for pair in changed.items() for each in pair if each not in shared}
    compared = _compare(hits, shared, rules, changed=changed)
    cut = sum(more > 0 for _, more in compared.values())
    leaks = [leak for leak, _ in compared.values() if leak is not None]
    if not rules.per_address:
        known = {leak.viewer for leak in leaks if leak.kind == "leak"}
        leaks += [leak for leak in _persons(hits, rules) if leak.viewer not in known]
    leaks.sort(key=_likelihood)
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


def _likelihood(leak: Leak) -> tuple[Any, ...]:
    """Return the key of the order in which leaks are shown: the most likely one first."""
    return (
        KINDS.index(leak.kind),
        bool(leak.doubt),
        -len(leak.others) - leak.more,
        leak.users[0].first,
        leak.fingerprint,
    )


def _changed(hits: Queryable) -> dict[str, str]:
    """Return the URLs that somebody made of others, which S3 refused, each with the URL that it was
    made of.
    """
    same = " AND ".join(f"o.{name} IS NOT DISTINCT FROM t.{name}" for name in _SIGNED)
    picks = f"SELECT {', '.join(_SIGNED)}, fingerprint {_USED}"
    return dict(
        hits.query(
            f"SELECT t.fingerprint, min(o.fingerprint) FROM (SELECT DISTINCT * FROM ({picks} AND"
            f" {_CHANGED})) t JOIN ({picks} AND NOT refused) o ON {same} AND o.fingerprint <>"
            f" t.fingerprint GROUP BY 1 ORDER BY 1 LIMIT {_MOST}"
        )
    )


def _compare(
    hits: Queryable,
    urls: dict[str, int],
    rules: LeakRules,
    known: str = "",
    changed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, tuple[Leak | None, int]]:
    """Return the leak of each URL, if it is one, and how many of its sources were not compared.

    ``known`` is the kind of URLs that leaked although their uses do not show it. The uses of
    ``changed`` URLs are uses of those that they were made of.
    """
    if not urls:
        return {}
    chosen = f"{_USED} AND fingerprint IN ({', '.join(map(literal, urls))})"
    about = {
        row[0]: row[1:] for row in hits.query(f"SELECT fingerprint, {_ABOUT} {chosen} GROUP BY 1")
    }
    identify = _Identities(rules)
    result = grouped((row[0], _user(row, identify)) for row in _sources_of(hits, chosen, urls))
    more = {
        fingerprint: max(0, urls[fingerprint] - len(users)) for fingerprint, users in result.items()
    }
    for fingerprint, of in changed.items():
        if all(user.held for user in result[fingerprint]):
            built = [replace(user, altered=user.requests) for user in result.pop(fingerprint)]
            result[of] = sorted([*result[of], *built], key=lambda user: (user.first, user.held))
            more[of] += more.pop(fingerprint)
    compared: dict[str, tuple[Leak | None, int]] = {}
    for fingerprint, each in result.items():
        users = with_previews(paired(tuple(each), rules))
        kind = kind_of(users) or known
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
            more=more[fingerprint],
            doubt=doubt_of(users) if kind == "leak" and not rules.per_address else "",
        )
        compared[fingerprint] = leak if kind else None, more[fingerprint]
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
        f"SELECT {source}, {_USES} {chosen} GROUP BY {source} ORDER BY fingerprint, {in_turn}"
    )


def _persons(hits: Queryable, rules: LeakRules) -> Iterator[Leak]:
    """Yield the persons whose URLs were opened in two networks within minutes, each URL in one."""
    opened = f"{_USED} AND NOT refused AND NOT {_PREVIEW} AND {_PERSON} IS NOT NULL"
    names = ("remote_ip", "endpoint", "user_agent", "time", "fingerprint")
    before = ", ".join(f"lag({name}) OVER turn AS {name}_before" for name in names)
    moves = hits.query(
        "SELECT person, remote_ip_before, endpoint_before, remote_ip, endpoint, min(epoch(time) -"
        " epoch(time_before)), bool_and(user_agent = user_agent_before) FROM (SELECT"
        f" {_PERSON} AS person, {', '.join(names)}, {before} {opened} WINDOW turn AS (PARTITION BY"
        f" {_PERSON} ORDER BY time, remote_ip)) WHERE remote_ip <> remote_ip_before AND fingerprint"
        f" <> fingerprint_before AND epoch(time) - epoch(time_before) <= {_SOON_S} GROUP BY ALL"
        f" ORDER BY 6, 1, 2, 4 LIMIT {_SOURCES}"
    )
    identify = _Identities(rules)
    near: dict[str, tuple[Any, ...]] = {}
    for person, *places, gap, same in moves:
        one, other = (identify.of(*places[at : at + 2])[0] for at in (0, 2))
        if one != other and not (same and (":" in one) != (":" in other)):
            near.setdefault(person, (places[0], places[2], gap, same))
    if not near:
        return
    rows = hits.query(
        f"SELECT {_PERSON}, remote_ip, endpoint, {_USES}, max(bucket), max(requester) {opened} AND"
        f" {_PERSON} IN ({', '.join(map(literal, near))}) GROUP BY 1, 2, 3 ORDER BY 1, min(time), 2"
    )
    for person, each in grouped((row[0], row) for row in rows).items():
        one, other, gap, same = near[person]
        doubt = f"{one} and {other} opened two URLs within {duration(round(gap))}: an account that"
        doubt = same_agent(gap) if same else f"{doubt} several use, or one person who moved."
        users = tuple(_user(row[:-2], identify) for row in each)
        bucket, signer = each[0][-2:]
        yield Leak("", "", None, None, "person", users, bucket, signer, person, doubt=doubt)


class _Identities:
    """Identities of addresses, each looked up once."""

    def __init__(self, rules: LeakRules) -> None:
        self.rules = rules
        self._known: dict[tuple[str, str | None], tuple[str, NamedNetwork]] = {}

    def of(self, address: str, endpoint: str | None) -> tuple[str, NamedNetwork]:
        """Return the identity in comparisons, and what files of networks know."""
        known = self._known.get((address, endpoint))
        if known is None:
            networks = self.rules.networks
            about = networks.about(address) if networks is not None else NamedNetwork()
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


def _user(row: tuple[Any, ...], identify: _Identities) -> User:
    _, address, endpoint, agent, one_agent, preview, requests, refused, first, last = row
    network, about = identify.of(address, endpoint)
    return User(
        address,
        endpoint,
        network,
        agent or "",
        first,
        requests,
        refused,
        name=about.name,
        last=last,
        claim=claim_of(agent) if preview and one_agent else "",
        one_agent=bool(one_agent),
    )
