"""The data of a plan: changes, notices, findings, simulation. Its renderers read this; :class:`Plan` adds them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..access.dry_run import DryRun
from ..access.exposure_change import ExposureChange, exposure_changes
from ..access.simulation import ExpectationResult, SimulatedRequest, unknown_keys
from ..account.snapshot import State
from ..findings.model import Finding
from ..iam.facts import can_be_fact
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from .change import Call, Change, is_change_of, planned_values
from .targets import BucketGuard


@dataclass(frozen=True)
class PlanData:
    """A planned change and its effects. Nothing has been changed yet.

    Attributes
    ----------
    restriction : Restriction
    state : State
        The state that the plan is based on; apply compares before it writes.
    changes : tuple of Change
        In the order in which they are carried out.
    notices : tuple of Notice
        Blockers first, then warnings.
    findings : tuple of Finding
        Settings of the account that would still weaken or break the restriction after the changes.
    simulation : tuple of SimulatedRequest
        For each sample source the current and the planned verdict.
    expectations : tuple of ExpectationResult
    dry_run : DryRun or None
        The guard tried on the presigned requests of the last days of the log, if the plan has one.
    """

    restriction: Restriction
    state: State = field(repr=False)
    changes: tuple[Change[Any], ...]
    notices: tuple[Notice, ...] = ()
    findings: tuple[Finding, ...] = ()
    simulation: tuple[SimulatedRequest, ...] = field(default=(), repr=False)
    expectations: tuple[ExpectationResult, ...] = ()
    dry_run: DryRun | None = field(default=None, repr=False)

    @cached_property
    def exposure(self) -> tuple[ExposureChange, ...]:
        """The exact sources that each kind of request is opened to, before and after; decided when it is asked for."""
        return exposure_changes(self.state, self.restriction.prefix, planned_values(self.changes))

    @property
    def empty(self) -> bool:
        """True if there is nothing to change."""
        return not self.changes

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Condition keys on which answers of the plan depend, for which a fact can be supplied."""
        return tuple(key for key in unknown_keys(self.simulation) if can_be_fact(key))

    @property
    def blockers(self) -> tuple[Notice, ...]:
        """The blockers of the plan; confirmable ones are confirmed by their codes."""
        return tuple(notice for notice in self.notices if notice.severity == "blocker")

    @property
    def seconds_typical(self) -> int:
        """Typical duration on AWS, in seconds."""
        return sum(change.seconds_typical for change in self.changes)

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls of the changes, in order."""
        return tuple(call for change in self.changes for call in change.calls)

    @property
    def digest(self) -> str:
        """The fingerprint of the plan, for an approval: account, region, restriction, changes and calls."""
        data = {
            "account": self.state.account_id,
            "region": self.state.region,
            "restriction": self.restriction.to_dict(),
            "changes": [
                change.for_journal() | {"calls": [call.to_dict() for call in change.calls]} for change in self.changes
            ],
        }
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
        return f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"

    @property
    def permissions(self) -> dict[str, Any]:
        """The smallest identity policy that allows to apply the plan and to undo it."""
        needed: dict[str, set[str]] = {}
        for call in self.calls:
            needed.setdefault(call.resource, set()).add(call.action)
        for change in self.changes:
            if is_change_of(change, BucketGuard):
                undo = "s3:DeleteBucketPolicy" if change.before is None else "s3:PutBucketPolicy"
                needed[change.calls[0].resource].add(undo)
        statements = [
            {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
            for resource, actions in sorted(needed.items())
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-able data."""
        return {
            "empty": self.empty,
            "digest": self.digest,
            "restriction": self.restriction.to_dict(),
            "lists": [each.to_dict() for each in self.restriction.managed],
            "region": self.state.region,
            "account": self.state.account_id,
            "caller": self.state.caller_arn,
            "changes": [change.to_dict() for change in self.changes],
            "notices": [notice.to_dict() for notice in self.notices],
            "findings": [finding.to_dict() for finding in self.findings],
            "exposure": [change.to_dict() for change in self.exposure],
            "simulation": [row.to_dict() for row in self.simulation],
            "expectations": [result.to_dict() for result in self.expectations],
            "dry_run": None if self.dry_run is None else self.dry_run.to_dict(),
            "permissions": self.permissions,
            "seconds_typical": self.seconds_typical,
            "unseen": [part.to_dict() for part in self.state.unseen],
            "missing_permissions": list(self.state.missing_permissions()),
        }
