"""Read what decides who can open an object, and ask the engine: a table of sources against locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..account.snapshot import read_state
from ..aws.buckets import check_key
from ..aws.client import Aws
from ..iam.facts import supplied_facts
from ..network import Source
from .locks import EffectiveLocks
from .who_can_open import AccessRow, rows_of, who_html, who_text


class AccessTable:
    """The answer as a table that shows itself; iterate for its rows."""

    def __init__(self, rows: Iterable[AccessRow]) -> None:
        self.rows = tuple(rows)

    def __iter__(self) -> Iterator[AccessRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """JSON-able data, a row each."""
        return [row.to_dict() for row in self.rows]

    def to_text(self, room: int | None = None) -> str:
        """Return the table as text, no wider than ``room`` columns."""
        return who_text(self.rows, room)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return who_html(self.rows)


def who(
    aws: Aws,
    bucket: str,
    key: str,
    sources: Iterable[Source | str],
    *,
    team: str | None = None,
    forwarded_from: Source | str | None = "192.0.2.1",
    context: Mapping[str, object] | None = None,
) -> AccessTable:
    """Say who can open an object now.

    Parameters
    ----------
    aws : Aws
    bucket, key : str
        The object.
    sources : iterable of Source or str
        Where requests would come from.
    team : str, optional
        The private workteam whose locks count; without one only the bucket's policy does.
    forwarded_from : Source or str, optional
        The worker whose URL is passed on; None leaves these rows out.
    context : mapping, optional
        Facts that are supplied; they win over those that are read.
    """
    wanted = [Source.parse(source) for source in sources]
    name = check_key(key)
    state = read_state(aws, team=team, bucket=bucket, key=name, supplied=supplied_facts(context))
    return AccessTable(rows_of(EffectiveLocks.of(state), name, wanted, forwarded_from))
