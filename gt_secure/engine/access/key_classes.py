"""Classes of keys under a prefix: objects that no statement tells apart, each with one that stands for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..iam.documents import Pattern, Statement
from ..iam.variables import Filled, Template, Variable, Wild, is_fixed
from ..iam.wildcards import TooManyClassesError, arn_steps, resource_glob, text_steps, witnesses

EXAMPLE = "example.png"
"""The key that stands for its class, where it is in one: people can read it."""

Signature: TypeAlias = tuple[bool, ...]


@dataclass(frozen=True)
class Listing:
    """Keys that exist under a prefix, and whether these are all."""

    keys: tuple[str, ...]
    complete: bool


class KeyClasses:
    """The classes of keys under a prefix that statements tell apart.

    Attributes
    ----------
    arns : dict
        An object of each class by the signature of the class; empty if the classes are too many to be told apart.
    """

    def __init__(self, statements: Iterable[Statement], bucket_arn: str, prefix: str, example: str = EXAMPLE) -> None:
        self.groups = list(dict.fromkeys(group for statement in statements for group in _groups(statement.resources)))
        self._may = [[resource_glob(_with_variables_as(each, Wild.ANY)) for each in group] for group in self.groups]
        self.start = f"{bucket_arn}/"
        self.arns = self._classes(self.start + prefix, example)

    def signature(self, arn: str) -> Signature:
        """Return which statements' patterns match an object, or may for some value of their variables."""
        return tuple(any(may(arn) for may in group) for group in self._may)

    def of_key(self, key: str) -> Signature:
        """Return the class of a key."""
        return self.signature(self.start + key)

    def _classes(self, start: str, example: str) -> dict[Signature, str]:
        filled = dict.fromkeys(
            tuple(_with_variables_as(each, value) for each in group)
            for group in self.groups
            for value in ("zq", Wild.ANY)
        )
        both = [tuple(map(steps, group)) for group in filled for steps in (text_steps, arn_steps)]
        domain: Filled = (start, Wild.ONE, Wild.ANY) if start == self.start else (start, Wild.ANY)
        try:
            found = witnesses(both, domain=text_steps(domain))
        except TooManyClassesError:
            return {}
        classes: dict[Signature, str] = {}
        for arn in [*([start + example] if example else []), *sorted(found, key=len)]:
            classes.setdefault(self.signature(arn), arn)
        return classes


def _groups(patterns: Sequence[Pattern]) -> Iterator[tuple[Template, ...]]:
    """Yield what has to be told apart: the patterns of a statement together, each with a variable alone."""
    plain = tuple(each.template for each in patterns if is_fixed(each.template))
    if plain:
        yield plain
    yield from ((each.template,) for each in patterns if not is_fixed(each.template))


def _with_variables_as(template: Template, value: str | Wild) -> Filled:
    return tuple(value if isinstance(part, Variable) else part for part in template)
