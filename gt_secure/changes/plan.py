"""`Plan`: the difference between the current and the wanted state, with everything needed to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..access.dry_run import DryRun, dry_run
from ..access.simulation import ExpectationResult, check, simulate
from ..account.lists import with_lists
from ..account.read_facts import snapshot_of
from ..account.snapshot import State, read_state, with_supplied
from ..aws.client import Aws
from ..errors import InvalidInput
from ..findings.acceptance import Acceptance
from ..findings.accepted import accept
from ..findings.run import find_all
from ..findings.url_ages import with_url_ages
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from ..text import count
from .change import planned_values
from .diff import changes_for
from .drift import drift_notices
from .journal import Journal
from .list_messages import list_notices
from .messages import notices_for
from .plan_data import PlanData
from .render.html import plan_html, plan_output, plan_page
from .render.infrastructure_code import to_cli, to_terraform
from .render.text import cause, plan_text


@dataclass(frozen=True)
class Plan(PlanData):
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
    simulation : tuple of Row
        For each sample source the current and the planned verdict.
    expectations : tuple of ExpectationResult
    dry_run : DryRun or None
        The guard tried on the presigned requests of the last days of the log, if the plan has one.
    """

    def to_text(self, room: int | None = None) -> str:
        """Return the plan as text for a terminal, its table no wider than ``room`` columns."""
        return plan_text(self, room)

    def to_html(self, *, standalone: bool = False) -> str:
        """Return the plan as HTML; everything from outside is escaped.

        Parameters
        ----------
        standalone : bool
            A self-contained page, to attach to a ticket: it needs no other file, and follows the reader's light or dark
            theme. Otherwise a fragment, whose classes begin with ``gts-``.
        """
        return plan_page(self) if standalone else plan_html(self)

    def to_cli(self) -> str:
        """Return the plan as AWS CLI commands."""
        return to_cli(self)

    def to_terraform(self) -> str:
        """Return the plan as Terraform configuration."""
        return to_terraform(self)

    def _repr_html_(self) -> str:
        return plan_output(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()


def plan(
    aws: Aws,
    restriction: Restriction,
    *,
    hits: object = None,
    state: State | None = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
    accepted: Sequence[Acceptance] = (),
    journal: Journal | None = None,
) -> Plan:
    """Compare the current with the wanted state. Reads only.

    Parameters
    ----------
    aws : Aws
    restriction : Restriction
    hits : Hits or iterable of str, optional
        Recent requests of workers: :class:`gt_secure.logs.Hits`, or their sources. A plan that would refuse one of
        them is blocked.
    state : State, optional
        A recent reading; without it, the account is read now, with the facts that the bucket policy needs.
    context : mapping, optional
        Facts in addition to those of the restriction.
    accepted : sequence of Acceptance
        Known findings, which are marked.
    journal : Journal, optional
        The changes applied before, for drift.

    Raises
    ------
    AccessDenied, NotFound, CredentialsError, Unreachable
        If a part that would be written, or a list that the restriction names, cannot be read.
    """
    if not isinstance(restriction, Restriction):
        raise InvalidInput(
            f"plan() needs a Restriction, not {type(restriction).__name__}.",
            next_step="Write Restriction('team', addresses=...).",
            field="restriction",
        )
    restriction = with_lists(aws, restriction.with_facts(context))
    seen = read_state(aws, restriction) if state is None else with_supplied(state, restriction)
    changes = changes_for(restriction, seen, hits)
    planned = planned_values(changes)
    rows, stops = simulate(restriction, seen, planned, hits)
    results = check(restriction, seen, planned)
    tried = dry_run(restriction, hits)
    snapshot = snapshot_of(seen, restriction, planned)
    snapshot = replace(snapshot, facts=seen.facts.values, account_block=seen.facts.account_block)
    lists = list_notices(restriction, seen)
    notices = [*lists, *notices_for(restriction, seen, changes), *stops, *_broken(results), *_too_young(tried)]
    if journal is not None:
        notices += drift_notices(aws, restriction, changes, journal)
    return Plan(
        restriction=restriction,
        state=seen,
        changes=changes,
        notices=tuple(sorted(notices, key=lambda notice: notice.severity != "blocker")),
        findings=accept(find_all(with_url_ages(snapshot, hits)), accepted),
        simulation=rows,
        expectations=results,
        dry_run=tried,
    )


def _too_young(tried: DryRun | None) -> list[Notice]:
    """Return the warning that the age cap refuses requests that the log shows."""
    number = 0 if tried is None else tried.too_old + tried.version_2
    if not number:
        return []
    return [
        Notice(
            "age-cap-refuses",
            "warning",
            f"The age cap would have refused {count(number, 'request')} of the log that worked.",
            "Look at gt-secure plot --kind age, and choose a longer max_age, or let those signers use shorter ways.",
            "max_age",
        )
    ]


def _broken(results: Iterable[ExpectationResult]) -> list[Notice]:
    return [
        Notice(
            "expectation-broken",
            "blocker",
            f"Expected '{result.kind}' for {result.source}, but it would be {result.observed}"
            + ("." if result.observed == "allowed" else f" ({cause(result.observed, result.lock, result.reason)})."),
            "Change the restriction, or the expectation.",
            "expectations",
            confirmable=False,
        )
        for result in results
        if not result.holds
    ]
