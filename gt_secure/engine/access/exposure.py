"""`Exposure`: from where objects are opened, refused or unknown, under the locks of one moment.

Kinds of requests of a team come first: a worker's own URL meets the portal lock and the URL lock, a
worker's URL used from another address the URL lock, and every other request the bucket policy
alone. The difference of two exposures is which sources lose access, and which gain it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from typing import TypeAlias, TypeVar, overload

from ...base.allowed import Allowed
from ...base.copies import NotCopied
from ...base.errors import InvalidInput, PolicyError
from ...base.network import (
    Source,
    SourceLike,
    contains,
    is_endpoint_or_vpc_id,
    parse_stored_cidrs,
)
from ...base.text import Json, Texts, count, members, printable
from ...base.truth import Ambiguous
from ..iam.documents import Statement
from ..iam.facts import Facts
from ..iam.request_context import SIGV4
from ..iam.request_space import MAX_WORK, WORDS, Word, limited_work
from ..iam.variables import Keys
from ..iam.wildcards import TooManyClassesError
from ..policies.public_access import BLOCK_PUBLIC_ACCESS
from .address_classes import EVERY_ADDRESS, Spans, minus, spans_of, within
from .answer import WORKER_OF, Answer, Answers
from .difference import Difference
from .expectation import Expectation
from .key_classes import KeyClasses, Listing
from .locks import (
    LIST_KEYS,
    NOTHING_GRANTED,
    READ_ENDPOINTS,
    READ_POLICY,
    READ_TEAM,
    READ_WORKFORCE,
    EffectiveLocks,
)
from .proof import Claim, Proof, listed_names, prove
from .provisos import BY_ACL as GRANTED, granting, provisos, signer_of
from .request_kinds import KINDS, Circumstances, Kind
from .source_sets import (
    EVERYWHERE,
    NOWHERE,
    Requests,
    Row,
    SourceSet,
    answer_at,
    combined,
    expose,
    plainly,
    union,
    unsure,
    values_of,
)

Found = TypeVar("Found", Row, Answer)
Context: TypeAlias = Mapping[str, str | Sequence[str]]
"""Values of condition keys that are known."""

OF_A_TEAM = ("worker", "forwarded")
_VERSION_4 = Facts({"s3:signatureversion": (SIGV4,)})
_SHOWN = 3
_WORK = 3 * MAX_WORK // 2
"""The work for a row, which is about all sources, and for an answer about one of them."""
_SAMPLES = 12
"""The most keys that are asked about where their classes are too many."""
_TOO_MANY = "the key of the object"
_INVALID = "a policy that is not valid"
_WORST_FIRST: dict[str, tuple[Word, ...]] = {
    "allowed": ("refused", "unknown", "opened"),
    "refused": ("opened", "unknown", "refused"),
}
ANY_VPC = "whether Ground Truth adds aws:SourceVpc to a URL"
"""Dependency of a worker's URL behind an endpoint: anybody can have a private address in a VPC."""
REQUESTER_PAYS = "requester pays"
BY_ACL = {LIST_KEYS: "at least to list the keys", "s3:PutObject": "at least to upload"}
"""Requests that the ACL of a bucket may open to strangers, in words."""
_ELSEWHERE = "The URL lock opens a worker's URL only to the address that it was made for."


class Exposure(NotCopied, Ambiguous):
    """Kinds of requests, each with the sources from which it is opened, refused and unknown;
    iterate for them.

    Parameters
    ----------
    locks : EffectiveLocks
    key : str
        The object, or the prefix of the objects.
    is_prefix : bool
        Whether the question is about all objects under a prefix. A request is then opened if some
        object is, and refused if every object is.
    listing : callable, optional
        Lists the keys that exist under a prefix; None if this role cannot.
    """

    _stays = (
        "An exposure is of one account now and cannot be pickled or copied."
        " Call gt.who_can_open(...) there."
    )

    _ask = ".at(source)"

    def __init__(
        self,
        locks: EffectiveLocks,
        key: str = "",
        *,
        is_prefix: bool = False,
        listing: Callable[[str], Listing | None] | None = None,
    ) -> None:
        self.locks = locks
        self.key = key
        self.is_prefix = is_prefix
        self._listing = listing

    @cached_property
    def requests(self) -> Texts:
        """Names of the kinds of requests; without a bucket only those of a team are decided."""
        kinds = [name for name in KINDS if name != "upload" or self.locks.spares_uploads]
        if self.locks.only is not None:
            return tuple(name for name in kinds if KINDS[name][1] == "own")
        others = [f"{WORKER_OF}{name}" for name in self.locks.others]
        return (
            *(OF_A_TEAM if self.locks.has_portal else ()),
            *others,
            *(kinds if self.locks.bucket else ()),
        )

    @property
    def of_workers(self) -> Texts:
        """Names of the requests of workers: those of the team,
        and of the other teams of the bucket.
        """
        return tuple(name for name in self.requests if name.startswith("worker"))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A row for each kind of request."""
        return tuple(self.row(name) for name in self.requests)

    @cached_property
    def _rows(self) -> dict[str, Row]:
        return {}

    def row(self, request: str) -> Row:
        """Return the row of one kind of request."""
        self._check(request, *KINDS, *OF_A_TEAM)
        if request not in self._rows:
            rows = self._each(lambda question: question.row(request))
            keys = self.examples[: len(rows)]
            row = together(request, rows, keys) if rows else _unknown(request, _TOO_MANY)
            if keys != self.keys:  # what is refused for some keys may be opened for others
                hidden = replace(row, opened=row.refused, refused=NOWHERE)
                row = replace(unsure(hidden, (_TOO_MANY,)), opened=row.opened)
            # what each answer rests on
            opened, refused = row.opened, row.refused
            at = None if opened.other_endpoints else opened.endpoints
            found = provisos(self.locks, request, "opened", when=opened.when, endpoints=at)
            closing = provisos(self.locks, request, "refused")
            if self._asks_of_acls(request):
                granted = self._with_acls.row(request).refused.where
                closing = closing if granted == refused.where else (*closing, GRANTED)
            self._rows[request] = replace(
                row,
                opened=replace(opened, unless=() if opened.is_empty else found),
                refused=replace(refused, unless=() if refused.is_empty else closing),
            )
        return self._rows[request]

    def _asks_of_acls(self, request: str) -> bool:
        """Return whether a refusal may hang on ACLs, about which nobody asked."""
        return self.locks.acls is None and signer_of(request) != "own"

    @cached_property
    def _with_acls(self) -> Exposure:
        """The exposure in which ACLs may grant what they can."""
        return Exposure(granting(self.locks), self.key, is_prefix=self.is_prefix)

    def _each(self, ask: Callable[[_Question], Found]) -> list[Found]:
        """Return what is found for each class of keys, or for the first ones, as long as work is
        left.
        """
        objects, answers = self._asked_about, dict[int, Found]()
        with limited_work(_WORK) as work:
            for place, (arn, first) in enumerate(zip(objects, self._alike, strict=True)):
                if first not in answers:
                    answers[first] = ask(_Question(self.locks, arn))
                if work.is_done and len(objects) > 1:
                    return [answers[one] for one in self._alike[:place]]
        return [answers[first] for first in self._alike]

    @property
    def _asked_about(self) -> Texts:
        """The objects of all classes of keys, or of some if these are too many."""
        return self.objects or self._classes.samples[:_SAMPLES]

    @cached_property
    def _alike(self) -> list[int]:
        """For each object the place of the first about which the policies say the same."""
        if len(self._asked_about) == 1:
            return [0]
        first: dict[object, int] = {}
        found = []
        for place, arn in enumerate(self._asked_about):
            about = _Question(self.locks, arn).statements
            # by a variable
            is_open = any(pattern.matcher is None for each in about for pattern in each.resources)
            found.append(first.setdefault((*map(id, about), place if is_open else -1), place))
        return found

    @property
    def facts(self) -> Texts:
        """Facts that the answers use, a sentence each."""
        return self.locks.known

    @property
    def missing(self) -> Texts:
        """Missing permissions to read more."""
        return self.locks.missing

    @cached_property
    def objects(self) -> Texts:
        """The ARN of an object for each class of keys;
        empty if they are too many to be told apart.
        """
        return (
            tuple(self._classes.arns.values())
            if self.is_prefix
            else (f"{self.locks.arn}/{self.key}",)
        )

    @cached_property
    def undecided(self) -> str:
        """The reason for which every answer is unknown, whoever asks; empty if there is none."""
        try:
            for endpoint in ("", *self.locks.endpoints):
                _ = self.locks.policies("own", endpoint).compiled
        except PolicyError:
            return _INVALID
        return "" if self.objects else _TOO_MANY

    @property
    def keys(self) -> Texts:
        """The key of an object for each class of keys."""
        return tuple(map(self._key_of, self.objects))

    @property
    def examples(self) -> Texts:
        """The keys of objects of all classes, or of some if these are too many to be told apart."""
        return tuple(map(self._key_of, self._asked_about))

    @cached_property
    def _classes(self) -> KeyClasses:
        return KeyClasses(
            statements_of(self.locks), self.locks.arn, self.key, known=lambda: self.known
        )

    def keys_beside(self, other: Exposure, prefix: str) -> Iterator[str]:
        """Yield the key of an object for each class that the policies of two exposures tell apart,
        under a prefix.
        """
        statements = [*statements_of(self.locks), *statements_of(other.locks)]
        classes = KeyClasses(
            statements, self.locks.arn, prefix, known=lambda: [*self.known, *other.known]
        )
        return map(self._key_of, classes.arns.values())

    @cached_property
    def known(self) -> list[Keys]:
        """The values that the keys of requests have by how they are signed and sent."""
        question = _Question(self.locks, self.locks.arn)
        return [
            values_of(Requests(kind, self.locks.policies(kind.signer, endpoint), circumstances))
            for kind in map(question.kind, KINDS)
            for circumstances in map(
                question.circumstances, (False, True) if self.locks.has_portal else (False,)
            )
            for endpoint in _valid_paths(self.locks)
        ]

    def _key_of(self, arn: str) -> str:
        return arn[len(self.locks.arn) + 1 :]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.requests)

    @overload
    def at(self, source: SourceLike | Iterable[SourceLike]) -> Answers: ...

    @overload
    def at(self, source: SourceLike, request: str) -> Answer: ...

    def at(self, source: SourceLike | Iterable[SourceLike], request: str = "") -> Answer | Answers:
        """Answer requests from one source, for any choice of the sender: HTTP or HTTPS, age and
        headers.

        Parameters
        ----------
        source : Source or str, or several
            ``203.0.113.7``, ``vpce-0a1b2c3d``, or ``10.0.3.4 via vpce-0a1b2c3d``.
        request : str
            One kind of request, such as ``worker``; all by default.
        """
        if not isinstance(source, str | Source):
            return Answers(answer for each in source for answer in self.at(each))
        place = Source.parse(source)
        if not request:
            return Answers(self.at(place, name) for name in self.requests)
        self._check(request)
        found = _first(self._answers(place, request, plain=False), _WORST_FIRST["refused"])
        return self._on_condition(found, place)

    def _on_condition(self, answer: Answer, place: Source) -> Answer:
        """Return an answer with what it rests on."""
        at = () if place.endpoint is None else (place.endpoint,)
        found = provisos(self.locks, answer.request, answer.answer, when=answer.when, endpoints=at)
        if answer.answer == "refused" and self._asks_of_acls(answer.request):
            granted = self._with_acls.at(place, answer.request).answer
            found = found if granted == "refused" else (*found, GRANTED)
        return replace(answer, unless=found)

    def _check(self, request: str, *more: str) -> None:
        """Check that a kind of request is one of this exposure, or one of others."""
        # the requests of this exposure depend on the teams that were read
        if request not in more and request not in self.requests:
            raise InvalidInput(
                f'This exposure has no requests "{request[:40]}".',
                next_step=f"Write one of: {', '.join(self.requests)}.",
                field="request",
            )

    def plain(self, source: SourceLike, request: str) -> Answer:
        """Answer what a browser there gets now: over HTTPS, with a fresh URL and without special
        headers.

        Where objects of a prefix differ, those that exist count.
        """
        self._check(request, *KINDS, *OF_A_TEAM)
        place = Source.parse(source)
        return self._on_condition(self._plain(place, request), place)

    def _plain(self, place: Source, request: str) -> Answer:
        answers = self._answers(place, request, plain=True)
        if len({each.answer for each in answers}) == 1:
            return answers[0]
        listing = self._listing(self.key) if self._listing is not None else None
        if listing is None:
            return _first(answers, ("refused", "unknown")).unsure(LIST_KEYS)
        names = {self._classes.of_key(key): key for key in reversed(listing.keys)}
        existing = [
            replace(answer, key=names[signature])
            for signature, answer in zip(self._classes.arns, answers, strict=True)
            if signature in names
        ]
        worst = _first(existing, _WORST_FIRST["allowed"]) if existing else None
        if worst is not None and (worst.answer == "refused" or listing.complete):
            return worst
        return _first(answers, ("refused", "unknown")).unsure(_TOO_MANY)

    def _answers(self, place: Source, request: str, *, plain: bool) -> list[Answer]:
        """Return the answer for each class of keys."""
        found = self._each(lambda question: question.answer(request, place, plain=plain))
        keys = self.examples[: len(found)]
        keyed = [replace(each, key=key) for each, key in zip(found, keys, strict=True)]
        if (
            keys != self.keys or not keys
        ):  # one key that is opened is enough, unless each one has to be
            found = [each for each in keyed if each.answer == "opened" and not plain]
        elif len({each.answer for each in found}) > 1:
            found = keyed
        return found or [Answer("unknown", request, str(place), depends_on=(_TOO_MANY,))]

    def holds(self, expectation: Expectation) -> Proof:
        """Prove an expectation.

        *Refused* holds if no choice of the sender and no object opens: neither a worker's own URL,
        nor one used from another address. *Allowed* holds if a browser there gets every object that
        exists.
        """
        of = expectation.of or ("team" if self.locks.has_portal else "bucket")
        is_refused = expectation.kind == "refused"
        names = (
            ("presigned",)
            if of == "bucket" or not self.locks.has_portal
            else OF_A_TEAM[: 1 + is_refused]
        )
        here = self
        if expectation.prefix is not None:
            here = Exposure(self.locks, expectation.prefix, is_prefix=True, listing=self._listing)
        answers = tuple(
            _first(
                [
                    here.at(source, name) if is_refused else here.plain(source, name)
                    for name in names
                ],
                _WORST_FIRST[expectation.kind],
            )
            for source in expectation.sources
        )
        asked = replace(
            expectation, of=of, prefix=here.key if here.is_prefix else expectation.prefix
        )
        return Proof.of_expectation(asked, answers)

    def proves(self, claim: Claim) -> Proof:
        """Prove a claim about presigned requests."""
        if READ_POLICY in self.locks.not_read:
            return Proof(None, depends_on=(READ_POLICY,))
        return prove(self.locks, claim)

    def of_service(self, ask: Callable[[EffectiveLocks, str], Answer]) -> Answer:
        """Return the worst answer that a service of AWS gets for an object."""
        objects = self.objects or (f"{self.locks.arn}/{self.key}",)
        return _first(
            [ask(self.locks, self._key_of(arn)) for arn in objects], _WORST_FIRST["allowed"]
        )

    def opens_nobody(self, allowed: Allowed) -> bool:
        """Return whether no allowed source is opened or unknown, for workers or else for presigned
        requests.

        If none is allowed, every source counts.
        """
        row = self.row("worker" if self.locks.has_portal else "presigned")
        if allowed.is_empty:
            return row.word == "refused"
        refused = minus(EVERY_ADDRESS, [*row.opened.spans, *row.unknown.spans])
        is_refused = not minus(spans_of(allowed.networks), refused)
        known = [each.id for each in self.locks.endpoints.values() if each.vpc_id in allowed.vpcs]
        return is_refused and all(
            row.at_endpoint(each) == "refused" for each in (*allowed.ids, *known)
        )

    def diff(self, before: Exposure) -> tuple[Difference[Row], ...]:
        """Return who gains and loses access against an earlier exposure,
        a row for each kind of request.
        """
        names = dict.fromkeys((*before.requests, *self.requests))
        return tuple(Difference(before.row(name), self.row(name), name) for name in names)

    @property
    def remarks(self) -> Texts:
        """Sentences on who signs, on what revocations refuse, and on names that can be listed."""
        one = self.locks.only
        named = [] if one is None else [f"These are the answers for {printable(one.arn)} alone."]
        return (*named, *self.revocations, *self.names)

    @property
    def revocations(self) -> Texts:
        """Sentences on what revocations refuse here: the rows are about fresh credentials."""
        found = self.locks.own_policy.revocations_of(
            self.locks.bucket, self.key, is_prefix=self.is_prefix
        )
        return tuple(each.sentence for each in found)

    @cached_property
    def names(self) -> Texts:
        """The sentence on who can list the names of objects under a prefix, but not open them;
        empty if nobody can.
        """
        if READ_POLICY in self.locks.not_read or not (self.is_prefix and self.key):
            return ()
        opened = self.row("presigned").opened
        if not minus(EVERY_ADDRESS, opened.spans):
            return ()
        ids = (each for each in opened.endpoints if is_endpoint_or_vpc_id(each))
        return listed_names(self.locks, Claim(self.key, Allowed.of((*opened.cidrs, *ids))))

    def to_dict(self) -> Json:
        """Return JSON-able data."""
        signer = () if self.locks.only is None else ("signer: locks.only.arn",)
        missing = () if self.locks.origin == "given" else ("missing_permissions: missing",)
        found = ("requests: rows", "revocations", "names", "facts")
        return members(self, *signer, *found, *missing)

    def __repr__(self) -> str:
        from .exposure_text import exposure_text

        return exposure_text(self)

    def _repr_html_(self) -> str:
        from .exposure_text import exposure_html

        return exposure_html(self)


def _first(answers: Iterable[Answer], order: Sequence[Word]) -> Answer:
    """Return the first answer in an order of words."""
    return min(
        answers, key=lambda each: order.index(each.answer) if each.answer in order else len(order)
    )


def statements_of(locks: EffectiveLocks) -> list[Statement]:
    """Return the statements of all policies; none of one that is not valid."""
    return [
        each
        for path in _valid_paths(locks)
        for each in locks.policies("own", path).compiled.statements
    ]


def _valid_paths(locks: EffectiveLocks) -> Iterator[str]:
    """Yield the endpoints whose policies are valid, an empty text for the way outside of them."""
    for endpoint in ("", *locks.endpoints):
        try:
            _ = locks.policies("own", endpoint).compiled
        except PolicyError:
            continue
        yield endpoint


class Reach(Enum):
    """For whom a URL of the worker portal works on a path: outside endpoints, or through one."""

    ANYBODY = auto()
    NOBODY = auto()
    SAME_ADDRESS = auto()
    """The URL works behind endpoints, for anybody with the same private address in a VPC."""
    NOT_READ = auto()


@dataclass(frozen=True)
class _Question:
    """Requests for one object."""

    locks: EffectiveLocks
    arn: str

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Statements that are left for the object:
        the same where policies do not tell objects apart.
        """
        return tuple(
            statement
            for locks in (self.locks, *self.locks.others.values())
            for path in _valid_paths(locks)
            for action in dict.fromkeys(action for _, _, action in KINDS.values())
            for statement in locks.policies("own", path).compiled.about(action, self.arn).statements
        )

    def _of(self, request: str) -> _Question:
        return replace(self, locks=self.locks.others[request.removeprefix(WORKER_OF)])

    def row(self, request: str) -> Row:
        """Return the exact sets of one kind of request."""
        if request.startswith(WORKER_OF):
            return replace(self._of(request).row("worker"), request=request)
        if request not in OF_A_TEAM:
            return self._sets(request)
        paths = [self._made_for(request, through_endpoint=each) for each in (False, True)]
        by_path = {
            each: replace(self._team_sets(each), request=request) for each in dict.fromkeys(paths)
        }
        row, endpoints = (by_path[path] for path in paths)
        if row is not endpoints:
            sets = (
                [
                    row.places(word).only(addresses=True, endpoints=False),
                    endpoints.places(word).only(addresses=False, endpoints=True),
                ]
                for word in WORDS
            )
            row = Row(row.request, *map(union, sets))
        return self._through_portal(row) if request == "worker" else row

    def answer(self, request: str, source: Source, *, plain: bool) -> Answer:
        """Answer one kind of request from one source."""
        if request.startswith(WORKER_OF):
            return replace(self._of(request).answer("worker", source, plain=plain), request=request)
        found = replace(self._answer(request, source, plain), request=request, source=str(source))
        if request != "worker" or found.answer == "refused" or source.is_endpoint:
            return found
        if self.locks.cidrs is None:
            return found.unsure(READ_WORKFORCE)
        inside = source.address is not None and contains(
            parse_stored_cidrs(self.locks.cidrs), source.address
        )
        if self.locks.cidrs and not inside:
            text = f"The worker portal opens only from {', '.join(self.locks.cidrs)}."
            return Answer("refused", request, str(source), lock="portal lock", text=text)
        return found

    def _answer(self, request: str, source: Source, plain: bool) -> Answer:
        if request not in OF_A_TEAM:
            return self._decided(request, source, plain)
        made_for = self._made_for(request, through_endpoint=source.is_endpoint)
        if (
            made_for is Reach.SAME_ADDRESS
            and self._team_sets(made_for).at_endpoint(source.endpoint or "") == "refused"
        ):
            made_for = Reach.NOBODY
        if made_for is Reach.NOBODY:
            return replace(
                self._decided("presigned", source, plain, NOTHING_GRANTED), text=_ELSEWHERE
            )
        found = self._decided("presigned", source, plain, of_team=True)
        if made_for is not Reach.ANYBODY and found.answer != "refused":
            return found.unsure(READ_TEAM if made_for is Reach.NOT_READ else ANY_VPC)
        return found

    def _made_for(self, request: str, *, through_endpoint: bool) -> Reach:
        """Return for whom a URL of the portal works on this path."""
        lock = self.locks.url_lock
        if lock is None:
            return Reach.NOT_READ
        if not lock.on:
            return Reach.ANYBODY
        fits = not lock.impossible and lock.vpc_source_ip == through_endpoint
        if request == "worker":
            return Reach.ANYBODY if fits else Reach.NOBODY
        return Reach.SAME_ADDRESS if fits and through_endpoint else Reach.NOBODY

    def _team_sets(self, made_for: Reach) -> Row:
        if made_for is Reach.NOBODY:
            row = self._sets("presigned", NOTHING_GRANTED)
            decided_by = tuple(sorted({"URL lock", *row.refused.decided_by}))
            return replace(row, refused=replace(row.refused, decided_by=decided_by))
        row = self._sets("presigned", of_team=True)
        if made_for is Reach.SAME_ADDRESS:  # the address is taken in the VPC of the portal alone
            portal = self.locks.portal_vpc  # asked for also where no endpoint is
            vpcs = {each.id: each.vpc_id for each in self.locks.endpoints.values()}
            own = tuple(label for label in row.labels if vpcs.get(label, label) == portal)
            refused = SourceSet(endpoints=own, decided_by=("URL lock",))
            lock = Row(row.request, NOWHERE, refused, replace(EVERYWHERE, depends_on=(ANY_VPC,)))
            return combined(row, lock, both=True)
        return (
            row
            if made_for is not Reach.NOT_READ or row.opened.is_empty
            else unsure(row, [READ_TEAM])
        )

    def kind(self, request: str, *, of_team: bool = False, plain: bool = False) -> Kind:
        """Return what is asked for, and who signs: a role what Ground Truth signs, anybody else.

        A browser gets ``plain`` requests signed by whom a signer limit lists.
        """
        form, signer, action = KINDS[request]
        locks = self.locks
        if of_team or locks.only is not None or "aws:principalarn" in locks.facts.values:
            return Kind(request, form, signer, action, self.arn, by="role")
        by = locks.by
        if locks.session:  # neither a user nor the root user has a session policy
            by = "role" if plain else "session"
        elif plain:
            by = "role" if locks.signer_limits else "all"
        return Kind(request, form, signer, action, self.arn, by=by)

    def _decided(
        self,
        request: str,
        source: Source,
        plain: bool,
        session: str | None = None,
        *,
        of_team: bool = False,
    ) -> Answer:
        """Answer a request to S3."""
        of_team |= session is not None
        locks, kind = self.locks, self.kind(request, of_team=of_team, plain=plain)
        if READ_POLICY in locks.not_read:
            return Answer("unknown", depends_on=(READ_POLICY,))
        if lock := self._closed_to(kind):
            return Answer("refused", lock=lock)
        circumstances = self.circumstances(of_team)
        try:
            policies = locks.policies(kind.signer, source.endpoint or "", session)
            circumstances = plainly(kind, circumstances, policies) if plain else circumstances
            requests = Requests(kind, policies, circumstances)
            answer = answer_at(requests, source) if plain else self._any_way(requests, source)
            for more, words in self._by_acl(kind):
                also = self._any_way(replace(requests, kind=more), source)
                answer = _either(answer, also, words)
        except PolicyError:
            return Answer("unknown", depends_on=(_INVALID,))
        except TooManyClassesError as error:
            return Answer("unknown", depends_on=(str(error),))
        if answer.answer == "refused" and answer.lock == "session policy" and session is not None:
            return replace(answer, lock="URL lock", statement="")
        if answer.answer != "opened":
            return answer
        unread = locks.unread_of(kind.signer)
        if source.is_endpoint and READ_ENDPOINTS in locks.not_read:
            unread = (*unread, READ_ENDPOINTS)
        return answer.unsure(*unread) if unread else answer

    def _closed_to(self, kind: Kind) -> str:
        """Return what refuses everybody of a kind who signs, or does not; empty if nothing does."""
        if kind.signer == "anonymous" and self.locks.requester_pays.is_true:
            return REQUESTER_PAYS
        return BLOCK_PUBLIC_ACCESS if self.locks.is_closed_to(kind.signer) else ""

    def _by_acl(self, kind: Kind) -> Iterator[tuple[Kind, str]]:
        """Yield what else the ACL of the bucket grants, or may grant, to those who ask."""
        statements = (self.locks.acls or {}).get(kind.signer, ())
        granted = {action for each in statements for action in each["Action"]}
        for action in filter(granted.__contains__, BY_ACL):
            resource = self.locks.arn if action == LIST_KEYS else self.arn
            yield replace(kind, action=action, resource=resource), BY_ACL[action]

    def circumstances(self, of_team: bool) -> Circumstances:
        """Return the circumstances; Ground Truth signs workers' URLs with version 4,
        as the role of the team.
        """
        listed = self.locks.listed_signer_of(self.arn[len(self.locks.arn) + 1 :])
        found = replace(self.locks.circumstances, role=listed)
        if not of_team:
            return found
        return replace(
            found, role=self.locks.role or found.role, given=_VERSION_4.with_defaults(found.given)
        )

    def _sets(self, request: str, session: str | None = None, *, of_team: bool = False) -> Row:
        """Return the sources of one kind of request to S3;
        unknown everywhere if the policy is not known.
        """
        of_team |= session is not None
        locks, kind = self.locks, self.kind(request, of_team=of_team)
        if READ_POLICY in locks.not_read:
            return _unknown(request, READ_POLICY)
        if lock := self._closed_to(kind):
            return Row(request, NOWHERE, replace(EVERYWHERE, decided_by=(lock,)), NOWHERE)
        circumstances = self.circumstances(of_team)
        try:
            row = self._exposed(kind, session, circumstances)
            for more, words in self._by_acl(kind):
                also = self._exposed(more, session, circumstances)
                if not also.opened.is_empty:
                    also = replace(also, opened=replace(also.opened, when=(words,)))
                row = combined(row, also, both=False)
        except PolicyError:
            return _unknown(request, _INVALID)
        except TooManyClassesError as error:
            return _unknown(request, str(error))
        row = unsure(row, locks.unread_of(kind.signer)) if not row.opened.is_empty else row
        is_read = READ_ENDPOINTS not in locks.not_read
        return (
            row
            if is_read or not row.opened.has_endpoints
            else unsure(row, [READ_ENDPOINTS], addresses=False)
        )

    def _any_way(self, requests: Requests, source: Source) -> Answer:
        """Return the answer where what is refused at the bucket may go through an access point."""
        answer = answer_at(requests, source)
        if answer.answer != "refused" or not self.locks.asks_for_points:
            return answer
        return answer_at(replace(requests, kind=replace(requests.kind, any_way=True)), source)

    def _exposed(self, kind: Kind, session: str | None, circumstances: Circumstances) -> Row:
        row = expose(
            Requests(kind, self.locks.policies(kind.signer, "", session), circumstances),
            endpoint_policies=lambda endpoint: self.locks.policies(kind.signer, endpoint, session),
        )
        if kind.any_way or not self.locks.asks_for_points:
            return row
        any_way = self._exposed(replace(kind, any_way=True), session, circumstances)
        return row if any_way == row else combined(row, any_way, both=False)

    def _through_portal(self, row: Row) -> Row:
        """Refuse addresses that the worker portal does not open to: no URL is made for them."""
        if self.locks.cidrs is None:
            return unsure(row, [READ_WORKFORCE], endpoints=False) if row.opened.spans else row
        if not self.locks.cidrs:
            return row
        closed = minus(EVERY_ADDRESS, spans_of(parse_stored_cidrs(self.locks.cidrs)))
        opened, unknown = (
            replace(each, spans=minus(each.spans, closed)) for each in (row.opened, row.unknown)
        )
        inside = minus(row.refused.spans, closed)
        by_others = (
            row.refused.decided_by
            if inside or row.refused.endpoints or row.refused.other_endpoints
            else ()
        )
        refused = replace(
            row.refused,
            spans=inside + closed,
            decided_by=tuple(sorted({"portal lock", *by_others})),
        )
        return Row(row.request, opened, refused, unknown)


def _either(answer: Answer, also: Answer, words: str) -> Answer:
    """Return the answer to somebody who may ask for one or the other, which has words."""
    if answer.answer == "opened" or also.answer == "refused":
        return answer
    if also.answer == "opened":
        return replace(also, when=(words,))
    return answer.unsure(*also.depends_on)


def _unknown(request: str, depends_on: str) -> Row:
    return Row(request, NOWHERE, NOWHERE, replace(EVERYWHERE, depends_on=(depends_on,)))


def together(request: str, rows: Sequence[Row], keys: Sequence[str]) -> Row:
    """Return the row of a prefix from those of its classes of keys."""
    if all(row == rows[0] for row in rows):
        return rows[0]
    # the addresses from which some row is opened, of the others those where one is unknown
    spans: dict[Word, Spans] = {}
    left = EVERY_ADDRESS
    for word in ("opened", "unknown"):
        here = [span for row in rows for span in row.places(word).spans]
        spans[word] = within(left, minus(here, ()))
        left = minus(left, here)
    spans["refused"] = left
    labels = sorted({label for row in rows for label in row.labels})
    answers = {label: _best(row.at_endpoint(label) for row in rows) for label in labels}
    others = _best(row.others for row in rows)
    sets = {
        word: replace(
            union(row.places(word) for row in rows),
            spans=spans[word],
            endpoints=tuple(label for label in labels if answers[label] == word),
            other_endpoints=others == word,
        ).only(addresses=True, endpoints=True)
        for word in WORDS
    }
    when = _for_keys(rows, keys, sets["opened"])
    opened = replace(sets["opened"], when=when, signed=tuple(_signed(rows)))
    return Row(request, opened, sets["refused"], sets["unknown"])


def _signed(rows: Sequence[Row]) -> Iterator[SourceSet]:
    """Yield the addresses from which only certain signers open some key,
    and nobody else opens another.
    """
    free = [span for row in rows for span in row.opened.free_spans]
    for each in (each for row in rows for each in row.opened.signed):
        if spans := minus(each.spans, free):
            yield SourceSet(spans, when=each.when)


def _best(answers: Iterable[Word]) -> Word:
    found = set(answers)
    return next(word for word in _WORST_FIRST["refused"] if word in found)


def _for_keys(rows: Sequence[Row], keys: Sequence[str], joined: SourceSet) -> Texts:
    """Return for which keys, from where if not from all of ``joined``, and under which choices,
    requests are opened, where not all keys are.
    """
    opening = [
        (row.opened, key) for row, key in zip(rows, keys, strict=True) if not row.opened.is_empty
    ]
    if len(opening) == len(rows) and len({each.where for each, _ in opening}) == 1:
        return tuple(sorted({phrase for each, _ in opening for phrase in each.when}))
    said = (
        (key[:120], "" if each.where == joined.where else f" only {each.from_where}", each.when)
        for each, key in opening
    )
    return first_kinds(
        [", ".join((f'for keys such as "{key}"{where}', *when)) for key, where, when in said]
    )


def first_kinds(named: Sequence[str]) -> Texts:
    """Return the first phrases about kinds of keys, and how many more there are."""
    more = [f"for {count(len(named) - _SHOWN, 'more kind')} of keys"] if len(named) > _SHOWN else []
    return (*named[:_SHOWN], *more)
