"""Principals who must keep working: whether anything here refuses what they sign, and which
statement does.

A principal sends what an SDK sends: signed in the header, over HTTPS, with new credentials and no
header that it need not send. Its own policies are not read here, so an answer is that *nothing here
refuses it*, never that it is allowed. The answer is for every key under the prefix, every moment
from now on, and every address and endpoint, or those that are named. The policy of an endpoint
counts where that endpoint is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product

from ...base.allowed import Allowed
from ...base.errors import InvalidInput
from ...base.network import Source
from ...base.text import Texts, did_you_mean
from ..iam.documents import VERSIONS, parse_document
from ..iam.evaluate import evaluate
from ..iam.facts import Signer
from ..iam.principals import Caller, parse_caller, session_of
from ..iam.request import Compiled, Policies, Request
from ..iam.request_context import header_context
from ..iam.request_keys import BUCKET_ACTIONS, OBJECT_ACTIONS, TIME_KEYS, is_chosen, key_facts
from ..iam.request_space import charge
from ..iam.statement_table import StatementTable
from ..iam.three_valued import spellings
from ..iam.variables import Keys
from ..iam.verdict import Decided, Verdict
from ..policies.public_access import BLOCK_PUBLIC_ACCESS
from ..policies.revocation import check_signer
from .answer import Answer, answer_of
from .decision import decide_request
from .key_classes import KeyClasses
from .locks import EVERYTHING, READ_ENDPOINTS, EffectiveLocks
from .request_kinds import Kind, principal_keys, times
from .source_sets import Requests, expose, plainly
from .sources import EndpointClass, address_sources, endpoint_classes, endpoint_dimensions

CHANGE = "s3:PutBucketPolicy"
"""The action that changes a bucket policy back."""
WORK: Texts = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", CHANGE)
"""The actions that are kept unless some are named: those that read, write and list objects, and the
one that changes the policy back.
"""
_DELIVERY: Texts = ("s3:PutObject",)
"""The actions that are kept for a service of AWS unless some are named."""
_STEP = (
    "Write arn:aws:iam::111122223333:role/ci, or with more words: ARN for s3:GetObject from"
    " 203.0.113.0/24."
)
_ACTIONS = {each.lower(): each for each in (*BUCKET_ACTIONS, *OBJECT_ACTIONS)}
_OF_SERVICES = ("aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
"""Keys of a service's requests of which nobody knows the value here."""
_OF_THEIRS = "the account, id or session of the principal"
_WORK = 20
"""Conditions whose decision is as much work as one request."""


@dataclass(frozen=True)
class Kept:
    """A principal who must keep working.

    Attributes
    ----------
    principal : str
        ARN of a user, a role or the root user, or the name of a service of AWS.
    actions : tuple of str
        Empty for what reads, writes, lists and changes the policy back.
    sources : Allowed
        Where its requests come from; empty for everywhere.
    """

    principal: str
    actions: Texts = ()
    sources: Allowed = field(default_factory=Allowed)

    @classmethod
    def of(cls, value: str | Kept) -> Kept:
        """Read ``ARN``, ``ARN for ACTION,ACTION``, ``ARN from SOURCE,SOURCE``, or all of them.

        Raises
        ------
        InvalidInput
            If it names no principal, an action that S3 has not, or a source that is none.
        """
        if isinstance(value, Kept):
            return value
        text, _, sources = " ".join(str(value).split()).partition(" from ")
        principal, _, actions = text.partition(" for ")
        words = actions.replace(",", " ").split()
        try:
            caller = parse_caller(
                check_signer(principal) if principal.startswith("arn:") else principal
            )
        except InvalidInput as error:
            raise _bad(error.message, _STEP) from error
        if caller.kind not in ("user", "role", "root", "service"):
            raise _bad(
                f'"{principal[:120]}" is not a user, a role, the root user or a service.', _STEP
            )
        return cls(principal, tuple(map(_action, words)), Allowed.of(sources))

    @property
    def is_service(self) -> bool:
        """True for a service of AWS."""
        return ":" not in self.principal

    @property
    def asked(self) -> Texts:
        """The actions that are kept."""
        return self.actions or (_DELIVERY if self.is_service else WORK)

    def __str__(self) -> str:
        actions = f" for {', '.join(self.actions)}" if self.actions else ""
        places = f" from {', '.join(self.sources.names())}" if not self.sources.is_empty else ""
        return f"{self.principal}{actions}{places}"


def parse_keep(values: str | Kept | Iterable[str | Kept]) -> tuple[Kept, ...]:
    """Return the principals who must keep working; raises InvalidInput for what is not one."""
    listed = [values] if isinstance(values, str | Kept) else values
    return tuple(dict.fromkeys(map(Kept.of, listed)))


def _action(text: str) -> str:
    found = _ACTIONS.get(text.lower())
    if found is None:
        step = did_you_mean(text, _ACTIONS.values(), "Write actions such as s3:GetObject.")
        raise _bad(f'"{text[:60]}" is not one action of S3.', step)
    return found


def _bad(message: str, step: str) -> InvalidInput:
    return InvalidInput(message, next_step=step, field="keep")


def rights(policies: Iterable[str], bucket: str) -> Texts:
    """Return the usual actions that policies of a principal allow on a bucket and on all its
    objects, by its ARN; conditions may narrow what is allowed.
    """
    statements = [each for text in policies for each in parse_document(text).statements]

    def covered(action: str) -> set[bool]:
        arn = f"{bucket}/-" if action in OBJECT_ACTIONS else bucket
        return {
            each.deny
            for each in statements
            if each.covers_action(action.lower()) and each.covers_resource(arn, {})
        }

    return tuple(action for action in WORK if covered(action) == {False})


def keeps_working(locks: EffectiveLocks, kept: Kept, prefix: str = "") -> Answer:
    """Return whether nothing here refuses what a principal signs: ``opened``, ``refused`` with a
    verdict, or ``unknown``.

    Raises TooManyClassesError where the requests are too many to be told apart.
    """
    signed = _Signed(locks, kept)
    unknown: set[str] = set()
    for action in kept.asked:
        resources, doubt = signed.resources(action, prefix)
        unknown |= doubt
        for answer in (each for one in resources for each in signed.answers(action, one)):
            if answer.answer == "refused":
                return answer
            unknown |= {*answer.depends_on}
    return Answer("unknown" if unknown else "opened", depends_on=tuple(sorted(unknown)))


@dataclass(frozen=True)
class _Signed:
    """Requests that one principal signs, under the policies of locks."""

    locks: EffectiveLocks
    kept: Kept

    @cached_property
    def caller(self) -> Caller:
        """The principal; for a role a session."""
        return session_of(self.kept.principal)

    @cached_property
    def signer(self) -> Signer:
        """Whose principal it is."""
        return "own" if self.caller.account in ("", self.locks.account) else "other"

    @cached_property
    def known(self) -> Keys:
        """The keys that follow from who signs."""
        found = principal_keys(self.caller, self.locks.partition)
        return {**found, "aws:principalarn": (self.kept.principal,)}

    def resources(self, action: str, prefix: str) -> tuple[Sequence[str], set[str]]:
        """Return what an action asks for, a resource for each class of keys;
        and what is unknown if these are not all.
        """
        if action not in OBJECT_ACTIONS:
            return [self.locks.arn], set()
        statements = self.locks.policies(self.signer).compiled.statements
        classes = KeyClasses(statements, self.locks.arn, prefix, known=lambda: [self.known])
        found = [*classes.arns.values()]
        return found or classes.samples, set() if found else {"the object's key"}

    def answers(self, action: str, resource: str) -> Iterator[Answer]:
        """Yield the answer for each place and moment of the requests for a resource."""
        every = self.locks.policies(self.signer).compiled
        every = every.about(action, resource, cuts=False)
        charge(_WORK * (1 + len(every.statements)), "the object's key")
        for place, endpoint, doubt in self._places(every):
            compiled = every
            if endpoint and endpoint in self.kept.sources.endpoints:
                compiled = self.locks.policies(self.signer, endpoint).compiled
                compiled = compiled.about(action, resource, cuts=False)
                doubt = doubt or (READ_ENDPOINTS if READ_ENDPOINTS in self.locks.not_read else "")
            for moment in self._moments(every):
                charge(_WORK, "the object's key")
                unknown = doubt or ("" if moment is not None else "aws:CurrentTime")
                request = self._request(action, resource, {**place, **(moment or {})})
                yield (
                    Answer("unknown", depends_on=(unknown,))
                    if unknown
                    else self._decided(request, compiled)
                )

    def _request(self, action: str, resource: str, keys: Keys) -> Request:
        """Return the request, from a place and at a moment."""
        name, is_service = self.kept.principal, self.kept.is_service
        context = header_context(
            Source(None),
            principal_arn=None if is_service else name,
            service=name if is_service else None,
            region=self.locks.region,
            extra={key_facts(key).name: value[0] for key, value in keys.items()},
        )
        if is_service:
            context["aws:SourceAccount"] = self.locks.account
        request = Request(action, resource, self.caller.text, context, self.locks.account)
        if self.caller.linked is not None:
            vars(request)["caller"] = self.caller  # the ARN of a session has lost the path
        return request

    def _places(self, compiled: Compiled) -> Iterator[tuple[Keys, str, str]]:
        """Yield the places of requests: their keys, the endpoint, and what is unknown of them."""
        if self.kept.is_service:
            yield {}, "", ""
            return
        sources, is_cross = self.kept.sources, self.signer == "other"
        outside, behind = (
            StatementTable(compiled, self.caller, cross_account=is_cross, endpoint=each)
            for each in (False, True)
        )
        if sources.is_empty or sources.networks:
            for one in address_sources(outside, sources.networks, known=self.known):
                if sources.is_empty or one.is_listed:
                    yield one.setting.values, "", "" if one.is_exact else "aws:SourceIp"
        if sources.is_empty or sources.ids:
            facts = self.locks.circumstances.given.endpoints
            for place in endpoint_classes(behind, sources.endpoints, facts, known=self.known):
                yield from self._through(place, behind, compiled)

    def _through(
        self, place: EndpointClass, behind: StatementTable, compiled: Compiled
    ) -> Iterator[tuple[Keys, str, str]]:
        """Yield the requests through endpoints of one class, if it is among the places."""
        keys, sources = place.setting.values, self.kept.sources
        for vpc in sources.vpcs:
            if keys.get("aws:sourcevpc", (vpc,)) == (vpc,):
                is_known = not place.label or "aws:sourcevpc" in keys
                yield (
                    {**keys, "aws:sourcevpc": (vpc,)},
                    place.label,
                    "" if is_known else "aws:SourceVpc",
                )
        if not sources.is_empty and place.label not in sources.endpoints:
            return
        moving = {"aws:vpcsourceip", *(() if place.label else ("aws:sourcevpc",))}
        varying = [
            each
            for each in endpoint_dimensions(behind, compiled, place, {}, self.known)
            if each.keys & moving
        ]
        for each in varying:
            if not each.settings:
                yield keys, place.label, each.name
        for trail in product(*(each.settings for each in varying)):
            more = {key: value for each in trail for key, value in each.values.items()}
            yield {**keys, **more}, place.label, ""

    def _moments(self, compiled: Compiled) -> Sequence[Keys | None]:
        """Return the moments from now on that policies tell apart; None where they are unknown."""
        given = self.locks.circumstances.given.values
        if not TIME_KEYS & spellings(compiled).keys() or TIME_KEYS & given.keys():
            return [{}]
        table = StatementTable(compiled, self.caller, cross_account=False, endpoint=False)
        found = times(table, self.locks.circumstances.now).settings
        return [each.values for each in found] or [None]

    def _decided(self, request: Request, compiled: Compiled) -> Answer:
        """Answer one request; what only some choice of its sender opens is unknown."""
        asked, policies = spellings(compiled), Policies.of_compiled(compiled)
        if self.kept.is_service:
            unknown = [key for key in _OF_SERVICES if key in asked]
            return answer_of(evaluate(replace(request, unknown=unknown), policies))
        if self.locks.is_closed_to(self.signer):
            rule = f"{BLOCK_PUBLIC_ACCESS} refuses it"
            return answer_of(Verdict(request, compiled, Decided("explicit-deny", rule=rule)))
        session = f"{self.caller.text.rpartition('/')[0]}/"
        if self.signer == "other" and any(  # named by what no ARN shows
            entry.kind in ("canonical", "unique-id") or entry.text.startswith(session)
            for statement in compiled.statements
            for entry in statement.principals or ()
        ):
            return Answer("unknown", depends_on=(_OF_THEIRS,))
        kind = Kind("header", "header", self.signer, request.action, request.resource)
        circumstances, known = self.locks.circumstances, self.caller.kind != "session"
        decide = partial(decide_request, request, policies, session_known=known)
        plain = answer_of(decide(plainly(kind, circumstances, policies).given))
        if plain.answer != "refused":
            return plain
        anyhow = answer_of(decide(circumstances.given))
        if anyhow.answer == "refused":
            return plain
        sent = (key_facts(key, asked[key]).name for key in asked if is_chosen(key))
        return Answer("unknown", depends_on=anyhow.depends_on or tuple(sorted(sent)))


def changes_policy(locks: EffectiveLocks) -> Answer:
    """Return whether some user or role of the account can still change the bucket policy, as far
    as what was read says; the root user is not asked about.
    """
    root = f"arn:{locks.partition}:iam::{locks.account}:root"
    where = {"ArnEquals": {"aws:PrincipalArn": root}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": where}
    level = {"Version": VERSIONS[-1], "Statement": [*EVERYTHING["Statement"], deny]}
    policies = replace(locks, scp=(*(locks.scp or ()), level)).policies()
    kind = Kind("header", "header", "own", CHANGE, locks.arn, by="any")
    row = expose(
        Requests(kind, policies, locks.circumstances), endpoint_policies=lambda _: policies
    )
    if row.word == "refused":
        return keeps_working(locks, Kept(root.replace(":root", ":role/some-role"), (CHANGE,)))
    return Answer(row.word, depends_on=row.unknown.depends_on if row.word == "unknown" else ())
