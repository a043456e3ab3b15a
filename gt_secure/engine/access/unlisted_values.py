"""Values of condition keys that AWS's tables do not list: what a request has then is not known.

S3 accepts presigned URLs of signature version 4A, for which no page says what
``s3:signatureversion`` is. It may come to accept a later version of TLS, and IAM may have other
types of principals. So who sends a request can choose something whose value is not listed, and the
value is a fact that nobody knows.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace

from ..iam.facts import Values
from ..iam.request_keys import key_facts
from ..iam.request_space import Dimension
from ..iam.statement_table import DimensionValue, StatementTable
from ..iam.three_valued import conditions_on, other_values
from ..iam.wildcards import TooManyClassesError

UNLISTED = "unlisted"
"""The label of a choice whose value is not listed."""


def with_unlisted(
    table: StatementTable,
    dimension: Dimension,
    key: str,
    like: Iterable[str],
    supplied: Container[str] = (),
) -> list[Dimension]:
    """Return a dimension with choices that have an unlisted value of one of its keys, and the fact
    which one that is.

    ``like`` are the listed values that such a choice resembles otherwise. Nothing is added where
    the value was supplied, and where every unlisted one is answered as one of these.
    """
    alike = {(value,) for value in like}
    result = [each for each in dimension.settings if each.values.get(key) in alike]
    if key in supplied or not result:
        return [dimension]
    listed = dict.fromkeys(value for each in result for value in each.values[key])
    name, keys = key_facts(key).name, frozenset({key})
    try:
        others = other_values(key, conditions_on(table, key), listed)
    except TooManyClassesError:
        return [dimension, Dimension(name, keys, (), chosen=False)]
    if not others:
        return [dimension]
    last = result[-1].values[key]
    values = (last, *((each,) for each in others))
    fact = Dimension(
        name, keys, tuple(DimensionValue({key: value}) for value in values), chosen=False
    )
    return [replace(dimension, settings=(*_choices(dimension, key, last),)), fact]


def _choices(made: Dimension, key: str, last: Values) -> Iterator[DimensionValue]:
    """Yield the settings of a dimension, and again without the key those that have its last
    listed value.
    """
    for each in made.settings:  # what does not have the key does not have that of the fact either
        yield replace(each, values={key: (), **each.values})
    for each in made.settings:
        if each.values.get(key) == last:
            rest = {name: value for name, value in each.values.items() if name != key}
            yield replace(each, values=rest, label=UNLISTED)
