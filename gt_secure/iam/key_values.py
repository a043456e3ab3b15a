"""Values that stand for all values of a condition key: at least one for each way in which the conditions can answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain, combinations

from .conditions import Condition
from .facts import Values
from .operators import policy_network, read_date, read_number
from .request_keys import ConditionKey, is_multivalued
from .texts import Steps, TooManyClassesError, arn_steps, text_steps, witnesses
from .variables import Filled, Several, Wild, fill, is_fixed, parse_template, split_wildcards
from .wildcards import glob

MAX_VALUES = 2000
_MAX_SET = 10
_TYPED = ("Numeric", "Date", "Bool", "Binary")
_PLAIN = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


def key_values(
    facts: ConditionKey, conditions: Sequence[Condition], *, extra: Iterable[str] = (), absent: bool | None = None
) -> list[Values]:
    """Return values that stand for all values that a key can have, its absence among them where that may be."""
    single = _values(facts, conditions, extra)
    result: list[Values] = [] if (facts.always if absent is None else not absent) else [()]
    if not is_multivalued(facts.name.lower()):
        return [*result, *((value,) for value in single)]
    single = _distinct(single, conditions)
    if len(single) > _MAX_SET:
        raise TooManyClassesError(f"The conditions on {facts.name} tell more than {_MAX_SET} values apart.")
    for size in range(1, len(single) + 1):
        result += [Several(chosen) for chosen in combinations(single, size)]
    return result


def _distinct(values: Sequence[str], conditions: Sequence[Condition]) -> list[str]:
    found: dict[tuple[object, ...], str] = {}
    for value in values:
        found.setdefault(tuple(test(value, {}) for each in conditions for test in each.tests), value)
    return list(found.values())


def _values(facts: ConditionKey, conditions: Sequence[Condition], extra: Iterable[str]) -> list[str]:
    if facts.values:
        return list(facts.values)
    named: dict[str, None] = dict.fromkeys(extra)
    typed = any(condition.name.startswith(_TYPED) for condition in conditions)
    patterns: list[list[Steps]] = []
    for condition in conditions:
        alternatives = [steps for text in condition.values if (steps := _pattern(condition, text)) is not None]
        patterns += [alternatives] if alternatives else []
        for text in condition.values:
            named.update(dict.fromkeys([*_named(condition, text), *(_around(read_number(text)) if typed else ())]))
    domain = split_wildcards(facts.like)
    fits = glob(domain)
    result = [text for text in named if fits(text) and (not facts.alphabet or set(text) <= set(facts.alphabet))]
    new = [] if typed and not patterns and result else _new(facts, patterns, domain, named)
    result += [text for text in new if text not in named]
    if len(result) > MAX_VALUES:
        raise TooManyClassesError(f"The policies name more than {MAX_VALUES:,} values of {facts.name}.")
    return result


def compares_text(condition: Condition) -> bool:
    """Return whether a condition compares with patterns or variables, which cut numbers and times as texts."""
    return condition.name.startswith(("String", "Arn")) and any(set("*?$") & set(each) for each in condition.values)


def are_mixed(conditions: Sequence[Condition]) -> bool:
    """Return whether conditions compare one key as a number or a time, and with patterns too."""
    return any(each.name.startswith(("Numeric", "Date")) for each in conditions) and any(map(compares_text, conditions))


def _new(facts: ConditionKey, patterns: list[list[Steps]], domain: Filled, named: Iterable[str]) -> list[str]:
    if facts.alphabet and not patterns:
        return [next(text for text in _numbers(len(domain)) if text not in set(named))]
    if not patterns:
        return [_unlike(domain, named)]
    # A text with a character that no value has is unlike every value; where there is none, the values are compared too.
    literal: list[list[Steps]] = [[tuple(text)] for text in named] if facts.alphabet else []
    avoid = frozenset("".join(named))
    return witnesses([*patterns, *literal], domain=text_steps(domain), alphabet=facts.alphabet, avoid=avoid)


def _numbers(digits: int) -> Iterable[str]:
    yield from (str(index).rjust(digits, "9") for index in range(999_999, 0, -1))


def _unlike(domain: Filled, named: Iterable[str]) -> str:
    used = set("".join(named))
    fresh = next(chr(code) for code in chain(range(0x61, 0x7B), range(0x3400, 0x4DB0)) if chr(code) not in used)
    return "".join(part if isinstance(part, str) else fresh for part in domain)


def _named(condition: Condition, text: str) -> list[str]:
    """Return the values that one value of a policy names, and those next to it."""
    name = condition.name
    if name.startswith("String") or name.startswith("Arn"):
        literal = _literal(condition, text)
        if literal is None:
            return []
        return [literal, *({literal.lower(), literal.upper()} if name.endswith("IgnoreCase") else ())]
    if name.startswith("Numeric"):
        return _around(read_number(text))
    if name.startswith("Date"):
        return _around(read_date(text))
    if name in ("IpAddress", "NotIpAddress"):
        return _addresses(text)
    if name == "Bool":
        return ["true", "false"]
    return [text, "AA=="] if name == "BinaryEquals" else []


def _around(number: Decimal | None) -> list[str]:
    if number is None:
        return []
    whole = int(number // 1)
    candidates = [whole - 1, whole, whole + 1, 0]
    return [str(value) for value in candidates if value >= 0] + ([str(number)] if number != whole else [])


def _addresses(text: str) -> list[str]:
    network = policy_network(text, "$")
    first, last = network.network_address, network.broadcast_address
    around = [first, last, *([first - 1] if int(first) else [])]
    if int(last) + 1 < 1 << network.max_prefixlen:
        around.append(last + 1)
    return [str(address) for address in around]


def _literal(condition: Condition, text: str) -> str | None:
    template = parse_template(text, variables=condition.special, wildcards=condition.name not in _PLAIN, place="$")
    filled = fill(template, {}) if is_fixed(template) else None
    return "".join(map(str, filled)) if filled is not None and not any(isinstance(p, Wild) for p in filled) else None


def _pattern(condition: Condition, text: str) -> Steps | None:
    if not condition.name.startswith(("String", "Arn")) or condition.name in _PLAIN:
        return None
    template = parse_template(text, variables=condition.special, wildcards=True, place="$")
    filled = fill(template, {}) if is_fixed(template) else None
    if filled is None or not any(isinstance(part, Wild) for part in filled):
        return None
    return arn_steps(filled) if condition.name.startswith("Arn") else text_steps(filled)
