"""Under which choices of the requester a request is opened, in words,
where not all of them open it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce
from itertools import product

from ...base.text import Texts, some
from ..iam.conditions import Condition
from ..iam.facts import Values
from ..iam.operators import read_date, read_number
from ..iam.request_context import SIGV4
from ..iam.request_keys import TIME_KEYS
from ..iam.request_space import Dimension, RequestSpace
from ..iam.statement_table import PRINCIPAL, DimensionValue, View, mask_of
from ..iam.three_valued import conditions_on
from ..iam.variables import Keys, split_wildcards
from ..iam.wildcards import glob
from .request_kinds import LONGEST_SIGNATURE_MS
from .signer_words import SESSION, signers_of
from .unlisted_values import UNLISTED

_SHOWN = 3
_VERSION = "s3:signatureversion"
_SIGNATURES = ("s3:signatureAge", _VERSION)


def phrases(space: RequestSpace, mask: int, now: datetime) -> Texts:
    """Return the choices without which no request is opened; empty if every choice opens it."""
    texts = []
    live = space.settled & mask
    if any(
        part.keys & TIME_KEYS and part.bits & space.table.everything for part in space.table.parts
    ):
        texts.append(f"at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, the time that was asked about")
    if space.always_opened(live):
        return tuple(texts)
    chosen = [
        dimension for group in space.groups for dimension in group.dimensions if dimension.chosen
    ]
    choices: list[str] = []
    facts: set[str] = set()
    for dimension in chosen:
        usable, asked = space.usable(dimension, live)
        facts |= asked
        if 0 < len(usable) < len(dimension.settings):
            signed = dimension.name in _SIGNATURES
            choices += _signed(dimension, usable) if signed else [_phrase(space, dimension, usable)]
    if facts:
        choices.append(f"some refused, depending on {', '.join(sorted(facts))}")
    if not choices and len(chosen) > 1:
        names = sorted(dimension.name for dimension in chosen if _matters(space, dimension, live))
        choices.append(f"with some values of {', '.join(names)}")
    return tuple(sorted([*texts, *choices]))


def oldest_ms(space: RequestSpace, mask: int) -> int | None:
    """Return the age of the oldest signature that opens; None if no policy limits it."""
    dimensions = (
        d
        for group in space.groups
        for d in group.dimensions
        if d.name == "s3:signatureAge" and d.settings
    )
    dimension = next(dimensions, None)
    if dimension is None:
        return None
    usable, _ = space.usable(dimension, space.settled & mask)
    listed = [each.values for each in usable if each.label != UNLISTED]
    ages = {int(e["s3:signatureage"][0]) for e in listed if e[_VERSION] == (SIGV4,)}
    every = max(int(e.values["s3:signatureage"][0]) for e in dimension.settings)
    is_limited = (
        ages and max(ages) < every and not any(each[_VERSION] != (SIGV4,) for each in listed)
    )
    return max(ages) if is_limited else None


def _matters(space: RequestSpace, dimension: Dimension, live: int) -> bool:
    """Return whether the settings of a dimension, beside the same of all others,
    let other statements stand.
    """
    group = next(group for group in space.groups if dimension in group.dimensions)
    if group.bounded:
        return len(dimension.settings) > 1
    for rest in product(*(other.settings for other in group.dimensions if other is not dimension)):
        views = (
            reduce(View.with_setting, (*rest, each), space.base) for each in dimension.settings
        )
        if len({mask_of(group.parts, view) & live for view in views}) > 1:
            return True
    return False


def _phrase(space: RequestSpace, dimension: Dimension, usable: list[DimensionValue]) -> str:
    if dimension.name == "aws:SecureTransport":
        return _transport(dimension, usable)
    if dimension.name == "sts:RoleSessionName" and PRINCIPAL in dimension.keys:
        names = [setting.label for setting in usable]
        if SESSION not in names:
            return f"for a session named {_some(names)}"
        others = [each.label for each in dimension.settings if each not in usable]
        return f"for a session not named {_some(others)}"
    if dimension.name in ("aws:PrincipalArn", "aws:userid"):
        is_other, signers = signers_of(space, dimension.settings, usable)
        return f"{'unless ' if is_other else ''}signed by {_some(signers, quote='')}"
    key = next(iter(dimension.keys))
    return _values(dimension.name, key, dimension.settings, usable, conditions_on(space.table, key))


_ISSUED = "aws:TokenIssueTime"
_PRESENCE = {
    _ISSUED: (
        "signed with long-term keys",
        "signed with temporary credentials",
        ", or with long-term keys",
    ),
}
"""Words for a key that is absent or present, which is which signer a request has."""


def _values(
    name: str,
    key: str,
    settings: Sequence[DimensionValue],
    usable: list[DimensionValue],
    conditions: list[Condition],
) -> str:
    """Return which values of one key open, in the words of the conditions on it;
    the settings are only examples.
    """
    good = [setting.values[key] for setting in usable if key in setting.values]
    opening = set(map(id, usable))
    others = [setting for setting in settings if id(setting) not in opening]
    bad = [setting.values[key] for setting in others if key in setting.values]
    without = any(key not in setting.values for setting in usable)
    no_value, any_value, or_none = _PRESENCE.get(
        name, (f"without {name}", f"with {name}", ", or without it")
    )
    if not good:
        return no_value
    if not bad:
        return any_value
    words = (
        _labelled(name, usable)
        or _compared(name, good, bad, conditions)
        or _matched(name, good, bad, conditions, without=without)
        or f'with some values of {name}, such as "{some([*good[0]])}"'
    )
    return f"{words}{or_none}" if without and not words.startswith("unless") else words


def _labelled(name: str, usable: list[DimensionValue]) -> str:
    """Return the ranges of addresses, which are the labels of their settings."""
    if name != "aws:VpcSourceIp":
        return ""
    ranges = [label for setting in usable for label in setting.label.split() if "/" in label]
    return f"with {name} in {_some(ranges, quote='')}" if len(ranges) >= len(usable) else ""


def _compared(
    name: str,
    good: list[Values],
    bad: list[Values],
    conditions: Iterable[Condition],
) -> str:
    """Return a limit, where numbers or times are compared."""
    if not all(condition.name.startswith(("Numeric", "Date", "Null")) for condition in conditions):
        return ""
    read = read_date if name == _ISSUED else read_number
    numbers = [[read(text) for text in values] for values in (*good, *bad)]
    flat = [row[0] for row in numbers if len(row) == 1 and row[0] is not None]
    if len(flat) != len(good) + len(bad):
        return ""
    fine, wrong = flat[: len(good)], flat[len(good) :]
    if name == _ISSUED:
        first = datetime.fromtimestamp(int(min(fine)), UTC)
        issued = f"signed with credentials issued at {first:%Y-%m-%dT%H:%M:%SZ} or later"
        return issued if min(fine) > max(wrong) else ""
    if max(fine) < min(wrong):
        return f"with {name} not above {max(fine):f}"
    return f"with {name} of {min(fine):f} or more" if min(fine) > max(wrong) else ""


def _matched(
    name: str,
    good: list[Values],
    bad: list[Values],
    conditions: Iterable[Condition],
    *,
    without: bool,
) -> str:
    """Return the values of the policies that all open or all refuse."""
    texts = _texts(conditions)
    opening = {text for text in texts if _hits(text, good) and not _hits(text, bad)}
    if opening and all(any(_hits(text, [values]) for text in opening) for values in good):
        return f"with {name} {_some(sorted(opening))}"
    refusing = {text for text in texts if _hits(text, bad) and not _hits(text, good)}
    if refusing and all(any(_hits(text, [values]) for text in refusing) for values in bad):
        words = f"unless {name} is" if without else f"with {name}, unless it is"
        return f"{words} {_some(sorted(refusing))}"
    return ""


def _texts(conditions: Iterable[Condition]) -> list[str]:
    return [
        text
        for condition in conditions
        if condition.name.startswith(("String", "Arn"))
        for text in condition.values
        if "${" not in text
    ]


def _hits(text: str, values: Iterable[Values]) -> bool:
    matches = glob(split_wildcards(text))
    return any(len(each) == 1 and matches(each[0]) for each in values)


def _some(values: Sequence[str], quote: str = '"') -> str:
    shown = " or ".join(f"{quote}{value[:120]}{quote}" for value in values[:_SHOWN])
    return shown + (f" or {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def _transport(dimension: Dimension, usable: list[DimensionValue]) -> str:
    both = (dimension.settings, usable)
    every, opening = (
        {(e.values.get("s3:tlsversion") or ("",))[0] for e in some if e.label != UNLISTED}
        for some in both
    )
    if opening == every - {""}:
        return "over HTTPS only"
    return "over " + " or ".join(
        f"HTTPS with TLS {version}" if version else "HTTP" for version in sorted(opening)
    )


def _signed(dimension: Dimension, usable: list[DimensionValue]) -> list[str]:
    """Return the ages and the version of signatures that open;
    version 2 has no age that S3 knows.
    """
    every, good = (
        [each.values for each in some if each.label != UNLISTED]
        for some in (dimension.settings, usable)
    )
    version_4, opening = (
        [each for each in some if each[_VERSION] == (SIGV4,)] for some in (every, good)
    )
    if not opening:
        return ["with signature version 2 only: version 4 is refused"]
    result = [_age(version_4, opening)] if len(opening) < len(version_4) else []
    if len(good) > len(opening):
        return [*result, *(["with signature version 2 at any age as well"] if result else [])]
    only = (
        ["with signature version 4 only: version 2 is refused"]
        if len(every) > len(version_4)
        else []
    )
    return result + only


def _age(settings: Sequence[Keys], usable: Sequence[Keys]) -> str:
    ages, good = ({int(each["s3:signatureage"][0]) for each in some} for some in (settings, usable))
    youngest, oldest = min(good), max(good)
    if youngest == min(ages):
        return f"with a signature not older than {duration(oldest)}"
    if oldest == max(ages) and youngest < LONGEST_SIGNATURE_MS:  # it stands for every age above
        below = max(age for age in ages if age < youngest)
        if youngest == below + 1 and below % 1000 == 0:
            return f"with a signature older than {duration(below)}"
        return f"with a signature at least {duration(youngest)} old"
    if youngest == oldest:
        return f"with a signature exactly {duration(oldest)} old"
    return f"with a signature from {duration(youngest)} to {duration(oldest)} old"


def duration(milliseconds: int) -> str:
    """Return a duration in its largest whole unit."""
    for unit, size in (
        ("day", 86_400_000),
        ("hour", 3_600_000),
        ("minute", 60_000),
        ("second", 1000),
    ):
        if milliseconds >= size and milliseconds % size == 0:
            amount = milliseconds // size
            return f"{amount} {unit}{'' if amount == 1 else 's'}"
    return f"{milliseconds:,} ms"
