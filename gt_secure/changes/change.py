"""Changes: the typed steps of a plan, each with before and after, and what it needs and touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["bucket-guard", "url-lock", "portal-lock"]

ORDER: tuple[Kind, ...] = ("bucket-guard", "url-lock", "portal-lock")
"""The portal lock comes last, because it is the one that can shut people out."""

KINDS: frozenset[str] = frozenset(ORDER)

TITLES: Mapping[Kind, str] = {"bucket-guard": "Bucket guard", "url-lock": "URL lock", "portal-lock": "Portal lock"}


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call of a change: the IAM action and resource that it needs, and what is sent."""

    action: str
    resource: str
    operation: str
    parameters: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the call as JSON-able data."""
        return {
            "action": self.action,
            "resource": self.resource,
            "operation": self.operation,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan.

    Attributes
    ----------
    kind : str
        ``bucket-guard``, ``url-lock`` or ``portal-lock``.
    target : str
        Name of the bucket, workteam or workforce; ``region`` is the region of a bucket.
    before, after : str
        What is and what is wanted, for people.
    before_raw, after_raw : object
        The same for programs: the whole policy text or None; the two toggles; the list of CIDR ranges.
    affects : tuple of str
        Who is touched besides the team: other teams, jobs in progress, review workflows, other readers.
    calls : tuple of Call
        Reads and writes, with the permission that each one needs.
    seconds_typical : int
        How long it usually takes on AWS.
    undoable : bool
    """

    kind: Kind
    target: str
    before: str
    after: str
    before_raw: Any
    after_raw: Any
    affects: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    seconds_typical: int = 1
    undoable: bool = True
    region: str = ""

    @property
    def title(self) -> str:
        """The lock and what carries it, for example ``Bucket guard of gt-images``."""
        return f"{TITLES[self.kind]} of {self.target}"

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON-able data."""
        return {
            "kind": self.kind,
            "target": self.target,
            "region": self.region,
            "before": self.before,
            "after": self.after,
            "before_raw": self.before_raw,
            "after_raw": self.after_raw,
            "affects": list(self.affects),
            "calls": [call.to_dict() for call in self.calls],
            "seconds_typical": self.seconds_typical,
            "undoable": self.undoable,
        }

    def for_journal(self) -> dict[str, Any]:
        """Return what is needed to carry the change out or take it back in another process."""
        keep = ("kind", "target", "region", "before", "after", "before_raw", "after_raw")
        data = self.to_dict()
        return {key: data[key] for key in keep}

    @classmethod
    def from_journal(cls, data: Mapping[str, Any]) -> Change:
        """Read what :meth:`for_journal` wrote."""
        return cls(
            kind=data["kind"],
            target=str(data["target"]),
            before=str(data["before"]),
            after=str(data["after"]),
            before_raw=data["before_raw"],
            after_raw=data["after_raw"],
            region=str(data.get("region") or ""),
        )


def planned_values(changes: Iterable[Change]) -> dict[str, Any]:
    """Return what each lock would be after the changes, by kind."""
    return {change.kind: change.after_raw for change in changes}
