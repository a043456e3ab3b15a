"""Under which choices of the requester a request is opened, in words, where not all of them open it."""

from __future__ import annotations

from datetime import UTC, datetime

from ..iam.operators import read_date
from ..iam.request_space import Dimension, RequestSpace
from ..iam.statement_table import Setting

_SHOWN = 3
_TIMES = frozenset({"aws:currenttime", "aws:epochtime"})


def phrases(space: RequestSpace, mask: int, now: datetime) -> tuple[str, ...]:
    """Return the choices under which requests are opened; empty if every choice opens them."""
    found: list[str] = []
    live = space.settled & mask
    if any(part.keys & _TIMES and part.bits & space.table.everything for part in space.table.parts):
        found.append(f"at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, the time that was asked about")
    if space.always_opened(live):
        return tuple(found)
    chosen = [dimension for group in space.groups for dimension in group.dimensions if dimension.chosen]
    restricted = False
    for dimension in chosen:
        usable = space.usable(dimension, live)
        if 0 < len(usable) < len(dimension.settings):
            restricted = True
            found.append(_phrase(dimension, usable))
    if not restricted and len(chosen) > 1:
        names = ", ".join(sorted(dimension.name for dimension in chosen if len(dimension.settings) > 1))
        found.append(f"with some combinations of {names}")
    return tuple(sorted(found))


def _phrase(dimension: Dimension, usable: list[Setting]) -> str:
    if dimension.name == "aws:SecureTransport":
        return _transport(dimension, usable)
    key = next(iter(dimension.keys)) if len(dimension.keys) == 1 else "aws:principalarn"
    if dimension.name == "s3:signatureAge":
        return _age(dimension, usable)
    if dimension.name == "aws:TokenIssueTime":
        return _issued(dimension, usable)
    if dimension.name in ("aws:PrincipalArn", "aws:userid"):
        return "signed by " + _some(sorted({setting.caller.text for setting in usable if setting.caller is not None}))
    values = [", ".join(setting.values[key]) for setting in usable if key in setting.values]
    absent = any(key not in setting.values for setting in usable)
    if not values:
        return f"without {dimension.name}"
    if absent or len(values) > len(dimension.settings) / 2:
        out = [s for s in dimension.settings if s not in usable]
        others = [", ".join(setting.values[key]) for setting in out if key in setting.values]
        return f"with {dimension.name}" if not others else f"unless {dimension.name} is {_some(others)}"
    return f"with {dimension.name} {_some(values)}"


def _some(values: list[str]) -> str:
    shown = " or ".join(f'"{value[:120]}"' for value in values[:_SHOWN])
    return shown + (f" or {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def _transport(dimension: Dimension, usable: list[Setting]) -> str:
    secure = [setting for setting in usable if setting.values["aws:securetransport"] == ("true",)]
    every = [setting for setting in dimension.settings if setting.values["aws:securetransport"] == ("true",)]
    if not secure:
        return "over HTTP only"
    if len(secure) < len(every):
        return "over HTTPS with TLS " + " or ".join(setting.values["s3:tlsversion"][0] for setting in secure)
    return "over HTTPS only"


def _issued(dimension: Dimension, usable: list[Setting]) -> str:
    """Return when credentials must have been issued; long-term ones have no such time."""
    key = "aws:tokenissuetime"
    every = {setting.values[key][0] for setting in dimension.settings if key in setting.values}
    good = {setting.values[key][0] for setting in usable if key in setting.values}
    long_term = len(good) < len(usable)
    if good == every:
        return "signed with temporary credentials"
    moments = sorted(seconds for text in good if (seconds := read_date(text)) is not None)
    words = "signed with long-term keys" if not moments else (
        f"signed with credentials issued at {datetime.fromtimestamp(int(moments[0]), UTC):%Y-%m-%dT%H:%M:%SZ} or later"
    )  # fmt: skip
    return f"{words}, or with long-term keys" if moments and long_term else words


def _age(dimension: Dimension, usable: list[Setting]) -> str:
    ages = [int(setting.values["s3:signatureage"][0]) for setting in dimension.settings]
    good = {int(setting.values["s3:signatureage"][0]) for setting in usable}
    youngest, oldest = min(good), max(good)
    if youngest == min(ages):
        return f"with a signature not older than {_duration(oldest)}"
    if oldest == max(ages):
        return f"with a signature at least {_duration(youngest)} old"
    return f"with a signature from {_duration(youngest)} to {_duration(oldest)} old"


def _duration(milliseconds: int) -> str:
    for unit, size in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            amount = milliseconds // size
            return f"{amount} {unit}{'' if amount == 1 else 's'}"
    return f"{milliseconds:,} ms"
