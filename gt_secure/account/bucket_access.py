"""The answer for a whole bucket, in a sentence with a tone: the only source of coloured words about
access.

*Good* is said of all keys: presigned requests of every action, upload forms and anonymous requests
are refused from outside the addresses and endpoints that the sentence names. Less is a *part*, and
the sentence says of which objects. Half of the internet or more is anyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

from ..base.allowed import Allowed
from ..base.html import Chip, Tone
from ..base.network import parse_stored_cidrs
from ..base.shown import Shown
from ..base.text import Json, Texts, count, printable, truncate
from ..base.truth import Ambiguous
from ..engine.access import access_words as words
from ..engine.access.address_classes import minus
from ..engine.access.exposure import BY_ACL, Exposure
from ..engine.access.locks import EffectiveLocks
from ..engine.access.proof import Claim, Proof, origin_of
from ..engine.access.request_kinds import KINDS
from ..engine.access.source_sets import Row, SourceSet, union
from .locks import locks_of
from .state import State

AccessTone: TypeAlias = Literal["good", "part", "open", "unknown"]

DOWNLOADS = ("presigned", "other-account", "anonymous")
KINDS_OF_ACCESS = (*DOWNLOADS, "upload", "post-form")
"""Kinds of requests that a sentence about access speaks of;
for presigned requests and forms there is a proof, too.
"""
_CHIPS: Mapping[AccessTone, tuple[Tone, str]] = {
    "good": ("ok", ""),
    "part": ("warn", "part of the bucket"),
    "open": ("no", "open to anyone"),
    "unknown": ("plain", "unknown"),
}
_ASKED = {KINDS[name][2] for name in KINDS_OF_ACCESS}
_WRITTEN_OUT = 2
_LISTED = 4
"""Prefixes that a sentence asks about and writes out, each with its list."""
_STRANGERS = {
    "anonymous": "Anyone, even without a URL,",
    "other-account": "Another AWS account",
}
_ANY_ROLE = "/some-role/"
"""Part of the name of a signer who stands for any role of the account."""


@dataclass(frozen=True, slots=True)
class BucketAccess(Shown, Ambiguous):
    """The answer for a bucket, or for its objects under a prefix.

    Attributes
    ----------
    tone : str
        ``good``, ``part`` (of the objects, or of the requests), ``open`` or ``unknown``.
    text : str
        One or two sentences, without markup.
    allowed : str
        The addresses and endpoints from which something is opened; two are written out, more are
        counted.
    depends_on : tuple of str
        Why it is unknown: condition keys, or actions that would have read more.
    """

    _ask = ".tone"

    tone: AccessTone
    text: str
    allowed: str = ""
    depends_on: Texts = ()

    @property
    def chip(self) -> Chip:
        """The answer in a few words, with its colour."""
        tone, word = _CHIPS[self.tone]
        return Chip(tone, word or self.allowed)


def access_to(state: State, prefix: str = "") -> BucketAccess:
    """Return who can open the objects of the bucket of a state, or those under a prefix.

    Examples
    --------
    >>> access_to(gt.state(bucket="gt-images")).text  # doctest: +SKIP
    'Only 203.0.113.0/24 can open presigned URLs of gt-images.'
    """
    wish = state.wanted.prefix if state.wanted is not None else ""
    # findings and their summary ask the same
    known: dict[str, BucketAccess] = vars(state).setdefault("access", {})
    if prefix not in known:
        known[prefix] = access_under(locks_of(state), prefix, parts=(wish,))
    return known[prefix]


def access_under(
    locks: EffectiveLocks, prefix: str = "", *, parts: Iterable[str] = (), is_prefix: bool = True
) -> BucketAccess:
    """Return who can open the objects of a bucket under some locks, or the one whose key is given.

    ``parts`` are prefixes to name where not all objects are protected, beside those of the guards.
    """
    # The sets name the sources of roles; the proof, which the word rests on, asks every signer.
    scope = _Objects(replace(locks, by="role"), prefix, is_prefix=is_prefix)
    if reason := scope.exposure.undecided:
        return _unknown(scope, {reason})
    # whether the objects of our guards are protected is asked, not assumed
    named = (*(each.prefix for each in locks.own_policy.guards), *parts)
    inner = [each for each in dict.fromkeys(named) if each.startswith(prefix) and each != prefix]
    if scope.anyone:
        return _open(scope, inner)
    proof = scope.proof
    if proof.counterexample is not None and (
        not scope.unknown or _action(proof.counterexample) in _ASKED
    ):
        text = f"Not only {scope.allowed} can open {scope.name}: {_request(proof.counterexample)}"
        return BucketAccess("part", text, scope.allowed)
    depends_on = {*scope.unknown, *proof.depends_on}
    if depends_on or not proof.proved:
        return _unknown(scope, depends_on)
    shut = (_Objects(scope.locks, each) for each in inner)
    closed = [each.only for each in shut if each.opened.is_empty and each.is_good]
    return BucketAccess("good", " ".join([scope.only, *closed]), scope.allowed)


def _unknown(scope: _Objects, depends_on: Iterable[str]) -> BucketAccess:
    keys = tuple(sorted(depends_on))
    return BucketAccess("unknown", words.unknown(scope.name, keys), scope.allowed, keys)


class _Objects:
    """The objects of a bucket under a prefix,
    and from where each kind of request opens some of them.
    """

    def __init__(self, locks: EffectiveLocks, prefix: str, *, is_prefix: bool = True) -> None:
        self.locks, self.prefix = locks, prefix
        self.exposure = Exposure(locks, prefix, is_prefix=is_prefix)
        bucket = printable(locks.bucket)
        part = f"objects of {bucket} under " if is_prefix else f"s3://{bucket}/"
        self.name = f"{part}{_short(prefix)}" if prefix else bucket

    @cached_property
    def rows(self) -> dict[str, Row]:
        return {name: self.exposure.row(name) for name in KINDS_OF_ACCESS}

    @cached_property
    def opened(self) -> SourceSet:
        return union(row.opened for row in self.rows.values())

    @property
    def anyone(self) -> Texts:
        """Kinds of requests that are opened to anyone;
        all that open something where only together they are.
        """
        each = tuple(name for name, row in self.rows.items() if row.opened.is_anyone)
        return each or (tuple(self.rows) if self.opened.is_anyone else ())

    @property
    def unknown(self) -> set[str]:
        """Dependencies of unknown answers, apart from those for sources that open
        presigned URLs anyway.
        """
        opened = self.rows["presigned"].opened.spans
        doubts = [row.unknown for row in self.rows.values()]
        return {
            key
            for each in doubts
            if each.has_endpoints or minus(each.spans, opened)
            for key in each.depends_on
        }

    @cached_property
    def proof(self) -> Proof:
        allowed = Allowed(parse_stored_cidrs(self.opened.cidrs), self.opened.endpoints)
        return self.exposure.proves(Claim(self.prefix, allowed))

    @property
    def is_good(self) -> bool:
        return not self.anyone and not self.unknown and self.proof.proved is True

    @property
    def allowed(self) -> str:
        return _named(self.opened)

    @property
    def only(self) -> str:
        """The sentence that names who can open them, and nobody else."""
        return words.only("" if self.opened.is_empty else self.allowed, self.name)


def _open(scope: _Objects, asked: Sequence[str]) -> BucketAccess:
    """Return the answer where anyone can open something: what is protected is named,
    if anything is.
    """
    if by_acl := _by_acl(scope):
        return BucketAccess("open", by_acl, "anyone")
    is_public = "anonymous" in scope.anyone
    who = "anyone, even without a URL" if is_public else "anyone with a URL"
    if not set(DOWNLOADS) & set(scope.anyone):
        downloads = union(scope.rows[name].opened for name in DOWNLOADS)
        text = (
            f"Downloads of {scope.name}: only {_named(downloads)}. Uploads: anyone with an upload"
            " URL or form."
        )
        return BucketAccess("part", text, _named(downloads))
    inner = [inside for part in asked[:_LISTED] if (inside := _Objects(scope.locks, part)).is_good]
    if inner:
        more = f" {count(len(asked) - _LISTED, 'more guard')}." if len(asked) > _LISTED else ""
        lists = [
            f"Objects under {_short(inside.prefix)}: only {inside.allowed}." for inside in inner
        ]
        text = f"{' '.join(lists)}{more} Other objects of {scope.name}: {who}."
        return BucketAccess("part", text, _named(union(inside.opened for inside in inner)))
    opened = [key for key in scope.exposure.keys if _is_open(scope.locks, key)]
    if opened and len(opened) < len(scope.exposure.keys):
        text = f'Some objects of {scope.name}, such as "{_short(opened[0])}": {who}.'
        return BucketAccess("part", text, scope.allowed)
    return BucketAccess("open", words.anyone(scope.name, without_url=is_public), "anyone")


def _by_acl(scope: _Objects) -> str:
    """Return what the ACL of the bucket lets strangers do with it, apart from opening objects;
    empty where they may do nothing else, or more.
    """
    for name, whom in _STRANGERS.items():
        what = [each for each in BY_ACL.values() if each in scope.rows[name].opened.when]
        if name in scope.anyone and what and "presigned" not in scope.anyone:
            return f"{whom} can use {scope.name} by its ACL, {what[0]}."
    return ""


def _is_open(locks: EffectiveLocks, key: str) -> bool:
    one = Exposure(locks, key)
    return any(one.row(name).opened.is_anyone for name in DOWNLOADS)


def _action(case: Json) -> str:
    return str(case["request"]["action"])


def _request(case: Json) -> str:
    """Return one request that is opened nevertheless."""
    request = case["request"]
    who = printable(request["principal"].rpartition(":")[2])
    return (
        f"{_action(case)} opens from"
        f" {origin_of(case)}{'' if _ANY_ROLE in who or who == '*' else f', signed by {who}'}."
    )


def _named(sources: SourceSet) -> str:
    """Return addresses and endpoints; up to two are written out."""
    names = [*sources.cidrs, *sources.endpoints]
    if len(names) <= _WRITTEN_OUT:
        return " and ".join(map(printable, names)) or "nobody"
    parts = [count(len(sources.cidrs), "range")] if sources.cidrs else []
    parts += [count(len(sources.endpoints), "VPC endpoint")] if sources.endpoints else []
    return " and ".join(parts)


def _short(key: str) -> str:
    return printable(truncate(key, 80))
