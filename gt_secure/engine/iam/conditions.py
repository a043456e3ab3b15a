"""One condition of a statement: an operator, a key, and values; AND between conditions, OR between
values.

Sources: IAM User Guide, *Condition operators*, *Conditions with multiple context keys or values*
and *Single-valued vs. multivalued context keys*.

What AWS leaves open is decided so that access is not given by mistake: a value that cannot be read
as the operator's type, or several values without a set operator, make an Allow not match and a Deny
match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...base.errors import PolicyError
from ...base.text import Texts, did_you_mean
from .operators import OPERATORS, KeyMatch, Test, open_date, open_pattern
from .strict_json import item, member
from .variables import Keys, keys_in

ALL_VALUES = "ForAllValues"
ANY_VALUE = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, both as written, with the policy's values as text:
    small letters without case.
    """

    operator: str
    key: str
    values: Texts
    name: str
    lower_key: str
    tests: tuple[Test, ...]
    negated: bool
    if_exists: bool
    qualifier: str
    variables: frozenset[str] = frozenset()
    special: bool = False
    open_patterns: frozenset[str] = frozenset()

    @property
    def asks(self) -> frozenset[str]:
        """The keys for which it asks, those of variables and of patterns whose
        meaning is open among them.
        """
        return self.variables | self.open_patterns | {self.lower_key}

    def matches(self, keys: Keys, *, deny: bool) -> bool:
        """Return whether the condition holds;
        a value that cannot be compared counts as a match only in a Deny.
        """
        values = keys.get(self.lower_key, ())
        if self.name == "Null":
            absent = "false" if any(values) else "true"
            return any(test(absent, keys) for test in self.tests)
        if not self.qualifier:
            if not values:
                return self.if_exists or self.negated
            if len(values) == 1:
                answer = self._hit(values[0], keys)
                return deny if answer is None else answer
            answers = [self._hit(value, keys) for value in values]
            return any(answer is not False for answer in answers) if deny else all(answers)
        return self._matches_set(values, keys, deny)

    def _matches_set(self, values: Texts, keys: Keys, deny: bool) -> bool:
        if not any(values):  # absent, no values, or only empty ones: a "null data set"
            return self.qualifier == ALL_VALUES or (self.if_exists and not values)
        answers = [self._hit(value, keys) for value in values]
        answers = [deny if answer is None else answer for answer in answers]
        return all(answers) if self.qualifier == ALL_VALUES else any(answers)

    def _hit(self, value: str, keys: Keys) -> KeyMatch:
        """Compare one value of the request with all of the policy's: an OR,
        or for a negated operator a NOR.
        """
        unreadable = False
        for test in self.tests:
            answer = test(value, keys)
            if answer:
                return not self.negated
            unreadable = unreadable or answer is None
        return None if unreadable else self.negated


def parse_conditions(block: object, *, variables: bool, place: str) -> tuple[Condition, ...]:
    """Compile a ``Condition`` element; raises :class:`PolicyError` with the
    place of what is wrong.
    """
    if not isinstance(block, Mapping):
        raise PolicyError(
            "Condition must be an object of operators.",
            place=place,
            next_step='Write {"IpAddress": {...}}.',
        )
    conditions = []
    for operator, keys in block.items():
        where = member(place, str(operator))
        qualifier, name, if_exists = _split(str(operator), where)
        if not isinstance(keys, Mapping):
            raise PolicyError(
                f"{operator} must hold an object of condition keys.",
                place=where,
                next_step='Write {"aws:SourceIp": [...]}.',
            )
        lower_keys = set()
        for key in map(str, keys):
            if key.lower() in lower_keys:
                raise PolicyError(
                    f'The key "{key}" occurs twice under one operator; case makes no difference.',
                    place=where,
                    next_step="Give all its values in one list.",
                )
            lower_keys.add(key.lower())
        # AWS leaves open what some values mean
        opens = {"Arn": open_pattern, "Dat": open_date}.get(name[:3])
        for key, value in keys.items():
            at = member(where, str(key))
            values = value_texts(value, at)
            conditions.append(
                Condition(
                    operator=str(operator),
                    key=str(key),
                    values=tuple(
                        text.lower() if name.endswith("IgnoreCase") else text for text, _ in values
                    ),
                    name=name,
                    lower_key=str(key).lower(),
                    tests=OPERATORS[name].build(values, variables),
                    negated=OPERATORS[name].negated,
                    if_exists=if_exists,
                    qualifier=qualifier,
                    variables=_variables(name, values) if variables else frozenset(),
                    special=variables,
                    open_patterns=frozenset(
                        filter(None, (opens(text) for text, _ in values)) if opens else ()
                    ),
                )
            )
    return tuple(conditions)


def _variables(name: str, values: list[tuple[str, str]]) -> frozenset[str]:
    if not name.startswith(("String", "Arn")):
        return frozenset()
    return frozenset(key for text, _ in values if "${" in text for key in keys_in(text))


def _split(operator: str, place: str) -> tuple[str, str, bool]:
    qualifier, colon, name = operator.rpartition(":")
    if colon and qualifier not in (ALL_VALUES, ANY_VALUE):
        raise _unknown(operator, place)
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name not in OPERATORS:
        raise _unknown(operator, place)
    if name == "Null" and (if_exists or qualifier):
        raise PolicyError(
            f'"{operator}" is not an operator: Null takes neither IfExists nor a set operator.',
            place=place,
            next_step="Write Null.",
        )
    return qualifier, name, if_exists


def _unknown(operator: str, place: str) -> PolicyError:
    word = operator.rpartition(":")[2].removesuffix("IfExists")
    return PolicyError(
        f'"{operator[:60]}" is not a condition operator.',
        place=place,
        next_step=did_you_mean(word, OPERATORS, 'See the IAM User Guide, "Condition operators".'),
    )


def value_texts(value: object, place: str) -> list[tuple[str, str]]:
    """Return condition values as texts with their places;
    numbers and booleans may stand without quotes.
    """
    if isinstance(value, (list, tuple)):
        return [
            (_scalar(each, item(place, index)), item(place, index))
            for index, each in enumerate(value)
        ]
    return [(_scalar(value, place), place)]


def _scalar(value: object, place: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise PolicyError(
        "A condition value must be text, a number or a boolean.",
        place=place,
        next_step="Correct the value.",
    )
