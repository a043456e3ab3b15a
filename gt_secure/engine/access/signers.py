"""Signers of URLs for an object: who holds the permission, who reaches somebody who does, and who
can become one.

Nobody needs a permission to presign. Whoever has credentials with ``s3:GetObject`` signs offline,
and CloudTrail shows nothing before the URL is opened. Sources: IAM User Guide, *Policy evaluation
logic* and *Granting a user permissions to pass a role to an AWS service*; STS API Reference,
*AssumeRole*; S3 User Guide, *Sharing objects with presigned URLs*.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from ...base.columns import ShownTable
from ...base.errors import PolicyError
from ...base.groups import OrderedNames
from ...base.text import Json, Texts, count, members, printable
from ...base.truth import without_truth
from ..iam.documents import Statement, document_of, parse_document
from ..iam.evaluate import evaluate
from ..iam.facts import Facts, Values
from ..iam.request import Compiled, Layer, Policies, Request
from ..iam.request_space import MAX_WORK, Word, limited_work
from ..iam.sessions import session_of_role
from ..iam.variables import Keys
from ..iam.wildcards import TextMatcher
from ..policies.signer_limit import without_session
from . import access_words as words
from .access_points import ANY_WAY, GRANT_READ, POINT_KEYS, PointPath, point_path, said_of_points
from .conditions_of_opening import duration
from .exposure import Exposure
from .identities import Principal, Principals, document
from .key_patterns import KeyPattern, shown_keys
from .locks import READ_ENDPOINTS, READ_POLICY, EffectiveLocks
from .part import NotRead, Part
from .principal_keys import PrincipalKeys
from .principal_policies import REFUSED, Asked, Statements, covers
from .provisos import provisos, unless
from .request_kinds import LONGEST_SIGNATURE_MS, Kind
from .source_sets import EVERYWHERE, NOWHERE, Requests, Row, SourceSet, combined, unsure

SigningClass: TypeAlias = Literal["signs", "reaches", "can-become"]
_Able: TypeAlias = "tuple[SigningClass, _Way]"
_Change: TypeAlias = tuple[str, str, Callable[[], Row], Texts]
"""An action, on what, the answer after it, and the ARN as which its URL is then signed,
if it is another's.
"""

LONGEST_S = LONGEST_SIGNATURE_MS // 1000
CHAINED_S = 3600
"""Longest session of a role that another role assumed."""

_READ, _ASSUME, _PASS = "s3:GetObject", "sts:AssumeRole", "iam:PassRole"
_DECRYPT = "kms:Decrypt"
_WORK_OF_EACH = 400
"""The conditions that are decided for a user or role more than for the others:
most of them share a row.
"""
_LABEL = "sagemaker:CreateLabelingJob"
_ALONE = (
    "NotebookInstance TrainingJob ProcessingJob HyperParameterTuningJob Domain UserProfile Pipeline"
)
_MODEL = "sagemaker:CreateModel"
_LAUNCHES: tuple[Texts, ...] = (
    *((f"sagemaker:Create{name}",) for name in _ALONE.split()),
    ("sagemaker:UpdatePipeline",),
    (_MODEL, "sagemaker:CreateTransformJob"),
    (_MODEL, "sagemaker:CreateEndpointConfig", "sagemaker:CreateEndpoint"),
)
"""Actions of SageMaker that run the caller's code as the role that they pass."""
_OWN = {
    "user": ("iam:PutUserPolicy", "iam:AttachUserPolicy"),
    "role": ("iam:PutRolePolicy", "iam:AttachRolePolicy"),
}
_GROUP = ("iam:PutGroupPolicy", "iam:AttachGroupPolicy")
_JOIN = "iam:AddUserToGroup"
_VERSIONS = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
_TRUST = "iam:UpdateAssumeRolePolicy"
_KEYS = ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile")
_BUCKET, _UNLOCK = "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"
_OF_POINT = {"s3:PutAccessPointPolicy": json.dumps(GRANT_READ), "s3:DeleteAccessPointPolicy": None}
"""Actions that change the policy of an access point, with what it is then."""
BECOMING = (
    *_OWN["user"],
    *_OWN["role"],
    *_GROUP,
    _JOIN,
    *_VERSIONS,
    _TRUST,
    *_KEYS,
    _BUCKET,
    _UNLOCK,
    *_OF_POINT,
)
"""Actions by which somebody can make itself a signer."""
_FEDERATED = (
    "sts:TagSession",
    "sts:SetSourceIdentity",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
)
_LAUNCHING = (each for group in _LAUNCHES for each in group)
_ACTIONS = tuple(
    dict.fromkeys((_READ, _DECRYPT, _ASSUME, _PASS, *_FEDERATED, _LABEL, *_LAUNCHING, *BECOMING))
)
_RESOURCE_TAG = ("aws:resourcetag/", "s3:buckettag/")
_NO_TAGS = ("aws:resourcetag/", "iam:resourcetag/", "s3:buckettag/")
_TAGGING = ("aws:requesttag/", "aws:tagkeys")
_CHOSEN_IN: dict[str, Texts] = {
    "sts": ("sts:", *_TAGGING),
    "iam": ("iam:policyarn", "iam:permissionsboundary", "iam:associatedresourcearn", *_TAGGING),
    "sagemaker": ("sagemaker:", *_TAGGING),
}
"""Starts of condition keys that the caller of a service chooses."""
_EXAMPLES = 2
"""The most keys for which signers are searched where these are too many to be told apart."""
_MOST_RESOURCES = 5
"""Most resources of a principal's own policies for which starting something is tried."""
_CLASSES: tuple[SigningClass, ...] = ("signs", "reaches", "can-become")
_WORDS_OF: dict[bool, tuple[Word, ...]] = {True: ("opened",), False: ("opened", "unknown")}
_TRUST_ALL = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}}
_ANYBODY = Layer("trust", "trust policy", parse_document(_TRUST_ALL, "trust"))
"""A trust policy that was not read: it may trust anybody."""
_SAGEMAKER = "sagemaker.amazonaws.com"
_FOR_WORKERS = "has images signed for workers, by a labeling job"
_OF_A_JOB = "has images signed for workers, as the role of a labeling job"
_NO_KEY = "The object is not encrypted with a KMS key: a signer would need kms:Decrypt as well."
_ASSUMED = (
    (
        "The account's root user, anonymous callers, people whom an identity provider signs in, and"
        " principals of accounts that were not given are not listed."
    ),
    (
        "Each user and role has one row, of its strongest class: sources and keys are those of the"
        " way that the row shows."
    ),
    "Ways into running compute (notebooks, functions, instances) are not followed.",
)


@dataclass(frozen=True)
class SigningPrincipal:
    """One user or role, and what it can do.

    Attributes
    ----------
    arn : str
    signing : str
        ``signs``, ``reaches`` (it can use a signer) or ``can-become`` (it can make itself one).
    answer : str
        ``opened`` if its URL is opened from some source, ``refused`` if from none, or ``unknown``.
    opened : SourceSet
        The sources from which its URL is opened, and the choices that open it.
    chain : tuple of str
        ARNs from the principal to the one that signs.
    depends_on : tuple of str
    longest_s : int or None
        The longest lifetime that it can give a URL, in seconds; None if the longest session is not
        known.
    signed : int or None
        Requests of a log that URLs opened which it signed; None without a log.
    """

    arn: str
    signing: SigningClass
    answer: Word
    opened: SourceSet = field(default=NOWHERE, repr=False)
    chain: Texts = ()
    depends_on: Texts = ()
    longest_s: int | None = None
    signed: int | None = None

    def to_dict(self) -> Json:
        """Return JSON-able data."""
        some = members(self.opened, "keys", "access_points: through")
        return {
            **members(self, "arn", "class: signing", "answer"),
            "opened": self.opened.places("when"),
            **{name: each for name, each in some.items() if each},
            **members(self, "chain", "depends_on", "longest_s"),
            **({} if self.signed is None else {"signed": self.signed}),
        }


T = TypeVar("T")


class SigningLog(Protocol):
    """A log that names who signed the URLs which were opened."""

    def asked(self, question: Callable[[Any], T]) -> tuple[T, Any]:
        """Return the answer to a question, and its coverage,
        whose ``doubts`` are sentences on what was not read.
        """
        ...


class Signers(ShownTable[SigningPrincipal], tuple[SigningPrincipal, ...]):
    """Users and roles by what they can do, those that sign first;
    who can do nothing is in ``refused``.
    """

    titles = ("principal", "class", "answer", "opened", "longest URL", "in the log")
    empty = "Nobody of the principals that were read can sign a URL for it."
    most = 100
    refused: tuple[SigningPrincipal, ...] = ()
    assumed: Texts = ()
    bucket: str = ""
    key: str = ""
    days: int | None = None
    others: Texts = ()
    unread: Texts = ()
    missing: NotRead | None = None

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if not isinstance(index, slice):
            return found
        part = Signers(found)
        vars(part).update(vars(self))
        return part

    def __bool__(self) -> bool:
        if self.missing is not None:
            raise TypeError(without_truth(self, ".missing: the users and roles were not read"))
        return len(self) > 0

    @classmethod
    def of(cls, found: Iterable[SigningPrincipal], assumed: Sequence[str]) -> Signers:
        """Return signers with what their answers take for granted."""
        every = list(found)
        made = cls(each for each in every if each.answer != "refused")
        made.refused = tuple(each for each in every if each.answer == "refused")
        made.assumed = tuple(assumed)
        return made

    def seen_in(self, hits: SigningLog) -> Signers:
        """Return the signers with the requests of a log that their URLs opened."""
        if self.missing is not None:
            return self
        (counts, days), coverage = hits.asked(lambda each: each.presigners(self.bucket, self.key))
        made = self.counted(counts)
        made.days, made.unread = days, tuple(coverage.doubts)
        return made

    def counted(self, requests: Mapping[str, int] | None) -> Signers:
        """Return the signers with these numbers of requests, by ARN:
        a log names a role by its session.
        """
        if requests is None:
            return self
        left = {without_session(arn): number for arn, number in requests.items()}

        def seen(each: SigningPrincipal) -> SigningPrincipal:
            name = (
                without_session(session_of_role(each.arn, "x"))
                if ":role/" in each.arn
                else each.arn
            )
            return replace(each, signed=left.pop(name, 0))

        made = Signers.of(map(seen, (*self, *self.refused)), self.assumed)
        made.bucket, made.key, made.others = self.bucket, self.key, tuple(left)
        return made

    @property
    def sentence(self) -> str:
        """The number of identities that can sign, and of those that did,
        with the plan that leaves only these.
        """
        return f"{self.numbers} {self.plan}".rstrip()

    @property
    def numbers(self) -> str:
        """The sentence before the plan."""
        if self.missing is not None:
            return self.missing.reason
        every = [each for each in self if each.signing == "signs"]
        signing = [each for each in every if each.answer == "opened"]
        more = (
            f" (unknown for {len(every) - len(signing):,} more)"
            if len(every) > len(signing)
            else ""
        )
        can = f"{identities(signing, self.key or self.bucket)}{more}"
        if self.days is None:
            return f"{can}. Add --logs to see who did."
        did = self._did
        others = f" The log also names others: {', '.join(self.others)}." if self.others else ""
        text = " ".join(
            [f"{can}, {len(did):,} did in {count(self.days, 'day')}.{others}", *self.unread]
        )
        return f"{text} Leave {'this' if len(did) == 1 else 'these'} {len(did):,}:" if did else text

    @property
    def plan(self) -> str:
        """The command that leaves only those as signers who did sign; empty if nobody did."""
        place = f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"
        words = [place, *(word for arn in self._did for word in ("--signers", arn))]
        return f"gt-secure plan {shlex.join(words)}" if self._did else ""

    @property
    def _did(self) -> list[str]:
        return [
            each.arn
            for each in self
            if each.signing == "signs" and each.answer == "opened" and each.signed
        ]

    @staticmethod
    def row(item: SigningPrincipal) -> Texts:
        """Return the cells of one principal."""
        way = " -> ".join(name.rpartition(":")[2] for name in item.chain) or item.arn
        places = (
            f"depends on {', '.join(item.depends_on)}"
            if item.opened.is_empty
            else words.addresses(item.opened.spans)
        )
        keys = shown_keys(item.opened.keys) if item.opened.keys else ""
        sources = item.opened
        behind = words.endpoints(sources.endpoints, (), others=sources.other_endpoints)
        opened = "; ".join(filter(None, (keys, places, behind, *sources.when)))
        longest = "not known" if item.longest_s is None else duration(item.longest_s * 1000)
        signed = "-" if item.signed is None else f"{item.signed:,}"
        return printable(way), item.signing, item.answer, printable(opened), longest, signed

    def to_dict(self, *, every: bool = False) -> Json:
        """Return JSON-able data; ``every`` has those that are refused too."""
        shown = (*self, *self.refused) if every else self
        more = ("assumed", "unread", *(() if self.missing is None else ("missing",)))
        return {"signers": [each.to_dict() for each in shown], **members(self, *more)}


def identities(signing: Sequence[SigningPrincipal], of: str) -> str:
    """Return how many can sign URLs of what, and how many of them for some keys only."""
    partly = sum(1 for each in signing if each.opened.keys)
    some = (
        f", {'each' if partly == len(signing) else f'{partly:,} of them'} for some keys only"
        if partly
        else ""
    )
    return f"{count(len(signing), 'identity', 'identities')} can sign URLs for {of}{some}"


@lru_cache(maxsize=4096)
def _may_name(pattern: str) -> bool:
    """Return whether a pattern may match a user or role, by its literal start."""
    parts = re.split(r"[*?$]", pattern, maxsplit=1)[0].split(":")
    return len(parts) < 4 or parts[2] == "iam"


class _Holders:
    """Principals by the resources on which their policies allow an action."""

    def __init__(self) -> None:
        self._exact: dict[str, OrderedNames] = {}
        self._patterns: dict[str, tuple[TextMatcher, OrderedNames]] = {}
        self._any: OrderedNames = {}
        self._by_value = False

    def add(self, statement: Statement, arn: str = "") -> None:
        """Add a statement that tells users and roles apart,
        and the principal to which it allows them.
        """
        named = [pattern for pattern in statement.resources if _may_name(pattern.text)]
        variable = any(pattern.matcher is None for pattern in named)
        self._by_value |= variable or any(
            "resourcetag/" in condition.lower_key for condition in statement.conditions
        )
        holders = {arn: None} if arn else {}
        if statement.not_resource or variable:
            self._any |= holders
            for pattern in named if not self._by_value else ():
                self._patterns.setdefault(pattern.text, (pattern.matcher or (lambda _: False), {}))
            return
        for pattern in named:
            if set("*?") & set(pattern.text) or pattern.text.count(":") < 5:
                assert pattern.matcher is not None
                self._patterns.setdefault(pattern.text, (pattern.matcher, {}))[1].update(holders)
            else:
                self._exact.setdefault(pattern.text, {}).update(holders)

    def signature(self, resource: str) -> tuple[object, ...]:
        """Return what tells a resource apart from others for all these principals."""
        alone = resource if self._by_value or resource in self._exact else ""
        return alone, *(matches(resource) for matches, _ in self._patterns.values())

    def of(self, resource: str) -> OrderedNames:
        """Return who may have the permission on a resource."""
        found = {**self._any, **self._exact.get(resource, {})}
        for matches, arns in self._patterns.values():
            found |= arns if matches(resource) else {}
        return found


class _Point(NamedTuple):
    """The question whether somebody may read an object through an access point.

    Its policy must let the request through, and so must the bucket. Without ``own`` nobody listed
    the access points: the bucket is asked about any.
    """

    path: PointPath
    bucket: Asked
    own: Asked | None = None

    def row(self, principal: Principal, *, as_if_all: bool) -> Row:
        row = self.bucket.row(principal, as_if_all=as_if_all)
        if self.own is not None and row.word != "refused":
            row = combined(row, self.own.row(principal, as_if_all=as_if_all), both=True)
        unread = self.path.unread_of_others if principal.account != self.bucket.account else ()
        row = unsure(row, (*self.path.unread, *unread))
        if row.opened.is_empty:
            return row
        when = (f"through the access point {self.path.name}", *row.opened.when)
        return replace(row, opened=replace(row.opened, when=when, through=(self.path.name,)))


class _Read(NamedTuple):
    """The question whether somebody may read an object: of the bucket by one of the ways to it, and
    of its key.

    ``unread`` names what else would have been read of any, ``unread_behind`` what would have been
    of endpoints.
    """

    asked: Asked
    points: tuple[_Point, ...]
    key: Asked | None
    unread: Texts
    unread_behind: Texts

    def row(self, principal: Principal, *, as_if_all: bool = False) -> Row:
        row = self.asked.row(principal, as_if_all=as_if_all)
        for point in self.points:
            if not row.is_open:
                row = combined(row, point.row(principal, as_if_all=as_if_all), both=False)
        row = unsure(row, self.unread_behind, addresses=False)
        if self.unread:
            return unsure(row, self.unread)
        if self.key is None or row.word == "refused":
            return row
        of_key = self.key.row(principal, as_if_all=as_if_all)
        if of_key.word == "refused":
            return REFUSED
        return (
            row
            if of_key.is_open
            else unsure(row, of_key.unknown.depends_on or ["conditions of the key policy"])
        )


@dataclass(frozen=True)
class _Way:
    """A way to a signer: the ARNs on it, the row of who signs at its end,
    and how long a URL of it can live.
    """

    chain: Texts
    row: Row
    when: Texts = ()
    longest_s: int | None = None


def signers_of(exposure: Exposure, principals: Principals | NotRead) -> Signers:
    """Return who can sign a URL for an object of an exposure, of the principals that were read.

    Where the exposure is unknown for everybody, so is each of them, for the same reason. If nobody
    was read, nobody is listed, and it is unknown who can sign.
    """
    locks, name = exposure.locks, exposure.key or exposure.locks.bucket
    if isinstance(principals, NotRead):
        found = Signers.of((), _assumed(locks))
        found.empty = f"{principals.text}, so it is unknown who can sign URLs for {name}."
        found.missing, found.unread = principals, (found.empty,)
    elif exposure.undecided:
        # Who surely signs for some of the keys that are too many to be told apart.
        keys = () if exposure.objects else exposure.examples[:_EXAMPLES]
        why, known = (
            (exposure.undecided,),
            {
                each.arn: replace(each, opened=replace(each.opened, keys=(KeyPattern((key,)),)))
                for key in keys
                for each in _searched(Exposure(exposure.locks, key), principals)
                if (each.signing, each.answer) == ("signs", "opened")
            },
        )
        every = (
            known.get(each.arn) or SigningPrincipal(each.arn, "signs", "unknown", depends_on=why)
            for each in principals.all
        )
        found = Signers.of(every, (*_assumed(locks), *principals.notes))
    else:
        found = _searched(exposure, principals)
    found.bucket, found.key = locks.bucket, exposure.key
    return found


def policy_writers(locks: EffectiveLocks, principals: Principals) -> Mapping[str, Word]:
    """Return who of the principals can put or delete the policy of a bucket, opened or unknown, by
    the ARN; the root user of its account always can.
    """
    statements = Statements((_BUCKET, _UNLOCK, *_FEDERATED))
    around = locks.policies("own").compiled._replace(identity=(), session=None)
    asked = []
    for action in (_BUCKET, _UNLOCK):
        kind = Kind("presigned", "header", "own", action, locks.arn)
        requests = Requests(kind, Policies.of_compiled(around), locks.circumstances)
        asked.append(Asked(statements, requests, {}, {}))
    with limited_work(MAX_WORK + len(principals.all) * _WORK_OF_EACH):
        words = {one.arn: {each.row(one).word for each in asked} for one in principals.all}
    return {
        arn: "opened" if "opened" in found else "unknown"
        for arn, found in words.items()
        if found != {"refused"}
    }


def _searched(exposure: Exposure, principals: Principals) -> Signers:
    with limited_work(4 * MAX_WORK + len(principals.all) * _WORK_OF_EACH):
        return _Search(exposure, principals).signers()


def _assumed(locks: EffectiveLocks, path: str = "") -> Texts:
    """Return the assumptions of locks for everybody who signs."""
    points = locks.access_points
    said = path or (said_of_points(points) if points.was_asked else "")
    rests_on = provisos(locks, "presigned", "opened", endpoints=None, knows_signer=True)
    return tuple(filter(None, (f"Opened{unless(rests_on)}.", said, *locks.known)))


class _Search:
    """The search for signers of an object, and for ways to them."""

    def __init__(self, exposure: Exposure, principals: Principals) -> None:
        self.locks = locks = exposure.locks
        self.principals = principals
        self.statements = Statements(_ACTIONS)
        self.by_arn = {each.arn: each for each in principals.all}
        self.groups = {arn.rpartition("/")[2]: arn for arn in principals.groups}
        own = locks.policies("own").compiled
        self.around = own._replace(identity=(), session=None)
        self.behind = {
            name: Compiled((), None, None, None, each.endpoint, each.gateway_endpoint)
            for name in locks.endpoints
            for each in [locks.policies("own", name).compiled]
        }
        self._caches: dict[object, dict[object, Row]] = {}
        alone = self.around._replace(resource=None, rcp=())
        self._beside_s3 = lru_cache(512)(
            lambda action, arn, facts: self._asked(action, arn, alone, dict(facts))
        )
        self._holders: dict[str, _Holders] = {}
        self._trusting: dict[object, list[str] | None] = {}
        self._launching: dict[tuple[str, bool], Row] = {}
        self._allowed = {
            each.arn: self.statements.allowed(each.policies) for each in principals.all
        }
        points = locks.access_points
        self.listed = {} if points.missing else {each.arn: each for each in points.value or ()}
        self.blocks = locks.restricts_public, locks.account_restricts_public
        self.paths = {each.arn: point_path(each, self.blocks) for each in self.listed.values()}
        self.unlisted = (
            [PointPath(unread=(points.missing.action,))]
            if points.missing and points.was_asked
            else []
        )
        asks = locks.asks_for_points or any(
            "accesspoint" in repr(each.statements).lower() for each in principals.policies
        )
        if asks and not points.was_asked:
            self.unlisted = [PointPath(unread=("s3:DataAccessPointAccount",))]
        self.unread_behind = (READ_ENDPOINTS,) if READ_ENDPOINTS in locks.not_read else ()
        self.key, self.unread, self.encrypted = self._key_question()
        anybody = Layer("resource", "bucket policy", parse_document(GRANT_READ, "resource"))
        granted, unlocked = (self.around._replace(resource=policy) for policy in (anybody, None))
        self.granted = cache(lambda key: self._reading(key, granted))
        self.unlocked = cache(lambda key: self._reading(key, unlocked))
        if READ_POLICY in locks.not_read:  # it may grant and refuse anything
            self.around, self.unread = (
                self.around._replace(resource=anybody),
                (*self.unread, READ_POLICY),
            )
        self.reading = cache(lambda key: self._reading(key, self.around))
        self._after = cache(self._reading_after)
        self.keys = PrincipalKeys(
            exposure,
            self.statements,
            _READ,
            {
                f"{each.arn}/object/": each.policy.document.statements if each.policy else ()
                for each in self.paths.values()
            },
            self._asked(_READ, locks.arn, self.around).keys_of,
        )

    def signers(self) -> Signers:
        """Return everybody by what they can do."""
        rows = {each.arn: self._row(self.reading, each) for each in self.principals.all}
        # who signs, and who reaches somebody who does: certain ways first
        classified: dict[str, _Able] = {}
        for word in ("opened", "unknown"):
            for arn, row in rows.items():
                if arn not in classified and row.word == word:
                    when = (_OF_A_JOB,) if arn == self.locks.signer else ()
                    way = _Way((arn,), row, when, _longest(row, self.by_arn[arn]))
                    classified[arn] = ("signs", way)
            ways = {arn: way for arn, (_, way) in classified.items()}
            left = {arn: None for arn in rows if arn not in classified}
            reached = self._reaching(ways, left, certain=word == "opened")
            classified |= {arn: ("reaches", way) for arn, way in reached.items()}
        classified |= self._able_to_sign(rows, classified)
        result = [
            _signer(arn, *classified.get(arn, ("signs", _Way((arn,), row))))
            for arn, row in rows.items()
        ]
        order = list(_CLASSES)
        result.sort(
            key=lambda each: (each.answer == "refused", order.index(each.signing), each.arn)
        )
        return Signers.of(result, (*self._assumed(), *self.principals.notes))

    def _row(
        self, asked: Callable[[str], _Read], principal: Principal, *, as_if_all: bool = False
    ) -> Row:
        """Return from where a principal may read some key, with a question for each."""
        return self.keys.row(principal, lambda key: asked(key).row(principal, as_if_all=as_if_all))

    def _able_to_sign(
        self, rows: Mapping[str, Row], classified: Mapping[str, _Able]
    ) -> dict[str, _Able]:
        """Return who can become a signer, of those that neither sign nor reach one."""
        # those that surely do come first
        some = [arn for arn, (kind, _) in classified.items() if kind == "signs"]
        signing = {
            action: self._apart(
                (arn for arn in some if self.by_arn[arn].is_role == (action == _TRUST)), (action,)
            )
            for action in (_TRUST, *_KEYS)
        }
        becoming = self.statements.bits(BECOMING)
        able: dict[str, _Able] = {}
        for principal in self.principals.all:
            if principal.arn not in classified and self._allowed[principal.arn] & becoming:
                way = self._becoming(principal, signing, rows)
                able |= {} if way is None else {principal.arn: ("can-become", way)}
        return able

    def _assumed(self) -> Texts:
        """Return what the answers take for granted."""
        return (
            *_assumed(
                self.locks,
                ANY_WAY if self.unlisted and not self.locks.access_points.was_asked else "",
            ),
            *self.encrypted,
            *_ASSUMED,
        )

    def _asked(
        self,
        action: str,
        arn: str,
        around: Compiled,
        facts: Keys | None = None,
        chooses: Texts = (),
        *,
        account: str = "",
        own_only: bool = False,
    ) -> Asked:
        """Return a question under policies; ``account`` owns the resource,
        if the bucket's does not.
        """
        service, circumstances = action.partition(":")[0], self.locks.circumstances
        given = circumstances.given
        if service != "s3":  # tags of a resource are those of the bucket
            given = replace(
                given,
                values={k: v for k, v in given.values.items() if not k.startswith(_RESOURCE_TAG)},
            )
        given = Facts(facts or {}).with_defaults(given)
        circumstances = replace(
            circumstances, given=given, account=account or circumstances.account
        )
        kind = Kind(
            "presigned",
            "presigned" if action == _READ else "header",
            "own",
            action,
            arn,
            chooses=(*_CHOSEN_IN.get(service, ()), *chooses),
            absent=_NO_TAGS if service in _CHOSEN_IN else (),
        )
        known = (action, circumstances.account, chooses, *sorted((facts or {}).items()))
        return Asked(
            self.statements,
            Requests(kind, Policies.of_compiled(around), circumstances),
            self.behind if action == _READ else {},
            self._caches.setdefault(known, {}),
            own_only=own_only,
        )

    def _reading(
        self, key: str, around: Compiled, paths: Iterable[PointPath] | None = None
    ) -> _Read:
        own_only = self.locks.is_public_refused is True
        asked = partial(self._asked, _READ, f"{self.locks.arn}/{key}", around, own_only=own_only)
        points = [
            _Point(
                path,
                asked(path.facts),
                self._asked(
                    _READ,
                    f"{path.arn}/object/{key}",
                    around._replace(resource=path.policy),
                    path.facts,
                    own_only=path.own_only,
                ),
            )
            for path in paths or self.paths.values()
        ]
        points += [_Point(path, asked(chooses=POINT_KEYS)) for path in self.unlisted]
        return _Read(asked(), tuple(points), self.key, self.unread, self.unread_behind)

    def _reading_after(self, action: str, arn: str, key: str) -> _Read:
        """Return the question whether somebody may read after a change of the
        policy of an access point.
        """
        point = replace(self.listed[arn], policy=Part.of(_OF_POINT[action]))
        return self._reading(key, self.around, [point_path(point, self.blocks)])

    def _key_question(self) -> tuple[Asked | None, Texts, Texts]:
        """Return the question for the key of the bucket, what would have to be known of it, and
        sentences about it.

        A key policy must grant, as a trust policy must: to the principal itself, or to its account
        and its own policies.
        """
        key, text = self.locks.kms_key, self.locks.kms_policy
        if not key.was_asked:
            return None, (), (_NO_KEY,)
        if key.missing is not None:
            return (
                None,
                (key.missing.action,),
                (f"{key.missing.text}, so the key of the object is unknown.",),
            )
        if not (arn := key.value):
            return None, (), ("The object is encrypted without a key of the account.",)
        encrypted = f"The object is encrypted as the bucket does by default, with {printable(arn)}."
        if text.missing is not None:
            return (
                None,
                (text.missing.action,),
                (encrypted, f"{text.missing.text}, so the policy of the key is unknown."),
            )
        policy, unknown = (
            document("key policy", text.value),
            (None, (f"the policy of the KMS key {arn}",), (encrypted,)),
        )
        if policy is None or ":key/" not in arn:
            return unknown
        plain = [
            {k: v for k, v in each.items() if k not in ("Resource", "Sid")}
            for each in policy.statements
        ]
        try:
            grants = parse_document({"Version": policy.version, "Statement": plain}, "trust")
        except PolicyError:
            return unknown
        _, _, _, region, account, _ = arn.split(":", 5)
        around = self.around._replace(resource=Layer("trust", "key policy", grants))
        facts = {
            "kms:viaservice": (f"s3.{region}.amazonaws.com",),
            "kms:calleraccount": (self.locks.account,),
        }
        return self._asked(_DECRYPT, arn, around, facts, account=account), (), (encrypted,)

    def _may(self, principal: Principal, action: str, arn: str, facts: Keys | None = None) -> Row:
        """Return from where a principal may do something beside S3,
        under its own and its organization's policies.
        """
        return self._beside_s3(action, arn, tuple((facts or {}).items())).row(principal)

    # Ways to a signer.

    def _reaching(
        self, ends: Mapping[str, _Way], left: OrderedNames, *, certain: bool
    ) -> dict[str, _Way]:
        """Return the shortest ways to roles that sign or reach a signer,
        of those that have none yet.
        """
        ways: dict[str, _Way] = {}
        frontier = dict(ends)
        while frontier and left:
            following: dict[str, _Way] = {}
            roles = [
                arn
                for arn in frontier
                if self.by_arn[arn].is_role and not self.by_arn[arn].is_service_linked
            ]
            usable = [arn for arn in roles if not certain or frontier[arn].row.word == "opened"]
            for arn in self._apart(usable, (_ASSUME, _PASS)):
                role, end = self.by_arn[arn], frontier[arn]
                for other, row, when in self._edges(role, left):
                    if other in left and row.word in _WORDS_OF[certain]:
                        del left[other]
                        following[other] = self._step(self.by_arn[other], end, row, when)
            ways |= following
            frontier = following
        return ways

    def _apart(self, arns: Iterable[str], actions: Sequence[str]) -> list[str]:
        """Return one of all users and roles on which nobody's permissions differ,
        and whose trust is the same.
        """
        holders = [self._holding(action) for action in actions]
        found: dict[object, str] = {}
        for arn in arns:
            trust, unread = self._trust(self.by_arn[arn]) if actions[0] == _ASSUME else (None, [])
            trusted = frozenset(map(id, trust.document.statements)) if trust else None
            found.setdefault((trusted, *unread, *(each.signature(arn) for each in holders)), arn)
        return list(found.values())

    def _step(self, principal: Principal, end: _Way, edge: Row, when: Sequence[str]) -> _Way:
        role = self.by_arn[end.chain[0]]
        row = end.row if edge.word == "opened" else unsure(end.row, edge.unknown.depends_on)
        longest = end.longest_s
        if principal.is_role or len(end.chain) > 1:
            longest = CHAINED_S if longest is None else min(longest, CHAINED_S)
        name = role.arn.rpartition("/")[2]
        conditions = [f"to use {name}: {each}" for each in (*edge.opened.when, *_from(edge), *when)]
        return _Way((principal.arn, *end.chain), row, (*conditions, *end.when), longest)

    def _edges(self, role: Principal, left: Mapping[str, None]) -> Iterator[tuple[str, Row, Texts]]:
        """Yield who may assume a role, and who may pass it to SageMaker, with how."""
        trust, unread = self._trust(role)
        tags: dict[str, Values] = {
            f"aws:resourcetag/{k.lower()}": (v,) for k, v in role.tags.items()
        }
        assuming = [arn for arn in self._assuming(role, trust) if arn in left and arn != role.arn]
        if assuming:
            asked = self._asked(
                _ASSUME, role.arn, self.around._replace(resource=trust), tags, account=role.account
            )
            rows = ((arn, asked.row(self.by_arn[arn])) for arn in assuming)
            yield from ((arn, unsure(row, unread), ()) for arn, row in rows)
        passing = [arn for arn in self._holding(_PASS).of(role.arn) if arn in left]
        doubts = self._doubts_of_sagemaker(role, trust) if passing else None
        if doubts is not None:
            yield from (
                (arn, *self._passed(self.by_arn[arn], role, tags, [*doubts, *unread]))
                for arn in passing
            )

    def _passed(
        self, principal: Principal, role: Principal, tags: Keys, doubts: Sequence[str]
    ) -> tuple[Row, Texts]:
        """Return from where a principal may have SageMaker use a role, with how."""
        facts = {**tags, **{f"iam:{key[4:]}": value for key, value in tags.items()}}
        row = self._may(principal, _PASS, role.arn, {**facts, "iam:passedtoservice": (_SAGEMAKER,)})
        labels = (launch := self._launch(principal, labels=False)).word == "refused"
        launch = self._launch(principal, labels=True) if labels else launch
        unsure_of = [*doubts, *(launch.unknown.depends_on if launch.opened.is_empty else ())]
        row = REFUSED if launch.word == "refused" else unsure(row, unsure_of)
        how = _FOR_WORKERS if labels else "by a job or notebook of SageMaker"
        return row, (how, *launch.opened.when)

    def _trust(self, role: Principal) -> tuple[Layer, list[str]]:
        """Return the trust policy of a role; what was not read may trust anybody."""
        try:
            if role.trust is not None:
                statements = tuple(self.statements.covering(role.trust, _ASSUME, "", "trust"))
                return Layer("trust", "trust policy", document_of(statements, "trust")), []
        except PolicyError:
            pass
        return _ANYBODY, [f"trust policy of {role.arn}"]

    def _assuming(self, role: Principal, trust: Layer) -> Iterable[str]:
        """Return who may be able to assume a role: whom its trust policy names,
        and who holds the permission.
        """
        found: OrderedNames = {}
        for statement in trust.document.allows:
            entries = statement.principals or ()
            if statement.not_principal or any(
                e.kind in ("everyone", "unique-id", "canonical") for e in entries
            ):
                return self.by_arn
            for entry in entries:
                if entry.kind in ("role", "exact"):
                    found |= dict.fromkeys([entry.text, *self._sessions(entry.text)])
                if entry.kind == "account":
                    found |= dict.fromkeys(self._holding(_ASSUME).of(role.arn))
        return list(found)

    def _sessions(self, text: str) -> Iterator[str]:
        """Yield the role whose session a trust policy names."""
        _, session, name = text.partition(":assumed-role/")
        if session:
            role = name.partition("/")[0]
            yield from (
                arn for arn in self.by_arn if ":role/" in arn and arn.rpartition("/")[2] == role
            )

    def _doubts_of_sagemaker(self, role: Principal, trust: Layer) -> list[str] | None:
        """Return the keys on which it depends whether SageMaker may use a role;
        None if it may not.
        """
        asked = (role.account, frozenset(map(id, trust.document.statements)))
        if asked not in self._trusting:
            context = {"aws:SourceAccount": role.account, "aws:PrincipalIsAWSService": "true"}
            unknown = ("aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths")
            request = Request(_ASSUME, role.arn, _SAGEMAKER, context, role.account, unknown)
            compiled = self.around._replace(resource=trust, scp=())
            verdict = evaluate(request, Policies.of_compiled(compiled))
            # whoever starts a job names it
            doubts = [key for key in verdict.depends_on if key != "aws:SourceArn"]
            self._trusting[asked] = (
                doubts if verdict.allowed or verdict.decision == "unknown" else None
            )
        return self._trusting[asked]

    def _launch(self, principal: Principal, *, labels: bool) -> Row:
        """Return from where a principal may start something in SageMaker that uses a role."""
        if (principal.arn, labels) not in self._launching:
            groups = ((_LABEL,),) if labels else _LAUNCHES
            rows = (
                _decisive((self._on_some(principal, action) for action in group), "refused")
                for group in groups
            )
            self._launching[principal.arn, labels] = _decisive(rows, "opened")
        return self._launching[principal.arn, labels]

    def _on_some(self, principal: Principal, action: str) -> Row:
        """Return from where a principal may do something with a resource of its choice."""
        region = self.locks.region or "us-east-1"
        some = f"arn:{self.locks.partition}:sagemaker:{region}:{principal.account}:job/x"
        texts: OrderedNames = {}
        for statement in self._covering(principal, action):
            for pattern in (
                statement.resources if not statement.deny and not statement.not_resource else ()
            ):
                texts[
                    some
                    if pattern.text == "*"
                    else pattern.text.replace("*", "x").replace("?", "x")
                ] = None
            texts |= {some: None} if statement.not_resource else {}
        return _decisive(
            (self._may(principal, action, text) for text in list(texts)[:_MOST_RESOURCES]), "opened"
        )

    def _covering(
        self, principal: Principal, action: str, *, boundary: bool = False
    ) -> Iterator[Statement]:
        limits = (principal.boundary,) if principal.boundary else ()
        for policy in limits if boundary else principal.policies:
            try:
                yield from self.statements.covering(policy, action, "")
            except PolicyError:
                continue

    def _holding(self, action: str) -> _Holders:
        if action not in self._holders:
            self._holders[action] = made = _Holders()
            bit = self.statements.bits((action,))
            limits: dict[int, Statement] = {}
            for principal in self.principals.all:
                if self._allowed[principal.arn] & bit:
                    for statement in self._covering(principal, action):
                        made.add(statement, "" if statement.deny else principal.arn)
                    limits |= {
                        id(each): each for each in self._covering(principal, action, boundary=True)
                    }
            for limit in limits.values():
                made.add(limit)
            for level in (*self.around.rcp, *self.around.scp):
                for statement in level.document.statements:
                    made.add(statement)
        return self._holders[action]

    # Becoming a signer.

    def _becoming(
        self, principal: Principal, signing: Mapping[str, Sequence[str]], rows: Mapping[str, Row]
    ) -> _Way | None:
        """Return the first way in which a principal can make itself a signer: a certain one,
        where there is one.
        """
        unknown: _Way | None = None
        for action, arn, row, chain in self._changes(principal, signing, rows):
            if not self._allowed[principal.arn] & self.statements.bits((action,)):
                continue
            allowed = self._may(
                principal, action, arn, self.paths[arn].facts if action in _OF_POINT else None
            )
            if allowed.word == "refused" or (found := row()).word == "refused":
                continue
            is_sure = allowed.word == "opened"
            made = found if is_sure else unsure(found, allowed.unknown.depends_on)
            when = (f"after {action} on {arn}", *allowed.opened.when, *_from(allowed))
            signing_as = self.by_arn[chain[-1]] if chain else principal
            way = _Way((principal.arn, *chain), made, when, _longest(found, signing_as))
            if made.word == "opened":
                return way
            unknown = unknown or way
        return unknown

    def _changes(
        self, principal: Principal, signing: Mapping[str, Sequence[str]], rows: Mapping[str, Row]
    ) -> Iterator[_Change]:
        """Yield actions by which a principal becomes a signer: on what,
        with which answer then, as whom.
        """
        yield from self._changes_of_its_policies(principal)
        if principal.account == self.locks.account:
            yield _BUCKET, self.locks.arn, partial(self._row, self.granted, principal), ()
            yield _UNLOCK, self.locks.arn, partial(self._row, self.unlocked, principal), ()
            # the policies of its access points
            for arn in self.listed:
                for action in _OF_POINT:
                    after = partial(self._after, action, arn)
                    yield action, arn, partial(self._row, after, principal), ()
        for arn, policies in self.principals.groups.items() if not principal.is_role else ():
            joined = replace(principal, policies=(*principal.policies, *policies))
            yield _JOIN, arn, partial(self._row, self.reading, joined), ()
        for action in (_TRUST, *_KEYS):
            allows = [each for each in self._covering(principal, action) if not each.deny]
            for arn in signing[action] if allows else ():
                if any(covers(each, arn) for each in allows):
                    yield action, arn, partial(rows.__getitem__, arn), (arn,)

    def _changes_of_its_policies(self, principal: Principal) -> Iterator[_Change]:
        """Yield changes of policies of a principal, of its groups too,
        after which they allow everything.
        """
        free = partial(self._row, self.reading, principal, as_if_all=True)
        own = _OWN["role" if principal.is_role else "user"]
        yield from ((action, principal.arn, free, ()) for action in own)
        groups = [self.groups[name] for name in principal.groups if name in self.groups]
        yield from ((action, arn, free, ()) for arn in groups for action in _GROUP)
        managed = [arn for arn in principal.managed if ":iam::aws:" not in arn]
        yield from ((action, arn, free, ()) for arn in managed for action in _VERSIONS)


def _signer(arn: str, signing: SigningClass, way: _Way) -> SigningPrincipal:
    word, opened = way.row.word, way.row.opened
    if way.when and not opened.is_empty:
        opened = replace(opened, when=tuple(dict.fromkeys((*way.when, *opened.when))))
    longest = way.longest_s if word != "refused" else None
    return SigningPrincipal(
        arn, signing, word, opened, way.chain, way.row.unknown.depends_on, longest
    )


def _decisive(rows: Iterable[Row], word: Word) -> Row:
    """Return the first row with an answer, else an unknown one, else any;
    without rows it is refused.
    """
    found: Row | None = None
    for row in rows:
        if row.word == word:
            return row
        found = row if found is None or row.word == "unknown" else found
    return REFUSED if found is None else found


def _from(row: Row) -> Texts:
    """Return from where something may be done, where that is not everywhere."""
    opened = row.opened
    return () if opened.is_empty or opened.where == EVERYWHERE.where else (opened.from_where,)


def _longest(row: Row, principal: Principal) -> int | None:
    """Return the longest lifetime of a URL: credentials and policies end it;
    None if a role's session is not known.
    """
    limit = LONGEST_S if row.opened.oldest_ms is None else row.opened.oldest_ms // 1000
    if not principal.is_role:
        return limit
    if principal.max_session_s is None:
        return limit if limit <= CHAINED_S else None  # every role can have sessions of an hour
    return min(limit, principal.max_session_s)
