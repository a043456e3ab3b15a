"""The bucket guard: one Deny for presigned requests from anywhere but the listed sources.

It covers presigned requests only: those signed in the query string (``s3:authType`` is
``REST-QUERY-STRING``) and HTML forms (``POST``; a REST request with the method POST is signed in
the header and is ``REST-HEADER``). Ground Truth's own back end, log delivery and SDKs sign in the
header, and some of them come through endpoints of AWS, where ``aws:SourceIp`` is absent. The guard
covers every S3 action, because a presigned GET with a version id is authorized as
``s3:GetObjectVersion``, and without a prefix also the bucket itself, because a presigned URL can
list it or read and delete its policy. A dimension that is not filled is left out: an empty list
would not mean "no restriction". All conditions of the Deny must hold, and a negated one holds where
its key is absent: a request is refused only if neither its address nor its endpoint nor the VPC of
that is listed.

A guard of *reads* spares uploads by presigned URL and form: it refuses every action but
``s3:PutObject``, which PUT, multipart parts and POST forms ask for.

Sources: SageMaker Developer Guide, *Use Amazon SageMaker Ground Truth in an Amazon Virtual Private
Cloud*; S3 User Guide, *Download and upload objects with presigned URLs* and *Bucket policies* (20
KB); S3 API Reference, *Amazon S3 Signature Version 4 authentication-specific policy keys*
(``s3:authType``).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ...base.allowed import Allowed, AllowedLike
from ...base.errors import InvalidInput
from ...base.groups import as_list
from ...base.network import AddressesLike, IPNetworks, parse_endpoint_or_vpc_id
from ...base.text import Json, Texts
from ..iam.documents import StatementData
from ..iam.operators import policy_network
from ..iam.request_context import POST_FORM, PRESIGNED
from .age_limit import AGE_SID, SIGV2_SID, age_text, build_age_limit, read_age_limit
from .equivalence import statements_equal

GUARD_SID = "GtSecurePresignGuard"
"""Sid of the first guard of a bucket, and the start of those of the others."""

OWN = "GtSecure"
"""Start of the Sids of all our statements."""

UPLOAD = "s3:PutObject"
"""Action of every presigned upload: PUT, parts and POST forms."""

SIGNERS_SID = "GtSecurePresignSigners"
"""Sid of the first signer limit."""

GUARD_SIDS = (GUARD_SID, AGE_SID, SIGV2_SID)
"""The Sids of the guard and of its age limit, in the order in which they are written."""

REVOKE = f"{OWN}Revoke"
"""Start of the Sids of revocations."""

OWN_LOCKS = {
    GUARD_SID: "bucket guard",
    AGE_SID: "bucket guard",
    SIGV2_SID: "bucket guard",
    SIGNERS_SID: "signer limit",
    REVOKE: "revocation",
}
"""The lock of each of our statements, by its Sid or the start of it.
Who explains a refusal knows each of them.
"""

MAX_BUCKET_POLICY = 20 * 1024
"""Largest bucket policy, in bytes."""

T = TypeVar("T")
_RESOURCE = re.compile(r"arn:(aws[a-z-]*):s3:::([^/*?$]+)/(.*)\*", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_KIND = re.compile(
    rf"({'|'.join((*GUARD_SIDS, SIGNERS_SID))})(x[0-9a-f]{{8}})?|({REVOKE}).*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard as found in a bucket policy; without a prefix it protects the whole bucket.

    A statement for several prefixes is a guard for each of them, with the same ``sid``.
    ``drifted``: somebody changed it, so that it is not what :func:`build_guard` would write for the
    same values. ``age_limit_s`` is the age limit in seconds; None if older signatures work too.
    ``reads``: it spares uploads. Two guards are equal if they mean the same: every field counts but
    the text of the statement and its Sid.
    """

    bucket: str
    prefix: str
    allowed: Allowed
    statement: StatementData = field(compare=False)
    drifted: bool
    age_limit_s: int | None = None
    reads: bool = False
    sid: str = field(default=GUARD_SID, compare=False)

    @property
    def networks(self) -> IPNetworks:
        """The allowed address ranges."""
        return self.allowed.networks

    @property
    def endpoints(self) -> Texts:
        """The allowed VPC endpoints."""
        return self.allowed.endpoints

    @property
    def objects(self) -> str:
        """The objects of the guard, in words."""
        return f"objects under {self.prefix}" if self.prefix else "all objects"

    def words(self, names: Sequence[str] = ()) -> str:
        """Return the guard in words; ``names`` stand for its ranges."""
        who = ", ".join(self.allowed.names(names)) or "nowhere"
        if self.drifted:
            return f"a guard for {self.objects} that was edited by hand: it lists {who}"
        limit = f", up to {age_text(self.age_limit_s)} after signing" if self.age_limit_s else ""
        spared = ", except uploads, which work from anywhere" if self.reads else ""
        return f"presigned URLs of {self.objects} work only from {who}{limit}{spared}"


def build_guard(
    bucket: str,
    allowed: AllowedLike = (),
    *,
    prefix: str = "",
    networks: AddressesLike = (),
    endpoints: Iterable[str] = (),
    partition: str = "aws",
    reads: bool = False,
) -> Json:
    """Return the guard statement.

    Parameters
    ----------
    bucket : str
        Name of the bucket.
    allowed : Allowed, str or iterable
        Addresses and VPC endpoints from which presigned URLs may be used, each by its form.
    prefix : str
        Start of the keys to protect; empty for all.
    networks : str or iterable
        More addresses and CIDR ranges; all are merged losslessly.
    endpoints : iterable of str
        More VPC endpoint ids.
    partition : str
        ``aws``, ``aws-cn`` or ``aws-us-gov``.
    reads : bool
        Spare uploads.

    Raises
    ------
    InvalidInput
        If nothing is allowed, or a value is not what it should be.
    """
    if not _BUCKET.fullmatch(bucket):
        raise InvalidInput(
            f'"{bucket[:80]}" is not a bucket name.', next_step="Correct it.", field="bucket"
        )
    listed = Allowed.of(allowed).plus(Allowed.of(networks)).plus(Allowed.of(endpoints))
    if listed.is_empty:
        raise InvalidInput(
            "The guard has neither addresses nor VPC endpoints; it would refuse every presigned"
            " URL.",
            next_step="List at least one address or endpoint.",
            field="networks",
        )
    condition: Json = {
        "StringEquals": {"s3:authType": [PRESIGNED, POST_FORM]},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    }
    if listed.networks:
        condition["NotIpAddressIfExists"] = {"aws:SourceIp": [*map(str, listed.networks)]}
    if listed.ids:
        named = {"aws:SourceVpce": listed.endpoints, "aws:SourceVpc": listed.vpcs}
        condition["StringNotEqualsIfExists"] = {key: [*ids] for key, ids in named.items() if ids}
    return {
        "Sid": GUARD_SID,
        "Effect": "Deny",
        "Principal": "*",
        **({"NotAction": UPLOAD} if reads else {"Action": "s3:*"}),
        "Resource": prefix_resource(partition, bucket, prefix),
        "Condition": condition,
    }


def prefix_resource(partition: str, bucket: str, prefix: str) -> str | list[str]:
    """Return the ARN patterns of a prefix,
    or of a whole bucket with the bucket itself (for presigned listings).
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    return f"{arn}/{escape_key(prefix)}*" if prefix else [arn, f"{arn}/*"]


def escape_key(text: str) -> str:
    """Write a key or prefix so that a policy of version 2012-10-17 takes every
    character literally.
    """
    return re.sub(r"[*?]|\$(?=\{)", lambda match: "${" + match[0] + "}", text)


def own_kind(sid: str) -> str:
    """Return the entry of :data:`OWN_LOCKS` that a Sid belongs to;
    empty for a statement that is not ours.
    """
    match = _KIND.fullmatch(sid)
    return match[1] or match[3] if match else ""


def own_lock(label: str) -> str:
    """Return the lock whose statement a label names; empty if it names none of ours."""
    named = re.search(rf'"({OWN}\w*)"', label)
    return OWN_LOCKS.get(own_kind(named[1]), "") if named else ""


def read_guard(
    statement: StatementData,
    age: StatementData | None = None,
    sigv2: StatementData | None = None,
) -> Guard:
    """Return the guard of a statement for one prefix, with its age limit, which has two statements.

    A limit without its half about version 2, or for other objects, is a manual edit.
    """
    partition, bucket, prefix = covered_objects(statement)
    ranges = condition_values(statement, "NotIpAddressIfExists", "aws:SourceIp")
    ids = [
        each
        for key in ("aws:SourceVpce", "aws:SourceVpc")
        for each in condition_values(statement, "StringNotEqualsIfExists", key)
    ]
    networks = tuple(_readable(ranges, lambda text: policy_network(text, "$")))
    allowed = Allowed(networks).plus(Allowed.of(_readable(ids, parse_endpoint_or_vpc_id)))
    # A value that could not be read is missing in what would be built of the others, so it counts
    # as drift below.
    drifted, reads = True, "NotAction" in statement
    if _BUCKET.fullmatch(bucket) and not allowed.is_empty:
        wanted = build_guard(bucket, allowed, prefix=prefix, partition=partition, reads=reads)
        drifted = not _equal(statement, wanted)
    age_limit_s = read_age_limit(age) if age else None
    if age:
        limits = build_age_limit(statement, age_limit_s or 1)
        drifted |= age_limit_s is None or not (_equal(age, limits[0]) and _equal(sigv2, limits[1]))
    return Guard(bucket, prefix, allowed, statement, drifted, age_limit_s, reads)


def _equal(statement: StatementData | None, wanted: StatementData) -> bool:
    """Return whether a statement of ours means what we would write;
    its Sid may have the end of another prefix.
    """
    return bool(statement) and statements_equal({**(statement or {}), "Sid": wanted["Sid"]}, wanted)


def covered_prefixes(statement: StatementData) -> Texts:
    """Return the prefixes of a statement's objects; ``("",)`` for all objects,
    or where none can be read.
    """
    patterns = [covered_objects({"Resource": each}) for each in as_list(statement.get("Resource"))]
    prefixes = dict.fromkeys(prefix for _, bucket, prefix in patterns if bucket)
    return tuple(prefixes) if all(prefixes) and prefixes else ("",)


def covers_prefix(pattern: object, prefix: str) -> bool:
    """Return whether an ARN pattern is that of the objects under a prefix."""
    return covered_objects({"Resource": pattern})[2] == prefix


def covered_objects(statement: StatementData) -> tuple[str, str, str]:
    """Return partition, bucket and prefix of a statement's objects;
    empty where there is not exactly one pattern.
    """
    found = [
        match
        for each in {str(r) for r in as_list(statement.get("Resource"))}
        if (match := _RESOURCE.fullmatch(each))
    ]
    if len(found) != 1:
        return "aws", "", ""
    return found[0][1], found[0][2], re.sub(r"\$\{([*?$])\}", r"\1", found[0][3])


def condition_values(statement: StatementData, operator: str, key: str) -> list[str]:
    """Return the values of a statement for an operator and a condition key."""
    condition = statement.get("Condition")
    keys = condition.get(operator) if isinstance(condition, Mapping) else None
    found = (
        [value for name, value in keys.items() if name.lower() == key.lower()]
        if isinstance(keys, Mapping)
        else []
    )
    return [str(each) for value in found for each in as_list(value)]


def _readable(texts: Iterable[str], parse: Callable[[str], T]) -> Iterator[T]:
    """Yield the values that can be read."""
    for text in texts:
        with contextlib.suppress(InvalidInput):
            yield parse(text)
