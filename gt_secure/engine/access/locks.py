"""The locks and every other policy that decides who can open the objects of a bucket, at one
moment.

Policies are given as texts, for reviewers and CI; :mod:`gt_secure.account.locks` reads them from an
account. Signers of the bucket's account are its roles, users and federated users and its root user,
unless the signer is known. The own policies of a signer, also of one of another account, allow
everything, unless the question is about one principal. There is also an anonymous caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from ...base.clock import utc_now
from ...base.errors import PolicyError
from ...base.files import package_data
from ...base.groups import as_list
from ...base.network import Source, parse_address
from ...base.text import Json, Texts, printable, some
from ..iam.documents import (
    ASSUMED,
    PolicySource as PolicySource,
    Statement,
    parse_document,
)
from ..iam.facts import Facts, Signer, moment_of
from ..iam.principals import check_account
from ..iam.request import Policies, PolicyLevel, Request
from ..iam.request_context import header_context
from ..iam.request_keys import OBJECT_ACLS, key_facts
from ..iam.sessions import role_of_session, session_of_role
from ..iam.strict_json import parse_json
from ..iam.three_valued import spellings
from ..iam.variables import Keys
from ..iam.verdict import Verdict
from ..policies.bucket_policy import BucketPolicy
from ..policies.public_access import is_surely_public
from ..policies.signer_limit import SignerLimit
from ..policies.url_lock import UrlLock
from .access_points import POINT_KEYS, AccessPoints
from .answer import Answer, answer_of
from .decision import decide_request
from .identities import Principal
from .part import Part
from .request_kinds import By, Circumstances
from .vpc_endpoint import VpcEndpoint

READ_POLICY = "s3:GetBucketPolicy"
READ_TEAM = "sagemaker:DescribeWorkteam"
READ_WORKFORCE = "sagemaker:DescribeWorkforce"
READ_ENDPOINTS = "ec2:DescribeVpcEndpoints"
LIST_KEYS = "s3:ListBucket"
ACTIONS = frozenset({READ_POLICY, READ_TEAM, READ_WORKFORCE, READ_ENDPOINTS, LIST_KEYS})
"""Actions that would have read what an answer depends on."""

SESSION = "gt-worker"
EVERYTHING: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": ASSUMED, "Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""The policy of a signer of whom not every identity policy was read."""
NOTHING_GRANTED = '{"Version":"2012-10-17","Statement":[]}'
"""The session policy of a URL for a source that the URL was not made for."""

_UNLESS_BY_ACL: Json = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringNotEquals": {OBJECT_ACLS: "granted"}},
}
_UNLISTED: Part[Any] = Part.unasked("the access points", "s3:ListAccessPoints")
_UNENCRYPTED: Part[Any] = Part.unasked("the encryption", "s3:GetEncryptionConfiguration")
_UNPAID: Part[Any] = Part.unasked("who pays for requests", "s3:GetBucketRequestPayment")
_UNGRANTED: Part[Any] = Part.unasked("the key policy", "kms:GetKeyPolicy")


@dataclass(frozen=True)
class EffectiveLocks:
    """The locks, now or after the changes.

    Attributes
    ----------
    bucket : str
        Empty if only the portal's locks are known.
    policy : text, mapping or None
        The bucket policy.
    url_lock : UrlLock or None
        The settings of the team's URL lock; None if they were not read.
    cidrs : tuple of str or None
        The portal lock's ranges; None if they were not read.
    has_portal : bool
        Whether a private workteam hands out the URLs.
    account, partition, region : str
    signer : str
        ARN of the role or user that signs workers' URLs; empty if it is not known.
    endpoints : mapping
        The S3 endpoints that were read, by id.
    facts : Facts
        Values of condition keys that are known.
    session : policy, optional
        Policy of the session that signs, for questions about one.
    rcp, scp : tuple or None
        Policies of the account's organization, level by level; None if they were not read.
    restricts_public, account_restricts_public : bool or None
        Whether Block Public Access refuses what a public policy grants, the bucket's own and that
        of its account; None if it was not read.
    acls : mapping or None
        What ACLs grant, or may grant, to ``other`` accounts and to ``anonymous`` callers, as
        statements; None if nobody asked.
    requester_pays : Part of bool
        Whether S3 refuses anonymous requests, which nobody would pay for.
    by : str
        Who signs for the account, where that is not known: ``any`` of its roles, its users and its
        root user, so that one who opens is enough; ``all`` of them, so that an answer is unknown
        where they have different ones; or a ``role``, without its name.
    access_points : Part of tuple of AccessPoint
        Those of the bucket, for the question who signs; without a reading, requests name the bucket
        itself.
    kms_key : Part of str
        ARN of the KMS key of the default encryption; empty for none, or AWS's own. Without a
        reading there is none.
    has_kms_key : bool or None
        Whether the default encryption uses a KMS key, AWS's own included; None if it was not read.
    kms_policy : Part of str
        Its policy.
    others : mapping
        The locks that the other workteams of the bucket meet, by the name of the team.
    portal_vpc : str
        The VPC of the worker portal; empty for none, or an unknown one.
    only : Principal or None
        The one signer that is asked about, with its own policies; None for every signer.
    only_keys : mapping
        Values of condition keys that are known of it.
    not_read : frozenset of str
        Actions that would have read the bucket policy or the endpoints.
    missing : tuple of str
        Missing permissions to read more of what decides.
    origin : str
        ``given`` for policies from files, ``read`` for those of an account.
    """

    bucket: str = ""
    policy: PolicySource | None = None
    url_lock: UrlLock | None = field(default_factory=UrlLock)
    cidrs: Texts | None = ()
    has_portal: bool = False
    account: str = ""
    partition: str = "aws"
    region: str = ""
    signer: str = ""
    endpoints: Mapping[str, VpcEndpoint] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    session: PolicySource | None = None
    rcp: tuple[PolicyLevel, ...] | None = None
    scp: tuple[PolicyLevel, ...] | None = None
    restricts_public: bool | None = None
    account_restricts_public: bool | None = None
    acls: Mapping[Signer, tuple[Json, ...]] | None = None
    requester_pays: Part[bool] = _UNPAID
    by: By = "any"
    access_points: Part[AccessPoints] = _UNLISTED
    kms_key: Part[str] = _UNENCRYPTED
    has_kms_key: bool | None = None
    kms_policy: Part[str] = _UNGRANTED
    not_read: frozenset[str] = frozenset()
    missing: Texts = ()
    origin: Literal["given", "read"] = "read"
    at: datetime = field(default_factory=utc_now)
    others: Mapping[str, EffectiveLocks] = field(default_factory=dict)
    portal_vpc: str = ""
    only: Principal | None = None
    only_keys: Keys = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def role(self) -> str:
        """ARN of the role that signs workers' URLs, with its path;
        empty if it is not known to be a role.
        """
        return self.signer if ":role/" in self.signer else ""

    @cached_property
    def own_policy(self) -> BucketPolicy:
        """The bucket policy, for what in it is ours; an empty one where it cannot be read."""
        return BucketPolicy.if_valid(self.policy)

    @cached_property
    def signer_limits(self) -> tuple[SignerLimit, ...]:
        """The signer limits of the bucket policy; none where it cannot be read."""
        return self.own_policy.signer_limits

    def listed_signer_of(self, key: str) -> str:
        """Return a role or user that all signer limits of an object list, or the first one;
        empty without a limit.
        """
        covering = [
            each for each in self.signer_limits if key.startswith(each.prefix)
        ] or self.signer_limits[:1]
        listed = [arn for each in covering for arn in each.signers]
        first = max(listed, key=listed.count, default="")
        return first.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")

    @cached_property
    def spares_uploads(self) -> bool:
        """Return whether the policy holds a guard of reads,
        or one that somebody edited into something like it.
        """
        return any(each.reads for each in self.own_policy.guards)

    @cached_property
    def asks_for_points(self) -> bool:
        """Return whether a policy asks for the access point of a request, which may then be any."""
        try:
            every = [self.policies("own", each).compiled for each in ("", *self.endpoints)]
        except PolicyError:
            return False
        keys = {key for each in every for key in spellings(each) if key.startswith(POINT_KEYS)}
        return not keys <= self.facts.values.keys()

    @property
    def is_public_refused(self) -> bool | None:
        """True if Block Public Access surely refuses everybody but the account's own
        signers and AWS services.
        """
        if self.restricts_public is None:
            return None
        if not (self.restricts_public or self.account_restricts_public):
            return False
        theirs = self.facts.policy_is_public
        return is_surely_public(self.policy) if theirs is None else theirs

    def is_closed_to(self, signer: Signer) -> bool:
        """Return whether Block Public Access refuses every request of a signer. The guide does not
        say whether a public policy closes a bucket to what ACLs grant.
        """
        granted = (self.acls or {}).get(signer)
        return signer != "own" and not granted and self.is_public_refused is True

    def unread_of(self, signer: Signer) -> Texts:
        """Return the actions that would have read what else refuses requests of a signer."""
        if signer == "own" and self.only is not None:
            return self.only.unread
        part = self.requester_pays
        if signer != "anonymous" or part.missing is None or not part.was_asked:
            return ()
        return (part.missing.action,)

    def policies(
        self, signer: Signer = "own", endpoint: str = "", session: PolicySource | None = None
    ) -> Policies:
        """Return the policies that meet a request of a signer,
        through an endpoint if its id is given.
        """
        through = self.endpoints.get(endpoint)
        asked = (signer, "" if through is None else endpoint, session)
        if session is not None and session is not NOTHING_GRANTED:
            return self._policies(*asked)
        if asked not in self._made:
            self._made[asked] = self._policies(*asked)
        return self._made[asked]

    @cached_property
    def _made(self) -> dict[tuple[Signer, str, object], Policies]:
        """Policies that were asked for before: they stay compiled."""
        return {}

    def _policies(self, signer: Signer, endpoint: str, session: PolicySource | None) -> Policies:
        through = self.endpoints.get(endpoint)
        granted = (self.acls or {}).get(signer, ())
        closing = [_UNLESS_BY_ACL] * bool(granted and self.is_public_refused)
        one = self.only if signer == "own" else None
        own, boundary = [EVERYTHING], None
        if one is not None:
            own = [*(each.document for each in one.policies), *([EVERYTHING] if one.unread else ())]
            boundary = None if one.boundary is None else one.boundary.document
        return Policies(
            identity=() if signer == "anonymous" else tuple(own),
            boundary=boundary,
            session=(session or self.session) if signer == "own" else None,
            resource=with_statements(self.policy, *granted, *closing) if granted else self.policy,
            endpoint=through.policy_text if through is not None else None,
            gateway_endpoint=through is not None and through.type == "Gateway",
            rcp=self.rcp or (),
            scp=self.scp or (),
        )

    @cached_property
    def circumstances(self) -> Circumstances:
        """The circumstances of all requests."""
        region = Facts({"aws:requestedregion": (self.region,)} if self.region else {})
        in_vpc = Facts(
            endpoints={
                each.id: {"aws:sourcevpc": (each.vpc_id,)} for each in self.endpoints.values()
            }
        )
        read = self.facts.with_defaults(region, in_vpc)
        given = Facts(self.only_keys).with_defaults(read)
        moment = (
            moment_of(given)
            if given.values.keys() & {"aws:currenttime", "aws:epochtime"}
            else self.at
        )
        listed = None if self.access_points.missing is not None else self.access_points.value
        return Circumstances(self.account, self.partition, given, moment, points=listed)

    @property
    def known(self) -> Texts:
        """Facts that the answers use, and what was asked for in vain, one sentence each."""
        known = sorted(self.facts.values.items())
        quoted = [(key, [f'"{printable(each)}"' for each in values]) for key, values in known]
        return (
            *(
                f"{key_facts(key).name} is {' and '.join(each) or 'absent'}."
                for key, each in quoted
            ),
            *self.facts.notes,
            *self.unnamed,
            *(f"{action} was denied, so what it reads is unknown." for action in self.missing),
        )

    @property
    def unnamed(self) -> Texts:
        """A sentence for a policy of a file of which no Resource names the bucket in full."""
        text, here = self.policy or NOTHING_GRANTED, f"{self.bucket}/"
        if (
            self.origin != "given"
            or any(f"{named}/".startswith(here) for named, _ in _resources(text))
            or not parse_document(text, "resource").statements
        ):
            return ()
        return (f"No Resource of the bucket policy names {self.bucket} in full.",)

    def verdict(
        self, request: Request, *, session: PolicySource | None = None, is_known: bool = True
    ) -> Verdict:
        """Decide one concrete request; unless ``is_known``,
        it names only the account or the known role of the caller.
        """
        endpoint = next(iter(request.keys.get("aws:sourcevpce", ())), "")
        signer: Signer = "anonymous" if request.principal == "*" else "own"
        facts = self.facts
        if endpoint in self.endpoints:
            facts = Facts(facts.endpoints.get(endpoint, {})).with_defaults(facts)
        return decide_request(
            request,
            self.policies(signer, endpoint, session),
            facts,
            signer_known=is_known or bool(self.signer),
            session_known=is_known,
        )

    def decide(self, request: Request, *, is_known: bool = True) -> Answer:
        """Answer one concrete request; for certain only where what was not read
        cannot change the answer.
        """
        verdict = self.verdict(request, is_known=is_known)
        answer = answer_of(verdict)
        unread = self.not_read - ({READ_ENDPOINTS} if request.is_off_endpoint else set())
        if answer.answer == "unknown" or verdict.decision == "explicit-deny" or not unread:
            return answer
        return Answer("unknown", depends_on=tuple(sorted(unread)), verdict=None)

    def ground_truth(self, endpoint: str, key: str, action: str) -> Answer:
        """Answer for Ground Truth's back end: signed in the header, through an endpoint of AWS."""
        some = f"arn:{self.partition}:sts::{self.account}:assumed-role/some-role/{SESSION}"
        arn = session_of_role(self.signer, SESSION) if self.role else self.signer or some
        role = self.role or role_of_session(arn) or arn
        context = header_context(Source(None, endpoint), principal_arn=role, region=self.region)
        request = Request(action, f"{self.arn}/{key}", arn, context, resource_account=self.account)
        return self.decide(request, is_known=False)

    def log_delivery(self, key: str) -> Answer:
        """Answer for S3 that delivers an access log into the bucket."""
        service = "logging.s3.amazonaws.com"
        context = header_context(Source(None, None), service=service, region=self.region)
        context |= {"aws:SourceAccount": self.account, "aws:SourceArn": self.arn}
        request = Request(
            "s3:PutObject", f"{self.arn}/{key}", service, context, resource_account=self.account
        )
        return self.decide(request, is_known=False)

    def caller(self, arn: str, action: str) -> Answer:
        """Answer for the caller who reads or writes the bucket policy."""
        place = Source(parse_address("192.0.2.10"))
        context = header_context(
            place, principal_arn=role_of_session(arn) or arn, region=self.region
        )
        return self.decide(Request(action, self.arn, arn, context, resource_account=self.account))


def with_statements(policy: PolicySource | None, *statements: Json) -> PolicySource:
    """Return a policy with more statements; raises PolicyError if the text is not JSON."""
    found = parse_json(policy) if isinstance(policy, str) and policy else policy or {}
    if not isinstance(found, Mapping):
        return str(policy)
    return {**found, "Statement": [*as_list(found.get("Statement", [])), *statements]}


def partition_of(policy: str) -> str:
    """Return the partition that the ARNs of buckets in a policy name: ``aws`` without one."""
    match = re.search(r"arn:(aws[a-z-]*):s3:::", policy)
    return match[1] if match else "aws"


def _resources(text: PolicySource) -> Iterator[tuple[str, Statement]]:
    """Yield each bucket and key that a Resource or NotResource names, and its statement."""
    for statement in parse_document(text, "resource").statements:
        for pattern in statement.resources:
            if named := pattern.text.partition(":::")[2]:
                yield named, statement


def check_policy(text: str, bucket: str) -> None:
    """Raise PolicyError for what cannot be the policy of a bucket: S3 refuses a Resource of another
    bucket too.

    Up to its first wildcard or variable, a Resource has to be one of this bucket.
    """
    here = f"{bucket}/"
    others: dict[str, str] = {}
    for named, statement in _resources(text):
        start = re.split(r"[*?$]", f"{named}/")[0]
        if bucket and not statement.not_resource and not here.startswith(start[: len(here)]):
            others.setdefault(named.partition("/")[0], statement.label)
    if not others:
        return
    name, label = next(iter(others.items()))
    raise PolicyError(
        f"This policy names {some([*others], 3, 'buckets', ' and ')}, not {bucket}.",
        next_step=f"Ask about s3://{name}, or correct the Resource of {label}.",
    )


def check_control_policy(source: PolicySource) -> None:
    """Raise PolicyError for what AWS does not store as a resource control policy: a proof by it
    would be about a policy that cannot be deployed.
    """
    rules = package_data(__package__, "control_policies.json")["rcp"]
    known = rules["elements"]
    data = json.loads(source) if isinstance(source, str) else source
    for index, each in enumerate(as_list(data["Statement"])):
        wrong = [name for name in known if each.get(name, known[name][0]) not in known[name]]
        wrong += ["Action"] * ("*" in as_list(each.get("Action")))
        if wrong and {**each, "Sid": ""} != rules["full"]:
            raise PolicyError(
                f"AWS stores no resource control policy with this {wrong[0]}: each statement denies"
                ' actions of a service, such as s3:*, to the Principal "*".',
                place=f"$.Statement[{index}].{wrong[0]}",
                next_step="Correct it, or leave the document out of the question.",
            )
    if len(json.dumps(data, separators=(",", ":"))) > 5_120:  # the second source
        raise PolicyError(
            "AWS stores at most 5,120 characters of a resource control policy.",
            next_step="Divide it, or join its statements.",
        )


def locks_of_policies(
    bucket: str,
    policy: PolicySource | None,
    account: str,
    facts: Facts | None = None,
    *,
    session: PolicySource | None = None,
    rcp: Sequence[PolicyLevel] = (),
    scp: Sequence[PolicyLevel] = (),
) -> EffectiveLocks:
    """Return the locks of a bucket under the policies that are given; raises PolicyError if one is
    not valid.

    ``account`` is that of the bucket; raises InvalidInput unless it has 12 digits.

    ``session`` is the policy of the role session that signs; ``rcp`` and ``scp`` are those of the
    organization, level by level.
    """
    check_account(account)
    given = facts or Facts()
    text = policy if policy is None or isinstance(policy, str) else json.dumps(policy)
    locks = EffectiveLocks(
        bucket=bucket,
        policy=text,
        account=account,
        partition=partition_of(text or ""),
        signer=next(iter(given.values.get("aws:principalarn", ())), ""),
        facts=given,
        session=session,
        rcp=tuple(rcp) or None,
        scp=tuple(scp) or None,
        missing=given.missing,
        origin="given",
        at=utc_now().replace(microsecond=0),
    )
    for signer in ("own", "anonymous"):
        _ = locks.policies(signer).compiled
    check_policy(text or NOTHING_GRANTED, bucket)
    return locks
