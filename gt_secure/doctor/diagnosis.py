"""The doctor's result: what one reading of the account showed of each feature,
and the policy for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..account.bucket import READINGS
from ..account.part_reader import part_of
from ..account.reader import ReadScope, read_scope
from ..account.state import WHAT, State
from ..aws.client import Aws
from ..aws.teams import TeamLike, list_workforces
from ..base.errors import InvalidInput
from ..base.html import output as cell_output, table as html_table
from ..base.shown import Shown
from ..base.text import Json
from ..base.truth import Ambiguous
from ..connection import ConnectionLike, connection_of
from .environment import Fact, facts
from .features import Feature, Permission, choose
from .resources import Scope, policy_for, scope_of

StatusWord: TypeAlias = Literal["yes", "no", "unknown"]
NOT_TRIED = "not tried"

_PART_OF: Mapping[str, str] = {
    # The reading of a template is no call of its action, and evaluation jobs are listed only beside
    # a workflow.
    **{
        action: name
        for name, (_, action) in WHAT.items()
        if name not in ("templates", "evaluations")
    },
    "sagemaker:ListSubscribedWorkteams": "teams",
    **{each.action: f"bucket.{name}" for name, each in READINGS.items()},
}
"""The part of a state that is read only if AWS answers the action."""

_OF_OTHERS = frozenset({"workteams", "objects", "log-bucket", "log-objects"})
"""Resources that the reading leaves out,
whatever it reads of the team and the bucket by the same action.
"""


@dataclass(frozen=True, slots=True)
class PermissionAnswer(Shown, Ambiguous):
    """The state of one permission: whether AWS answered or denied a call of its action,
    or neither is known.
    """

    _ask = ".status == 'yes'"
    document = (
        "action: permission.action",
        "optional: permission.optional",
        "resource",
        "status",
        "reason",
    )

    permission: Permission
    resource: str | None
    status: StatusWord
    reason: str = ""


@dataclass(frozen=True)
class FeatureState(Shown, Ambiguous):
    """The state of one feature, with the permissions behind it."""

    _ask = ".status == 'yes'"
    document = (
        "feature: feature.name",
        "title: feature.title",
        "status",
        "why",
        "permissions: answers",
    )

    feature: Feature
    answers: tuple[PermissionAnswer, ...]

    @property
    def status(self) -> StatusWord:
        """``yes``, ``no`` or ``unknown``; optional permissions do not count."""
        needed = [each.status for each in self.answers if not each.permission.optional]
        return "no" if "no" in needed else "unknown" if "unknown" in needed else "yes"

    @property
    def lacking(self) -> tuple[PermissionAnswer, ...]:
        """The permissions that are missing or unknown."""
        return tuple(each for each in self.answers if each.status != "yes")

    @property
    def why(self) -> str:
        """The reason in a few words: a denied action, else an unknown one;
        empty if nothing is missing.
        """
        needed = [each for each in self.lacking if not each.permission.optional]
        denied = [
            each.permission.action for each in (needed or self.lacking) if each.status == "no"
        ]
        if denied:
            return f"{'AWS denied' if needed else 'works without optional'} {', '.join(denied)}"
        return _unknown(needed)


def _unknown(answers: Sequence[PermissionAnswer]) -> str:
    """Return the choice that is needed first,
    or the actions that were not tried or got no answer.
    """
    choices = list(dict.fromkeys(each.reason for each in answers if each.resource is None))
    if choices:
        return f"unknown until you {', '.join(choices)}"
    untried = [each.permission.action for each in answers if each.reason == NOT_TRIED]
    tried = [each.reason for each in answers if each.reason != NOT_TRIED]
    return "; ".join(
        dict.fromkeys([*tried, *([f"{NOT_TRIED}: {', '.join(untried)}"] if untried else [])])
    )


@dataclass(frozen=True, repr=False)
class Diagnosis(Shown, Ambiguous):
    """The features as a reading showed them; ``facts`` are about installation, SDK, region,
    signature and clock.
    """

    _ask = ".state(FEATURE).status == 'yes'"
    document = (
        "caller",
        "account: scope.account",
        "region: scope.region",
        "role: scope.role",
        "headline",
        "features",
        "facts",
    )

    caller: str
    scope: Scope
    features: tuple[FeatureState, ...]
    facts: tuple[Fact, ...]

    def __str__(self) -> str:
        return self.headline

    @property
    def headline(self) -> str:
        """The features that can be used, those that cannot, and what needs fixing, in one line."""
        by: dict[str, list[str]] = {"yes": [], "no": [], "unknown": []}
        for each in self.features:
            by[each.status].append(each.feature.name)
        parts = [f"{len(by['yes'])} of {len(self.features)} features can be used"]
        parts += [f"not: {', '.join(by['no'])}"] if by["no"] else []
        parts += [f"unknown: {', '.join(by['unknown'])}"] if by["unknown"] else []
        wrong = [fact.name for fact in self.facts if fact.mark == "wrong"]
        parts += [f"needs fixing: {', '.join(wrong)}"] if wrong else []
        return "; ".join(parts) + "."

    def state(self, feature: str) -> FeatureState:
        """Return the state of one feature; InvalidInput if there is none,
        or if it was not examined.
        """
        wanted = choose([feature])[0].name
        found = next((each for each in self.features if each.feature.name == wanted), None)
        if found is None:
            step = f"Examine with features=['{wanted}'], or with a team."
            raise InvalidInput(f"{wanted} was not examined.", next_step=step, field="feature")
        return found

    def policy(self, features: Sequence[str]) -> Json:
        """Return the least-privilege policy for some features;
        InvalidInput if the bucket or role of one is unknown.
        """
        return policy_for(choose(features), self.scope)

    def _repr_html_(self) -> str:
        rows = [(each.feature.title, each.status, each.why) for each in self.features]
        return cell_output(
            html_table(("feature", "can be used", "reason"), rows, caption=self.headline)
        )


def examine(
    gt: ConnectionLike,
    *,
    team: TeamLike | None = None,
    bucket: str | None = None,
    logs: str | None = None,
    role_arn: str | None = None,
    features: Sequence[str] = (),
) -> Diagnosis:
    """Read the account once, and return which features the reading showed that this role can use.

    Nothing is written and no permission is predicted: whatever the reading did not need is unknown.

    Parameters
    ----------
    gt : Connection or sagemaker.core Session
    team, bucket : optional
        The team and bucket to read; features that depend on a missing one are unknown. A bucket
        alone is examined without what only workteams need.
    logs : str, optional
        Location of the access log (``s3://bucket/prefix``), if the bucket's settings cannot be
        read.
    role_arn : str, optional
        The role that test URLs are signed with; the caller's own by default.
    features : sequence of str
        Examine only these.

    Raises
    ------
    CredentialsError, Unreachable
        Without credentials, or without an answer from AWS STS.
    NotFound
        If there is no such team or bucket.
    """
    gt = connection_of(gt)
    chosen = choose(features)
    is_bucket_alone = bucket is not None and team is None and not features
    if is_bucket_alone:
        chosen = [each for each in map(Feature.of_bucket, chosen) if each is not None]
    scope = scope_of(gt, team, bucket, logs, role_arn)
    state = _read(gt.aws, scope, (each for feature in chosen for each in feature.permissions))
    # The scope with the workforce and the location of the log, as far as they were read.
    force = state.workforce.if_read or state.portal.if_read
    log = (
        state.bucket.logging.if_read
        if state.bucket is not None and scope.log_bucket is None
        else None
    )
    if log is not None:
        scope = replace(scope, log_bucket=log.bucket, log_prefix=log.prefix)
    scope = replace(scope, workforce=force.name if force is not None else None)
    states = tuple(
        FeatureState(feature, tuple(_answer(state, scope, each) for each in feature.permissions))
        for feature in chosen
    )
    return Diagnosis(
        gt.aws.caller_arn, scope, states, tuple(facts(gt.aws, of_teams=not is_bucket_alone))
    )


def _read(aws: Aws, scope: Scope, wanted: Iterable[Permission]) -> State:
    """Read the parts that show the wanted permissions; those of a team only if there is one."""
    needs = frozenset(
        _PART_OF.get(each.action, "") for each in wanted if each.target not in _OF_OTHERS
    )
    of_team = frozenset({"team", "workforce", "jobs", "reviews"})
    state = read_scope(
        aws, ReadScope(scope.team, scope.bucket, needs=needs if scope.team else needs - of_team)
    )
    if "portal" not in needs:
        return state
    return replace(
        state, portal=part_of(*WHAT["portal"], lambda: next(iter(list_workforces(aws)), None))
    )


def _answer(state: State, scope: Scope, each: Permission) -> PermissionAnswer:
    """Return what the reading showed of a permission: an answer, a denial, or nothing."""
    resource = scope.arn(each.target)
    if resource is None:
        return PermissionAnswer(each, None, "unknown", f"add {scope.needs(each.target)}")
    if each.target in _OF_OTHERS:
        return PermissionAnswer(each, resource, "unknown", NOT_TRIED)
    part = state.part(_PART_OF[each.action]) if each.action in _PART_OF else None
    if part is not None and part.missing is None:
        return PermissionAnswer(each, resource, "yes")
    for _, missing in state.unread():
        if missing.why == "denied" and missing.action == each.action:
            return PermissionAnswer(each, resource, "no", missing.reason)
    reason = (
        part.missing.text
        if part is not None and part.missing is not None and part.was_asked
        else NOT_TRIED
    )
    return PermissionAnswer(each, resource, "unknown", reason)
