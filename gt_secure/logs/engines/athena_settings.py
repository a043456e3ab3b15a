"""Settings of a query on Athena, and the estimate that a person agrees to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ...base.errors import InvalidInput, LogError
from ...base.text import size_text

MAX_QUERY_BYTES = 262_144
"""Longest text of a query that Athena accepts, in bytes of UTF-8."""
USD_PER_TB = 5.0
"""List price of AWS in most regions in 2026: an assumption for estimates, never a bill."""
LEAST_BYTES = 10_000_000
"""Bytes that a query is billed for at least."""
_NAME = re.compile(r"[A-Za-z0-9_]{1,128}")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of what a query will read and cost.

    Attributes
    ----------
    objects, bytes : int
        Log objects of the time range, with the margin for late delivery, and their bytes as stored.
        Trino opens no object that a condition on ``"$path"`` leaves out; AWS does not document it
        for Athena, so more may be scanned, and the answer says how much was.
    usd_per_tb : float
        The price assumed.
    workgroup, database, table : str
        Where it runs, and on what.
    creates : bool
        Whether the table is made for this query and dropped afterwards.
    """

    objects: int
    bytes: int
    usd_per_tb: float
    workgroup: str
    database: str
    table: str
    creates: bool

    @property
    def usd(self) -> float:
        """About what the query costs, in US dollars."""
        return max(self.bytes, LEAST_BYTES) / 1e12 * self.usd_per_tb

    @property
    def sentence(self) -> str:
        """The question that a person confirms."""
        made = (
            f"It makes the table {self.database}.{self.table} over the log, and drops it"
            " afterwards."
            if self.creates
            else f"It reads the table {self.database}.{self.table}."
        )
        return (
            f"Athena (work group {self.workgroup}) would scan about {size_text(self.bytes)} in"
            f" {self.objects:,} log objects, about {self.usd:,.2f} USD at {self.usd_per_tb:g} USD a"
            f" TB. {made}"
        )


@dataclass(frozen=True, kw_only=True)
class Athena:
    """Settings that run a question on Athena.

    Parameters
    ----------
    database : str
        Database of the Glue catalog for the table.
    workgroup : str
        Its own output location and limits hold where it enforces them.
    output : str, optional
        ``s3://bucket/prefix/`` for results; the default is the work group's.
    table : str, optional
        A table of raw lines that is there already: one text column. The default makes one for the
        query.
    yes : bool
        Run without asking.
    confirm : callable, optional
        Gets the :class:`Estimate`, returns whether to run.
    usd_per_tb : float
        The price of your region, for the estimate.
    timeout_s : float
        After this time the query is stopped.

    Examples
    --------
    >>> from gt_secure.logs import Athena
    >>> Athena(database="logs", output="s3://results/athena/", yes=True).workgroup
    'primary'
    """

    database: str = "default"
    workgroup: str = "primary"
    output: str | None = None
    table: str | None = None
    yes: bool = False
    confirm: Callable[[Estimate], bool] | None = None
    usd_per_tb: float = USD_PER_TB
    timeout_s: float = 1800.0

    def __post_init__(self) -> None:
        for name in ("database", "table"):
            value = getattr(self, name)
            if value is not None and not _NAME.fullmatch(value):
                raise InvalidInput(
                    f'"{value[:40]}" is no name of a {name}.',
                    next_step="Use letters, digits and underscores.",
                    field=name,
                )
        if self.output is not None and not self.output.startswith("s3://"):
            raise InvalidInput(
                "The output location of Athena is an s3:// address.",
                next_step="Write s3://bucket/prefix/.",
                field="output",
            )
        if self.usd_per_tb < 0 or self.timeout_s <= 0:
            raise InvalidInput(
                "A price is not negative, and a time-out is positive.", field="timeout_s"
            )

    def ask(self, estimate: Estimate) -> None:
        """Return if the person agrees to the cost; raise if nobody can be asked,
        or the answer is no.
        """
        if self.yes:
            return
        if self.confirm is None:
            raise InvalidInput(
                f"{estimate.sentence} The query was not confirmed.",
                next_step="Pass yes=True, as in Athena(yes=True), or Athena(confirm=...).",
                field="yes",
                details={
                    "objects": estimate.objects,
                    "bytes": estimate.bytes,
                    "usd": round(estimate.usd, 2),
                },
            )
        if not self.confirm(estimate):
            raise LogError("Nothing was run: the question was answered with no.")
