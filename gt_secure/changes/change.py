"""Changes: the typed steps of a plan, with their values before and after,
permissions and effects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeGuard, TypeVar

from ..account.state import State
from ..base.shown import Shown
from ..base.text import Json, JsonLike, Texts, members
from .targets import TARGETS, Target, TargetKind

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Call(Shown):
    """One AWS call of a change: its parameters, and the IAM action and resource that it needs."""

    action: str
    resource: str
    operation: str
    parameters: JsonLike


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """One step of a plan: the value of a target before and after, each also in words.

    ``affects`` lists what else it affects: other teams, jobs in progress, review workflows.
    ``calls`` are reads and writes, with the permission that each one needs.
    """

    target: Target[V]
    before: V
    after: V
    before_text: str
    after_text: str
    affects: Texts = ()
    calls: tuple[Call, ...] = ()
    seconds_typical: int = 1

    @property
    def kind(self) -> TargetKind:
        """``bucket-guard``, ``url-lock`` or ``portal-lock``."""
        return self.target.kind

    @property
    def name(self) -> str:
        """The name of the team, workforce or bucket that changes."""
        return self.target.name

    @property
    def region(self) -> str:
        """The region of a bucket; empty for a workteam or workforce,
        which are in the region of the connection.
        """
        return self.target.region

    @property
    def title(self) -> str:
        """The lock and what carries it, for example ``Bucket guard of gt-images``."""
        return f"{self.target.title} of {self.name}"

    @property
    def protects(self) -> bool:
        """True if the planned value restricts anything."""
        return self.target.protects(self.after)

    def put(self, state: State) -> State:
        """Return the state after this change."""
        return self.target.put(self.after, state)

    def to_dict(self) -> Json:
        """Return the change as JSON-able data, with the values before and after."""
        names = (
            "kind",
            "region",
            "before_text",
            "after_text",
            "protects",
            "affects",
            "calls",
            "seconds_typical",
        )
        return {
            "target": self.name,
            "before": self.target.to_json(self.before),
            "after": self.target.to_json(self.after),
            **members(self, *names),
        }

    def for_journal(self) -> Json:
        """Return the data to carry out or undo the change in another process,
        in the journal's format 1.
        """
        return {
            **members(self, "kind", "target: name", "region"),
            **members(self, "before: before_text", "after: after_text"),
            "before_raw": self.target.to_json(self.before),
            "after_raw": self.target.to_json(self.after),
        }


def change_from_journal(data: JsonLike) -> Change[Any]:
    """Read what :meth:`Change.for_journal` wrote.

    Raises ValueError if a part is missing or malformed.
    """
    missing = [key for key in ("kind", "target", "before_raw", "after_raw") if key not in data]
    if missing:
        raise ValueError(f"a change has no '{missing[0]}'")
    if data["kind"] not in TARGETS:
        raise ValueError(f"a change has the unknown kind '{str(data['kind'])[:40]}'")
    target = TARGETS[data["kind"]](str(data["target"]), str(data.get("region") or ""))
    return Change(
        target=target,
        before=target.from_json(data["before_raw"]),
        after=target.from_json(data["after_raw"]),
        before_text=str(data.get("before", "")),
        after_text=str(data.get("after", "")),
    )


def is_change_of(change: Change[Any], target: type[Target[V]]) -> TypeGuard[Change[V]]:
    """Return whether a change is one of this kind of target."""
    return isinstance(change.target, target)


def find_change(changes: Iterable[Change[Any]], target: type[Target[V]]) -> Change[V] | None:
    """Return the first change of a kind of target; None without one."""
    for change in changes:
        if is_change_of(change, target):
            return change
    return None
