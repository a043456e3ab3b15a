"""The bucket guard: one Deny for presigned requests from anywhere but the listed addresses and endpoints.

It covers presigned requests only: those signed in the query string (``s3:authType`` is ``REST-QUERY-STRING``) and HTML
forms (``POST``; a REST request with the method POST is signed in the header and is ``REST-HEADER``). Ground Truth's own
back end, log delivery and SDKs sign in the header, and some of them come through endpoints of AWS, where
``aws:SourceIp`` is absent. The guard covers every S3 action, because a presigned GET with a version id is authorized as
``s3:GetObjectVersion``, and without a prefix also the bucket itself, because a presigned URL can list it or read and
delete its policy. A dimension that is not filled is left out: an empty list would not mean "no restriction".

A guard of *reads* spares uploads by presigned URL and form: it refuses every action but ``s3:PutObject``, which PUT,
multipart parts and POST forms ask for.

Sources: SageMaker Developer Guide, *Use Amazon SageMaker Ground Truth in an Amazon Virtual Private Cloud*; S3 User
Guide, *Download and upload objects with presigned URLs* and *Bucket policies* (20 KB); S3 API Reference, *Amazon S3
Signature Version 4 authentication-specific policy keys* (``s3:authType``).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...base.errors import InvalidInput, PolicyError
from ...base.groups import as_list
from ...base.network import AddressesLike, IPNetwork, collapse, parse_endpoint_id, parse_networks
from ..iam.operators import policy_network
from ..iam.request_context import POST_FORM, PRESIGNED
from .age_limit import AGE_SID, SIGV2_SID, build_age_limit, read_age_limit
from .equivalence import Layout, lay_out, statements_equal

GUARD_SID = "GtSecurePresignGuard"
"""Sid that identifies the guard statement."""

OWN = "GtSecure"
"""Start of the Sids of all our statements."""

UPLOAD = "s3:PutObject"
"""Action of every presigned upload: PUT, parts and POST forms."""

SIGNERS_SID = "GtSecurePresignSigners"
"""Sid of the signer limit."""

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
"""The lock of each of our statements, by its Sid or the start of it. Who explains a refusal knows each of them."""

_WORDS = {
    SIGNERS_SID: ("the signer limit", "The prefix", "List fewer signers", "Choose a shorter prefix"),
    REVOKE: (
        "this revocation",
        "The key of the URL",
        "Undo revocations that are no longer needed, stop many URLs by one revocation of their prefix and a time",
        "Stop the URL by a revocation of a shorter prefix and a time",
    ),
    "": ("the guard", "The prefix", "List fewer or wider ranges", "Guard a shorter prefix"),
}
"""Words of the errors about a statement without room: its name, what is too long, and what to do instead; by Sid."""

MAX_BUCKET_POLICY = 20 * 1024
"""Largest bucket policy, in bytes."""

_RESOURCE = re.compile(r"arn:(aws[a-z-]*):s3:::([^/*?$]+)/(.*)\*", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard as found in a bucket policy; without a prefix it protects the whole bucket.

    ``drifted``: somebody changed it, so that it is not what :func:`build_guard` would write for the same values.
    ``age_limit_s`` is the age limit in seconds; None if older signatures work too. ``reads``: it spares uploads.
    """

    bucket: str
    prefix: str
    networks: tuple[IPNetwork, ...]
    endpoints: tuple[str, ...]
    statement: Mapping[str, object]
    drifted: bool
    age_limit_s: int | None = None
    reads: bool = False


def build_guard(
    bucket: str,
    *,
    prefix: str = "",
    networks: AddressesLike = (),
    endpoints: Iterable[str] = (),
    partition: str = "aws",
    reads: bool = False,
) -> dict[str, object]:
    """Return the guard statement.

    Parameters
    ----------
    bucket : str
        Name of the bucket.
    prefix : str
        Start of the keys to protect; empty for all.
    networks : iterable
        Addresses and CIDR ranges from which presigned URLs may be used; merged losslessly.
    endpoints : iterable of str
        VPC endpoint ids through which they may be used.
    partition : str
        ``aws``, ``aws-cn`` or ``aws-us-gov``.
    reads : bool
        Spare uploads.

    Raises
    ------
    InvalidInput
        If both lists are empty, or a value is not what it should be.
    """
    if not _BUCKET.fullmatch(bucket):
        raise InvalidInput(f'"{bucket[:80]}" is not a bucket name.', next_step="Correct it.", field="bucket")
    ranges = [str(network) for network in collapse(parse_networks(networks))]
    ids = sorted({parse_endpoint_id(endpoint) for endpoint in endpoints})
    if not ranges and not ids:
        raise InvalidInput(
            "The guard has neither addresses nor VPC endpoints; it would refuse every presigned URL.",
            next_step="List at least one address or endpoint.",
            field="networks",
        )
    condition: dict[str, object] = {
        "StringEquals": {"s3:authType": [PRESIGNED, POST_FORM]},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    }
    if ranges:
        condition["NotIpAddressIfExists"] = {"aws:SourceIp": ranges}
    if ids:
        condition["StringNotEqualsIfExists"] = {"aws:SourceVpce": ids}
    return {
        "Sid": GUARD_SID,
        "Effect": "Deny",
        "Principal": "*",
        **({"NotAction": UPLOAD} if reads else {"Action": "s3:*"}),
        "Resource": prefix_resource(partition, bucket, prefix),
        "Condition": condition,
    }


def prefix_resource(partition: str, bucket: str, prefix: str) -> str | list[str]:
    """Return the ARN patterns of a prefix, or of a whole bucket with the bucket itself (for presigned listings)."""
    arn = f"arn:{partition}:s3:::{bucket}"
    return f"{arn}/{escape_key(prefix)}*" if prefix else [arn, f"{arn}/*"]


def escape_key(text: str) -> str:
    """Write a key or prefix so that a policy of version 2012-10-17 takes every character literally."""
    return re.sub(r"[*?]|\$(?=\{)", lambda match: "${" + match[0] + "}", text)


def merge_guard(policy_text: str | None, statement: Mapping[str, object]) -> str:
    """Put a statement of ours into a bucket policy; every other character of the text stays unchanged.

    A statement with the same Sid is replaced where it stands; otherwise the guard becomes the last statement (the
    first, where ``Statement`` is a single object, so that :func:`remove_guard` knows to take the brackets away again).
    Raises PolicyError if the text is not a policy, has our Sid twice, or would exceed 20 KB.
    """
    made, sid = json.dumps(statement, separators=(",", ":")), str(statement.get("Sid", GUARD_SID))
    name, subject, fewer, shorter = next(words for start, words in _WORDS.items() if sid.startswith(start))
    if policy_text is None or not policy_text.strip():
        merged = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
    else:
        layout = lay_out(policy_text)
        if "${" in made and layout.version != "2012-10-17":
            said = f"holds *, ? or $, which a policy of version {layout.version} cannot express literally."
            or_else = f"{shorter}, or change the policy's version to 2012-10-17 yourself."
            raise PolicyError(f"{subject} {said}", place="$.Version", next_step=or_else)
        merged = _insert(layout, made, _own(layout, sid))
    size = len(merged.encode("utf-8"))
    if size > MAX_BUCKET_POLICY:
        raise PolicyError(
            f"With {name} the bucket policy has {size:,} bytes; S3 takes {MAX_BUCKET_POLICY:,}.",
            place="$",
            next_step=f"{fewer}, or shorten the other statements.",
        )
    return merged


def merge_guards(policy_text: str | None, statement: Mapping[str, object], age_limit_s: int | None) -> str:
    """Put the guard with its age limit into a bucket policy, and take a limit out that is not wanted.

    A version limit that stands alone stays.
    """
    merged = policy_text
    if age_limit_s is None and merged is not None and AGE_SID in own_statements(merged):
        merged = remove_statements(merged, (SIGV2_SID, AGE_SID))
    merged = merge_guard(merged, statement)
    for each in build_age_limit(statement, age_limit_s) if age_limit_s is not None else ():
        merged = merge_guard(merged, each)
    return merged


def own_kind(sid: str) -> str:
    """Return the entry of :data:`OWN_LOCKS` that a Sid belongs to; empty for a statement that is not ours."""
    return REVOKE if sid.startswith(REVOKE) else sid if sid in OWN_LOCKS else ""


def own_lock(label: str) -> str:
    """Return the lock whose statement a label names; empty if it names none of ours."""
    named = re.search(rf'"({OWN}\w*)"', label)
    return OWN_LOCKS.get(own_kind(named[1]), "") if named else ""


def remove_statements(policy_text: str, sids: Iterable[str]) -> str | None:
    """Take statements of ours out of a bucket policy, as :func:`remove_guard` does for one."""
    text: str | None = policy_text
    for sid in sids:
        text = None if text is None else remove_guard(text, sid)
    return text


def own_statements(policy_text: str | None) -> dict[str, Mapping[str, object]]:
    """Return the statements of a bucket policy that carry one of our Sids; raises PolicyError if one is there twice."""
    if policy_text is None or not policy_text.strip():
        return {}
    layout = lay_out(policy_text)
    found = [str(data.get("Sid", "")) for data in layout.data if str(data.get("Sid", "")).startswith(OWN)]
    places = {sid: _own(layout, sid) for sid in found}
    return {sid: layout.data[place] for sid, place in places.items() if place is not None}


def _own(layout: Layout, sid: str) -> int | None:
    found = layout.with_sid(sid)
    if len(found) > 1:
        raise PolicyError(
            f"The bucket policy has {len(found)} statements with the Sid {sid}.",
            place="$.Statement",
            next_step="Remove all but one of them.",
        )
    return found[0] if found else None


def _insert(layout: Layout, made: str, own: int | None) -> str:
    text = layout.text
    if own is not None:
        start, end = layout.statements[own]
        return text[:start] + made + text[end:]
    start, end = layout.value
    if not layout.is_list:
        return f"{text[:start]}[{made},{text[start:end]}]{text[end:]}"
    if not layout.statements:
        return text[: start + 1] + made + text[start + 1 :]
    last = layout.statements[-1][1]
    return f"{text[:last]},{made}{text[last:]}"


def remove_guard(policy_text: str, sid: str = GUARD_SID) -> str | None:
    """Take the guard out of a bucket policy; the text before :func:`merge_guard` comes back exactly.

    It is None if no statement is left, because S3 stores no empty policy. Raises PolicyError as :func:`find_guard`.
    """
    layout = lay_out(policy_text)
    own = _own(layout, sid)
    if own is None:
        return policy_text
    if len(layout.statements) == 1:
        return None
    text, spans = policy_text, layout.statements
    if own == 0 and len(spans) == 2:
        (start, end), kept = layout.value, spans[1]
        return text[:start] + text[kept[0] : kept[1]] + text[end:]
    if own == len(spans) - 1:
        return text[: spans[own - 1][1]] + text[spans[own][1] :]
    return text[: spans[own][0]] + text[spans[own + 1][0] :]


def find_guard(policy_text: str | None) -> Guard | None:
    """Return the guard of a bucket policy, or None if it has none.

    Raises
    ------
    PolicyError
        If the text is not a policy, or has our Sid twice.
    """
    if policy_text is None or not policy_text.strip():
        return None
    layout = lay_out(policy_text)
    own = _own(layout, GUARD_SID)
    if own is None:
        return None
    limit = (_own(layout, name) for name in (AGE_SID, SIGV2_SID))
    age, sigv2 = (None if place is None else layout.data[place] for place in limit)
    return _with_cap(_read(layout.data[own]), age, sigv2)


def _with_cap(guard: Guard, age: Mapping[str, object] | None, sigv2: Mapping[str, object] | None) -> Guard:
    """Return a guard with its age limit; one without version 2, or for other objects, is a manual edit."""
    if age is None:
        return guard
    age_limit_s = read_age_limit(age)
    wanted = build_age_limit(guard.statement, age_limit_s or 1)
    intact = sigv2 is not None and age_limit_s is not None
    intact = intact and statements_equal(age, wanted[0]) and statements_equal(sigv2, wanted[1])
    return replace(guard, age_limit_s=age_limit_s, drifted=guard.drifted or not intact)


def _read(statement: Mapping[str, object]) -> Guard:
    partition, bucket, prefix = covered_objects(statement)
    networks = _networks(condition_values(statement, "NotIpAddressIfExists", "aws:SourceIp"))
    endpoints = _endpoints(condition_values(statement, "StringNotEqualsIfExists", "aws:SourceVpce"))
    # A value that could not be read is missing in what would be built of the others, so it counts as drift below.
    drifted, reads = True, "NotAction" in statement
    if _BUCKET.fullmatch(bucket) and (networks or endpoints):
        wanted = build_guard(
            bucket, prefix=prefix, networks=networks, endpoints=endpoints, partition=partition, reads=reads
        )
        drifted = not statements_equal(statement, wanted)
    return Guard(bucket, prefix, networks, endpoints, statement, drifted, reads=reads)


def covered_objects(statement: Mapping[str, object]) -> tuple[str, str, str]:
    """Return partition, bucket and prefix of a statement's objects; empty where there is not exactly one pattern."""
    found = [
        match for each in {str(r) for r in as_list(statement.get("Resource"))} if (match := _RESOURCE.fullmatch(each))
    ]
    if len(found) != 1:
        return "aws", "", ""
    return found[0][1], found[0][2], re.sub(r"\$\{([*?$])\}", r"\1", found[0][3])


def condition_values(statement: Mapping[str, object], operator: str, key: str) -> list[str]:
    """Return the values of a statement for an operator and a condition key."""
    condition = statement.get("Condition")
    keys = condition.get(operator) if isinstance(condition, Mapping) else None
    found = [value for name, value in keys.items() if name.lower() == key.lower()] if isinstance(keys, Mapping) else []
    return [str(each) for value in found for each in as_list(value)]


def _networks(texts: list[str]) -> tuple[IPNetwork, ...]:
    found = []
    for text in texts:
        with contextlib.suppress(PolicyError):
            found.append(policy_network(text, "$"))
    return collapse(found)


def _endpoints(texts: list[str]) -> tuple[str, ...]:
    found = set()
    for text in texts:
        with contextlib.suppress(InvalidInput):
            found.add(parse_endpoint_id(text))
    return tuple(sorted(found))
