"""A proof that no presigned request from elsewhere is opened, or one concrete request that is.

The claim: no request signed in the query string, sent as a POST form or without a signature from
outside the allowed addresses and endpoints is opened, whatever it asks for and whoever signed it,
under the policies read. (Who has a presigned URL can also send it without its signature.) Every
dimension of such a request is cut at the values that the policies name, so that the claim is
decided for all of them. What a presigned request asks for is any name of an action, also one that
S3 adds later: a claim is proved only if the statements refuse such a name too.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import product

from ...base.allowed import Allowed
from ...base.errors import InvalidInput
from ...base.html import Tone, hint, notice, output
from ...base.outcome import CheckResult
from ...base.shown import Shown
from ...base.text import Json, Texts, members, printable
from ..iam.documents import Statement
from ..iam.facts import Signer
from ..iam.request import Policies, Request
from ..iam.request_keys import (
    BUCKET_ACTIONS,
    ENDPOINT_KEYS,
    OBJECT_ACTIONS,
    TABLES,
    is_absent_for,
    is_by_action,
    is_unlisted,
)
from ..iam.request_space import MAX_WORK, Dimension, RequestSpace, SpaceAnswer, Work, limited_work
from ..iam.statement_table import TARGET, DimensionValue, StatementTable
from ..iam.variables import Keys, Wild, split_wildcards
from ..iam.wildcards import TooManyClassesError, text_steps, witnesses
from ..policies.bucket_guard import UPLOAD, build_guard, own_kind
from ..policies.bucket_policy import BucketPolicy
from ..policies.signer_limit import build_signer_limit, signer_names
from .answer import MEANT, Answer
from .expectation import Expectation
from .keep import CHANGE, Kept, changes_policy, keeps_working
from .key_classes import KeyClasses, KeyExamples
from .locks import EffectiveLocks, with_statements
from .provisos import BY_ACL, granting, provisos, unless
from .request_kinds import Form, Kind
from .source_sets import Requests, confirm, example_request, values_of
from .sources import address_sources, endpoint_classes

_FORMS: tuple[tuple[Form, Signer], ...] = (
    ("presigned", "own"),
    ("presigned", "other"),
    ("post-form", "own"),
    ("post-form", "other"),
    ("post-form", "anonymous"),
    ("unsigned", "anonymous"),
    ("header", "own"),
    ("header", "other"),
)
LATER = "an action of S3 that this version does not know"
"""The dependence of a proof on an action that is not in the table,
because no statement that refuses covers it.
"""
_ACTION_NAME = re.compile(r"s3:[a-z0-9]+")
_MOST_ASKED = 20
"""Most candidates of whom is decided whether they are refused: each takes a proof."""
_MOST_WORK = 6 * MAX_WORK
"""A proof is about every form, signer, source and action, an exposure about one kind of request."""
ROOT_EXCEPTION = (
    "The root user of the bucket's account can get, put and delete the bucket policy: no bucket"
    " policy can stop that."
)


BOTH = "closed to strangers and open to those who work here"
"""The claim of a proof of both sides, in words."""
KEPT_LIMITS = (
    "Those who must keep working sign in the header, over HTTPS and with new credentials. Their own"
    " policies are not read here.",
)
"""The limits of a proof that somebody keeps working."""
WAY_BACK = (
    "The way back is the root user of the account, unless its organization refuses that user too."
)
"""The end of a sentence on a bucket policy that somebody cannot change."""
SPARED = "Whoever has an upload URL or form can overwrite objects from anywhere"
"""The limit of a guard of reads, in a sentence."""


@dataclass(frozen=True)
class Claim:
    """Statement to prove.

    Attributes
    ----------
    prefix : str
        Start of the keys; empty for the whole bucket, requests on the bucket itself included.
    allowed : Allowed
        The allowed sources; a text or list becomes one by
        :meth:`~gt_secure.base.allowed.Allowed.of`.
    reads : bool
        Whether uploads are left out of the claim.
    signers : sequence of str
        If there are some: nobody else's URL is opened either, from wherever, uploads apart.
    calls : bool
        Whether calls of an SDK or the CLI, which sign in the header, are claimed too.
    keep : sequence of Kept
        Principals who must keep working. If there are some, a user or role of the account must
        still be able to change the bucket policy too.
    """

    prefix: str = ""
    allowed: Allowed = field(default_factory=Allowed)
    reads: bool = False
    signers: Sequence[str] = ()
    keep: Sequence[Kept] = ()
    calls: bool = False

    def __post_init__(self) -> None:
        if isinstance(text := self.signers, str):
            step = f'Write signers=["{text[:60]}"].'
            raise InvalidInput(
                "The signers of a claim are a list.", next_step=step, field="signers"
            )
        object.__setattr__(self, "allowed", Allowed.of(self.allowed))

    @property
    def words(self) -> str:
        """The claim in a sentence."""
        except_uploads = f". {SPARED}" if self.reads else ""
        what = (
            "presigned or anonymous request except an upload"
            if self.reads
            else "presigned request, POST form or anonymous request"
        )
        said = f"no {what} from elsewhere is opened{except_uploads}"
        of_others = (
            f"no URL for reading that anybody but {signer_names(self.signers)} signed is opened"
        )
        if not self.signers:
            return said
        return of_others if self.allowed.is_empty else f"{said}; {of_others}"


@dataclass(frozen=True, repr=False)
class Proof(Shown):
    """The answer to a claim.

    Attributes
    ----------
    proved : bool or None
        None if it depends on facts that are not known. As a truth value, a proof is true only if it
        is proved.
    counterexample : mapping or None
        A request that is opened, as a case for ``gt-secure verdict``.
    refused : mapping or None
        A request that is refused although its principal must keep working, as such a case.
    depends_on : tuple of str
        The condition keys on which the answer depends.
    limits : tuple of str
        What the claim leaves out, and the facts that it uses.
    claim : str
        The claim in a sentence.
    prefix : str
        Start of the keys that the claim is about; empty for all of them.
    answers, expectation
        For an expectation, the answer for each of its sources.
    subject : str
        The bucket and keys.
    names : tuple of str
        The sentence on who else can list the names of objects under the prefix, if anybody can.
    unless : tuple of str
        What may change the answer, and no call settles.
    kept : tuple of str
        A sentence for each principal who keeps working.
    locked_out : tuple of str
        Where the claim keeps nobody: a sentence for each principal who seems to work here and is
        refused, and one if nobody can change the bucket policy. They do not change the answer.
    """

    document = (
        "proved",
        "counterexample",
        "refused",
        "depends_on",
        "unless",
        "limits",
        "names",
        "kept",
        "locked_out",
    )

    proved: bool | None
    counterexample: Json | None = None
    depends_on: Texts = ()
    limits: Texts = field(default=(), repr=False)
    claim: str = ""
    answers: tuple[Answer, ...] = ()
    expectation: Expectation | None = None
    prefix: str = field(default="", repr=False)
    subject: str = field(default="", repr=False, compare=False)
    names: Texts = field(default=(), repr=False)
    unless: Texts = field(default=(), repr=False)
    refused: Json | None = None
    kept: Texts = field(default=(), repr=False)
    locked_out: Texts = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return self.proved is True

    @classmethod
    def of_expectation(cls, expectation: Expectation, answers: tuple[Answer, ...]) -> Proof:
        """Return the proof that every answer is the expected one."""
        words = {each.answer for each in answers} - {MEANT[expectation.kind]}
        proved = True if not words else None if words == {"unknown"} else False
        depends_on = sorted({key for each in answers for key in each.depends_on})
        return cls(proved, None, tuple(depends_on), (), "", answers, expectation)

    @property
    def kind(self) -> str:
        """The expected result, ``allowed`` or ``refused``; empty for a claim about all sources."""
        return "" if self.expectation is None else self.expectation.kind

    @property
    def broken(self) -> tuple[Answer, ...]:
        """The answers that are not the expected ones."""
        return tuple(each for each in self.answers if each.answer != MEANT[self.kind])

    def to_dicts(self) -> list[Json]:
        """Return a row of JSON-able data for each source of an expectation."""
        if self.expectation is None:
            return []
        return [
            {
                **members(self.expectation, "kind", "of", "prefix"),
                **members(each, "source", "lock", "reason", "when", "unless", "depends_on"),
                "observed": each.answer,
                "holds": each.answer == MEANT[self.kind],
                "keys": [each.key] if each.key else [],
            }
            for each in self.answers
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The answer in a sentence: the claim, the request that is opened,
        or what the answer depends on.
        """
        if self.proved:
            about = f', for keys under "{printable(self.prefix)}" alone' if self.prefix else ""
            claim = self.claim or "every answer is the expected one"
            word = f"Proved {BOTH}" if self.kept else "Proved"
            said = f"{word}: {claim}{about}{unless(self.unless)}."
            return " ".join([said, *self.names, *self.kept, *self.locked_out])
        if self.found:
            return f"Not proved: {' '.join(map(' '.join, self.found))}"
        if self.proved is None:
            return f"Not known: it depends on {', '.join(self.depends_on)}."
        return (
            f"Not proved: {'; '.join(f'{each.source} is {each.answer}' for each in self.broken)}."
        )

    @property
    def found(self) -> list[Texts]:
        """The requests that contradict the claim, one that is opened and one that is refused, each
        as what, who and why.
        """
        told: list[tuple[Json | None, str, Texts]] = [
            (self.counterexample, "opened", self.unless),
            (self.refused, "refused", ()),
        ]
        return [_told(case, word, rests_on) for case, word, rests_on in told if case is not None]

    @property
    def result(self) -> CheckResult:
        """The answer as the outcome of a check."""
        fix = "" if self.proved else "Apply the restriction, or add known values as context."
        subject = self.subject or "the policies read"
        return CheckResult("prove", subject, self.proved, self.text, self.to_dict(), fix)

    def require(self) -> Proof:
        """Return the proof; raise :class:`~gt_secure.check.CheckFailed` unless
        the claim is proved.
        """
        self.result.require()
        return self

    def _repr_html_(self) -> str:
        tone: Tone = "ok" if self.proved else "warn" if self.proved is None else "no"
        return output(notice(tone, self.text), *map(hint, self.limits))


def _told(case: Json, word: str, rests_on: Texts) -> Texts:
    """Return a case in words: what, who, and why."""
    request = case["request"]
    return (
        printable(f"{request['action']} of {request['resource']} is {word}"),
        printable(f"from {origin_of(case)}, {signed_by(case)}{unless(rests_on)}:"),
        printable(case["opened_by" if word == "opened" else "refused_by"]),
    )


_LISTS = Kind("presigned", "presigned", "own", "s3:ListBucket", "", whoever=True)


def listed_names(locks: EffectiveLocks, claim: Claim) -> Texts:
    """Return a sentence on the names of objects under the prefix of a claim, if a presigned request
    for the bucket may list them from elsewhere: a guard of a prefix does not cover the bucket.
    """
    if not claim.prefix:
        return ()
    locks = replace(locks, facts=locks.facts.without_choices())
    kind = replace(_LISTS, resource=locks.arn)
    requests = Requests(kind, locks.policies("own"), locks.circumstances)
    try:
        with limited_work():
            found = {
                space.answer(space.source_mask(setting)).state
                for space, setting in _spaces(requests, locks, claim)
            }
    except TooManyClassesError:
        found = {"unknown"}
    if found <= {"refused"}:
        return ()
    lists, under = "lists" if "opened" in found else "may list", f'"{printable(claim.prefix)}"'
    return (f"A presigned LIST of the bucket {lists} the names under {under} from elsewhere.",)


@dataclass(frozen=True)
class ProofPart:
    """Requests of one form and signer from one class of sources: addresses, or an endpoint."""

    answer: SpaceAnswer
    space: RequestSpace
    setting: DimensionValue
    form: Form
    signer: Signer
    endpoint: str = ""


def prove(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide the claim under the policies of locks: closed to strangers, and open to those who must
    keep working.
    """
    return both(prove_closed(locks, claim), prove_open(locks, claim))


def with_locked_out(proof: Proof, locks: EffectiveLocks, claim: Claim) -> Proof:
    """Return a proof of a claim that says also whether nobody is left who can change the policy."""
    return replace(proof, locked_out=told_of(claim, (), partial(prove_kept, locks, claim)))


def both(closed: Proof, opened: Proof) -> Proof:
    """Return the proof of both sides of a claim."""
    answers = (closed.proved, opened.proved)
    return replace(
        closed,
        proved=False if False in answers else None if None in answers else True,
        depends_on=tuple(sorted({*closed.depends_on, *opened.depends_on})),
        limits=(*closed.limits, *opened.limits),
        refused=opened.refused,
        kept=opened.kept,
    )


def prove_open(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide whether nothing here refuses those whom a claim keeps, and whether somebody can still
    change the policy.
    """
    if not claim.keep:
        return Proof(True)
    unknown: set[str] = set()
    for kept in (*claim.keep, None):
        proof = prove_kept(locks, claim, kept)
        if proof.refused is not None:
            return proof
        unknown |= {*proof.depends_on}
    if unknown:
        return Proof(None, None, tuple(sorted(unknown)), KEPT_LIMITS)
    return Proof(True, None, (), KEPT_LIMITS, kept=(*map(partial(_kept, locks), claim.keep),))


def prove_kept(locks: EffectiveLocks, claim: Claim, kept: Kept | None) -> Proof:
    """Decide whether nothing here refuses a principal under the prefix of a claim; None for
    somebody who changes the policy.
    """
    found = kept_answer(locks, kept, claim.prefix)
    if found.verdict is None or found.answer != "refused":
        return Proof(None if found.depends_on else True, None, found.depends_on)
    # A request that is refused to whom must keep working, as a case.
    request, reason = found.verdict.request, found.verdict.reason
    if kept is None:
        reason = f"No user or role of account {locks.account} can change the policy. {reason}"
    if request.action == CHANGE:
        reason = f"{reason} {WAY_BACK}"
    case = case_of(request, locks, "other" if request.is_cross_account else "own")
    case = {**case, "id": "refused", "form": "header", "refused_by": reason}
    return Proof(False, None, (), KEPT_LIMITS, refused=case)


def told_of(claim: Claim, candidates: Iterable[Kept], ask: Callable[[Kept | None], Proof]) -> Texts:
    """Return the sentences on those who seem to work here and are refused, and on nobody who can
    change the policy; none for a claim that names whom it keeps.
    """
    if claim.keep:
        return ()
    every = [*candidates]
    asked = ((each, ask(each).refused) for each in (*every[:_MOST_ASKED], None))
    told = (_locked_out(each, case) for each, case in asked if case is not None)
    left = (f"Whether {each} is refused was not decided." for each in every[_MOST_ASKED:])
    return (*told, *left)


def _locked_out(kept: Kept | None, case: Json) -> str:
    reason = printable(case["refused_by"])
    if kept is None:
        return reason
    what, who, _ = _told(case, "refused", ())
    option = f"--keep {shlex.quote(printable(str(kept)))}"
    return (
        f"{what} {who.removesuffix(':')}. {reason} To prove that this principal keeps working, add"
        f" {option}."
    )


def kept_answer(locks: EffectiveLocks, kept: Kept | None, prefix: str = "") -> Answer:
    """Return whether a principal keeps working; None for somebody who changes the bucket policy."""
    try:
        with limited_work(_MOST_WORK):
            return changes_policy(locks) if kept is None else keeps_working(locks, kept, prefix)
    except TooManyClassesError as error:
        return Answer("unknown", depends_on=(str(error),))


def _kept(locks: EffectiveLocks, kept: Kept) -> str:
    """Return the sentence on a principal who keeps working."""
    is_theirs = not kept.is_service and f":{locks.account}:" not in kept.principal
    rests_on = provisos(
        locks,
        "other-account" if is_theirs else "header",
        "opened",
        endpoints=None if kept.sources.is_empty and not kept.is_service else kept.sources.ids,
        knows_signer=kept.is_service or kept.principal.endswith(":root"),
    )
    return (
        f"Nothing that was read refuses {replace(kept, actions=kept.asked)}{unless(rests_on)}."
        " Whether this principal exists was not looked up."
    )


def prove_closed(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide whether a claim holds for strangers under the policies of locks."""
    try:
        with limited_work(_MOST_WORK) as work:
            proof = _prove_signers(locks, claim) if claim.signers else _prove(locks, claim, work)
        names = listed_names(locks, claim) if proof.proved and not claim.signers else ()
        rests_on = _unless(locks, claim, proof)
        return replace(proof, prefix=claim.prefix, names=names, unless=rests_on)
    except TooManyClassesError as error:
        return Proof(None, None, (str(error),), (*locks.known, *_not_covered(claim)), claim.words)


def _unless(locks: EffectiveLocks, claim: Claim, proof: Proof) -> Texts:
    """Return what may change the answer to a claim."""
    if proof.proved and locks.acls is None:
        return () if prove_closed(granting(locks), claim).proved else (BY_ACL,)
    case = proof.counterexample
    if case is None:
        return ()
    kind = "presigned" if f":{locks.account}:" in case["request"]["principal"] else "other-account"
    kind = "anonymous" if case["form"] == "unsigned" else kind
    return provisos(locks, kind, "opened", endpoints=None if "vpce-" in case["source"] else ())


def _prove(locks: EffectiveLocks, claim: Claim, work: Work) -> Proof:
    locks = replace(locks, facts=locks.facts.without_choices())
    limits = (*locks.known, *_not_covered(claim))
    unknown = set()
    circumstances = locks.circumstances
    for part in _parts(locks, claim):
        if part.answer.state == "unknown":
            unknown |= set(part.answer.depends_on)
            if work.is_done:
                break
        if part.answer.state != "opened":
            continue
        request = example_request(part.space.base, part.setting, part.answer.example, circumstances)
        policies = locks.policies(part.signer, part.endpoint)
        verdict = confirm(request, policies)
        if not verdict.allowed:  # the evaluator has the last word
            unknown |= {
                dimension.name for group in part.space.groups for dimension in group.dimensions
            }
            continue
        case = case_of(request, locks, part.signer)
        case |= {"form": part.form, "opened_by": verdict.reason}
        code = _fixed_by(request, policies, locks, claim)
        case = {**case, "finding": code} if code else case
        return Proof(False, case, (), limits, claim.words)
    if not work.is_done:
        unknown |= set(_later(locks, claim))
    proved = None if unknown else True
    return Proof(proved, None, tuple(sorted(unknown)), limits, claim.words)


def _later(locks: EffectiveLocks, claim: Claim) -> Iterator[str]:
    """Yield the unlisted actions that are opened, by name where a policy names them,
    and what others depend on.
    """
    for part in _parts(locks, claim, later=True):
        yield from part.answer.depends_on
        if part.answer.state == "opened":
            asked = next((each.action for each in part.answer.example if each.action), "")
            names = {
                each for statement in part.space.table.every_statement for each in statement.actions
            }
            yield next(
                (f"{each}, {LATER}" for each in sorted(names) if each.lower() == asked), LATER
            )


def _prove_signers(locks: EffectiveLocks, claim: Claim) -> Proof:
    """Decide both parts: a Deny of the signers themselves leaves the requests of all others."""
    arns = build_signer_limit(
        locks.bucket, claim.signers, locks.account, partition=locks.partition
    )["Condition"]
    spared = {"ArnLike": arns["ArnNotLike"]}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": spared}
    others = replace(locks, policy=with_statements(locks.policy, deny))
    elsewhere = replace(claim, signers=(), keep=())
    parts = [prove_closed(others, Claim(claim.prefix, reads=True))]
    parts += [] if claim.allowed.is_empty else [prove_closed(locks, elsewhere)]
    worst = min(parts, key=lambda each: (each.proved is not False, each.proved is not None))
    case = worst.counterexample
    if case is not None and worst is parts[0]:
        case = {**case, "resourcePolicy": locks.policy}
    return replace(worst, counterexample=case, claim=claim.words)


def _fixed_by(
    request: Request, policies: Policies, locks: EffectiveLocks, claim: Claim
) -> str | None:
    """Return the code of the finding whose fix, our guard for the claim,
    refuses a counterexample.
    """
    if claim.allowed.is_empty or (not claim.allowed.ids and _is_of_vpcs(policies)):
        return None
    given = locks.policy
    policy = BucketPolicy.of(json.dumps(given) if isinstance(given, dict) else given)
    try:
        guard = build_guard(
            locks.bucket,
            claim.allowed,
            prefix=claim.prefix,
            partition=locks.partition,
            reads=claim.reads,
        )
        verdict = confirm(
            request, replace(policies, resource=policy.put_statement(guard, claim.prefix))
        )
        if verdict.decision != "explicit-deny":
            return None
        found = policy.guard_of(claim.prefix)
    except InvalidInput:
        return None  # a policy that cannot be merged is fixed by nothing that gt_secure writes
    if found is None:
        return "guard-missing"
    return "guard-drifted" if found.drifted else "guard-narrower"


_VPC_KEYS = ENDPOINT_KEYS - {"aws:sourceip"}


def _is_of_vpcs(policies: Policies) -> bool:
    """Return whether a Deny of the bucket policy restricts requests to VPCs:
    beside one of addresses it would leave nobody.
    """
    resource = policies.compiled.resource
    asked = [
        frozenset[str]().union(*(each.asks for each in statement.conditions))
        for statement in (resource.document.denies if resource is not None else ())
        if not own_kind(statement.sid)
    ]
    return any(keys & _VPC_KEYS and "aws:sourceip" not in keys for keys in asked)


def _not_covered(claim: Claim) -> list[str]:
    sentences = [
        ROOT_EXCEPTION,
        "A POST form is taken to have s3:authType POST, also where it is not signed.",
        (
            f"The actions of S3 are those of {TABLES['actions_as_of']}. An action that S3 adds"
            " later is taken to have any condition key."
        ),
    ]
    if not claim.calls:
        sentences.append(
            "Calls of an SDK or the CLI are outside the claim: whoever the policies let in makes"
            " them from anywhere."
        )
    if claim.reads:
        sentences.append(f"{SPARED}: uploads are outside the claim.")
    if claim.prefix:
        sentences.append(
            "Requests on the bucket itself are outside the claim, which is for keys under"
            f' "{claim.prefix}".'
        )
    return sentences


def _parts(locks: EffectiveLocks, claim: Claim, *, later: bool = False) -> Iterator[ProofPart]:
    """Yield the requests of a claim, decided; ``later``: those for actions that are not listed."""
    circumstances = locks.circumstances
    ways = (False, True)[: 1 + locks.asks_for_points]
    for any_way, (form, signer) in product(ways, _FORMS):
        whole = form != "post-form"
        if (
            (signer == "anonymous" and locks.requester_pays.is_true)
            or locks.is_closed_to(signer)
            or (form == "header" and not claim.calls)
            or (not whole and (claim.reads or later))
        ):
            continue
        actions = () if later else OBJECT_ACTIONS if whole else (UPLOAD,)
        actions = tuple(action for action in actions if not claim.reads or action != UPLOAD)
        resource = f"{locks.arn}/{claim.prefix}x"
        kind = Kind(form, form, signer, OBJECT_ACTIONS[0], resource, whoever=True, any_way=any_way)
        known = partial(_values, kind, locks)
        asked = partial(
            _targets,
            locks=locks,
            claim=claim,
            actions=actions,
            known=known,
            bucket=whole,
        )
        targets = cache(asked)
        requests = Requests(kind, locks.policies(signer), circumstances, targets)
        for space, setting in _spaces(requests, locks, claim):
            mask = space.source_mask(setting)
            endpoint = next(iter(setting.values.get("aws:sourcevpce", ())), "")
            yield ProofPart(space.answer(mask), space, setting, form, signer, endpoint)


def _spaces(
    requests: Requests, locks: EffectiveLocks, claim: Claim
) -> Iterator[tuple[RequestSpace, DimensionValue]]:
    """Yield the requests from outside: a space and a source."""
    space = requests.anywhere
    alike: dict[int, DimensionValue] = {}
    for source in address_sources(space.table, claim.allowed.networks, known=space.base.keys):
        if source.is_listed:
            continue
        if not source.is_exact:
            any_address = Dimension("aws:SourceIp", frozenset({"aws:sourceip"}), (), chosen=True)
            yield requests.space(space.table, space.base, [any_address]), DimensionValue()
            continue
        if space.is_coupled:
            yield requests.at(source.setting), source.setting
            continue
        mask = space.source_mask(source.setting) & space.settled
        alike.setdefault(mask, source.setting)
    yield from ((space, each) for each in alike.values())
    facts = requests.circumstances.given.endpoints
    for place in endpoint_classes(
        requests.behind, claim.allowed.endpoints, facts, known=requests.view_behind.keys
    ):
        vpcs = facts.get(place.label, {}).get("aws:sourcevpc", ())
        if place.label in claim.allowed.ids or set(vpcs).intersection(claim.allowed.vpcs):
            continue
        own = requests
        if locks.endpoints.get(place.label) is not None:
            own = replace(requests, policies=locks.policies(requests.kind.signer, place.label))
        yield own.through(place), place.setting


def _values(kind: Kind, locks: EffectiveLocks) -> list[Keys]:
    """Return the values that the keys of requests can have, outside endpoints and through each."""
    paths = ("", *locks.endpoints)
    return [
        values_of(Requests(kind, locks.policies(kind.signer, each), locks.circumstances))
        for each in paths
    ]


def _targets(
    table: StatementTable,
    locks: EffectiveLocks,
    claim: Claim,
    actions: Sequence[str],
    known: KeyExamples,
    *,
    bucket: bool,
) -> Dimension:
    """Return what a request can ask for: each action that policies tell apart, on each key that
    they tell apart.

    Without ``actions`` these are the unlisted ones. There are no settings where the keys or actions
    are too many.
    """
    statements = table.every_statement
    classes = KeyClasses(statements, locks.arn, claim.prefix, "", known)
    objects, is_whole = list(classes.arns.values()) or classes.samples, bool(classes.arns)
    try:
        of_bucket = _distinct_actions(
            table, BUCKET_ACTIONS if actions else unlisted_actions(statements)
        )
        of_objects = _distinct_actions(table, actions) if actions else of_bucket
    except TooManyClassesError:
        of_bucket = of_objects = []
    settings = [DimensionValue(action=a, resource=r) for r in objects for a in of_objects]
    if settings and bucket and not claim.prefix:
        settings += [DimensionValue(action=action, resource=locks.arn) for action in of_bucket]
    name = LATER if objects and not of_objects else "the object's key"
    if not is_whole:
        return Dimension(name, frozenset({TARGET}), (), chosen=True, samples=tuple(settings))
    return Dimension(name, frozenset({TARGET}), tuple(settings), chosen=True)


def unlisted_actions(statements: Sequence[Statement]) -> list[str]:
    """Return names of unlisted actions, in lower case, one for each way in which statements can
    cover such a name.

    A name that a policy holds stands before others of its class. Raises TooManyClassesError if the
    ways are too many.
    """
    patterns = [[each.lower() for each in statement.actions] for statement in statements]
    steps = [[text_steps(split_wildcards(each)) for each in group] for group in patterns]
    texts = witnesses(filter(None, steps), domain=text_steps(("s3:", Wild.ONE, Wild.ANY)))
    if any(ord(character) > 127 for text in texts for character in text):
        raise TooManyClassesError("The policies use every letter and digit in names of actions.")
    names = [each for group in patterns for each in group]
    return [
        each
        for each in dict.fromkeys([*names, *texts])
        if _ACTION_NAME.fullmatch(each) and is_unlisted(each)
    ]


def _distinct_actions(table: StatementTable, actions: Iterable[str]) -> list[str]:
    """Return one action of each class: those that the statements cover alike,
    and whose requests have the same keys.
    """
    keys = sorted({key for part in table.parts for key in part.keys if is_by_action(key)})
    found: dict[tuple[bool, ...], str] = {}
    for action in actions:
        lower = action.lower()
        covered = (s.covers_action(lower) for s in table.every_statement)
        found.setdefault((*covered, *(is_absent_for(action, key) for key in keys)), action)
    return list(found.values())


def case_of(request: Request, locks: EffectiveLocks, signer: Signer) -> Json:
    """Return a request with the policies that meet it, as a case for ``gt-secure verdict``."""
    policies = locks.policies(signer)
    return {
        "id": "counterexample",
        "request": {
            "action": request.action,
            "resource": request.resource,
            "principal": request.principal,
            "context": dict(request.context),
            "resourceAccount": request.resource_account,
        },
        "identityPolicies": list(policies.identity),
        "sessionPolicy": policies.identity[0] if request.caller.kind == "federated-user" else None,
        "resourcePolicy": locks.policy,
        "resourceControlPolicies": list(locks.rcp or ()),
        "serviceControlPolicies": list(locks.scp or ()),
        "source": _source(request),
    }


def origin_of(case: Json) -> str:
    """Return the source of a counterexample in words: an endpoint with its VPC, where policies
    tell VPCs apart.
    """
    vpc = case["request"]["context"].get("aws:SourceVpc")
    return f"{case['source']} of {vpc}" if vpc else str(case["source"])


def signed_by(case: Json) -> str:
    """Return who signed the request of a case, in words."""
    principal = case["request"]["principal"]
    return "without a signature" if principal == "*" else f"signed by {principal}"


def _source(request: Request) -> str:
    context = {key.lower(): value for key, value in request.context.items()}
    endpoint = context.get("aws:sourcevpce")
    address = context.get("aws:sourceip") or context.get("aws:vpcsourceip")
    if endpoint is None:
        return str(address or "AWS")
    return f"{address} via {endpoint}" if address else str(endpoint)
