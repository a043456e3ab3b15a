"""The bucket guards: each is one Deny for presigned requests from anywhere but the listed addresses
and endpoints.

A bucket can have several, one for each prefix. A request that two of them cover must satisfy both.
The Sid of the first one is :data:`GUARD_SID`; that of another one ends with the fingerprint of its
prefix, by which it is found again, even if somebody changed its objects. The limits of a guard have
the same end.

It covers presigned requests only: those signed in the query string (``s3:authType`` is
``REST-QUERY-STRING``) and HTML forms (``POST``; a REST request with the method POST is signed in
the header and is ``REST-HEADER``). Ground Truth's own back end, log delivery and SDKs sign in the
header, and some of them come through endpoints of AWS, where ``aws:SourceIp`` is absent. The guard
covers every S3 action, because a presigned GET with a version id is authorized as
``s3:GetObjectVersion``, and without a prefix also the bucket itself, because a presigned URL can
list it or read and delete its policy. A dimension that is not filled is left out: an empty list
would not mean "no restriction".

A guard of *reads* spares uploads by presigned URL and form: it refuses every action but
``s3:PutObject``, which PUT, multipart parts and POST forms ask for.

Sources: SageMaker Developer Guide, *Use Amazon SageMaker Ground Truth in an Amazon Virtual Private
Cloud*; S3 User Guide, *Download and upload objects with presigned URLs* and *Bucket policies* (20
KB); S3 API Reference, *Amazon S3 Signature Version 4 authentication-specific policy keys*
(``s3:authType``).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from ...base.allowed import Allowed, AllowedLike
from ...base.errors import InvalidInput, PolicyError
from ...base.groups import as_list
from ...base.network import AddressesLike, IPNetwork, parse_endpoint_id
from ..iam.operators import policy_network
from ..iam.request_context import POST_FORM, PRESIGNED
from .age_limit import AGE_SID, SIGV2_SID, build_age_limit, read_age_limit
from .equivalence import Layout, lay_out, statements_equal

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

_WORDS = {
    SIGNERS_SID: (
        "the signer limit",
        "The prefix",
        "List fewer signers",
        "Choose a shorter prefix",
    ),
    REVOKE: (
        "this revocation",
        "The key of the URL",
        (
            "Undo revocations that are no longer needed, stop many URLs by one revocation of their"
            " prefix and a time"
        ),
        "Stop the URL by a revocation of a shorter prefix and a time",
    ),
    "": ("the guard", "The prefix", "List fewer or wider ranges", "Guard a shorter prefix"),
}
"""Words of the errors about a statement without room: its name, what is too long,
and what to do instead; by Sid.
"""

MAX_BUCKET_POLICY = 20 * 1024
"""Largest bucket policy, in bytes."""

T = TypeVar("T")
OwnStatements: TypeAlias = dict[str, Mapping[str, object]]
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
    ``reads``: it spares uploads.
    """

    bucket: str
    prefix: str
    allowed: Allowed
    statement: Mapping[str, object]
    drifted: bool
    age_limit_s: int | None = None
    reads: bool = False
    sid: str = GUARD_SID

    @property
    def networks(self) -> tuple[IPNetwork, ...]:
        """The allowed address ranges."""
        return self.allowed.networks

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The allowed VPC endpoints."""
        return self.allowed.endpoints

    @property
    def objects(self) -> str:
        """The objects of the guard, in words."""
        return f"objects under {self.prefix}" if self.prefix else "all objects"


def build_guard(
    bucket: str,
    allowed: AllowedLike = (),
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
    condition: dict[str, object] = {
        "StringEquals": {"s3:authType": [PRESIGNED, POST_FORM]},
        "BoolIfExists": {"aws:ViaAWSService": "false"},
    }
    if listed.networks:
        condition["NotIpAddressIfExists"] = {"aws:SourceIp": [*map(str, listed.networks)]}
    if listed.endpoints:
        condition["StringNotEqualsIfExists"] = {"aws:SourceVpce": [*listed.endpoints]}
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


def merge_guard(policy_text: str | None, statement: Mapping[str, object]) -> str:
    """Put a statement of ours into a bucket policy; every other character of the text stays
    unchanged.

    A statement with the same Sid is replaced where it stands; otherwise the guard becomes the last
    statement (the first, where ``Statement`` is a single object, so that :func:`remove_guard` knows
    to take the brackets away again). Raises PolicyError if the text is not a policy, has our Sid
    twice, or would exceed 20 KB.
    """
    made, sid = json.dumps(statement, separators=(",", ":")), str(statement.get("Sid", GUARD_SID))
    name, subject, fewer, shorter = next(
        words for start, words in _WORDS.items() if sid.startswith(start)
    )
    if policy_text is None or not policy_text.strip():
        merged = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
    else:
        layout = lay_out(policy_text)
        if "${" in made and layout.version != "2012-10-17":
            said = (
                f"holds *, ? or $, which a policy of version {layout.version} cannot express"
                " literally."
            )
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


def merge_guards(
    policy_text: str | None, statement: Mapping[str, object], age_limit_s: int | None
) -> str:
    """Put the guard of a prefix with its age limit into a bucket policy, and take a limit out that
    is not wanted.

    The guards of other prefixes stay, and so does a version limit that stands alone.
    """
    prefix, own = covered_objects(statement)[2], own_statements(policy_text)
    present, sid = find_sid(own, GUARD_SID, prefix), sid_for(own, GUARD_SID, prefix)
    end, merged = sid.removeprefix(GUARD_SID), policy_text
    age = _age_sid(own, end, prefix)
    if (
        _is_shared(own, present, age)
        or sum(_is_for(own, each, GUARD_SID, prefix) for each in own) > 1
    ):
        merged = remove_kinds(merged or "", (GUARD_SID,) if age is None else GUARD_SIDS, prefix)
        if _is_shared(own, age):  # those of other prefixes keep its Sid
            sid = sid_for(own_statements(merged), GUARD_SID, prefix)
            end = sid.removeprefix(GUARD_SID)
    elif age is not None and (age_limit_s is None or age != AGE_SID + end):
        limits = (age.replace(AGE_SID, SIGV2_SID), age)
        merged = remove_statements(merged or "", (each for each in limits if each in own))
    merged = merge_guard(merged, {**statement, "Sid": sid})
    for each in build_age_limit(statement, age_limit_s) if age_limit_s is not None else ():
        merged = merge_guard(merged, {**each, "Sid": f"{each['Sid']}{end}"})
    return merged


def merge_equal_guards(policy_text: str) -> str:
    """Return a bucket policy whose guards of prefixes with equal lists and limits are one
    statement.

    It opens what the separate guards open. A guard that somebody edited, or of the whole bucket,
    stays.
    """
    groups: dict[object, list[Guard]] = {}
    for guard in find_guards(policy_text):
        if guard.prefix and not guard.drifted:
            groups.setdefault((guard.allowed, guard.age_limit_s, guard.reads), []).append(guard)
    merged, own = policy_text, own_statements(policy_text)
    for first, *others in groups.values():
        if all(each.sid == first.sid for each in others):
            continue
        kinds, end = (
            GUARD_SIDS if first.age_limit_s else (GUARD_SID,),
            first.sid.removeprefix(GUARD_SID),
        )
        for guard in (first, *others):
            merged = (
                remove_kinds(merged, kinds, guard.prefix)
                or '{"Version":"2012-10-17","Statement":[]}'
            )
        patterns = [
            each for guard in (first, *others) for each in as_list(guard.statement["Resource"])
        ]
        for kind in kinds:
            merged = merge_guard(merged, {**own[kind + end], "Resource": patterns})
    return merged


def _age_sid(own: OwnStatements, end: str, prefix: str) -> str | None:
    """Return the Sid of the age limit of a guard: that with the same end,
    or else the one for its prefix.
    """
    return AGE_SID + end if AGE_SID + end in own else find_sid(own, AGE_SID, prefix)


def own_kind(sid: str) -> str:
    """Return the entry of :data:`OWN_LOCKS` that a Sid belongs to;
    empty for a statement that is not ours.
    """
    match = _KIND.fullmatch(sid)
    return match[1] or match[3] if match else ""


def _fingerprint(prefix: str) -> str:
    """Return the end of the Sids of the statements for a prefix,
    where another guard has the first Sid.
    """
    return f"x{hashlib.sha256(prefix.encode()).hexdigest()[:8]}"


def find_sid(own: OwnStatements, kind: str, prefix: str) -> str | None:
    """Return the Sid of our statement of a kind for a prefix; None without one.

    A Sid with the fingerprint of the prefix counts even if somebody changed the objects of its
    statement.
    """
    named = kind + _fingerprint(prefix)
    return (
        named
        if named in own
        else next((sid for sid in own if _is_for(own, sid, kind, prefix)), None)
    )


def _is_for(own: OwnStatements, sid: str, kind: str, prefix: str) -> bool:
    prefixes = covered_prefixes(own[sid])
    return (
        own_kind(sid) == kind
        and prefix in prefixes
        and sid in (kind, *(kind + _fingerprint(p) for p in prefixes))
    )


def sid_for(own: OwnStatements, kind: str, prefix: str) -> str:
    """Return the Sid that the statement of a kind for a prefix has,
    or would have among our statements.
    """
    found = find_sid(own, kind, prefix)
    if found is not None and not _is_shared(own, found):
        return found
    locks = [sid for sid in own if own_kind(sid) not in ("", REVOKE)]
    is_first = found is None and all(
        _is_for(own, sid, own_kind(sid), prefix) and sid in OWN_LOCKS for sid in locks
    )
    return kind if is_first else kind + _fingerprint(prefix)


def put_statement(policy_text: str | None, statement: Mapping[str, object], prefix: str) -> str:
    """Put our statement for a prefix into a bucket policy, under its Sid there;
    those of other prefixes stay.
    """
    own, kind = own_statements(policy_text), own_kind(str(statement.get("Sid", GUARD_SID)))
    found, sid = find_sid(own, kind, prefix), sid_for(own, kind, prefix)
    left = (
        remove_kinds(policy_text or "", (kind,), prefix) if _is_shared(own, found) else policy_text
    )
    return merge_guard(left, {**statement, "Sid": sid})


def remove_kinds(policy_text: str, kinds: Sequence[str], prefix: str) -> str | None:
    """Take our statements of some kinds for a prefix out of a bucket policy, the last kind first.

    An age limit goes with its guard, whatever its objects are now. The statements of other prefixes
    stay. Of several statements of one kind none is left.
    """
    own = own_statements(policy_text)
    sids = {kind: find_sid(own, kind, prefix) for kind in kinds}
    guard = sids.get(GUARD_SID)
    if guard is not None and not _is_shared(own, guard):
        limits = [kind + guard.removeprefix(GUARD_SID) for kind in (AGE_SID, SIGV2_SID)]
        sids |= {own_kind(sid): sid for sid in limits if {sid, limits[0]} <= own.keys()}
    left: str | None = policy_text
    for kind in reversed(kinds):
        sid = sids[kind]
        left = left if left is None or sid is None else _without(left, sid, prefix)
    return left if left is None or not any(sids.values()) else remove_kinds(left, kinds, prefix)


def _is_shared(own: OwnStatements, *sids: str | None) -> bool:
    """Return whether a statement of ours is for several prefixes."""
    return any(sid is not None and len(covered_prefixes(own[sid])) > 1 for sid in sids)


def _without(policy_text: str, sid: str, prefix: str) -> str | None:
    """Take a prefix out of a statement of ours, and the statement with the last one.

    A Sid with the fingerprint of that prefix is left to it: the statement gets that of another one.
    """
    own, layout = own_statements(policy_text), lay_out(policy_text)
    if not _is_shared(own, sid):
        return remove_guard(policy_text, sid)
    rest = {
        **own[sid],
        "Resource": [e for e in as_list(own[sid].get("Resource")) if not _covers(e, prefix)],
    }
    if sid.endswith(_fingerprint(prefix)):
        rest["Sid"] = own_kind(sid) + _fingerprint(covered_prefixes(rest)[0])
    return _insert(layout, json.dumps(rest, separators=(",", ":")), _own(layout, sid))


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


def own_statements(policy_text: str | None) -> OwnStatements:
    """Return the statements of a bucket policy that carry one of our Sids;
    raises PolicyError if one is there twice.
    """
    if policy_text is None or not policy_text.strip():
        return {}
    layout = lay_out(policy_text)
    found = [
        str(data.get("Sid", "")) for data in layout.data if str(data.get("Sid", "")).startswith(OWN)
    ]
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
    """Take the guard out of a bucket policy; the text before :func:`merge_guard` comes back
    exactly.

    It is None if no statement is left, because S3 stores no empty policy. Raises PolicyError as
    :func:`find_guard`.
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


def find_guards(policy_text: str | None) -> tuple[Guard, ...]:
    """Return the guards of a bucket policy, in its order;
    raises PolicyError as :func:`find_guard`.
    """
    own = own_statements(policy_text)
    return tuple(guard for sid in own if own_kind(sid) == GUARD_SID for guard in _guards(own, sid))


def readable_guards(policy: object) -> tuple[Guard, ...]:
    """Return the guards of a bucket policy; none where it is not a valid text,
    such as one that was not read.
    """
    try:
        return find_guards(policy) if isinstance(policy, str) else ()
    except PolicyError:
        return ()


def _guards(own: OwnStatements, sid: str) -> Iterator[Guard]:
    """Yield the guard of each prefix of a statement."""
    end = sid.removeprefix(GUARD_SID)
    for prefix in covered_prefixes(own[sid]):
        limit = _age_sid(own, end, prefix) or ""
        found = (own.get(each) for each in (limit, limit.replace(AGE_SID, SIGV2_SID)))
        age, sigv2 = (None if each is None else _narrowed(each, prefix) for each in found)
        guard = _with_cap(_read(_narrowed(own[sid], prefix)), age, sigv2)
        yield replace(
            guard, sid=sid, drifted=guard.drifted or not _is_for(own, sid, GUARD_SID, prefix)
        )


def guard_around(guards: Sequence[Guard], prefix: str) -> Guard | None:
    """Return the guard with the longest prefix that covers the keys under a prefix,
    or else the only guard.
    """
    covering = [each for each in guards if prefix.startswith(each.prefix)]
    return max(
        covering or (guards if len(guards) == 1 else ()),
        key=lambda each: len(each.prefix),
        default=None,
    )


def _narrowed(statement: Mapping[str, object], prefix: str) -> Mapping[str, object]:
    """Return a statement for several prefixes as that for one of them."""
    if len(covered_prefixes(statement)) < 2:
        return statement
    return {
        **statement,
        "Resource": [each for each in as_list(statement.get("Resource")) if _covers(each, prefix)],
    }


def _covers(pattern: object, prefix: str) -> bool:
    return covered_objects({"Resource": pattern})[2] == prefix


def find_guard(policy_text: str | None, prefix: str | None = None) -> Guard | None:
    """Return the guard of a prefix in a bucket policy, by default the first guard; None if it has
    none.

    Raises
    ------
    PolicyError
        If the text is not a policy, or has one of our Sids twice.
    """
    guards = find_guards(policy_text)
    if prefix is None:
        return next(iter(guards), None)
    sid = find_sid(own_statements(policy_text), GUARD_SID, prefix)
    return min(
        (each for each in guards if each.sid == sid),
        key=lambda each: each.prefix != prefix,
        default=None,
    )


def _with_cap(
    guard: Guard, age: Mapping[str, object] | None, sigv2: Mapping[str, object] | None
) -> Guard:
    """Return a guard with its age limit; one without version 2, or for other objects,
    is a manual edit.
    """
    if age is None:
        return guard
    age_limit_s = read_age_limit(age)
    wanted = build_age_limit(guard.statement, age_limit_s or 1)
    intact = sigv2 is not None and age_limit_s is not None
    intact = intact and _equal(age, wanted[0]) and _equal(sigv2, wanted[1])
    return replace(guard, age_limit_s=age_limit_s, drifted=guard.drifted or not intact)


def _equal(statement: Mapping[str, object] | None, wanted: Mapping[str, object]) -> bool:
    """Return whether a statement of ours means what we would write;
    its Sid may have the end of another prefix.
    """
    return statement is not None and statements_equal({**statement, "Sid": wanted["Sid"]}, wanted)


def _read(statement: Mapping[str, object]) -> Guard:
    partition, bucket, prefix = covered_objects(statement)
    ranges = condition_values(statement, "NotIpAddressIfExists", "aws:SourceIp")
    ids = condition_values(statement, "StringNotEqualsIfExists", "aws:SourceVpce")
    allowed = Allowed(
        tuple(_readable(ranges, lambda text: policy_network(text, "$"))),
        tuple(_readable(ids, parse_endpoint_id)),
    )
    # A value that could not be read is missing in what would be built of the others, so it counts
    # as drift below.
    drifted, reads = True, "NotAction" in statement
    if _BUCKET.fullmatch(bucket) and not allowed.is_empty:
        wanted = build_guard(bucket, allowed, prefix=prefix, partition=partition, reads=reads)
        drifted = not _equal(statement, wanted)
    return Guard(bucket, prefix, allowed, statement, drifted, reads=reads)


def covered_prefixes(statement: Mapping[str, object]) -> tuple[str, ...]:
    """Return the prefixes of a statement's objects; ``("",)`` for all objects,
    or where none can be read.
    """
    patterns = [covered_objects({"Resource": each}) for each in as_list(statement.get("Resource"))]
    prefixes = dict.fromkeys(prefix for _, bucket, prefix in patterns if bucket)
    return tuple(prefixes) if all(prefixes) and prefixes else ("",)


def covered_objects(statement: Mapping[str, object]) -> tuple[str, str, str]:
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


def condition_values(statement: Mapping[str, object], operator: str, key: str) -> list[str]:
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
