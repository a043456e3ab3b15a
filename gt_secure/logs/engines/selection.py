"""The chosen engine for a question, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import InvalidInput
from ...base.text import size_text

if TYPE_CHECKING:
    from .athena_settings import Athena

ENGINES = ("auto", "duckdb", "spark", "athena")

DUCKDB_UP_TO = 50 * 10**9
"""Bytes of log objects, as stored, that DuckDB in the kernel is suitable for.

It streams and has no fixed limit; above this, reading takes minutes to hours, mostly to fetch the
objects.
"""


class LargeLogs(UserWarning):
    """The logs are larger than what DuckDB in the kernel is suitable for."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine and why it was chosen.

    Attributes
    ----------
    engine : str
        ``duckdb``, ``spark`` or ``athena``.
    reason : str
        One or two sentences for people.
    recommended : bool
        Whether the engine suits that size.
    """

    engine: str
    reason: str
    recommended: bool = True


def check_engine(engine: str, *, session: Any = None, athena: Athena | None = None) -> None:
    """Raise InvalidInput for an unknown engine, or for settings of another one."""
    if engine not in ENGINES:
        raise InvalidInput(
            f'There is no engine "{str(engine)[:30]}".',
            next_step=f"Use {', '.join(ENGINES)}.",
            field="engine",
        )
    for name, value, of in (("session", session, "spark"), ("athena", athena, "athena")):
        if value is not None and engine not in ("auto", of):
            raise InvalidInput(
                f"{name}= is for the {of} engine, and {engine} is asked for.",
                next_step=f"Say engine='{of}' or 'auto', or leave {name}= out.",
                field=name,
            )


def choose(
    objects: int,
    size: int,
    *,
    session: Any = None,
    athena: Athena | None = None,
    on_s3: bool = True,
) -> EngineChoice:
    """Choose by the bytes that listing found;
    what costs money is never chosen unless it was handed over.
    """
    found = f"{objects:,} log objects, {size_text(size)}"
    limit = size_text(DUCKDB_UP_TO)
    if size <= DUCKDB_UP_TO:
        return EngineChoice("duckdb", f"DuckDB in this kernel: {found}, within {limit}.")
    if session is not None:
        return EngineChoice(
            "spark", f"Spark: {found}, above {limit}, and a Spark session was given."
        )
    if athena is not None and on_s3:
        return EngineChoice(
            "athena",
            f"Athena: {found}, above {limit}, and settings for Athena were given; it asks before it"
            " costs money.",
        )
    spark = "Spark (the wheel gt_secure_spark, session=)"
    others = f"{spark} or Athena (athena=)" if on_s3 else spark
    return EngineChoice(
        "duckdb",
        f"DuckDB in this kernel, though {found} are above {limit}: it reads them all, but it takes"
        f" long. {others} would be suitable; none was given, and nothing that costs money is"
        " started by itself.",
        recommended=False,
    )
