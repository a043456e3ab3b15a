"""Condition operators: what each one takes as a value, and how it compares one value of a request.

Source: IAM User Guide, *IAM JSON policy elements: Condition operators*. Policy variables work with
String and Arn operators only (*Variables and tags*, "Where you can use policy variables").
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import TypeAlias, TypeVar

from ...base.errors import InvalidInput, PolicyError
from ...base.network import IPAddress, IPNetwork, Ranges, parse_network
from .variables import Filled, Keys, Template, fill, fill_text, is_fixed, parse_template
from .wildcards import ARN_COLONS, TextMatcher, arn_glob, glob

T = TypeVar("T")
KeyMatch: TypeAlias = bool | None
"""Whether a request's value matches; None if that cannot be known,
because a value is not of the operator's type.
"""

Test: TypeAlias = Callable[[str, Keys], KeyMatch]


PlacedText: TypeAlias = tuple[str, str]
"""A value of a policy, and its place in the document."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Tests of a request made of the values of a policy (variables special or not);
    one yes is enough.
    """

    name: str
    negated: bool
    build: Callable[[Sequence[PlacedText], bool], tuple[Test, ...]]


def _each(
    build: Callable[[str, bool, str], Test],
) -> Callable[[Sequence[PlacedText], bool], tuple[Test, ...]]:
    return lambda values, variables: tuple(build(text, variables, place) for text, place in values)


def _equals(value: str, variables: bool, place: str) -> Test:
    template = parse_template(value, variables=variables, wildcards=False, place=place)
    if is_fixed(template):
        text = "".join(str(part) for part in template)
        return lambda actual, _keys: actual == text
    return lambda actual, keys: actual == fill_text(template, keys)


def _equals_any_case(value: str, variables: bool, place: str) -> Test:
    template = parse_template(value, variables=variables, wildcards=False, place=place)

    def test(actual: str, keys: Keys) -> KeyMatch:
        wanted = fill_text(template, keys)
        return wanted is not None and actual.lower() == wanted.lower()

    return test


def _like(value: str, variables: bool, place: str) -> Test:
    return _pattern(parse_template(value, variables=variables, wildcards=True, place=place), glob)


def _arn(value: str, variables: bool, place: str) -> Test:
    template = parse_template(value, variables=variables, wildcards=True, place=place)
    return _pattern(template, arn_glob, open_pattern(value))


OPEN_PATTERN = "the ARN pattern "
"""Start of the keys of patterns for ARNs. Condition keys are compared in lower case,
so that no other begins so.
"""


def open_pattern(value: str) -> str:
    """Return the key for whether a pattern of ARNs matches, if it may have fewer than six parts;
    else nothing.

    The guide compares the six parts one by one, and leaves open what fewer match. No request has
    the key.
    """
    closed, brace, rest = value.rpartition("}")  # no search for the end of a variable without one
    text = _VARIABLE.sub("", closed + brace) + rest
    return f'{OPEN_PATTERN}"{value}"' if text.count(":") < ARN_COLONS else ""


OPEN_DATE = "the date "
"""Start of the keys of dates that can be read in two ways."""


def open_date(value: str) -> str:
    """Return the key for whether a date is compared as a year, if four digits may as well be
    seconds of 1970; else nothing.

    The guide takes ISO 8601 dates, a year alone among them, and epoch seconds. No request has the
    key.
    """
    return f'{OPEN_DATE}"{value}"' if _epoch_of_year(value) is not None else ""


def _epoch_of_year(text: str) -> Decimal | None:
    word = text.strip()
    return Decimal(word) if len(word) == 4 and word.isascii() and word.isdigit() else None


_VARIABLE = re.compile(r"\$\{[^}]*\}")
_OF_PATTERNS: Mapping[tuple[str, ...], bool] = {("true",): True, ("false",): False}
"""Values of the key of a pattern or date: for a date, the answer to its condition."""


def _arn_unless_unknown(value: str, variables: bool, place: str) -> Test:
    """For the negated operators: a value that is not an ARN is unknown, not unequal,
    or an Allow would open to it.
    """
    test = _arn(value, variables, place)
    return lambda actual, keys: test(actual, keys) if actual.count(":") >= 5 else None


def _pattern(
    template: Template, compiled: Callable[[Filled], TextMatcher | None], key: str = ""
) -> Test:
    """Return the test of a pattern; where it cannot be compiled, a key says whether it matches."""
    if is_fixed(template):
        matcher = compiled(fill(template, {}) or ())
        return lambda actual, keys: (
            _OF_PATTERNS.get(keys.get(key, ())) if matcher is None else matcher(actual)
        )

    def test(actual: str, keys: Keys) -> KeyMatch:
        filled = fill(template, keys)
        if filled is None:
            return False
        found = compiled(filled)
        return _OF_PATTERNS.get(keys.get(key, ())) if found is None else found(actual)

    return test


def _addresses(values: Sequence[PlacedText], _variables: bool) -> tuple[Test, ...]:
    """One test for all values of a condition: a guard may list 900 ranges,
    and plots ask once for each address.
    """
    ranges = Ranges(policy_network(value, place) for value, place in values)

    def test(actual: str, _keys: Keys) -> KeyMatch:
        address = read_address(actual)
        return None if address is None else ranges.holds(address)

    return (test,) if values else ()


@lru_cache(maxsize=65536)
def _network(value: str) -> IPNetwork:
    head, slash, tail = value.partition("/")
    address = read_address(head)
    if address is None:
        return parse_network(head)  # it says what is wrong
    size = address.max_prefixlen
    if slash and (not re.fullmatch(r"[0-9]{1,3}", tail) or int(tail) > size):
        raise InvalidInput(
            f'"{tail[:20]}" is not a prefix length from 0 to {size}.', field="address"
        )
    make = ipaddress.IPv4Network if address.version == 4 else ipaddress.IPv6Network
    return make((int(address), int(tail) if slash else size), strict=False)


def policy_network(value: str, place: str) -> IPNetwork:
    """Read an ``IpAddress`` value: a bare address is that address;
    host bits are ignored, as AWS does.
    """
    try:
        return _network(value)
    except InvalidInput as error:
        raise PolicyError(
            f'"{value[:60]}" is not an address or CIDR range. {error.message}',
            place=place,
            value=value,
            next_step="Write a range such as 203.0.113.0/24 or 2001:db8:40::/48.",
        ) from error


@lru_cache(maxsize=65536)
def read_address(text: str) -> IPAddress | None:
    """Read one address without a zone, which may be IPv4-mapped; None for anything else."""
    try:
        return None if "%" in text else ipaddress.ip_address(text.strip())
    except ValueError:
        return None


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


@lru_cache(maxsize=4096)
def read_number(text: str) -> Decimal | None:
    """Read an integer or decimal number; None for anything else, exponents included."""
    word = text.strip()
    return Decimal(word) if len(word) < 400 and _NUMBER.fullmatch(word) else None


_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,  # digits of other scripts are no numbers to IAM
)


@lru_cache(maxsize=4096)
def read_date(text: str) -> Decimal | None:
    """Read an ISO 8601 date (W3C profile, UTC without an offset) or epoch seconds;
    four digits are a year.
    """
    word = text.strip()
    match = _DATE.fullmatch(word)
    if match is None:
        return read_number(word)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    if offset and offset not in "Zz":
        digits = offset[1:].replace(":", "")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        try:
            moment = moment - shift if offset[0] == "+" else moment + shift
        except OverflowError:
            return None  # before the year 1 or after 9999
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Decimal(since.days * 86400 + since.seconds) + Decimal(f"0.{fraction or 0}")


def _typed(
    read: Callable[[str], T | None],
    what: str,
    fix: str = "Correct the value.",
    compare: Callable[[T, T], bool] = eq,
    also: Callable[[str], T | None] = lambda _text: None,
) -> Callable[[str, bool, str], Test]:
    """Return the builder of tests of a type; where ``also`` reads a value in another way,
    and the answers differ, a key says which holds.
    """

    def build(value: str, _variables: bool, place: str) -> Test:
        wanted = read(value)
        if wanted is None:
            raise PolicyError(f'"{value[:60]}" is {what}.', place=place, value=value, next_step=fix)

        second, key = also(value), open_date(value)
        readings = [wanted] if second is None else [wanted, second]

        def test(actual: str, keys: Keys) -> KeyMatch:
            found = read(actual)
            if found is None:
                return None
            answers = {compare(found, each) for each in readings}
            return answers.pop() if len(answers) == 1 else _OF_PATTERNS.get(keys.get(key, ()))

        return test

    return build


def _read_bool(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def _read_binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_bool = _typed(_read_bool, "neither true nor false", "Write true or false.")
_binary = _typed(_read_binary, "not base64 text", "Encode the bytes as base64.")


_COMPARISONS = {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}


def _table() -> dict[str, Operator]:
    rows: list[tuple[str, bool, Callable[[str, bool, str], Test]]] = [
        ("StringEquals", False, _equals),
        ("StringNotEquals", True, _equals),
        ("StringEqualsIgnoreCase", False, _equals_any_case),
        ("StringNotEqualsIgnoreCase", True, _equals_any_case),
        ("StringLike", False, _like),
        ("StringNotLike", True, _like),
        ("Bool", False, _bool),
        ("BinaryEquals", False, _binary),
        ("ArnEquals", False, _arn),
        ("ArnLike", False, _arn),
        ("ArnNotEquals", True, _arn_unless_unknown),
        ("ArnNotLike", True, _arn_unless_unknown),
        ("Null", False, _bool),
    ]
    for prefix, read, what, also in (
        ("Numeric", read_number, "not a number", lambda _text: None),
        ("Date", read_date, "not an ISO 8601 date or epoch seconds", _epoch_of_year),
    ):
        rows += [
            (prefix + name, False, _typed(read, what, compare=compare, also=also))
            for name, compare in _COMPARISONS.items()
        ]
        rows.append((f"{prefix}NotEquals", True, _typed(read, what, also=also)))
    table = {name: Operator(name, negated, _each(build)) for name, negated, build in rows}
    addresses = (
        Operator("IpAddress", False, _addresses),
        Operator("NotIpAddress", True, _addresses),
    )
    return {**table, **{operator.name: operator for operator in addresses}}


OPERATORS: dict[str, Operator] = _table()
"""Every operator by its exact name."""
