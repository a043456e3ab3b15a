"""The three locks at one moment, and their answer to one source: what every surface asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ..account.snapshot import State
from ..aws.arns import role_of_session, session_of_role
from ..aws.endpoints import VpcEndpoint
from ..aws.teams import UrlLock
from ..iam.documents import Source as PolicySource
from ..iam.facts import Facts
from ..iam.request import Policies, Request
from ..iam.request_context import header_context, presigned_context
from ..iam.verdict import Verdict
from ..network import Source, contains, parse_address, parse_stored_cidrs
from ..policies.bucket_guard import names_guard
from ..policies.public_access import SETTING, has_same_grants, is_surely_public
from ..policies.session_policy import session_policy
from .decision import decide_request
from .policy_files import DEFAULT_ACCOUNT, EVERYTHING

Decision: TypeAlias = Literal["allowed", "refused", "unknown"]
Portal: TypeAlias = Literal["open", "admits", "refuses", "unknown"]

READ_POLICY = "s3:GetBucketPolicy"
BUCKET_POLICY, ENDPOINT_POLICY, BOUNDARY = "bucket policy", "VPC endpoint policy", "boundary"
READ_BY = {BUCKET_POLICY: READ_POLICY, ENDPOINT_POLICY: "ec2:DescribeVpcEndpoints", BOUNDARY: "iam:GetRole"}
"""The action that reads each policy."""

SESSION = "gt-worker"
NOTHING_GRANTED = '{"Version":"2012-10-17","Statement":[]}'
"""The session policy of a URL as a source meets it that the URL was not made for."""

IN_VPC = parse_address("10.0.0.10")
"""Stands for a worker's address behind an endpoint."""

_ELSEWHERE = parse_address("192.0.2.77")
_HOME = parse_address("192.0.2.78")
MAX_REASON = 600
NO_BUCKET = "images-of-the-team"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answer to one source, with the lock that decides and the reason."""

    decision: Decision
    lock: str
    text: str = field(default="", repr=False)
    verdict: Verdict | None = field(default=None, repr=False, compare=False)
    missing: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why, in a sentence; worked out when it is asked for, and cut where a policy lists hundreds of ranges."""
        text = self.text or (self.verdict.reason if self.verdict is not None else "")
        return text if len(text) <= MAX_REASON else text[: MAX_REASON - 1] + "…"

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The condition keys on which an unknown decision depends, or the missing permissions to decide it."""
        return self.missing or (self.verdict.depends_on if self.verdict is not None else ())

    @property
    def allowed(self) -> bool:
        """Return whether it is surely opened."""
        return self.decision == "allowed"

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON-able data."""
        return {
            "decision": self.decision,
            "lock": self.lock,
            "reason": self.reason,
            "depends_on": list(self.depends_on),
        }


@dataclass(frozen=True)
class EffectiveLocks:
    """The locks, now or after the changes: the one answer to "who can open this?".

    Attributes
    ----------
    bucket : str
    policy : text, mapping or None
        The bucket policy.
    lock : UrlLock
        The settings of the team's URL lock.
    cidrs : tuple of str or None
        The portal lock's ranges; None if they could not be read.
    has_portal : bool
        Whether a private workteam hands out the URLs.
    account, partition, region : str
    signer : str
        ARN of the session or user that signs workers' URLs; empty if it is not known.
    session_known : bool
        Whether the name of that session is known, or only its role.
    role : str
        ARN of that role, with the path that the session's ARN leaves out; empty if it is not known.
    endpoints : mapping
        The S3 endpoints that could be read, by id.
    facts : Facts
        Values of condition keys that are known.
    identity : sequence, optional
        The signer's policies; None if they are not known, and then they are supposed to allow everything: where they
        do not, nothing is opened with or without a restriction.
    boundary : policy, optional
        The signer's permissions boundary.
    unread : frozenset of str
        Names of policies that could not be read, such as ``bucket policy``.
    rcp, scp : sequence
        Policies of the account's organization, each a level; empty where they were not read.
    restricts_public : bool
        Whether the bucket's own Block Public Access refuses what a public policy grants.
    """

    bucket: str
    policy: PolicySource | None = None
    lock: UrlLock = field(default_factory=UrlLock)
    cidrs: tuple[str, ...] | None = ()
    has_portal: bool = False
    account: str = DEFAULT_ACCOUNT
    partition: str = "aws"
    region: str | None = None
    signer: str = ""
    session_known: bool = False
    role: str = ""
    endpoints: Mapping[str, VpcEndpoint] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    identity: Sequence[PolicySource] | None = None
    boundary: PolicySource | None = None
    unread: frozenset[str] = frozenset()
    rcp: Sequence[PolicySource] = ()
    scp: Sequence[PolicySource] = ()
    restricts_public: bool = False

    @property
    def is_public_refused(self) -> bool:
        """True if Block Public Access surely refuses everybody but the account's own signers and AWS services."""
        if not (self.restricts_public or self.facts.blocks_public):
            return False
        theirs = self.facts.policy_is_public
        return is_surely_public(self.policy) if theirs is None else theirs

    @classmethod
    def of(cls, state: State) -> EffectiveLocks:
        """Read the locks out of a state."""
        bucket, team, force, arn = state.bucket, state.team, state.workforce, state.signer_arn
        unread = {BUCKET_POLICY} if bucket is not None and not bucket.sees(READ_POLICY) else set()
        unread |= set() if state.sees("VPC endpoints") else {ENDPOINT_POLICY}
        return cls(
            bucket=bucket.name if bucket is not None else NO_BUCKET,
            policy=bucket.policy_text if bucket is not None else None,
            lock=(team.url_lock if team is not None else None) or UrlLock(),
            cidrs=force.cidrs if force is not None else (),
            has_portal=team is not None and team.kind == "private",
            account=state.account_id,
            partition=state.partition,
            region=(bucket.region if bucket is not None else None) or state.region,
            signer=signer_of(arn),
            role=arn if ":role/" in arn else "",
            endpoints={endpoint.id: endpoint for endpoint in state.endpoints},
            facts=state.facts,
            unread=frozenset(unread),
            rcp=state.organization.rcp.if_read or (),
            scp=state.organization.scp.if_read or (),
            restricts_public=bucket is not None and bool(bucket.public_access_block.get(SETTING)),
        )

    def after(self, planned: Mapping[str, Any]) -> EffectiveLocks:
        """Return the locks with the planned values in place: ``bucket-guard``, ``url-lock`` and ``portal-lock``."""
        locks = self
        if "bucket-guard" in planned:
            same = has_same_grants(locks.policy, planned["bucket-guard"])
            facts = locks.facts if same else replace(locks.facts, policy_is_public=None)
            locks = replace(locks, policy=planned["bucket-guard"], facts=facts)
        if "url-lock" in planned:
            value = planned["url-lock"]
            on = UrlLock(value["SourceIp"] == "Enabled", value["VpcSourceIp"] == "Enabled")
            locks = replace(locks, lock=on)
        if "portal-lock" in planned:
            locks = replace(locks, cidrs=tuple(planned["portal-lock"]))
        return locks

    def worker(self, source: Source, key: str) -> Outcome:
        """Decide for a worker at this source who opens the portal and an image of a task there."""
        if self.portal(source) == "refuses":
            ranges = ", ".join(self.cidrs or ())
            return Outcome("refused", "portal lock", f"The worker portal opens only from {ranges}.")
        return self.open(source, key, source)

    def forwarded(self, source: Source, key: str) -> Outcome:
        """Decide for somebody at this source who has a URL that was made for a worker at another address."""
        home = _HOME if source.address == _ELSEWHERE else _ELSEWHERE
        if self.lock.vpc_source_ip:
            return self.open(source, key, Source(parse_address("10.0.0.11"), "vpce-00000000"))
        return self.open(source, key, Source(home))

    def presigned(self, source: Source, key: str) -> Outcome:
        """Decide for anybody at this source who has a presigned URL without a separate condition."""
        return self._s3(source, key, None)

    def portal(self, source: Source) -> Portal:
        """Return what the portal lock does with a source."""
        if self.cidrs is None:
            return "unknown"
        # Behind an endpoint the address that a public portal sees is another one, which nobody can tell from here.
        if not self.has_portal or not self.cidrs or source.is_endpoint:
            return "open"
        inside = source.address is not None and contains(parse_stored_cidrs(self.cidrs), source.address)
        return "admits" if inside else "refuses"

    def open(self, source: Source, key: str, made_for: Source) -> Outcome:
        """Decide for a source that has a URL of the portal for a worker at another or the same source."""
        return self._s3(source, key, self._session(key, made_for) if self.has_portal else None)

    def _session(self, key: str, made_for: Source) -> str | None:
        """Return the policy behind a URL that Ground Truth makes for a worker there; see *IamPolicyConstraints*."""
        address = made_for.address or (IN_VPC if made_for.is_endpoint else None)
        if self.lock.impossible:
            return NOTHING_GRANTED  # both keys in one statement never match
        if not self.lock.on:
            return session_policy(self.bucket, key, partition=self.partition)
        if self.lock.vpc_source_ip:
            return session_policy(self.bucket, key, vpc_networks=[address or IN_VPC], partition=self.partition)
        seen = _ELSEWHERE if made_for.is_endpoint else address
        return session_policy(self.bucket, key, networks=[seen or _ELSEWHERE], partition=self.partition)

    def _s3(self, source: Source, key: str, session: str | None) -> Outcome:
        endpoint = self.endpoints.get(source.endpoint or "")
        seen = source
        if source.is_endpoint:
            vpc = (endpoint.vpc_id if endpoint is not None else "") or source.vpc
            seen = Source(source.address or IN_VPC, source.endpoint, vpc)
        context = presigned_context(seen, principal_arn=self._role, region=self.region)
        request = self._request("s3:GetObject", key, context)
        return self._decide(request, session, endpoint)

    @property
    def _role(self) -> str:
        return self.role or role_of_session(self._session_arn) or self._session_arn

    @property
    def _session_arn(self) -> str:
        return self.signer or f"arn:{self.partition}:sts::{self.account}:assumed-role/some-role/{SESSION}"

    def _request(self, action: str, key: str, context: Mapping[str, str]) -> Request:
        arn = f"arn:{self.partition}:s3:::{self.bucket}/{key}"
        return Request(action, arn, self._session_arn, context, resource_account=self.account)

    def ground_truth(self, endpoint: str, key: str, action: str) -> Outcome:
        """Decide for Ground Truth's back end: signed in the header, through an endpoint of AWS."""
        context = header_context(Source(None, endpoint), principal_arn=self._role, region=self.region)
        return self._decide(self._request(action, key, context), None, None)

    def log_delivery(self, key: str) -> Outcome:
        """Decide for S3 that delivers an access log into the bucket."""
        service = "logging.s3.amazonaws.com"
        arn = f"arn:{self.partition}:s3:::{self.bucket}"
        context = header_context(Source(None, None), service=service, region=self.region)
        context |= {"aws:SourceAccount": self.account, "aws:SourceArn": arn}
        request = Request("s3:PutObject", f"{arn}/{key}", service, context, resource_account=self.account)
        return self._decide(request, None, None)

    def caller(self, arn: str, action: str) -> Outcome:
        """Decide for the caller who reads or writes the bucket policy."""
        place = Source(parse_address("192.0.2.10"))
        context = header_context(place, principal_arn=role_of_session(arn) or arn, region=self.region)
        bucket = f"arn:{self.partition}:s3:::{self.bucket}"
        request = Request(action, bucket, arn, context, resource_account=self.account)
        return self._decide(request, None, None, is_caller=True)

    def _decide(
        self,
        request: Request,
        session: str | None,
        endpoint: VpcEndpoint | None,
        *,
        is_caller: bool = False,
    ) -> Outcome:
        policies = Policies(
            identity=(EVERYTHING,) if self.identity is None else self.identity,
            session=session,
            resource=self.policy,
            boundary=self.boundary,
            endpoint=endpoint.policy_text if endpoint is not None else None,
            gateway_endpoint=endpoint is not None and endpoint.type == "Gateway",
            rcp=self.rcp,
            scp=self.scp,
            scp_account=self.account if self.scp else None,
        )
        facts = self.facts
        if endpoint is not None:
            facts = Facts(facts.endpoints.get(endpoint.id, {})).with_defaults(facts)
        verdict = decide_request(
            request,
            policies,
            facts,
            signer_known=is_caller or bool(self.signer),
            session_known=is_caller or self.session_known,
        )
        return self._outcome(verdict, request)

    def _outcome(self, verdict: Verdict, request: Request) -> Outcome:
        """Answer for certain only where what could not be read cannot change the answer."""
        if verdict.decision == "explicit-deny":
            return Outcome("refused", _lock(verdict), verdict=verdict)
        if verdict.decision in ("invalid", "unknown"):
            return Outcome("unknown", "", verdict=verdict)
        unread = self.unread - ({ENDPOINT_POLICY} if request.is_off_endpoint else set())
        if unread:
            reason = f"Not read: {', '.join(sorted(unread))}."
            return Outcome("unknown", "", reason, verdict, tuple(sorted(READ_BY.get(name, name) for name in unread)))
        return Outcome("allowed" if verdict.allowed else "refused", _lock(verdict), verdict=verdict)


def example_key(prefix: str) -> str:
    """Return a key that stands for all keys under a prefix."""
    return f"{prefix}example.png"


def signer_of(arn: str) -> str:
    """Return who signs for a role or user: a session of the role, whose name stands for any."""
    return session_of_role(arn, SESSION) if ":role/" in arn else arn


def _lock(verdict: Verdict) -> str:
    if verdict.allowed:
        return ""
    if verdict.policy == "session policy":
        return "URL lock"
    if verdict.policy == "bucket policy" and names_guard(verdict.statement):
        return "bucket guard"
    return verdict.policy or "identity policy"
