"""Condition keys as AWS documents them: how each is spelled, and which values it can have.

Source: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*. A key that is not in the table can have any value, and may be absent.
"""

from __future__ import annotations

from dataclasses import dataclass

from .request_keys import TABLES
from .variables import MULTIVALUED


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """A condition key, spelled as AWS does, and what its values are: a few, or a pattern and the characters in them."""

    name: str
    values: tuple[str, ...] = ()
    like: str = "*"
    alphabet: str = ""
    always: bool = False


KEYS = {name.lower(): ConditionKey(name, **facts) for name, facts in TABLES["keys"].items()}
"""Facts about each key, by its name in lower case."""
FAMILIES: tuple[str, ...] = TABLES["families"]


def key_facts(lower: str, spelled: str = "") -> ConditionKey:
    """Return what is known of a key; one that is not in the table keeps the spelling of the policy."""
    family = next((each for each in FAMILIES if lower.startswith(each.lower())), "")
    return KEYS.get(lower) or ConditionKey(family + (spelled or lower)[len(family) :])


def is_multivalued(lower: str) -> bool:
    return lower in MULTIVALUED
