"""A bucket policy: its text, parsed once, with the guards, limits and revocations in it that are
ours.

A bucket can have several guards, one for each prefix. A request that two of them cover must satisfy
both. The Sid of the first one is :data:`GUARD_SID`; that of another one ends with the fingerprint
of its prefix, by which it is found again, even if somebody changed its objects. The limits of a
guard have the same end.

When a user or role is deleted, the policies that named it show its unique id (``AIDA...``,
``AROA...``) instead of its ARN; the id is never used again. S3 then refuses every new version of
such a policy as a whole with "Invalid principal in policy", whatever the change was. Sources: IAM
User Guide, *IAM identifiers*; AWS Knowledge Center, *Why am I getting the error
"Invalid principal in policy" when I try to update my Amazon S3 bucket policy?*
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from ...base.errors import Conflict, PolicyError
from ...base.groups import as_list
from ...base.text import Texts, some
from ..iam.documents import StatementData
from ..iam.principals import is_unique_id
from .age_limit import AGE_SID, SIGV2_SID, build_age_limit
from .bucket_guard import (
    GUARD_SID,
    GUARD_SIDS,
    MAX_BUCKET_POLICY,
    OWN,
    OWN_LOCKS,
    REVOKE,
    SIGNERS_SID,
    Guard,
    covered_prefixes,
    covers_prefix,
    own_kind,
    read_guard,
)
from .equivalence import statements_equal
from .policy_text import Layout, lay_out
from .revocation import Revocation, read_revocation
from .signer_limit import SignerLimit, read_signer_limit

_NEW = '{"Version":"2012-10-17","Statement":[]}'
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


class BucketPolicy(str):
    """The policy of a bucket, as its text; empty where the bucket has none.

    An edit returns another policy, in which every character that is not of our statements is the
    same. What is asked of the statements raises PolicyError if the text is not a policy, or has one
    of our Sids twice.
    """

    @classmethod
    def of(cls, policy: object) -> BucketPolicy:
        """Return a policy that was read or given;
        an empty one for what is no text, such as None.
        """
        if isinstance(policy, cls):
            return policy
        return cls(policy if isinstance(policy, str) else "")

    @classmethod
    def if_valid(cls, policy: object) -> BucketPolicy:
        """Return a policy whose statements can be read, and an empty one otherwise:
        nothing in it is known as ours.
        """
        found = cls.of(policy)
        try:
            return found if found.own else cls()
        except PolicyError:
            return cls()

    @classmethod
    def _laid_out(cls, layout: Layout | None) -> BucketPolicy:
        made = cls("" if layout is None else layout.text)
        made.layout = layout
        return made

    @cached_property
    def layout(self) -> Layout | None:
        """The places of the statements; None without a policy."""
        return lay_out(self) if self.strip() else None

    @property
    def statements(self) -> tuple[StatementData, ...]:
        """All statements, in the order of the policy."""
        return () if self.layout is None else self.layout.data

    @cached_property
    def own(self) -> Mapping[str, StatementData]:
        """Our statements by their Sids, in the order of the policy."""
        sids = [str(each.get("Sid", "")) for each in self.statements]
        places = {sid: self._place(sid) for sid in sids if sid.startswith(OWN)}
        return {sid: self.statements[place] for sid, place in places.items() if place is not None}

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """The guards, in the order of the policy;
        a statement for several prefixes is a guard for each of them.
        """
        return tuple(
            guard for sid in self.own if own_kind(sid) == GUARD_SID for guard in self._guards(sid)
        )

    @cached_property
    def signer_limits(self) -> tuple[SignerLimit, ...]:
        """The signer limits, in the order of the policy."""
        return tuple(
            read_signer_limit(each)
            for sid, each in self.own.items()
            if own_kind(sid) == SIGNERS_SID
        )

    @cached_property
    def revocations(self) -> tuple[Revocation, ...]:
        """The revocations, in the order of the policy."""
        return tuple(
            read_revocation(sid, each) for sid, each in self.own.items() if sid.startswith(REVOKE)
        )

    @property
    def deleted_principals(self) -> Texts:
        """The deleted principals with their statements,
        such as ``AROA... in statement 2 "Team"``.
        """
        try:
            statements = self.statements
        except PolicyError:
            return ()
        return tuple(
            f"{name} in statement {number}"
            + (f' "{statement["Sid"]}"' if statement.get("Sid") else "")
            for number, statement in enumerate(statements, start=1)
            for name in _ids(statement)
        )

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self.encode())

    @property
    def size_left(self) -> int:
        """The bytes that still fit in."""
        return MAX_BUCKET_POLICY - self.size

    def prefixes_of(self, *kinds: str) -> list[str]:
        """Return the prefixes of our statements of some kinds, in the order of the policy."""
        return [
            prefix
            for sid in self.own
            if own_kind(sid) in kinds
            for prefix in covered_prefixes(self.own[sid])
        ]

    def guard_of(self, prefix: str | None = None) -> Guard | None:
        """Return the guard of a prefix, by default the first one; None without one."""
        if prefix is None:
            return next(iter(self.guards), None)
        sid = self.sid_of(GUARD_SID, prefix)
        found = (each for each in self.guards if each.sid == sid)
        return min(found, key=lambda each: each.prefix != prefix, default=None)

    def signer_limit_of(self, prefix: str) -> SignerLimit | None:
        """Return the signer limit of a prefix; None without one."""
        sid = self.sid_of(SIGNERS_SID, prefix)
        return None if sid is None else read_signer_limit(self.own[sid])

    def version_limit_of(self, prefix: str) -> StatementData | None:
        """Return the statement of a prefix that refuses signature version 2,
        alone or with an age limit, or None.
        """
        return self.own.get(self.sid_of(SIGV2_SID, prefix) or "")

    def revocations_of(
        self, bucket: str, key: str, *, is_prefix: bool = False
    ) -> tuple[Revocation, ...]:
        """Return the revocations that are about an object or a prefix."""
        return tuple(
            each for each in self.revocations if each.covers(bucket, key, is_prefix=is_prefix)
        )

    def expired(self, at: dt.datetime) -> Texts:
        """Return the Sids of revocations that stop nothing any more:
        all their URLs have expired.
        """
        return tuple(
            each.sid for each in self.revocations if each.until is not None and each.until < at
        )

    def has_same_grants(self, other: BucketPolicy) -> bool:
        """Return whether two policies differ in nothing but our guards,
        which leave a public policy public.
        """
        mine, theirs = (
            [e for e in p.statements if own_kind(str(e.get("Sid"))) not in GUARD_SIDS]
            for p in (self, other)
        )
        return mine == theirs

    def words(self, prefix: str | None = None, names: Sequence[str] = ()) -> str:
        """Return the guard and the limits of a prefix in words, by default those of all; other
        guards are named.

        ``names`` stand for the ranges of that guard.
        """
        about = (
            self.guards
            if prefix is None
            else [each for each in self.guards if each is self.guard_of(prefix)]
        )
        others = [each.objects for each in self.guards if each not in about]
        no_guard = "no guard: a presigned URL works from anywhere"
        if others:
            no_guard = f"no guard of {f'objects under {prefix}' if prefix else 'all objects'}"
        texts = [each.words(names) for each in about] or [no_guard]
        texts += [each.words for each in self.signer_limits if prefix in (None, each.prefix)]
        limited = self.prefixes_of(SIGV2_SID)
        if limited and prefix in (None, *limited):
            texts.append("signature version 2 is refused")
        return "; ".join([*texts, *([f"other guards stay, of {some(others)}"] if others else [])])

    def put(self, guard: Guard) -> BucketPolicy:
        """Put a guard with its age limit in, and take a limit out that is not wanted.

        The guards of other prefixes stay, and so does a version limit that stands alone. Raises
        PolicyError if the policy would exceed 20 KB.
        """
        try:
            return self._with_guard(guard)
        except PolicyError:
            if self:
                raise
            return BucketPolicy(_NEW)._with_guard(guard)  # without blanks a long list may still fit

    def _with_guard(self, guard: Guard) -> BucketPolicy:
        prefix = guard.prefix
        sid = self._sid_for(GUARD_SID, prefix)
        end, left = sid.removeprefix(GUARD_SID), self
        age = self._age_sid(end, prefix)
        several = sum(self._is_for(each, GUARD_SID, prefix) for each in self.own) > 1
        if several or self._is_shared(self.sid_of(GUARD_SID, prefix), age):
            left = self.drop((GUARD_SID,) if age is None else GUARD_SIDS, prefix)
            if self._is_shared(age):  # those of other prefixes keep its Sid
                sid = left._sid_for(GUARD_SID, prefix)
                end = sid.removeprefix(GUARD_SID)
        elif age is not None and (guard.age_limit_s is None or age != AGE_SID + end):
            left = self.without((age.replace(AGE_SID, SIGV2_SID), age))
        left = left.with_statement({**guard.statement, "Sid": sid})
        for each in (
            build_age_limit(guard.statement, guard.age_limit_s)
            if guard.age_limit_s is not None
            else ()
        ):
            left = left.with_statement({**each, "Sid": f"{each['Sid']}{end}"})
        return left

    def put_statement(self, statement: StatementData, prefix: str) -> BucketPolicy:
        """Put our statement for a prefix in, under the Sid that it has there; those of other
        prefixes stay.

        The policy is the same where its statement has that meaning already.
        """
        kind = own_kind(str(statement["Sid"]))
        found = self.sid_of(kind, prefix)
        if found is not None and statements_equal(
            {**self.own[found], "Sid": statement["Sid"]}, statement
        ):
            return self
        left = self.drop((kind,), prefix) if self._is_shared(found) else self
        return left.with_statement({**statement, "Sid": self._sid_for(kind, prefix)})

    def with_statement(self, statement: StatementData) -> BucketPolicy:
        """Put a statement in, in place of one with the same Sid, or else as the last one.

        Raises PolicyError if the text is not a policy, has the Sid twice, or would exceed 20 KB.
        """
        sid, layout = str(statement.get("Sid", GUARD_SID)), self.layout
        name, subject, fewer, shorter = next(
            words for start, words in _WORDS.items() if sid.startswith(start)
        )
        if layout is None:
            made = BucketPolicy(
                json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
            )
        else:
            if "${" in json.dumps(statement) and layout.version != "2012-10-17":
                said = (
                    f"holds *, ? or $, which a policy of version {layout.version} cannot express"
                    " literally."
                )
                or_else = f"{shorter}, or change the policy's version to 2012-10-17 yourself."
                raise PolicyError(f"{subject} {said}", place="$.Version", next_step=or_else)
            made = self._laid_out(layout.put(statement, self._place(sid)))
        if made.size_left < 0:
            raise PolicyError(
                f"With {name} the bucket policy has {made.size:,} bytes; S3 takes"
                f" {MAX_BUCKET_POLICY:,}.",
                place="$",
                next_step=f"{fewer}, or shorten the other statements.",
            )
        return made

    def with_others(self, text: str) -> BucketPolicy:
        """Put the statements of another policy in, as the last ones."""
        layout, other = self.layout, BucketPolicy.of(text)
        if layout is None:
            return other
        for each in other.statements:
            layout = layout.put(each, None)
        return self._laid_out(layout)

    def drop(self, kinds: Sequence[str], prefix: str) -> BucketPolicy:
        """Take our statements of some kinds for a prefix out, the last kind first.

        An age limit goes with its guard, whatever its objects are now. The statements of other
        prefixes stay. Of several statements of one kind none is left.
        """
        sids = {kind: self.sid_of(kind, prefix) for kind in kinds}
        guard = sids.get(GUARD_SID)
        if guard is not None and not self._is_shared(guard):
            limits = [kind + guard.removeprefix(GUARD_SID) for kind in (AGE_SID, SIGV2_SID)]
            sids |= {own_kind(sid): sid for sid in limits if {sid, limits[0]} <= self.own.keys()}
        if not any(sids.values()):
            return self
        left = self
        for sid in filter(None, (sids[kind] for kind in reversed(kinds))):
            left = left._narrowed(sid, prefix)
        return left.drop(kinds, prefix)

    def without(self, sids: Iterable[str]) -> BucketPolicy:
        """Take statements out by their Sids; the text before :meth:`with_statement` comes back
        exactly.

        It is empty if no statement is left, because S3 stores no empty policy.
        """
        left = self
        for sid in sids:
            place = left._place(sid)
            left = (
                left
                if place is None or left.layout is None
                else self._laid_out(left.layout.without(place))
            )
        return left

    def without_expired(self, at: dt.datetime) -> BucketPolicy:
        """Take the revocations out that stop nothing any more."""
        return self.without(self.expired(at))

    def joined(self) -> BucketPolicy:
        """Return the policy with one statement for the guards of prefixes that differ in nothing
        else.

        It opens what the separate guards open. A guard that somebody edited, or of the whole
        bucket, stays.
        """
        groups: dict[Guard, list[Guard]] = {}
        for guard in self.guards:
            if guard.prefix and not guard.drifted:
                groups.setdefault(replace(guard, prefix=""), []).append(guard)
        left = self
        for first, *others in groups.values():
            if all(each.sid == first.sid for each in others):
                continue
            kinds, end = (
                GUARD_SIDS if first.age_limit_s else (GUARD_SID,),
                first.sid.removeprefix(GUARD_SID),
            )
            for guard in (first, *others):
                left = left.drop(kinds, guard.prefix) or BucketPolicy(_NEW)
            patterns = [
                each for guard in (first, *others) for each in as_list(guard.statement["Resource"])
            ]
            for kind in kinds:
                left = left.with_statement({**self.own[kind + end], "Resource": patterns})
        return left

    def revert(self, before: BucketPolicy, after: BucketPolicy, bucket: str) -> BucketPolicy:
        """Restore our statements as they were before a change; every other statement keeps its
        current text.

        Raises Conflict if somebody has edited one of them since.
        """
        left = self
        # The last that was added is the first to go, so that brackets around a single statement go
        # too.
        for sid in reversed({**before.own, **after.own}):
            left = left._reverted(
                bucket, sid, *(each.own.get(sid) for each in (before, after, self))
            )
        return left

    def _reverted(self, bucket: str, sid: str, *sides: StatementData | None) -> BucketPolicy:
        before, after, now = sides
        if statements_equal(before, after) or statements_equal(now, before):
            return self
        prefixes = covered_prefixes(before) if before is not None and now is None else ()
        renewed = any(self.sid_of(own_kind(sid), each) for each in prefixes)
        if renewed or not statements_equal(now, after):
            raise Conflict(
                f"Our statement {sid} in the policy of {bucket} has been edited since this change:"
                f" now {self.words()}.",
                next_step=(
                    "Review the policy, then plan a new restriction or edit the statement by hand."
                ),
                details={"before": before, "after": after, "now": now},
            )
        return self.without([sid]) if before is None else self.with_statement(before)

    def _place(self, sid: str) -> int | None:
        found = [place for place, each in enumerate(self.statements) if each.get("Sid") == sid]
        if len(found) > 1:
            raise PolicyError(
                f"The bucket policy has {len(found)} statements with the Sid {sid}.",
                place="$.Statement",
                next_step="Remove all but one of them.",
            )
        return found[0] if found else None

    def _guards(self, sid: str) -> Iterator[Guard]:
        """Yield the guard of each prefix of a statement."""
        end = sid.removeprefix(GUARD_SID)
        for prefix in covered_prefixes(self.own[sid]):
            limit = self._age_sid(end, prefix) or ""
            sids = (sid, limit, limit.replace(AGE_SID, SIGV2_SID))
            guard = read_guard(*(_of_prefix(self.own.get(each, {}), prefix) for each in sids))
            yield replace(
                guard, sid=sid, drifted=guard.drifted or not self._is_for(sid, GUARD_SID, prefix)
            )

    def _age_sid(self, end: str, prefix: str) -> str | None:
        """Return the Sid of the age limit of a guard: that with the same end,
        or else the one for its prefix.
        """
        return AGE_SID + end if AGE_SID + end in self.own else self.sid_of(AGE_SID, prefix)

    def sid_of(self, kind: str, prefix: str) -> str | None:
        """Return the Sid of our statement of a kind for a prefix; None without one.

        A Sid with the fingerprint of the prefix counts even if somebody changed the objects of its
        statement.
        """
        named = kind + _fingerprint(prefix)
        return (
            named
            if named in self.own
            else next((e for e in self.own if self._is_for(e, kind, prefix)), None)
        )

    def _sid_for(self, kind: str, prefix: str) -> str:
        """Return the Sid that the statement of a kind for a prefix has,
        or would have among our statements.
        """
        found = self.sid_of(kind, prefix)
        if found is not None and not self._is_shared(found):
            return found
        locks = [sid for sid in self.own if own_kind(sid) not in ("", REVOKE)]
        is_first = found is None and all(
            self._is_for(e, own_kind(e), prefix) and e in OWN_LOCKS for e in locks
        )
        return kind if is_first else kind + _fingerprint(prefix)

    def _is_for(self, sid: str, kind: str, prefix: str) -> bool:
        prefixes = covered_prefixes(self.own[sid])
        return (
            own_kind(sid) == kind
            and prefix in prefixes
            and sid in (kind, *(kind + _fingerprint(p) for p in prefixes))
        )

    def _is_shared(self, *sids: str | None) -> bool:
        """Return whether a statement of ours is for several prefixes."""
        return any(sid is not None and len(covered_prefixes(self.own[sid])) > 1 for sid in sids)

    def _narrowed(self, sid: str, prefix: str) -> BucketPolicy:
        """Take a prefix out of a statement of ours, and the statement with the last one.

        A Sid with the fingerprint of that prefix is left to it: the statement gets that of another
        one.
        """
        if not self._is_shared(sid) or self.layout is None:
            return self.without([sid])
        patterns = as_list(self.own[sid].get("Resource"))
        rest = {
            **self.own[sid],
            "Resource": [each for each in patterns if not covers_prefix(each, prefix)],
        }
        if sid.endswith(_fingerprint(prefix)):
            rest["Sid"] = own_kind(sid) + _fingerprint(covered_prefixes(rest)[0])
        return self._laid_out(self.layout.put(rest, self._place(sid)))


def _of_prefix(statement: StatementData, prefix: str) -> StatementData:
    """Return a statement for several prefixes as that for one of them."""
    if len(covered_prefixes(statement)) < 2:
        return statement
    return {
        **statement,
        "Resource": [e for e in as_list(statement.get("Resource")) if covers_prefix(e, prefix)],
    }


def _fingerprint(prefix: str) -> str:
    """Return the end of the Sids of the statements for a prefix,
    where another guard has the first Sid.
    """
    return f"x{hashlib.sha256(prefix.encode()).hexdigest()[:8]}"


def _ids(statement: StatementData) -> Iterator[str]:
    for element in ("Principal", "NotPrincipal"):
        value = statement.get(element)
        names = value.get("AWS") if isinstance(value, Mapping) else None
        yield from (name for name in as_list(names) if is_unique_id(name))


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
