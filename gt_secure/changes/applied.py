"""Result of an apply or undo, with the outcome of each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..base import html as markup
from ..base.shown import Shown
from ..base.text import Texts, printable
from ..base.truth import Ambiguous
from ..engine.access.answer import MEANT
from .engine import ChangeStep, Rest
from .journal import ChangeRecord

NOT_ASKED = (
    "Whether the change has overwritten a simultaneous write of somebody else is unknown, because"
    " CloudTrail was not read. Compare the bucket policy with the one that you expect."
)
NO_END = "{} AWS confirmed all steps. The end of change {} is missing in the journal."
NO_ROLLBACK = "Change {} could not be rolled back."
PUTS_BACK = "puts back the statements of others that the change had overwritten"
WAS_INTERRUPTED = "Change {} was interrupted: it has been neither completed nor rolled back."
WAS_UNDONE = "Change {} was undone {} UTC."

ChangeOutcome: TypeAlias = Literal["nothing to do", "applied", "undone"] | Rest


@dataclass(frozen=True, slots=True)
class ProbeResult(Shown, Ambiguous):
    """The result of one expectation on the wire; ``observed`` is ``opened``,
    ``refused`` or ``not reached``.
    """

    _ask = ".holds"
    document = ("kind", "source", "observed", "holds", "detail")

    kind: str
    source: str
    observed: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        """True if the result is as expected, or could not be probed."""
        return self.observed in (MEANT[self.kind], "not reached")


@dataclass(frozen=True, slots=True, repr=False)
class Applied(Shown, Ambiguous):
    """Result of an apply or undo.

    Attributes
    ----------
    id : str
        Id in the journal; empty if there was nothing to do.
    outcome : str
        ``applied``, ``undone``, ``nothing to do``; in the details of an error also ``rolled back``
        (nothing of it remains), ``overtaken`` (only simultaneous writes of others remain; see that
        step) or ``in doubt`` (see the steps that are not certain).
    steps : tuple of ChangeStep
    of : str or None
        For an undo, the change that it reverted.
    probes : tuple of ProbeResult
        Results of the expectations on the wire, if a probe was given.
    notes : tuple of str
        Reasons why there was nothing to do, writes of others that the change may have overwritten,
        or problems of the journal.
    """

    _ask = ".outcome"
    document = ("id", "outcome", "of", "certain", "steps", "probes", "notes")

    id: str
    outcome: ChangeOutcome
    steps: tuple[ChangeStep, ...] = ()
    of: str | None = None
    probes: tuple[ProbeResult, ...] = ()
    notes: Texts = ()

    @property
    def certain(self) -> bool:
        """True if AWS confirmed every step."""
        return all(step.certain for step in self.steps)

    def to_text(self) -> str:
        """Return the outcome with a line for each step, probe and note."""
        lines = [f"{self.outcome.capitalize()}{f' (change {self.id})' if self.id else ''}."]
        for step in self.steps:
            doubt = "" if step.certain else " - not certain"
            detail = f": {step.detail}" if step.detail else ""
            lines.append(f"  {step.kind} of {step.target}: {step.outcome}{doubt}{detail}")
        for result in self.probes:
            as_expected = "as expected" if result.holds else "NOT as expected"
            lines.append(
                f"  probe from {result.source}: {result.observed}, {as_expected}."
                f" {result.detail}".rstrip()
            )
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def __str__(self) -> str:
        return printable(self.to_text(), keep="\n")

    def _repr_html_(self) -> str:
        as_expected = {
            True: markup.Chip("ok", "as expected"),
            False: markup.Chip("no", "not as expected"),
        }
        probes = [
            (result.source, result.observed, as_expected[bool(result.holds)])
            for result in self.probes
        ]
        return markup.output(
            applied_notice(self),
            markup.table(("source", "observed", "expectation"), probes) if probes else "",
        )


def applied_notice(applied: Applied) -> markup.Markup:
    """Return the result in a sentence, with its steps."""
    said = {
        "applied": "Applied and read back.",
        "undone": "Undone: what the change had set is as before.",
        "nothing to do": "Nothing to do.",
        "rolled back": "Rolled back: what the change had set is as before.",
        "overtaken": "Rolled back, except for a simultaneous write of somebody else.",
        "in doubt": "Outcome unknown: check each step.",
    }[applied.outcome]
    tone: markup.Tone = (
        "ok"
        if applied.outcome in ("applied", "undone", "nothing to do") and applied.certain
        else "warn"
    )
    steps = "; ".join(
        f"{step.title} of {step.target}: {step.outcome}"
        + (f" ({step.detail})" if step.detail else "")
        for step in applied.steps
    )
    recorded = " ".join([*applied.notes, f"Change {applied.id}." if applied.id else ""])
    return markup.notice(
        tone, said, markup.text(f"{steps}. {recorded}" if steps else recorded, 900)
    )


def failure_summary(result: Applied) -> str:
    """Return a sentence about the account after a failure."""
    notes = " ".join(result.notes)
    if result.outcome == "rolled back":
        if all(step.outcome == "not reached" for step in result.steps):
            return "Nothing was changed."
        return (
            f"The change was rolled back. {notes}"
            if notes
            else "The change was rolled back completely."
        )
    if result.outcome == "overtaken":
        theirs = " ".join(step.detail for step in result.steps if step.outcome == "overtaken")
        text = (
            f"The simultaneous write of somebody else stays: {theirs} Everything else was rolled"
            " back."
        )
    else:
        doubtful = ", ".join(
            f"{step.kind} of {step.target}" for step in result.steps if not step.certain
        )
        text = (
            f"The outcome is unknown for: {doubtful}. Run 'gt-secure undo {result.id}' when AWS"
            " responds again."
        )
    return f"{text} {notes}".strip()


def recorded_words(record: ChangeRecord) -> str:
    """Return a sentence about a change as the journal knows it, and what it may have overwritten:
    where nobody was asked yet, that is unknown.
    """
    if record.status == "unfinished":
        return (
            f"Change {record.id} is unfinished: the account may hold a part of it. Run 'gt-secure"
            f" undo {record.id}', or 'gt-secure apply --resume {record.id}'."
        )
    said = {
        "applied": "The change is applied." if record.kind == "apply" else "The undo is complete.",
        "rolled-back": "The change was rolled back.",
        "overtaken": (
            "The change was rolled back, except for a simultaneous write of somebody else."
        ),
    }.get(record.status, f"The journal file of change {record.id} is {record.status}.")
    writes = [each["write"] for each in record.named("overwritten")]
    lost = [overwritten_words(e["writer"], e["at"], record.id, record.status) for e in writes]
    return " ".join([said, *(lost or ([NOT_ASKED] if record.requests else []))])


def overwritten_words(writer: str, at: str, change_id: str, outcome: str) -> str:
    """Return a sentence about a write of somebody else that a change may have overwritten,
    and how to put it back.
    """
    too = ", and undoes this change" if outcome == "applied" else ""
    return (
        f"{writer} wrote it too, at {at}, and this change may have overwritten that. 'gt-secure"
        f" history show {change_id}' shows its text. 'gt-secure undo {change_id}' shows a plan that"
        f" puts it back{too}, and asks before it writes."
    )
