"""The three locks as they stand at one moment, and what they answer to one source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ..account.snapshot import State
from ..aws.arns import role_of_session, session_of_role
from ..aws.teams import UrlLock
from ..iam.request import Policies, Request
from ..iam.request_context import header_context, presigned_context
from ..iam.verdict import Verdict
from ..network import Source, contains, parse_address, parse_stored_cidrs
from ..policies.bucket_guard import names_guard
from ..policies.session_policy import session_policy
from .decision import decide_request
from .request_kinds import Given

Decision: TypeAlias = Literal["allowed", "refused", "unknown"]
Lock: TypeAlias = Literal["", "portal lock", "URL lock", "bucket guard", "bucket policy", "VPC endpoint policy", "IAM"]

_IN_VPC = parse_address("10.0.0.10")
_ELSEWHERE = parse_address("192.0.2.77")
_HOME = parse_address("192.0.2.78")
MAX_REASON = 600
NO_BUCKET = "images-of-the-team"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answer to one source, with the lock that decides and the reason."""

    decision: Decision
    lock: Lock
    said: str = field(default="", repr=False)
    verdict: Verdict | None = field(default=None, repr=False, compare=False)

    @property
    def reason(self) -> str:
        """Why, in a sentence; worked out when it is asked for, and cut where a policy lists hundreds of ranges."""
        text = self.said or (self.verdict.reason if self.verdict is not None else "")
        return text if len(text) <= MAX_REASON else text[: MAX_REASON - 1] + "…"

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The condition keys on whose values an unknown decision depends."""
        return self.verdict.depends_on if self.verdict is not None else ()

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
class World:
    """The locks, now or after the changes.

    ``policy`` is the bucket policy, ``policy_seen`` is true if it could be read. The role behind the URLs is
    supposed to be allowed to read the bucket: where it is not, nothing opens with or without a restriction.
    """

    bucket: str
    policy: str | None
    policy_seen: bool
    lock: UrlLock
    cidrs: tuple[str, ...]
    has_portal: bool
    account: str
    partition: str
    region: str
    role: str
    endpoints: Mapping[str, tuple[str, str | None]]
    facts: Given = field(default_factory=Given)

    @classmethod
    def of(cls, state: State, facts: Given | None = None) -> World:
        """Read the locks out of a state; facts are values of condition keys that are known."""
        bucket, team, force = state.bucket, state.team, state.workforce
        role = next((job.role_arn for job in state.jobs if job.role_arn), "")
        return cls(
            bucket=bucket.name if bucket is not None else NO_BUCKET,
            policy=bucket.policy_text if bucket is not None else None,
            policy_seen=bucket is None or bucket.sees("s3:GetBucketPolicy"),
            lock=(team.url_lock if team is not None else None) or UrlLock(),
            cidrs=force.cidrs if force is not None else (),
            has_portal=team is not None and team.kind == "private",
            account=state.account_id,
            partition=state.partition,
            region=state.region,
            role=role or f"arn:{state.partition}:iam::{state.account_id}:role/GroundTruth",
            endpoints={one.id: (one.vpc_id, one.policy_text) for one in state.endpoints},
            facts=facts or Given(),
        )

    def after(self, planned: Mapping[str, Any]) -> World:
        """Return the locks with the planned values in place: ``bucket-guard``, ``url-lock`` and ``portal-lock``."""
        world = self
        if "bucket-guard" in planned:
            world = replace(world, policy=planned["bucket-guard"])
        if "url-lock" in planned:
            value = planned["url-lock"]
            on = UrlLock(value["SourceIp"] == "Enabled", value["VpcSourceIp"] == "Enabled")
            world = replace(world, lock=on)
        if "portal-lock" in planned:
            world = replace(world, cidrs=tuple(planned["portal-lock"]))
        return world

    def worker(self, source: Source, prefix: str) -> Outcome:
        """A worker at this source opens the portal and an image of a task there."""
        # Behind an endpoint the address that a public portal sees is another one, which nobody can tell from here.
        closed = self.has_portal and bool(self.cidrs) and not source.is_endpoint
        if closed and (source.address is None or not contains(parse_stored_cidrs(self.cidrs), source.address)):
            return Outcome("refused", "portal lock", f"The worker portal opens only from {', '.join(self.cidrs)}.")
        return self._open(source, prefix, source)

    def forwarded(self, source: Source, prefix: str) -> Outcome:
        """Somebody at this source opens a URL that was made for a worker at another address."""
        home = _HOME if source.address == _ELSEWHERE else _ELSEWHERE
        if self.lock.vpc_source_ip:
            return self._open(source, prefix, Source(parse_address("10.0.0.11"), "vpce-00000000"))
        return self._open(source, prefix, Source(home))

    def presigned(self, source: Source, prefix: str) -> Outcome:
        """Anybody at this source opens a presigned URL of the bucket that carries no separate condition."""
        return self._s3(source, prefix, None)

    def _open(self, source: Source, prefix: str, made_for: Source) -> Outcome:
        return self._s3(source, prefix, self._session(prefix, made_for) if self.has_portal else None)

    def _session(self, prefix: str, made_for: Source) -> str:
        """The policy behind a URL that Ground Truth makes for a worker there; see *IamPolicyConstraints*."""
        key = _key(prefix)
        public = [] if not self.lock.source_ip else [_ELSEWHERE if made_for.is_endpoint else made_for.address]
        private = [] if not self.lock.vpc_source_ip else [made_for.address or _IN_VPC]
        if self.lock.impossible:
            private = []
            public = [_HOME]
        return session_policy(
            self.bucket,
            key,
            networks=[item for item in public if item is not None],
            vpc_networks=private,
            partition=self.partition,
        )

    def _s3(self, source: Source, prefix: str, session: str | None) -> Outcome:
        vpc, endpoint_policy = self.endpoints.get(source.endpoint or "", (None, None))
        seen = Source(source.address or _IN_VPC, source.endpoint, vpc) if source.is_endpoint else source
        context = presigned_context(seen, principal_arn=self.role, region=self.region)
        request = Request(
            "s3:GetObject",
            f"arn:{self.partition}:s3:::{self.bucket}/{_key(prefix)}",
            session_of_role(self.role, "gt-worker"),
            context,
            resource_account=self.account,
        )
        if self.lock.impossible and session is not None:
            return Outcome("refused", "URL lock", "Both settings are on, which no request can meet.")
        return self._decide(request, session, endpoint_policy)

    def ground_truth(self, endpoint: str, prefix: str, action: str) -> Outcome:
        """Ground Truth's back end reads or writes an object: signed in the header, through an endpoint of AWS."""
        request = Request(
            action,
            f"arn:{self.partition}:s3:::{self.bucket}/{_key(prefix)}",
            session_of_role(self.role, "gt-worker"),
            header_context(Source(None, endpoint), principal_arn=self.role, region=self.region),
            resource_account=self.account,
        )
        return self._decide(request, None, None)

    def log_delivery(self, prefix: str) -> Outcome:
        """S3 delivers an access log into the bucket."""
        service = "logging.s3.amazonaws.com"
        request = Request(
            "s3:PutObject",
            f"arn:{self.partition}:s3:::{self.bucket}/{_key(prefix)}",
            service,
            header_context(Source(None, None), service=service, region=self.region)
            | {"aws:SourceAccount": self.account, "aws:SourceArn": f"arn:{self.partition}:s3:::{self.bucket}"},
            resource_account=self.account,
        )
        return self._decide(request, None, None)

    def caller(self, arn: str, action: str) -> Outcome:
        """The caller reads or writes the bucket policy."""
        request = Request(
            action,
            f"arn:{self.partition}:s3:::{self.bucket}",
            arn,
            header_context(
                Source(parse_address("192.0.2.10")), principal_arn=(role_of_session(arn) or arn), region=self.region
            ),
            resource_account=self.account,
        )
        return self._decide(request, None, None)

    def _decide(self, request: Request, session: str | None, endpoint_policy: str | None) -> Outcome:
        if not self.policy_seen:
            return Outcome("unknown", "bucket policy", "The bucket policy cannot be read (s3:GetBucketPolicy).")
        every = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        verdict = decide_request(
            request,
            Policies(
                identity=[{"Version": "2012-10-17", "Statement": [every]}],
                session=session,
                resource=self.policy,
                endpoint=endpoint_policy,
            ),
            self.facts,
        )
        if verdict.decision in ("invalid", "unknown"):
            return Outcome("unknown", "bucket policy", verdict=verdict)
        if verdict.allowed:
            return Outcome("allowed", "", verdict=verdict)
        return Outcome("refused", _lock(verdict), verdict=verdict)


def _lock(verdict: Verdict) -> Lock:
    if verdict.policy == "session policy":
        return "URL lock"
    if verdict.policy == "bucket policy":
        return "bucket guard" if names_guard(verdict.statement) else "bucket policy"
    return "VPC endpoint policy" if verdict.policy == "VPC endpoint policy" else "IAM"


def _key(prefix: str) -> str:
    return f"{prefix}example.png"
