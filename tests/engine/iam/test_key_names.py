"""Names of condition keys are written once:
a misspelled one in the code would match no condition.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from gt_secure.engine.iam import request_keys
from gt_secure.engine.iam.facts import _OF_THE_SENDER
from gt_secure.engine.iam.request_keys import (
    ABSENT,
    ANONYMOUS,
    BY_ACTION,
    CHOSEN,
    CHOSEN_FAMILIES,
    CROSS_SERVICE,
    ENDPOINT_KEYS,
    FAMILIES,
    KEYS,
    TIME_KEYS,
    TLS_KEYS,
)
from gt_secure.engine.iam.variables import MULTIVALUED

FOLDERS = ("iam", "access")
KNOWN = {
    *KEYS,
    *ABSENT,
    *CHOSEN,
    *CHOSEN_FAMILIES,
    *(start for start, _ in BY_ACTION),
    *map(str.lower, FAMILIES),
}
STARTS = {"aws:resource", "aws:request"}
"""Beginnings of keys, which the code compares with."""
OTHERS = {"s3:dataaccesspoint", "s3:x-amz-content-sha256"}
"""A beginning of keys of access points, and a key of a chosen family."""


def lower_names(path: Path) -> set[str]:
    """Return the constants of a module that are condition keys in lower case;
    actions have capitals.
    """
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if re.fullmatch(r"(aws|s3):[a-z0-9-]+/?", text)}


def test_every_key_in_the_code_is_in_the_data_file() -> None:
    engine = Path(request_keys.__file__).parents[1]
    paths = [path for folder in FOLDERS for path in (engine / folder).rglob("*.py")]
    found = {name: path.name for path in paths for name in lower_names(path)}
    actions = {f"s3:{name.lower()}" for _, names in BY_ACTION for name in names}
    assert len(found) > 40
    assert {
        name: file for name, file in found.items() if name not in KNOWN | STARTS | OTHERS | actions
    } == {}


def test_every_table_of_keys_is_of_known_keys() -> None:
    tables = (MULTIVALUED, ENDPOINT_KEYS, TLS_KEYS, TIME_KEYS, set(ANONYMOUS), _OF_THE_SENDER)
    assert [sorted(table - KEYS.keys()) for table in tables] == [[]] * len(tables)
    assert CROSS_SERVICE.isdisjoint(KEYS)
