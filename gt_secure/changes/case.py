"""`Case`: a planned change with everything that its rules read, and the notices of those rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ..account.key_listing import listing_of
from ..account.locks import locks_of
from ..account.state import State
from ..aws.client import Aws
from ..base.text import Texts
from ..engine.access.exposure import Exposure
from ..engine.policies.bucket_policy import BucketPolicy
from ..explain.dry_run import DryRun, dry_run
from ..findings.model import Rule
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from .change import Change, find_change
from .diff import policy_of
from .journal import Journal
from .services import simulate
from .targets import BucketGuard, TargetKind

if TYPE_CHECKING:
    from ..engine.access.answer import Answer
    from ..engine.access.difference import Difference
    from ..engine.access.proof import Proof
    from ..logs.hits import Hits

Told: TypeAlias = "Iterator[Notice]"


@dataclass(frozen=True)
class Case:
    """A planned change: the state, the restriction that is wanted, and the changes to it.

    ``hits`` is the log, ``journal`` has the earlier changes. A case that is ``given`` reads nothing
    more of the bucket: somebody has handed in its state.
    """

    aws: Aws
    restriction: Restriction
    state: State
    changes: tuple[Change[Any], ...]
    hits: Hits | None = None
    journal: Journal | None = None
    given: bool = False

    @cached_property
    def exposures(self) -> tuple[Exposure, Exposure]:
        """From where the objects are opened, now and after the changes."""
        aws = None if self.given else self.aws
        return exposures_of(aws, self.restriction, self.state, self.changes)

    @property
    def before(self) -> Exposure:
        """From where the objects are opened today."""
        return self.exposures[0]

    @property
    def after(self) -> Exposure:
        """From where the objects are opened after the changes."""
        return self.exposures[1]

    @cached_property
    def simulation(self) -> tuple[Difference[Answer], ...]:
        """Sources that the log names and services of AWS, now and after."""
        caller = self.state.caller_arn
        return simulate(self.restriction, caller, *self.exposures, self.hits)

    @cached_property
    def expectations(self) -> tuple[Proof, ...]:
        """One proof for each expectation of the restriction, after the changes."""
        return tuple(self.after.holds(one) for one in self.restriction.expectations)

    @cached_property
    def tried(self) -> DryRun | None:
        """The guard tried on the log; None without a guard or log."""
        return dry_run(self.restriction, self.hits)

    @cached_property
    def policy(self) -> BucketPolicy:
        """The current bucket policy."""
        return policy_of(self.state)

    @cached_property
    def planned(self) -> BucketPolicy:
        """The bucket policy after the changes."""
        change = find_change(self.changes, BucketGuard)
        return self.policy if change is None else BucketPolicy.of(change.after)

    @property
    def region(self) -> str:
        """The region of the bucket, or of the connection."""
        bucket = self.state.bucket
        return (bucket.region if bucket is not None else "") or self.state.region

    @property
    def teams(self) -> Texts:
        """The name of the workteam, if one is named."""
        team = self.state.team.if_read
        return () if team is None else (team.name,)

    def notices(self, rules: Iterable[Rule]) -> tuple[Notice, ...]:
        """Return what rules report, the most severe first, each fact once: a notice is left out if
        another one implies it.
        """
        kinds = {each.kind for each in self.changes}
        found = [each for rule in rules if kinds.issuperset(rule.needs) for each in rule.run(self)]
        rank = ("blocker", "warning", "info")
        left = (
            each
            for each in found
            if not any(one.implies(each.code) for one in found if one is not each)
        )
        return tuple(sorted(left, key=lambda each: rank.index(each.severity)))


def on_change(*kinds: TargetKind) -> Callable[[Callable[[Case], Told]], Rule]:
    """Register a function as a rule of plans: of each, or of those with a change of these kinds."""

    def make(function: Callable[[Case], Told]) -> Rule:
        return Rule(function.__name__, "change", kinds, function)

    return make


def exposures_of(
    aws: Aws | None, restriction: Restriction, state: State, changes: Sequence[Change[Any]]
) -> tuple[Exposure, Exposure]:
    """Return the exposure of the objects of a restriction, now and after changes.

    Without a connection, the keys that exist are not listed.
    """
    locks = locks_of(state)
    listing = None if aws is None else listing_of(aws, locks.bucket)
    now = Exposure(locks, restriction.prefix, is_prefix=True, listing=listing)
    after = locks_of(state.after(changes))
    return now, now if after == locks else Exposure(
        after, restriction.prefix, is_prefix=True, listing=listing
    )
