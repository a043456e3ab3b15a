"""The exact sets of sources from which one kind of request is opened, refused, or unknown, and the
answer for one.

Every dimension of a request is cut at the values that the policies name, one representative of each
class is decided, and so the answer holds for all requests of the kind. *Opened* means that some
request of the kind from there is opened, *refused* that none is, and *unknown* that it depends on a
fact, which is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, reduce
from itertools import product
from operator import and_
from typing import TypeAlias

from ...base.groups import grouped
from ...base.network import Source
from ...base.text import Json, Texts, members, some
from ..iam.evaluate import evaluate
from ..iam.facts import Facts
from ..iam.operators import OPEN_DATE, OPEN_PATTERN
from ..iam.request import Compiled, Policies, Request
from ..iam.request_context import SIGV4
from ..iam.request_keys import TOKEN_TIME, is_chosen, key_facts
from ..iam.request_space import WORDS, Dimension, RequestSpace, SettingTrail, Word
from ..iam.statement_table import DimensionValue, StatementTable, View
from ..iam.three_valued import spellings
from ..iam.variables import Keys, Several
from ..iam.verdict import Verdict
from ..iam.wildcards import TooManyClassesError
from .access_words import addresses
from .address_classes import (
    EVERY_ADDRESS,
    Span,
    Spans,
    count,
    is_anyone,
    minimal_cidrs,
    minus,
    within,
)
from .answer import Answer, answer_of
from .conditions_of_opening import oldest_ms, phrases
from .key_patterns import KeyPattern
from .request_kinds import Circumstances, Kind, all_values, base_view, dimensions, signing
from .sources import (
    ANY_OTHER,
    EndpointClass,
    address_sources,
    endpoint_classes,
    endpoint_dimensions,
    named_endpoint,
)

_UNCONFIRMED = "aws:SourceIp"
_PHRASES = ("the conditions of both policies",)
_NO_HEADERS = frozenset({TOKEN_TIME, "aws:useragent", "s3:x-amz-content-sha256"})
"""Chosen keys that a browser sends in any case, or that the signature settles."""
_PLAIN = {
    "aws:securetransport": ("true",),
    "s3:tlsversion": ("1.3",),
    "s3:signatureage": ("1000",),
    "s3:signatureversion": (SIGV4,),
}


_cidrs = lru_cache(maxsize=256)(lambda spans: tuple(minimal_cidrs(spans)))


@dataclass(frozen=True)
class SourceSet:
    """Sources with one answer.

    Attributes
    ----------
    cidrs : tuple of str
        The fewest CIDR ranges that hold exactly these addresses, for requests that come outside an
        endpoint.
    endpoints : tuple of str
        Endpoint ids, VPC ids for the endpoints in a VPC, or patterns of the policies.
    other_endpoints : bool
        Whether all endpoints that no other set names belong to it.
    when : tuple of str
        For opened ones, the choices that open it, if not all do.
    depends_on : tuple of str
        For unknown ones, the condition keys.
    decided_by : tuple of str
        The policies and statements that decide.
    oldest_ms : int or None
        For opened ones, the age of a signature at which they end; None if no policy limits it.
    through : tuple of str
        For opened ones, the access points that at least some of them need.
    keys : tuple of KeyPattern
        The keys of a prefix that the answer is about; empty for all of them.
    signed : tuple of SourceSet
        For opened ones, the sources from which only certain signers open it; ``when`` names them.
    unless : tuple of str
        What may change the answer, and no call settles.
    """

    spans: Spans = field(default=(), repr=False)
    endpoints: Texts = ()
    other_endpoints: bool = False
    when: Texts = ()
    depends_on: Texts = ()
    decided_by: Texts = ()
    oldest_ms: int | None = field(default=None, repr=False, compare=False)
    through: Texts = ()
    keys: tuple[KeyPattern, ...] = ()
    signed: tuple[SourceSet, ...] = field(default=(), repr=False, compare=False)
    unless: Texts = field(default=(), repr=False, compare=False)

    @property
    def cidrs(self) -> Texts:
        """The addresses as CIDR ranges."""
        return _cidrs(self.spans)

    @property
    def is_empty(self) -> bool:
        """Return whether no source is in it."""
        return not (self.spans or self.has_endpoints)

    @property
    def is_anyone(self) -> bool:
        """Return whether it holds half of the internet or more,
        or every endpoint that nobody names.
        """
        return self.other_endpoints or is_anyone(self.spans)

    @property
    def has_endpoints(self) -> bool:
        """Return whether an endpoint is in it."""
        return bool(self.endpoints or self.other_endpoints)

    @property
    def where(self) -> tuple[object, ...]:
        """The sources alone, to compare."""
        return self.cidrs, self.endpoints, self.other_endpoints

    @property
    def from_where(self) -> str:
        """The sources in words."""
        endpoints = ["any endpoint"] if self.other_endpoints else self.endpoints
        return f"from {some([*self.cidrs, *endpoints])}"

    def holds(self, source: Source, labels: frozenset[str]) -> bool:
        """Return whether a source is in it; ``labels`` are all endpoints that the answer names."""
        if source.address is None:
            other = self.other_endpoints and source.endpoint not in labels
            return other or source.endpoint in self.endpoints
        number = int(source.address)
        return bool(within(self.spans, (Span(source.address.version, number, number),)))

    @property
    def free_spans(self) -> Spans:
        """The addresses from which it is opened whoever signs."""
        return minus(self.spans, [span for each in self.signed for span in each.spans])

    def signers_at(self, label: str) -> str:
        """Return who alone opens it at an endpoint, or at all others; empty for everybody."""
        for each in self.signed:
            is_other = each.other_endpoints and label not in self.endpoints
            if is_other or label in each.endpoints:
                return "; ".join(each.when)
        return ""

    def only(self, *, addresses: bool, endpoints: bool) -> SourceSet:
        """Return the set without its addresses or without its endpoints;
        what is empty has no reasons.
        """
        kept = replace(
            self,
            spans=self.spans if addresses else (),
            endpoints=self.endpoints if endpoints else (),
            other_endpoints=self.other_endpoints and endpoints,
        )
        return NOWHERE if kept.is_empty else kept

    def count(self, version: int) -> int:
        """Count the addresses of one family."""
        return count(self.spans, version)

    def places(self, *reasons: str) -> Json:
        """Return ranges and endpoints as JSON-able data, with some of the other attributes."""
        found = members(self, "cidrs", "endpoints", *reasons)
        return found | ({"endpoints": "any"} if self.other_endpoints else {})


def union(sets: Iterable[SourceSet]) -> SourceSet:
    """Return the sources of some sets as one, with all that decides about them."""
    every = [each for each in sets if not each.is_empty]
    ages = [each.oldest_ms for each in every]

    def texts(name: str) -> Texts:
        return tuple(sorted({text for each in every for text in getattr(each, name)}))

    return SourceSet(
        tuple(span for each in every for span in each.spans),
        texts("endpoints"),
        any(each.other_endpoints for each in every),
        texts("when"),
        texts("depends_on"),
        texts("decided_by"),
        None if None in ages else max((age or 0 for age in ages), default=None),
        texts("through"),
    )


def at_label(reasons: SourceSet, label: str) -> SourceSet:
    """Return an endpoint as a set that has the reasons of another one."""
    if label == ANY_OTHER:
        return replace(reasons, spans=(), endpoints=(), other_endpoints=True)
    return replace(reasons, spans=(), endpoints=(label,), other_endpoints=False)


AnsweredSources: TypeAlias = tuple[Word, SourceSet]
"""An answer and sources that have it, before all that have it are put together."""

NOWHERE = SourceSet()
EVERYWHERE = SourceSet(EVERY_ADDRESS, other_endpoints=True)


@dataclass(frozen=True)
class Row:
    """One kind of request: from where it is opened, refused, and unknown."""

    request: str
    opened: SourceSet
    refused: SourceSet
    unknown: SourceSet

    @property
    def word(self) -> Word:
        """The answer from some source: opened if there is one, else unknown."""
        return (
            "opened"
            if not self.opened.is_empty
            else "refused"
            if self.unknown.is_empty
            else "unknown"
        )

    @property
    def is_open(self) -> bool:
        """Return whether it is opened from every source, whatever the sender chooses."""
        return self.refused.is_empty and self.unknown.is_empty and not self.opened.when

    def places(self, word: Word) -> SourceSet:
        """Return the sources with an answer."""
        found: SourceSet = getattr(self, word)
        return found

    @property
    def labels(self) -> frozenset[str]:
        """All endpoints, VPCs and patterns that the row names."""
        return frozenset(label for word in WORDS for label in self.places(word).endpoints)

    @property
    def others(self) -> Word:
        """The answer for all endpoints that the row does not name."""
        found = [word for word in WORDS if self.places(word).other_endpoints]
        return found[0] if len(found) == 1 else "unknown"

    def at_endpoint(self, label: str) -> Word:
        """Return the answer at an endpoint, which the row may not name."""
        for word in WORDS:
            if label in self.places(word).endpoints:
                return word
        is_plain = all(
            name.startswith("vpce-") and not set("*?") & set(name) for name in self.labels
        )
        return self.others if is_plain else "unknown"  # otherwise a VPC or a pattern may hold it

    def to_dict(self) -> Json:
        """Return JSON-able data."""
        return {
            "request": self.request,
            "opened": self.opened.places("when"),
            "refused": self.refused.places(),
            "unknown": self.unknown.places("depends_on"),
            "unless": {word: list(self.places(word).unless) for word in WORDS},
        }


@dataclass(frozen=True)
class Requests:
    """Requests of one kind under some policies: a space for each place that they come from.

    Attributes
    ----------
    targets : callable, optional
        What the requests of a proof can ask for, under the statements of a table; else the resource
        of the kind.
    """

    kind: Kind
    policies: Policies
    circumstances: Circumstances
    targets: Callable[[StatementTable], Dimension] | None = None

    @cached_property
    def compiled(self) -> Compiled:
        """The policies, compiled: of requests for one target what they say about it."""
        compiled = self.policies.compiled
        return compiled if self.targets else compiled.about(self.kind.action, self.kind.resource)

    def confirm(self, request: Request) -> Verdict:
        """Decide an example."""
        is_federated = request.caller.kind == "federated-user"
        return confirm(
            request, self.policies if is_federated else Policies.of_compiled(self.compiled)
        )

    @cached_property
    def outside(self) -> StatementTable:
        """The statements that have a say outside endpoints."""
        return StatementTable(
            self.compiled, self.view.caller, cross_account=self.is_cross, endpoint=False
        )

    @cached_property
    def behind(self) -> StatementTable:
        """The statements that have a say behind an endpoint."""
        return StatementTable(
            self.compiled, self.view.caller, cross_account=self.is_cross, endpoint=True
        )

    @property
    def is_cross(self) -> bool:
        """True if the signer is of another account."""
        return self.kind.signer == "other" or self.view.caller.account not in (
            "",
            self.circumstances.account,
        )

    @cached_property
    def view(self) -> View:
        """The settled part of all of them."""
        return base_view(self.kind, self.circumstances)

    @cached_property
    def view_behind(self) -> View:
        """The settled part of those behind an endpoint."""
        return self.view.with_setting(
            DimensionValue(self.circumstances.given.behind_endpoint(self.kind.signer))
        )

    @cached_property
    def anywhere(self) -> RequestSpace:
        """Those from all addresses outside endpoints."""
        return self.space(self.outside, self.view, elsewhere=frozenset({"aws:sourceip"}))

    def at(self, setting: DimensionValue) -> RequestSpace:
        """Return those from addresses of one class."""
        return self.space(self.outside, self.view.with_setting(setting))

    def through(self, place: EndpointClass) -> RequestSpace:
        """Return those through endpoints of one class."""
        view = self.view_behind.with_setting(place.setting)
        given = self.circumstances.given.about(self.kind.signer)
        more = endpoint_dimensions(self.behind, self.compiled, place, given, view.keys)
        return self.space(self.behind, view, more)

    def space(
        self,
        table: StatementTable,
        view: View,
        more: Iterable[Dimension] = (),
        elsewhere: frozenset[str] = frozenset(),
    ) -> RequestSpace:
        """Return those with a view, with more that varies."""
        target = [] if self.targets is None else [self.targets(table)]
        resources = dict.fromkeys(setting.resource for each in target for setting in each.settings)
        varying = dimensions(
            table,
            self.kind,
            self.circumstances,
            self.compiled,
            resources=resources,
            known=view.keys,
        )
        return RequestSpace(table, view, [*target, *varying, *more], elsewhere=elsewhere)


def values_of(requests: Requests) -> Keys:
    """Return each value that the keys of requests have by how they are signed and sent."""
    kind, circumstances, known = requests.kind, requests.circumstances, requests.view.keys
    compiled = requests.policies.compiled
    table = StatementTable(
        compiled, requests.view.caller, cross_account=requests.is_cross, endpoint=False
    )
    return all_values(known, signing(table, kind, circumstances, spellings(compiled), known=known))


def expose(requests: Requests, *, endpoint_policies: Callable[[str], Policies]) -> Row:
    """Return the exposure of one kind of request;
    ``endpoint_policies`` gives those of an endpoint by its id.
    """
    places = [*_address_places(requests)]
    try:
        places += _endpoint_places(requests, endpoint_policies)
    except TooManyClassesError as error:  # these say nothing of addresses
        places.append(("unknown", SourceSet(other_endpoints=True, depends_on=(str(error),))))
    return row_of(requests.kind.name, places)


def row_of(request: str, places: list[AnsweredSources]) -> Row:
    """Return the row of a kind of request from its sources."""
    known = [each for each in places if not each[1].is_empty]
    chosen = [[sources for word, sources in known if word == one] for one in WORDS]
    sets = (replace(union(some), when=_when(some), signed=tuple(_signed(some))) for some in chosen)
    return Row(request, *sets)


def unsure(
    row: Row, depends_on: Sequence[str], *, addresses: bool = True, endpoints: bool = True
) -> Row:
    """Return a row in which what is opened is unknown,
    since these could not read what may refuse it.
    """
    if not depends_on:
        return row
    moved, unknown = (
        each.only(addresses=addresses, endpoints=endpoints) for each in (row.opened, row.unknown)
    )
    if moved.is_empty and unknown.is_empty:
        return row
    every = union([moved, row.unknown])
    return replace(
        row,
        opened=row.opened.only(addresses=not addresses, endpoints=not endpoints),
        unknown=replace(
            row.unknown,
            spans=every.spans,
            endpoints=every.endpoints,
            other_endpoints=every.other_endpoints,
            depends_on=tuple(sorted({*row.unknown.depends_on, *depends_on})),
        ),
    )


def combined(first: Row, second: Row, *, both: bool) -> Row:
    """Return the row of requests that each of two policies must open,
    or that go one of two ways.
    """
    places = []
    for words in product(WORDS, WORDS):
        found, more = first.places(words[0]), second.places(words[1])
        if spans := within(found.spans, more.spans):
            word, reasons = _combined(words, (found, more), both)
            places.append((word, replace(reasons, spans=spans)))
    for label in (*sorted(first.labels | second.labels), ANY_OTHER):
        here = tuple(
            row.others if label == ANY_OTHER else row.at_endpoint(label) for row in (first, second)
        )
        sets = first.places(here[0]), second.places(here[1])
        word, reasons = _combined(here, sets, both)
        places.append((word, at_label(reasons, label)))
    return row_of(first.request, places)


def _combined(words: tuple[Word, ...], sets: tuple[SourceSet, ...], both: bool) -> AnsweredSources:
    """Return the answer for sources that two rows have, with its reasons;
    different choices of the sender need not go together.
    """
    word = (min if both else max)(words, key=("refused", "unknown", "opened").index)
    deciding = [each for each, own in zip(sets, words, strict=True) if own == word]
    if word != "opened":
        names = tuple(sorted({key for each in deciding for key in each.depends_on}))
        # a VPC may hold the endpoint
        names = names or (("aws:SourceVpc",) if word == "unknown" else ())
        return word, SourceSet(depends_on=names)
    used = deciding if both else [max(deciding, key=_freedom)]
    when = list(dict.fromkeys(each.when for each in used if each.when))
    if len(when) > 1:
        return "unknown", SourceSet(depends_on=_PHRASES)
    oldest = min((each.oldest_ms for each in used if each.oldest_ms is not None), default=None)
    through = tuple(name for each in used for name in each.through)
    return word, SourceSet(when=when[0] if when else (), oldest_ms=oldest, through=through)


def _freedom(found: SourceSet) -> tuple[float, int]:
    """Return how little a URL needs for one way: how old it may get,
    and how few choices it must have made.
    """
    return float("inf") if found.oldest_ms is None else found.oldest_ms, len(found.through) - len(
        found.when
    )


def _address_places(requests: Requests) -> Iterable[AnsweredSources]:
    space = requests.anywhere
    known: dict[int, AnsweredSources] = {}
    for source in address_sources(space.table, known=space.base.keys):
        if not source.is_exact:
            yield "unknown", SourceSet(source.spans, depends_on=(_UNCONFIRMED,))
            continue
        here = requests.at(source.setting) if space.is_coupled else space
        mask = -1 if space.is_coupled else space.source_mask(source.setting)
        if space.is_coupled or mask & space.settled not in known:
            known[mask & space.settled] = _place(here, mask, requests, source.setting)
        word, reasons = known[mask & space.settled]
        yield word, replace(reasons, spans=source.spans)


def _endpoint_places(
    requests: Requests, endpoint_policies: Callable[[str], Policies]
) -> Iterable[AnsweredSources]:
    facts = requests.circumstances.given.endpoints
    for place in endpoint_classes(
        requests.behind, endpoints=facts, known=requests.view_behind.keys
    ):
        policies = endpoint_policies(place.label) if place.label else requests.policies
        own = requests if policies is requests.policies else replace(requests, policies=policies)
        word, reasons = _place(own.through(place), -1, own, place.setting)
        yield word, at_label(reasons, place.label)


def _place(
    space: RequestSpace, mask: int, requests: Requests, setting: DimensionValue
) -> AnsweredSources:
    """Return the answer to requests of a space, with its reasons."""
    answer, circumstances = space.answer(mask), requests.circumstances
    if answer.state != "opened":
        deciding = _denied_by(space, mask)
        return answer.state, SourceSet(depends_on=answer.depends_on, decided_by=deciding)
    verdict = requests.confirm(example_request(space.base, setting, answer.example, circumstances))
    if not verdict.allowed:
        # The evaluator has the last word: what it does not confirm is not called opened.
        names = sorted(each.name for each in _dimensions(space))
        return "unknown", SourceSet(depends_on=tuple(names))
    when, oldest = phrases(space, mask, circumstances.now), oldest_ms(space, mask)
    statement = ", ".join(filter(None, (verdict.policy, verdict.statement)))
    return "opened", SourceSet(when=when, decided_by=(statement,), oldest_ms=oldest)


def _dimensions(space: RequestSpace) -> Iterable[Dimension]:
    return (dimension for group in space.groups for dimension in group.dimensions)


def example_request(
    base: View, setting: DimensionValue, trail: SettingTrail, circumstances: Circumstances
) -> Request:
    """Return one concrete request of a class."""
    view = reduce(View.with_setting, trail, base.with_setting(setting))
    if view.caller.kind == "session" and any(each.label == "aws:TokenIssueTime" for each in trail):
        now = view.keys.get("aws:epochtime", ("0",))  # no role has long-term keys
        view = replace(view, keys={TOKEN_TIME: now, **view.keys})
    context = {
        key_facts(key).name: list(value) if isinstance(value, Several) else value[0]
        for key, value in view.present().items()
        if value and not key.startswith((OPEN_PATTERN, OPEN_DATE))
    }
    request = Request(view.action, view.resource, view.caller.text, context, circumstances.account)
    if view.caller.linked is not None:
        vars(request)["caller"] = view.caller  # the ARN of a session has lost the path that tells
    return request


def confirm(request: Request, policies: Policies) -> Verdict:
    """Decide an example: the session policy of a federated user, without which it may nothing,
    allows all it can.
    """
    if request.caller.kind == "federated-user" and policies.session is None and policies.identity:
        policies = replace(policies, session=policies.identity[0])
    return evaluate(request, policies)


def _denied_by(space: RequestSpace, mask: int) -> Texts:
    """Name the Deny that holds for every choice, where there is one."""
    table = space.table
    alive = space.settled & mask
    for group in space.groups:
        alive = reduce(and_, (m for _, masks in group.table.values() for m in masks), alive)
    for bits, layer, statement in table.statements:
        if statement.deny and alive & bits:
            return (f"{layer.name}, {statement.label}",)
    return ()


def _signed(places: list[SourceSet]) -> Iterator[SourceSet]:
    """Yield the sources from which only certain signers open, by who these are."""
    by_signers = grouped(
        (
            tuple(
                p
                for p in each.when
                if p.startswith(("signed ", "unless signed ")) and not p.endswith(")")
            ),
            each,
        )
        for each in places
    )
    return (replace(union(own), when=when) for when, own in by_signers.items() if when)


def _when(places: list[SourceSet]) -> Texts:
    """Return the phrases; each says for which sources it is, where they differ."""
    found = grouped((phrase, place) for place in places for phrase in place.when)
    return tuple(
        sorted(
            phrase if len(own) == len(places) else f"{phrase} (from {_named(own)})"
            for phrase, own in found.items()
        )
    )


def _named(places: list[SourceSet]) -> str:
    every = union(places)
    labels = sorted([*every.endpoints, *(["other endpoints"] if every.other_endpoints else [])])
    return ", ".join(filter(None, (addresses(every.spans), *labels)))


def answer_at(requests: Requests, source: Source) -> Answer:
    """Answer requests of a kind from one source: opened if some choice of the sender is.

    An endpoint without an address is one from some private address behind it.
    """
    space, circumstances = _space_at(requests, source), requests.circumstances
    if space is None:
        return Answer("unknown", depends_on=(_UNCONFIRMED,))
    answer = space.answer()
    if answer.state == "unknown":
        return Answer("unknown", depends_on=answer.depends_on)
    some = tuple(each.settings[0] for each in _dimensions(space) if each.settings)
    trail = answer.example if answer.state == "opened" else some
    verdict = confirm(
        example_request(space.base, DimensionValue(), trail, circumstances), requests.policies
    )
    if verdict.allowed != (answer.state == "opened"):
        return Answer("unknown", depends_on=tuple(sorted(each.name for each in _dimensions(space))))
    found = answer_of(verdict)
    return (
        replace(found, when=phrases(space, -1, circumstances.now))
        if found.answer == "opened"
        else found
    )


def _space_at(requests: Requests, source: Source) -> RequestSpace | None:
    """Return the requests from one source; None if no condition can tell its address."""
    given = requests.circumstances.given
    if source.endpoint is not None:
        facts = {
            **given.endpoints.get(source.endpoint, {}),
            **({"aws:sourcevpc": (source.vpc,)} if source.vpc else {}),
        }
        if source.address is not None:
            private = Facts({"aws:vpcsourceip": (str(source.address),)}).with_defaults(given)
            requests = replace(
                requests, circumstances=replace(requests.circumstances, given=private)
            )
        return requests.through(named_endpoint(source.endpoint, facts))
    classes = address_sources(requests.outside, known=requests.view.keys)
    if any(each.covers(source.address) and not each.is_exact for each in classes):
        return None
    return requests.at(DimensionValue({"aws:sourceip": (str(source.address),)}))


def plainly(kind: Kind, circumstances: Circumstances, policies: Policies) -> Circumstances:
    """Return the circumstances of what a browser sends now: HTTPS, a fresh URL of version 4,
    and no special header.
    """
    kept = _NO_HEADERS - ({"s3:x-amz-content-sha256"} if kind.form == "unsigned" else set())
    headers = {key for key in spellings(policies.compiled) if is_chosen(key) and key not in kept}
    plain = Facts({**dict.fromkeys(headers, ()), **_PLAIN})
    return replace(circumstances, given=circumstances.given.with_defaults(plain))
