"""Bucket policies before they are deployed: the documents that each may become.

A file leaves open which document a policy is, whether it exists, how often, its values and its
version. A claim is proved only if it holds under each document, and refuted only if it fails under
each. A statement of which a part is unknown allows or denies everything, or nothing. A document of
which nothing is known stands for any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...base.errors import PolicyError
from ...base.groups import as_list, grouped
from ...base.text import capital
from ..iam.documents import VERSIONS
from .locks import EffectiveLocks, check_policy, partition_of
from .proof import Claim, Proof, prove

NO_POLICY = '{"Version":"2012-10-17","Statement":[]}'


@dataclass(frozen=True)
class Unknown:
    """A value that a file leaves open, with the reason as a clause."""

    reason: str


def leaves(value: object) -> Iterator[object]:
    """Yield the values in a value of JSON that hold no others, at any depth."""
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(each)
    else:
        yield value


def reasons(value: object) -> list[str]:
    """Return the reasons of the unknown values in a value of JSON."""
    return [each.reason for each in leaves(value) if isinstance(each, Unknown)]


@dataclass(frozen=True)
class PlannedDocument:
    """A document that a policy may become, of which values may be unknown.

    Attributes
    ----------
    address : str
        The resource that sets it.
    bucket : str or Unknown
        The bucket of which it may be the policy.
    value : text, mapping, list or Unknown
        The document, or its statements.
    when : str
        The choices that lead to it, in words.
    provided : str
        The clause under which it is the document.
    """

    address: str
    bucket: str | Unknown
    value: Any
    when: str = ""
    provided: str = ""

    def __post_init__(self) -> None:
        """Take a document that S3 would refuse as unknown: the policy stays as it was."""
        try:
            for text in self.texts("Allow"):
                check_policy(text, self.bucket if isinstance(self.bucket, str) else "")
        except PolicyError as error:
            object.__setattr__(
                self, "value", Unknown(f"{self.address} is not a valid policy: {error.message}")
            )

    def texts(self, most: str) -> list[str]:
        """Return the document in each version that it may have.

        Statements with something unknown in them have an effect on everything; without one they are
        left out.
        """
        if isinstance(self.value, str):
            return [self.value]
        value = (
            self.value
            if isinstance(self.value, Mapping)
            else {"Version": VERSIONS[-1], "Statement": self.value}
        )
        known = {name: each for name, each in value.items() if not reasons(each)}
        known["Statement"] = statements = []
        for each in as_list(value.get("Statement")):
            effect = each.get("Effect") if isinstance(each, Mapping) else None
            if not reasons(each):
                statements.append(each)
            elif most and (effect == most or not isinstance(effect, str)):
                statements.append(
                    {"Effect": most, "Principal": "*", "Action": "*", "Resource": "*"}
                )
        versions = (
            [{"Version": each} for each in VERSIONS]
            if isinstance(value.get("Version"), Unknown)
            else [{}]
        )
        return [json.dumps(known | version) for version in versions]


def _each(proofs: Sequence[Proof], doubts: Iterable[str]) -> Proof:
    """Return the proof that all are: proved or refuted only if each is,
    else unknown for these reasons.
    """
    if {each.proved for each in proofs} in ({True}, {False}):
        return proofs[0]
    depends_on = dict.fromkeys((*doubts, *(key for each in proofs for key in each.depends_on)))
    return replace(proofs[0], proved=None, counterexample=None, depends_on=tuple(depends_on))


@dataclass(frozen=True)
class PlannedPolicy:
    """A bucket policy as the documents that it may become.

    Attributes
    ----------
    bucket : str
        Empty if it is not known.
    address : str
        The resource, or the words in its place.
    documents : sequence of PlannedDocument
        At least one.
    provided : tuple of str
        Clauses that a person has to accept before an answer is certain.
    assumed : tuple of str
        Sentences that an answer takes for granted.
    public : sequence of bool or None
        Values that Block Public Access may have: whether it refuses what a public policy grants.
    """

    bucket: str
    address: str
    documents: Sequence[PlannedDocument]
    provided: tuple[str, ...]
    assumed: tuple[str, ...]
    public: Sequence[bool | None]

    @property
    def subject(self) -> str:
        """The bucket in words."""
        return self.bucket or f"a bucket that is not known yet ({self.address})"

    @property
    def condition(self) -> str:
        """The clauses to accept, as one; empty without any."""
        return " and ".join(self.provided)

    @property
    def doubts(self) -> list[str]:
        """The reasons why not all is known of it; empty for one known document."""
        labels = ", ".join(f"{each.address}{each.when}" for each in self.documents)
        number = len(self.documents)
        which = f"the file does not say which of {number} documents it is ({labels})"
        conditional = (f"the plan does not show whether {each}" for each in self.provided)
        open_values = dict.fromkeys(reasons([each.value for each in self.documents]))
        return [*conditional, *([which] if number > 1 else ()), *open_values]

    def accepting(self) -> PlannedPolicy:
        """Return the policy with its clauses accepted: they are assumed then."""
        words = (f"{capital(each)}." for each in self.provided)
        return replace(self, provided=(), assumed=(*self.assumed, *words))

    def prove(self, locks: EffectiveLocks, claim: Claim) -> Proof:
        """Decide a claim: proved or refuted only if it is under each document,
        and nothing has to be accepted.
        """
        doubts = [
            *self.doubts,
            *(["whether Block Public Access is on"] if len(self.public) > 1 else ()),
        ]

        def decide(most: str) -> Proof:
            texts = dict.fromkeys(text for each in self.documents for text in each.texts(most))
            variants = [
                replace(locks, policy=text, partition=partition_of(text), restricts_public=public)
                for text in texts
                for public in self.public
            ]
            return _each([prove(each, claim) for each in variants], doubts)

        proof = decide("Allow")
        if not proof.proved and self.doubts:
            closed = decide("Deny")
            proof = closed if closed.proved is False else _each((proof, closed), doubts)
        if self.provided:
            proof = replace(proof, proved=None, counterexample=None, depends_on=tuple(doubts))
        return replace(proof, assumed=(*proof.assumed, *self.assumed))


World: TypeAlias = "Sequence[PlannedDocument | Unknown]"
"""A possible outcome of a file: documents that a bucket may have,
and the reasons why others are missing.
"""


@dataclass(frozen=True)
class PlannedFile:
    """The bucket policies of a plan or a template.

    Attributes
    ----------
    worlds : callable
        Returns the possible outcomes for a bucket, or with an empty name for the buckets that are
        not known.
    buckets : mapping
        Names of the buckets, with the addresses of the resource and of those that set a policy.
    doubts : sequence of str
        Reasons why any policy may be another one.
    near : sequence of pairs
        Resources that may set a policy of what they mention: the address, and their text.
    provided, assumed, public : sequence
        As in a policy.
    """

    worlds: Callable[[str], Sequence[World]]
    buckets: Mapping[str, Sequence[str]]
    doubts: Sequence[str]
    near: Sequence[tuple[str, str]]
    provided: Sequence[str]
    assumed: Sequence[str]
    public: Sequence[bool | None]

    def policy(self, bucket: str) -> PlannedPolicy:
        """Return the policy of a bucket: what no resource is known to set is
        unknown, not missing.
        """
        others = self._others(bucket)
        documents: list[PlannedDocument] = []
        for world in self.worlds(bucket):
            possible = [each for each in world if isinstance(each, PlannedDocument)]
            documents += possible
            if not any(each.bucket == bucket for each in possible):
                others += reasons([*world, *(each.bucket for each in possible)]) or [
                    "it is not managed here"
                ]
        if others:
            addresses = "".join(f" ({each})" for each in self.buckets.get(bucket, ())[:1])
            place = f"the policy of {bucket}, which is not managed here{addresses}"
            value = [Unknown(each) for each in dict.fromkeys(others)]
            documents.append(PlannedDocument("any other" if documents else place, bucket, value))
        return self._planned(bucket, documents)

    def _others(self, bucket: str) -> list[str]:
        """Return the reasons why the policy of a bucket may be any other."""
        names = (bucket, *self.buckets.get(bucket, ()))
        others = [*self.doubts]
        others += [
            f"{each} may set it too"
            for each, text in self.near
            if any(name in text for name in names)
        ]
        if bucket.endswith("--x-s3"):
            others.append(f"{bucket} is a directory bucket, whose policy grants sessions")
        return others

    def policies(self) -> Iterator[PlannedPolicy]:
        """Yield the policies of all buckets, and those of which the bucket is not known."""
        yield from map(self.policy, self.buckets)
        nameless = (
            each for world in self.worlds("") for each in world if isinstance(each, PlannedDocument)
        )
        for documents in grouped((each.address, each) for each in nameless).values():
            yield self._planned("", documents)

    def _planned(self, bucket: str, listed: Sequence[PlannedDocument]) -> PlannedPolicy:
        documents = [each for i, each in enumerate(listed) if each not in listed[:i]]
        provided = tuple(
            dict.fromkeys(filter(None, (*(each.provided for each in documents), *self.provided)))
        )
        return PlannedPolicy(
            bucket, listed[0].address, documents, provided, tuple(self.assumed), self.public
        )


def public_access(data: Any) -> Sequence[bool | None]:
    """Return the values that Block Public Access may have under a file:
    both where it is a part of it.
    """
    is_part = re.search("restrict_?public_?buckets", json.dumps(data, default=str), re.IGNORECASE)
    return (None, True) if is_part else (None,)


def line_of(policy: PlannedPolicy, text: str) -> int:
    """Return the line of a resource in its file;
    1 where no line of the file begins with its name.
    """
    name = re.escape(policy.address)
    found = re.search(
        rf'^\s*(?:"?{name}"?\s*:|"address"\s*:\s*{re.escape(json.dumps(policy.address))})',
        text,
        re.MULTILINE,
    )
    return 1 if found is None else text.count("\n", 0, found.end()) + 1
