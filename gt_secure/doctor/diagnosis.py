"""The doctor's result: the features that this role can use, and the reasons for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..aws.teams import TeamLike
from ..base.errors import InvalidInput
from ..base.html import output as cell_output, table as html_table
from ..base.ledger import RecordedPlace, recorded_place
from ..base.outcome import CheckResult
from ..base.text import members
from ..base.truth import Ambiguous
from ..connection import ConnectionLike, connection_of
from .environment import Fact, facts
from .features import Feature, choose
from .probing import PermissionAnswer, StatusWord, ask
from .resources import Scope, permissions_of, policy_for, scope_of


@dataclass(frozen=True)
class FeatureState(Ambiguous):
    """The state of one feature, with the permissions behind it."""

    _ask = ".status == 'yes'"

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
        """The reason in a few words: a denied permission, else an unknown one;
        empty if nothing is missing.
        """
        needed = [each for each in self.lacking if not each.permission.optional]
        if needed:
            return _denied([each for each in needed if each.status == "no"]) or _unknown(needed)
        optional = [each.permission.action for each in self.lacking if each.status == "no"]
        return f"works without optional {', '.join(optional)}" if optional else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the feature, its status and permissions as JSON-able data."""
        return {
            "feature": self.feature.name,
            "title": self.feature.title,
            "status": self.status,
            "why": self.why,
            "permissions": [each.to_dict() for each in self.answers],
        }


def _denied(answers: Sequence[PermissionAnswer]) -> str:
    """Return the actions that are denied, and the trust policy that denies one;
    empty without answers.
    """
    if not answers:
        return ""
    trust = next((f": {each.reason}" for each in answers if "trust policy" in each.reason), "")
    return f"missing {', '.join(each.permission.action for each in answers)}{trust}"


def _unknown(answers: Sequence[PermissionAnswer]) -> str:
    """Return the choice that is needed first, or the unknown actions with a reason."""
    choices = list(dict.fromkeys(each.reason for each in answers if each.resource is None))
    if choices:
        return f"unknown until you {', '.join(choices)}"
    actions = ", ".join(dict.fromkeys(each.permission.action for each in answers))
    return f"{actions}: {next((each.reason for each in answers if each.reason), 'unknown')}"


@dataclass(frozen=True)
class Diagnosis(Ambiguous):
    """The features that a role can use; ``facts`` are about installation, SDK, region,
    signature and clock.
    """

    _ask = ".require()"

    caller: str
    scope: Scope
    features: tuple[FeatureState, ...]
    facts: tuple[Fact, ...]
    place: RecordedPlace | None = None

    @property
    def passed(self) -> bool | None:
        """True if every feature can be used, False if one cannot, None if one is unknown."""
        words = {each.status for each in self.features}
        return False if "no" in words else None if "unknown" in words or not words else True

    def require(self) -> Diagnosis:
        """Return the diagnosis; raise :class:`~gt_secure.check.CheckFailed` unless every
        feature can be used.
        """
        needed = ", ".join(each.feature.name for each in self.features)
        CheckResult("doctor", needed, self.passed, self.headline).recorded(self.place).require()
        return self

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

    def policy(self, features: Sequence[str] = ()) -> dict[str, Any]:
        """Return the least-privilege policy for some features; InvalidInput if the bucket or role
        of one is unknown.

        Without names it is for those that cannot be used now, except those of :attr:`left_out`.
        """
        if features:
            return policy_for(choose(list(features)), self.scope)
        out = set(self.left_out)
        lacking = [each.feature for each in self.features if each.status != "yes"]
        # If nothing else is left, the error names the option to add.
        return policy_for([each for each in lacking if each.name not in out] or lacking, self.scope)

    @property
    def left_out(self) -> dict[str, str]:
        """The option to add, by feature, for unusable features whose policy cannot be written."""
        found: dict[str, str] = {}
        for each in self.features:
            if each.status == "yes":
                continue
            try:
                policy_for([each.feature], self.scope)
            except InvalidInput as error:
                found[each.feature.name] = error.next_step
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as JSON-able data."""
        place = members(self.scope, "account", "region", "role")
        return {"caller": self.caller, **place, **members(self, "headline", "features", "facts")}

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
    """Determine which features this role can use. Only reads are called; IAM predicts writes.

    Parameters
    ----------
    gt : Connection or sagemaker.core Session
    team, bucket : optional
        The team and bucket to examine; features that depend on a missing one are unknown. A bucket
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
    """
    gt = connection_of(gt)
    chosen = choose(features)
    is_bucket_alone = bucket is not None and team is None and not features
    if is_bucket_alone:
        chosen = [each for each in map(Feature.of_bucket, chosen) if each is not None]
    scope = scope_of(gt, team=team, bucket=bucket, logs=logs, role_arn=role_arn)
    wanted = permissions_of(chosen)
    answers = {
        (each.permission.action, each.permission.target): each
        for each in ask(gt.aws, scope, wanted)
    }
    states = tuple(
        FeatureState(
            feature,
            tuple(
                replace(answers[each.action, each.target], permission=each)
                for each in feature.permissions
            ),
        )
        for feature in chosen
    )
    here = tuple(facts(gt.aws, of_teams=not is_bucket_alone))
    return Diagnosis(gt.aws.caller_arn, scope, states, here, recorded_place(gt.aws))
