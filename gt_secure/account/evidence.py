"""Facts for findings beyond the state of a plan: task templates, the log bucket, the key that encrypts the images.

Read only when findings are asked for: a plan does not need them, and each needs one or more calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..aws.buckets import BucketState, LogTarget, bucket_region, parse_s3_uri, read_bucket
from ..aws.client import Aws, aws_errors
from ..errors import AccessDenied, GtSecureError, InvalidInput
from .fact_reader import BLOCKS, read_account_block
from .facts import AclGrant, LogTargetFacts, Missing, Snapshot, TemplateFacts
from .snapshot import State

T = TypeVar("T")

MAX_TEMPLATES = 10
_MAX_TEMPLATE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Facts beside the state; ``unseen`` names what this role may not read."""

    templates: tuple[TemplateFacts, ...] = ()
    log_target: LogTargetFacts | None = None
    key_policy: str | None = None
    website: bool | None = None
    replicas: tuple[str, ...] | None = None
    acl_grants: tuple[AclGrant, ...] | None = None
    access_points: tuple[str, ...] | None = None
    account_block: Mapping[str, bool] | None = None
    unseen: tuple[Missing, ...] = ()


def read_surroundings(aws: Aws, state: State, *, kms_key: str = "") -> Surroundings:
    """Read templates, log bucket and key policy, as far as this role may."""
    reader = _EvidenceReader(aws)
    bucket = state.bucket
    return Surroundings(
        templates=reader.templates(state),
        log_target=None if bucket is None or bucket.logging is None else reader.log_target(bucket.logging, state),
        key_policy=reader.key_policy(bucket, kms_key) if bucket is not None and kms_key else None,
        **({} if bucket is None else reader.other_ways(bucket)),
        account_block=None if bucket is None else reader.account_block(bucket),
        unseen=tuple(reader.unseen),
    )


def with_surroundings(snapshot: Snapshot, around: Surroundings) -> Snapshot:
    """Return the snapshot with these facts in it."""
    buckets = tuple(
        replace(
            bucket,
            logging=around.log_target if around.log_target is not None else bucket.logging,
            kms_key_policy=around.key_policy,
            website=around.website,
            replicas=around.replicas,
            acl_grants=around.acl_grants,
            access_points=around.access_points,
        )
        for bucket in snapshot.buckets
    )
    return replace(
        snapshot,
        buckets=buckets,
        templates=around.templates,
        unseen=(*snapshot.unseen, *around.unseen),
        account_block=snapshot.account_block if around.account_block is None else around.account_block,
    )


class _EvidenceReader:
    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.unseen: list[Missing] = []

    def templates(self, state: State) -> tuple[TemplateFacts, ...]:
        jobs = [job for job in state.jobs if job.template_uri][:MAX_TEMPLATES]
        return tuple(TemplateFacts(job.name, self._text(job.template_uri)) for job in jobs)

    def _text(self, uri: str) -> str | None:
        bucket, key = parse_s3_uri(uri)

        def read() -> str:
            client = self.aws.client("s3", bucket_region(self.aws, bucket))
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read(_MAX_TEMPLATE_BYTES)
            return body.decode("utf-8", "replace")

        return self._try("s3:GetObject", f"arn:{self.aws.partition}:s3:::{bucket}/{key}", read, None)

    def log_target(self, target: LogTarget, state: State) -> LogTargetFacts:
        """A target that cannot receive: another region, KMS by default, a default retention, requester pays."""
        facts = LogTargetFacts(target.bucket, target.prefix, policy_text=state.log_policy)
        arn = f"arn:{self.aws.partition}:s3:::{target.bucket}"
        held = self._try("s3:ListBucket", arn, lambda: read_bucket(self.aws, target.bucket), None)
        if held is None:
            return facts
        client = self.aws.client("s3", held.region)
        lock = self._try("s3:GetBucketObjectLockConfiguration", arn, lambda: _retention(client, target.bucket), None)
        pays = self._try(
            "s3:GetBucketRequestPayment",
            arn,
            lambda: client.get_bucket_request_payment(Bucket=target.bucket).get("Payer") == "Requester",
            None,
        )
        seen = held.sees("s3:GetEncryptionConfiguration")
        return replace(
            facts,
            region=held.region,
            policy_text=held.policy_text if held.sees("s3:GetBucketPolicy") else facts.policy_text,
            kms=held.default_kms_key != "" if seen else None,
            object_lock=lock,
            requester_pays=pays,
        )

    def key_policy(self, bucket: BucketState, key: str) -> str | None:
        if key == "aws/s3":
            return None  # AWS's own key has no policy that a person can set

        def read() -> str:
            answer: Any = self.aws.client("kms", bucket.region).get_key_policy(KeyId=key, PolicyName="default")
            return str(answer["Policy"])

        return self._try("kms:GetKeyPolicy", key, read, None)

    def other_ways(self, bucket: BucketState) -> dict[str, Any]:
        """Read website, replication, ACL and access points: ways to the objects beside presigned URLs."""
        client: Any = self.aws.client("s3", bucket.region)
        arn, name = f"arn:{self.aws.partition}:s3:::{bucket.name}", bucket.name
        return {
            "website": self._try("s3:GetBucketWebsite", arn, lambda: _website(client, name), None),
            "replicas": self._try("s3:GetReplicationConfiguration", arn, lambda: _replicas(client, name), None),
            "acl_grants": self._try("s3:GetBucketAcl", arn, lambda: _acl_grants(client, name), None),
            "access_points": self._try("s3:ListAccessPoints", arn, lambda: self._access_points(bucket), None),
        }

    def account_block(self, bucket: BucketState) -> Mapping[str, bool] | None:
        """Read Block Public Access of the account, which counts where the bucket's own is not fully on."""
        if all(bucket.public_access_block.get(name) for name in BLOCKS):
            return None
        return read_account_block(self.aws).if_read

    def _access_points(self, bucket: BucketState) -> tuple[str, ...]:
        if self.aws.is_local:
            return ()  # the sandbox has none, and no host of an account to ask
        pages = self.aws.client("s3control", bucket.region).get_paginator("list_access_points")
        items = pages.paginate(AccountId=self.aws.account_id, Bucket=bucket.name)
        return tuple(str(point["Name"]) for page in items for point in page.get("AccessPointList", ()))

    def _try(self, action: str, resource: str, read: Callable[[], T], default: T | None) -> T | None:
        try:
            with aws_errors(action, resource):
                return read()
        except InvalidInput:
            return default
        except GtSecureError as error:
            denied = error.action if isinstance(error, AccessDenied) else action
            self.unseen.append(Missing(denied, resource))
            return default


def _website(client: Any, bucket: str) -> bool:
    return _unless("NoSuchWebsiteConfiguration", lambda: bool(client.get_bucket_website(Bucket=bucket)), False)


def _replicas(client: Any, bucket: str) -> tuple[str, ...]:
    def read() -> tuple[str, ...]:
        rules = client.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"].get("Rules", ())
        return tuple(
            dict.fromkeys(str(rule["Destination"]["Bucket"]) for rule in rules if rule.get("Status") == "Enabled")
        )

    return _unless("ReplicationConfigurationNotFoundError", read, ())


def _acl_grants(client: Any, bucket: str) -> tuple[AclGrant, ...]:
    answer = client.get_bucket_acl(Bucket=bucket)
    owner = str((answer.get("Owner") or {}).get("ID") or "")
    grants = []
    for grant in answer.get("Grants") or ():
        grantee = grant.get("Grantee") or {}
        name = str(grantee.get("URI") or grantee.get("ID") or grantee.get("EmailAddress") or "")
        if name != owner:
            grants.append(AclGrant(name, str(grant.get("Permission") or "")))
    return tuple(grants)


def _unless(code: str, read: Callable[[], T], default: T) -> T:
    """Read a part that answers with a specific error where it is not configured."""
    from botocore.exceptions import ClientError

    try:
        return read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == code:
            return default
        raise


def _retention(client: Any, bucket: str) -> bool:
    """Return whether a default retention holds new objects; without Object Lock S3 answers with an error."""

    def read() -> bool:
        answer = client.get_object_lock_configuration(Bucket=bucket)
        return bool((answer.get("ObjectLockConfiguration") or {}).get("Rule"))

    return _unless("ObjectLockConfigurationNotFoundError", read, False)
