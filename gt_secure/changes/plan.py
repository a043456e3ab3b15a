"""`Plan`: the difference between the current and the wanted state,
with everything needed to decide.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..account.bucket_access import BucketAccess, access_to
from ..account.lists import with_lists
from ..account.reader import read_state
from ..account.sightings import Sightings, with_whereabouts
from ..account.state import State
from ..aws.client import Aws
from ..base.copies import NotCopied
from ..base.text import Json, Texts, members
from ..base.truth import Ambiguous
from ..engine.access.difference import Difference
from ..engine.access.exposure import Exposure
from ..engine.access.proof import Proof
from ..engine.iam.facts import can_be_fact
from ..explain.dry_run import DryRun
from ..findings.accepted import accept
from ..findings.model import Acceptance, Finding, rules_of
from ..findings.run import examine, with_url_ages
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from . import history, other_teams
from .case import Case
from .change import Call, Change, is_change_of
from .diff import changes_for
from .journal import ChangeRecord, Journal, scrub
from .rules import applications, bucket, kept, locks, log, signers
from .services import evidence_of, service_data, unknown_keys
from .targets import BucketGuard

if TYPE_CHECKING:
    from ..engine.access.answer import Answer
    from ..engine.access.source_sets import Row
    from ..logs.hits import Hits


RULES = rules_of(locks, bucket, kept, signers, log, other_teams, applications, history)
"""The rules on a change."""


@dataclass(frozen=True)
class Plan(NotCopied, Ambiguous):
    """A planned change and its effects. Nothing has been changed yet.

    Attributes
    ----------
    restriction : Restriction
    state : State
        The state that the plan is based on; apply compares before it writes.
    changes : tuple of Change
        In the order in which they are carried out.
    before, after : Exposure
        From where the objects are opened, now and after the changes.
    notices : tuple of Notice
        Blockers first, then warnings.
    findings : tuple of Finding
        Settings of the account that would still weaken or break the restriction after the changes.
    simulation : tuple of Difference
        Sources that the access log names and services of AWS, now and after.
    expectations : tuple of Proof
        One for each expectation of the restriction.
    dry_run : DryRun or None
        The guard tried on the presigned requests of the last days of the log, if the plan has one.
    reason : str
        Why, for the approver and the journal; secrets in it are redacted.
    undoes : str
        The id of the change that it undoes; empty for a restriction.
    """

    _stays = (
        "A plan is of one account now and cannot be pickled or copied. Call gt.plan(...) there."
    )

    _ask = ".empty (nothing to change), or 'is None' (no plan yet)"

    restriction: Restriction
    state: State = field(repr=False)
    changes: tuple[Change[Any], ...]
    before: Exposure = field(repr=False)
    after: Exposure = field(repr=False)
    notices: tuple[Notice, ...] = ()
    findings: tuple[Finding, ...] = ()
    simulation: tuple[Difference[Answer], ...] = field(default=(), repr=False)
    expectations: tuple[Proof, ...] = ()
    dry_run: DryRun | None = field(default=None, repr=False)
    reason: str = ""
    undoes: str = ""

    @cached_property
    def exposure(self) -> tuple[Difference[Row], ...]:
        """The exact sources that each kind of request is opened to, before and after;
        decided when it is asked for.
        """
        return self.after.diff(self.before)

    @cached_property
    def access(self) -> Difference[BucketAccess] | None:
        """The answer for the whole bucket, before and after the changes; None without a bucket."""
        if self.state.bucket is None:
            return None
        before = replace(self.state, wanted=self.restriction)
        return Difference(access_to(before), access_to(before.after(self.changes)))

    @cached_property
    def keeping(self) -> Restriction | None:
        """The restriction that also admits what the teams of the bucket have and use; None if it
        does so already.

        It is the union with the restriction that the journal has for each of the other teams, with
        the lists of today's guards where another team would lose a part of them, and with the
        addresses and endpoints at which the access log shows people who would lose them. Plan it in
        place of this one.
        """
        effects = other_teams.effects_of(self.state, self.before, self.after)
        return other_teams.keeping(self.restriction, self.state, effects)

    @cached_property
    def evidence(self) -> Texts:
        """Sentences on the sources that the access log shows for the people of each workteam."""
        return evidence_of(self.state, self.after)

    @property
    def empty(self) -> bool:
        """True if there is nothing to change."""
        return not self.changes

    @property
    def unknown_keys(self) -> Texts:
        """Condition keys on which answers of the plan depend, for which a fact can be supplied."""
        keys = unknown_keys(self.simulation, self.before, self.after)
        return tuple(key for key in keys if can_be_fact(key))

    @property
    def blockers(self) -> tuple[Notice, ...]:
        """The blockers of the plan; confirmable ones are confirmed by their codes."""
        return tuple(notice for notice in self.notices if notice.severity == "blocker")

    @property
    def asks(self) -> tuple[Notice, ...]:
        """The warnings and blockers that a person confirms by their codes before Apply;
        none if nothing changes.
        """
        return () if self.empty else tuple(notice for notice in self.notices if notice.asks)

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
        """The fingerprint of the plan, for an approval: account, region, restriction,
        changes and calls.
        """
        data = {
            "account": self.state.account_id,
            "region": self.state.region,
            "restriction": {
                k: v for k, v in self.restriction.to_dict().items() if k != "application"
            },
            "changes": [
                change.for_journal() | {"calls": [call.to_dict() for call in change.calls]}
                for change in self.changes
            ],
        }
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
        return f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"

    @property
    def permissions(self) -> Json:
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

    def to_dict(self) -> Json:
        """Return the plan as JSON-able data."""
        return {
            "access": self.access and members(self.access, "before", "after"),
            **members(
                self, "empty", "digest", "restriction", "changes", "notices", "findings", "exposure"
            ),
            "asks": [each.code for each in self.asks],
            "simulation": [service_data(row) for row in self.simulation],
            **members(self, "evidence", "dry_run", "permissions", "seconds_typical", "reason"),
            **members(self.restriction, "lists: managed"),
            **members(self.state, "region", "account: account_id", "caller: caller_arn"),
            "expectations": [row for proof in self.expectations for row in proof.to_dicts()],
            "unseen": [part.to_dict() for part in self.state.missing()],
            "missing_permissions": list(self.after.missing),
        }

    def to_text(self, room: int | None = None, *, full: bool = False) -> str:
        """Return the plan as text for a terminal, its tables no wider than ``room`` columns.

        A plan has at most twelve lines. ``full`` adds exact sets, services that stay the same,
        permissions and notes.
        """
        from .render.text import plan_text

        return plan_text(self, room, full=full)

    def to_html(self, *, standalone: bool = False) -> str:
        """Return the plan as HTML; everything from outside is escaped.

        Parameters
        ----------
        standalone : bool
            A self-contained page, to attach to a ticket: it needs no other file, and follows the
            reader's light or dark theme. Otherwise a fragment, whose classes begin with ``gts-``.
        """
        from .render.html import plan_html, plan_page

        return plan_page(self) if standalone else plan_html(self)

    def to_cli(self) -> str:
        """Return the plan as AWS CLI commands."""
        from .render.infrastructure_code import to_cli

        return to_cli(self)

    def to_terraform(self) -> str:
        """Return the plan as Terraform configuration."""
        from .render.infrastructure_code import to_terraform

        return to_terraform(self)

    def to_alarm(self) -> str:
        """Return an AWS CloudFormation template, as JSON, which sends a message for each presigned
        request for the bucket from a source that the restriction does not allow.

        Raises
        ------
        InvalidInput
            If the restriction has no bucket, or allows a VPC.
        """
        from .render.infrastructure_code import to_alarm

        return to_alarm(self.restriction)

    def to_ticket(self) -> str:
        """Return the plan as text for an administrator who applies it: what it changes, the
        commands, a test, and the undo.
        """
        from .render.infrastructure_code import to_ticket

        return to_ticket(self)

    def _repr_html_(self) -> str:
        from .render.html import plan_output

        return plan_output(self)

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class UndoPlan(Ambiguous):
    """A planned undo: the changes from the current values back to the former ones, and what it asks
    about the workteams that would lose access.
    """

    _ask = ".empty"

    record: ChangeRecord
    changes: tuple[Change[Any], ...]
    notices: tuple[Notice, ...] = ()

    @property
    def undoes(self) -> str:
        """The id of the change that it undoes."""
        return self.record.id

    @property
    def asks(self) -> tuple[Notice, ...]:
        """The warnings that a person confirms by their codes before the undo."""
        return tuple(each for each in self.notices if each.asks)

    @property
    def empty(self) -> bool:
        """True if there is nothing left to undo."""
        return not self.changes


def plan(
    aws: Aws,
    restriction: Restriction,
    *,
    hits: Hits | None = None,
    look: Callable[[State], Sightings] | None = None,
    state: State | None = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
    accepted: Sequence[Acceptance] = (),
    journal: Journal | None = None,
    reason: str = "",
) -> Plan:
    """Compare the current with the wanted state. Reads only.

    See :meth:`gt_secure.Connection.plan` for the parameters. ``look`` returns what the log of the
    bucket shows, where no hits are given. Raises AccessDenied, NotFound,
    CredentialsError or Unreachable if a part that would be written, or a list that the restriction
    names, cannot be read.
    """
    restriction = with_lists(aws, restriction).with_facts(context)
    current = read_state(aws, restriction) if state is None else state.with_supplied(restriction)
    if journal is not None:
        current = history.with_wishes(aws, journal, current)
    log = look(current) if hits is None and look is not None else hits
    current = with_whereabouts(current, log, aws if state is None else None)
    case = Case(
        aws,
        restriction,
        current,
        changes_for(restriction, current),
        hits,
        journal,
        given=state is not None,
    )
    notices = case.notices(RULES)
    left = replace(current.after(case.changes), wanted=restriction, prefix=restriction.prefix)
    findings = [
        each
        for each in examine(with_url_ages(left, hits)).findings
        if not any(one.implies(each.code, each.subject) for one in notices)
    ]
    return Plan(
        restriction,
        current,
        case.changes,
        *case.exposures,
        notices,
        accept(findings, accepted),
        case.simulation,
        case.expectations,
        case.tried,
        scrub(reason),
    )
