"""One function for every kind of figure, as ``Connection.plot`` and ``gt-secure plot`` call it."""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ...base.allowed import AllowedLike
from ...base.errors import InvalidInput
from ...base.text import did_you_mean
from .. import activity
from ..sql.log_columns import INTERNAL
from .age import AGED, url_ages
from .bars import hits_by_ip, hits_by_network
from .overtime import over_time
from .refusal_bars import refusals_by_lock
from .theme import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hits import Hits

PlotKind: TypeAlias = Literal["ip", "network", "time", "age", "refused"]
"""Kind of figure."""


_EMPTY: dict[PlotKind, tuple[str, str]] = {
    "age": (AGED, "no URL with a known age opened an object; your own test URLs are left out"),
    "refused": (f"refused AND NOT {INTERNAL}", "no request was refused"),
}
"""For kinds that show only some of the requests, the condition, and why none may meet it."""


def empty_kinds(hits: Hits) -> dict[PlotKind, str]:
    """Return the kinds of figures that would be empty for these hits, each with the reason."""
    conditions = ", ".join(f"count(*) FILTER ({condition})" for condition, _ in _EMPTY.values())
    [numbers] = hits.query(f"SELECT {conditions} FROM {{hits}}")
    return {
        kind: why
        for (kind, (_, why)), number in zip(_EMPTY.items(), numbers, strict=True)
        if not number
    }


@activity.step(activity.DRAWING)
def draw(
    hits: Hits,
    kind: PlotKind = "ip",
    *,
    allowed: AllowedLike = (),
    top: int = 12,
    theme: Theme = "light",
) -> Figure:
    """Draw one figure of hits; see :meth:`gt_secure.Connection.plot` for the kinds.

    Sources that are not ``allowed`` are marked, if any are, ``top`` sources are drawn on their own.
    An unknown kind is an :class:`InvalidInput`.
    """
    if kind not in get_args(PlotKind):
        raise InvalidInput(
            f"There is no plot of kind '{str(kind)[:40]}'.",
            next_step=did_you_mean(str(kind), get_args(PlotKind), form="'{}'"),
            field="kind",
            value=kind,
        )
    if kind in ("ip", "network"):
        bars = hits_by_ip if kind == "ip" else hits_by_network
        return bars(hits, allowed=allowed, top=top, theme=theme)
    if kind == "time":
        return over_time(hits, theme=theme)
    if kind == "refused":
        return refusals_by_lock(hits, top=top, theme=theme)
    return url_ages(hits, top=top, theme=theme)
