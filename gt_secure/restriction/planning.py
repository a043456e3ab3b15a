"""`Plan`: the difference between what is and what is wanted, with all that a person needs to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..aws import Aws
from ..errors import InvalidInput
from ..policy import Finding, find_all
from .changes import Call, Change
from .diffing import changes_for
from .model import Restriction
from .notices import Notice
from .simulate import ExpectationResult, Row, check, simulate
from .snapshotting import snapshot_of
from .state import State, read_state
from .text import cause
from .warnings import notices_for


@dataclass(frozen=True)
class Plan:
    """What would be done, and what it would mean. Nothing has been changed yet.

    Attributes
    ----------
    restriction : Restriction
    state : State
        What the plan saw; apply compares before it writes.
    changes : tuple of Change
        In the order in which they are carried out.
    notices : tuple of Notice
        Blockers first, then warnings.
    findings : tuple of Finding
        What in the account would still weaken or break the restriction after the changes.
    simulation : tuple of Row
        For each sample source the verdict now and after.
    expectations : tuple of ExpectationResult
    """

    restriction: Restriction
    state: State = field(repr=False)
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...] = ()
    findings: tuple[Finding, ...] = ()
    simulation: tuple[Row, ...] = field(default=(), repr=False)
    expectations: tuple[ExpectationResult, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self.changes

    @property
    def blockers(self) -> tuple[Notice, ...]:
        """What stops the plan; confirm those that can be confirmed by their codes."""
        return tuple(notice for notice in self.notices if notice.severity == "blocker")

    @property
    def seconds_typical(self) -> int:
        """How long it usually takes on AWS."""
        return sum(change.seconds_typical for change in self.changes)

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls of the changes, in order."""
        return tuple(call for change in self.changes for call in change.calls)

    @property
    def permissions(self) -> dict[str, Any]:
        """The smallest identity policy that allows to apply the plan and to undo it."""
        needed: dict[str, set[str]] = {}
        for call in self.calls:
            needed.setdefault(call.resource, set()).add(call.action)
        for change in self.changes:
            if change.kind == "bucket-guard":
                undo = "s3:DeleteBucketPolicy" if change.before_raw is None else "s3:PutBucketPolicy"
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
            "restriction": self.restriction.to_dict(),
            "region": self.state.region,
            "account": self.state.account_id,
            "caller": self.state.caller_arn,
            "changes": [change.to_dict() for change in self.changes],
            "notices": [notice.to_dict() for notice in self.notices],
            "findings": [finding.to_dict() for finding in self.findings],
            "simulation": [row.to_dict() for row in self.simulation],
            "expectations": [result.to_dict() for result in self.expectations],
            "permissions": self.permissions,
            "seconds_typical": self.seconds_typical,
            "unseen": [part.to_dict() for part in self.state.unseen],
        }

    def to_text(self) -> str:
        """Return the plan as text for a terminal."""
        from .text import plan_text

        return plan_text(self)

    def to_html(self, *, standalone: bool = False) -> str:
        """Return the plan as HTML; everything from outside is escaped.

        Parameters
        ----------
        standalone : bool
            A page of its own, to attach to a ticket: it needs no other file, and follows the reader's light or dark
            theme. Otherwise a fragment, whose classes begin with ``gts-``.
        """
        from .html import plan_html, plan_page

        return plan_page(self) if standalone else plan_html(self)

    def to_cli(self) -> str:
        """Return the plan as AWS CLI commands."""
        from .export import to_cli

        return to_cli(self)

    def to_cloudformation(self) -> str:
        """Return the plan as a CloudFormation template (JSON)."""
        from .export import to_cloudformation

        return to_cloudformation(self)

    def to_terraform(self) -> str:
        """Return the plan as Terraform configuration."""
        from .export import to_terraform

        return to_terraform(self)

    def _repr_html_(self) -> str:
        from .html import plan_output

        return plan_output(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()


def plan(aws: Aws, restriction: Restriction, *, hits: object = None, state: State | None = None) -> Plan:
    """Compare what is with what is wanted. Reads only.

    Parameters
    ----------
    aws : Aws
    restriction : Restriction
    hits : Hits or iterable of str, optional
        Where labelers came from lately: :class:`gt_secure.logs.Hits`, or their sources. A plan that would refuse one
        of them is stopped.
    state : State, optional
        A reading that was just made; it is made here otherwise.

    Raises
    ------
    AccessDenied, NotFound, CredentialsError, Unreachable
        If what would be written cannot be read.
    """
    if not isinstance(restriction, Restriction):
        raise InvalidInput(
            f"A Restriction is needed, not {type(restriction).__name__}.",
            next_step="Write Restriction(“team”, addresses=...).",
            field="restriction",
        )
    seen = state or read_state(aws, restriction)
    changes = changes_for(restriction, seen, hits)
    rows, stops = simulate(restriction, seen, changes, hits)
    results = check(restriction, seen, changes)
    notices = [*notices_for(restriction, seen, changes), *stops, *_broken(results)]
    return Plan(
        restriction=restriction,
        state=seen,
        changes=changes,
        notices=tuple(sorted(notices, key=lambda notice: notice.severity != "blocker")),
        findings=tuple(find_all(snapshot_of(seen, restriction, changes))),
        simulation=rows,
        expectations=results,
    )


def _broken(results: Iterable[ExpectationResult]) -> list[Notice]:
    return [
        Notice(
            "expectation-broken",
            "blocker",
            f"Expected “{result.kind}” for {result.source}, but it would be {result.observed}"
            + ("." if result.observed == "allowed" else f" ({cause(result.observed, result.lock, result.reason)})."),
            "Change the restriction, or the expectation.",
            "expectations",
            confirmable=False,
        )
        for result in results
        if not result.holds
    ]
