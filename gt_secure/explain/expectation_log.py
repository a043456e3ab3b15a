"""Scenes: what was expected of a source, and what was observed. For tutorials,
reviews and the demo's summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..base.errors import InvalidInput
from ..base.html import Chip, output, table
from ..base.shown import Shown
from ..base.text import Json
from ..base.truth import Ambiguous
from ..presign.probe import Probe

Expected = Literal["opened", "refused"]
MIME = "application/vnd.gt-secure.scenes+json"


@dataclass(frozen=True, slots=True)
class LoggedProbe(Shown, Ambiguous):
    """One probe with what it should have given."""

    _ask = ".as_expected"
    document = (
        "scene: label",
        "http_status: status",
        "source",
        "expected",
        "observed",
        "error_code",
        "decided_by",
        "as_expected",
    )

    label: str
    source: str
    expected: Expected
    observed: str
    status: int | None
    error_code: str
    decided_by: str = ""

    @property
    def as_expected(self) -> bool:
        """Return whether what was observed is what was expected."""
        return self.expected == self.observed


class Scenes(Ambiguous):
    """A growing list of scenes that shows itself as a table."""

    _ask = ".as_expected"

    def __init__(self) -> None:
        self._scenes: list[LoggedProbe] = []

    def add(
        self, label: str, probe: Probe, expected: Expected, *, decided_by: str = ""
    ) -> LoggedProbe:
        """Add one probe.

        Parameters
        ----------
        label : str
            What happens in the scene.
        probe : Probe
        expected : {"opened", "refused"}
        decided_by : str
            The lock that decided, if explained.
        """
        if expected not in {"opened", "refused"}:
            raise InvalidInput(
                f'"{expected}" is not an expectation.', next_step='Write "opened" or "refused".'
            )
        scene = LoggedProbe(
            label,
            str(probe.source or probe.probe_origin),
            expected,
            probe.answer,
            probe.status,
            probe.error_code,
            decided_by,
        )
        self._scenes.append(scene)
        return scene

    def __iter__(self) -> Iterator[LoggedProbe]:
        return iter(self._scenes)

    def __len__(self) -> int:
        return len(self._scenes)

    @property
    def as_expected(self) -> bool:
        """Return whether there are scenes and all are as expected."""
        return bool(self._scenes) and all(scene.as_expected for scene in self._scenes)

    def to_dicts(self) -> list[Json]:
        """JSON-able data, a scene each."""
        return [scene.to_dict() for scene in self._scenes]

    def __repr__(self) -> str:
        lines = [
            f"{'ok ' if s.as_expected else 'NOT'} {s.label}: {s.source} expected {s.expected}, "
            f"observed {s.observed} ({s.status})"
            for s in self._scenes
        ]
        return "\n".join(lines) or "no scenes yet"

    def _repr_mimebundle_(self, **_: object) -> Json:
        rows = [
            (
                scene.label,
                scene.source,
                scene.expected,
                f"{scene.observed} ({scene.status})"
                + (f" · {scene.decided_by}" if scene.decided_by else ""),
                Chip("ok", "as expected") if scene.as_expected else Chip("no", "not as expected"),
            )
            for scene in self._scenes
        ]
        html = output(table(("Scene", "Source", "Expected", "Observed", "Result"), rows))
        return {"text/plain": repr(self), "text/html": html, MIME: self.to_dicts()}
