"""Classes of keys under a prefix: objects that no statement tells apart,
each with one that stands for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, product
from typing import TypeAlias

from ...base.text import Texts
from ..iam.documents import Statement
from ..iam.request_keys import ENDPOINT_KEYS, key_facts
from ..iam.request_space import spend
from ..iam.three_valued import key_values, likes_of, may_be_empty, tied_keys
from ..iam.variables import (
    Filled,
    Keys,
    Template,
    TemplatePart,
    Variable,
    Wild,
    is_fixed,
    split_wildcards,
    variable_keys,
)
from ..iam.wildcards import (
    PatternMachine,
    Steps,
    TooManyClassesError,
    resource_steps,
    text_steps,
    witnesses,
)

EXAMPLE = "example.png"
"""The key that stands for its class, where it is in one: people can read it."""

KeyExamples: TypeAlias = Callable[[], Sequence[Keys]]
"""The keys of a request, one set for each kind of them, when they are needed."""
_UNNAMED = "zq"
"""A value that no policy names."""
_MOST_FILLED, _MOST_LENGTH = 200, 40_000
"""The most ways to fill a pattern, and the most text of all patterns:
variables make more of it than a policy holds.
"""
_TOO_MANY_VALUES = "The policies tell more values of policy variables apart than can be compared."
_MATCHES = 8
"""Matches of a pattern that are about as much work as the decision of one condition."""

Signature: TypeAlias = tuple[bool, ...]


@dataclass(frozen=True)
class Listing:
    """Keys that exist under a prefix, and whether these are all."""

    keys: Texts
    complete: bool


class KeyClasses:
    """The classes of keys under a prefix that statements tell apart.

    A pattern with a variable is filled with each value that its key has in some request, that
    conditions tell apart, or that nobody names, and with what all values are like: the keys of one
    user are a class apart from those of others. ``known`` returns the values of requests; it is
    called where a pattern has a variable.

    Attributes
    ----------
    arns : dict
        An object of each class by the signature of the class; empty if the classes are too many to
        be told apart.
    groups : list
        The patterns that each place of a signature is about.
    samples : tuple of str
        Objects of some classes where they are too many.
    """

    def __init__(
        self,
        statements: Iterable[Statement],
        bucket_arn: str,
        prefix: str,
        example: str = EXAMPLE,
        known: KeyExamples = tuple,
    ) -> None:
        self.start = f"{bucket_arn}/"
        self.samples: Texts = ()
        try:
            self.groups = list(
                dict.fromkeys(_short_enough(_groups(list(statements), known, self.start + prefix)))
            )
        except TooManyClassesError:
            self.groups, self.arns, self._machine, self._state = [], {}, PatternMachine([]), 0
            return
        steps = [
            [each for filled in group for each in resource_steps(filled)] for group in self.groups
        ]
        self._machine = PatternMachine(steps)
        self._state = self._machine.state_of(self.start)
        self.arns = self._classes(steps, self.start + prefix, example)

    def signature(self, arn: str) -> Signature:
        """Return which statements' patterns match an object, for each value of their variables."""
        machine = self._machine
        return machine.matching(reduce(machine.step, arn[len(self.start) :], self._state))

    def of_key(self, key: str) -> Signature:
        """Return the class of a key."""
        return self.signature(self.start + key)

    def _classes(
        self, groups: Sequence[Sequence[Steps]], start: str, example: str
    ) -> dict[Signature, str]:
        domain: Filled = (start, Wild.ONE, Wild.ANY) if start == self.start else (start, Wild.ANY)
        try:
            found = witnesses(groups, domain=text_steps(domain))
        except TooManyClassesError as error:
            self.samples = tuple(error.texts)
            return {}
        spend(len(found) * len(groups) // _MATCHES)
        classes: dict[Signature, str] = {}
        for arn in [*([start + example] if example else []), *sorted(found, key=len)]:
            classes.setdefault(self.signature(arn), arn)
        return classes


def _groups(
    statements: Sequence[Statement], known: KeyExamples, start: str
) -> Iterator[tuple[Filled, ...]]:
    """Yield what has to be told apart: the patterns of a statement together,
    each with a variable alone.
    """
    listed = [[pattern.template for pattern in statement.resources] for statement in statements]
    values = _values_of_variables(statements, known)
    every = chain.from_iterable(listed) if values else ()  # without variables nobody asks
    apart = {template for template in every if _tells_apart(template, start)}
    for templates in listed:
        if plain := tuple(next(_filled(each, {}, start)) for each in templates if is_fixed(each)):
            yield plain
        for template in (each for each in templates if not is_fixed(each)):
            alone = not apart - {template} and str(template[0]).startswith(start)
            yield from ((each,) for each in _filled(template, values, start, alone=alone))


def _tells_apart(template: Template, start: str) -> bool:
    """Return whether a pattern matches some keys under ``start`` and, it may be, not others."""
    head = template[0] if isinstance(template[0], str) else ""
    if template[int(bool(head)) :] == (Wild.ANY,):
        return not start.startswith(head)
    return head.startswith(start) or (start.startswith(head) and len(template) > 1)


def _short_enough(groups: Iterable[tuple[Filled, ...]]) -> Iterator[tuple[Filled, ...]]:
    length = 0
    for group in groups:
        yield group
        length += sum(
            len(part) if isinstance(part, str) else 1 for filled in group for part in filled
        )
        if length > _MOST_LENGTH:
            raise TooManyClassesError(_TOO_MANY_VALUES)


def _values_of_variables(
    statements: Sequence[Statement], known: KeyExamples
) -> dict[str, list[Filled]]:
    patterns = (pattern for statement in statements for pattern in statement.resources)
    parts = (part for pattern in patterns for part in pattern.template)
    variables = dict.fromkeys(part for part in parts if isinstance(part, Variable))
    if not variables:
        return {}
    keys = [*known(), *({each.key: (each.default,)} for each in variables if each.default)]
    return {each.key: _values(statements, each.key, keys) for each in variables}


def _values(statements: Sequence[Statement], key: str, known: Sequence[Keys]) -> list[Filled]:
    """Return the values of a key that a policy may tell apart, one that nobody names,
    and what all values are like.
    """
    tied = tied_keys(statements, key)
    if tied & ENDPOINT_KEYS:
        raise TooManyClassesError("A policy names objects by the source of the request.")
    values = [value for each in sorted(tied) for value in _compared(statements, each, known)]
    # one that no policy names
    values += [
        "".join(part if isinstance(part, str) else _UNNAMED for part in split_wildcards(like))
        for like in likes_of(key)
    ]
    values.append("")
    texts = [value for value in dict.fromkeys(values) if value or may_be_empty(key)]
    return [
        *((value,) for value in texts),
        *map(split_wildcards, dict.fromkeys(_alike(key, texts))),
    ]


def _alike(key: str, values: Iterable[str]) -> Iterator[str]:
    """Yield patterns of what the values of a key are like: of ARNs,
    one for each kind of name in each account.
    """
    if key == "aws:principalarn":
        yield from (f"{value.rpartition('/')[0]}/?*" for value in values if "/" in value)
    else:
        # the digits of an account are many
        yield from ("?*" if "?" * 12 in like else like for like in likes_of(key))


def _compared(statements: Sequence[Statement], key: str, known: Sequence[Keys]) -> Iterator[str]:
    """Yield the values that a key has in some request,
    and those that conditions name or tell apart.
    """
    yield from (value for keys in known for value in keys.get(key, ()))
    conditions = [
        each for statement in statements for each in statement.conditions if each.lower_key == key
    ]
    if plain := [each for each in conditions if not each.variables]:
        yield from (value for values in key_values(key_facts(key), plain) for value in values)
    yield from (text for each in conditions for text in each.values if not set("*?$") & set(text))


def _filled(
    template: Template, values: Mapping[str, Sequence[Filled]], start: str, *, alone: bool = False
) -> Iterator[Filled]:
    """Yield a pattern with each combination of the values of its variables, or of their defaults
    where they differ.

    What all values of a variable are like is one of its values: other patterns, or keys under
    ``start``, may settle the one variable, and the request of a class the other. A pattern that is
    ``alone`` needs no such mixture.
    """
    names = sorted(variable_keys(template))
    options = [
        [*values[name], *_absent(template, name), *_begun(template, name, start)] for name in names
    ]
    combinations = [dict(zip(names, each, strict=True)) for each in product(*options)]
    if alone:
        combinations = [
            each
            for each in combinations
            if len({all(isinstance(part, str) for part in one or ()) for one in each.values()}) < 2
        ]
    if len(combinations) > _MOST_FILLED:
        raise TooManyClassesError(_TOO_MANY_VALUES)
    for each in combinations:
        yield tuple(one for part in template for one in _one(part, each))


def _absent(template: Template, key: str) -> list[None]:
    """Return None, for a request without the key, where its variables have defaults that differ."""
    defaults = {part.default for part in template if isinstance(part, Variable) and part.key == key}
    return [None] if len(defaults) > 1 and None not in defaults else []


def _begun(template: Template, key: str, start: str) -> Sequence[Filled]:
    """Return the values of a key that fills several places,
    the first of which keys under ``start`` settle.
    """
    places = [part for part in template if isinstance(part, Variable) and part.key == key]
    before = str(template[0]) if isinstance(template[0], str) else ""
    if len(places) < 2 or not start.startswith(before) or start == before:
        return []
    if places[0] != template[1 if before else 0]:
        raise TooManyClassesError(_TOO_MANY_VALUES)
    rest = start[len(before) :]
    return [(rest[:end],) for end in range(1, len(rest) + 1)] + [(rest + _UNNAMED,)]


def _one(part: TemplatePart, chosen: Mapping[str, Filled | None]) -> Filled:
    if not isinstance(part, Variable):
        return (part,)
    value = chosen[part.key]
    return (part.default or "",) if value is None else value
