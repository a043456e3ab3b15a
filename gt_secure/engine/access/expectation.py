"""An expectation: the result that some sources must get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...base.network import Source
from ...base.text import Json

ExpectedAnswer: TypeAlias = Literal["allowed", "refused"]
Of: TypeAlias = Literal["team", "bucket"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expected result for some sources.

    ``of`` is ``team`` for a worker of the team, through portal lock, URL lock and bucket, or
    ``bucket`` for any presigned URL of the bucket; None means ``team`` if the restriction names
    one. ``prefix`` is that of the objects; None means the prefix of the restriction.
    """

    kind: ExpectedAnswer
    sources: tuple[Source, ...]
    of: Of | None = None
    prefix: str | None = None

    def to_dict(self) -> Json:
        """Return the expectation in the form of a restriction file."""
        data: Json = {self.kind: [str(source) for source in self.sources]}
        if self.of is not None:
            data["of"] = self.of
        if self.prefix is not None:
            data["prefix"] = self.prefix
        return data

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(str(source) for source in self.sources)}"
