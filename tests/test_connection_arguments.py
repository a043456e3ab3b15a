"""Arguments of a connection: changes by id, locations of logs, and engines."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.changes.applied import Applied
from gt_secure.connection import Connection
from gt_secure.connection_arguments import change_id, engine_options, log_of
from gt_secure.logs import Athena

NO_AWS = cast(Any, None)
SPARK = SimpleNamespace(sparkContext=object())
ATHENA = Athena(output="s3://results/x/")


@pytest.mark.parametrize("change", ["20261120-1", Applied("20261120-1", "applied")])
def test_a_change_is_given_by_its_id_or_by_what_apply_returned(change: Any) -> None:
    assert change_id(change) == "20261120-1"


@pytest.mark.parametrize(
    "change", [3, None, "", ["20261120-1"], b"20261120-1", SimpleNamespace(id=None), True, {}]
)
def test_anything_else_is_no_change(change: Any) -> None:
    """A variable without a value names nothing, and the error says what to write."""
    with pytest.raises(InvalidInput, match=f"{re.escape(repr(change)[:12])} is neither") as caught:
        change_id(change)
    assert caught.value.field == "change"
    assert caught.value.next_step.startswith("Write gt.undo('ID') with an id of gt.journal")


def test_what_changed_nothing_has_nothing_to_undo() -> None:
    assert change_id(Applied("", "nothing to do")) == ""


@pytest.mark.parametrize(
    ("engine", "memory", "options"),
    [
        ("duckdb", None, {"engine": "duckdb"}),
        ("duckdb", "2GB", {"engine": "duckdb", "memory_limit": "2GB"}),
        (SPARK, "2GB", {"engine": "spark", "session": SPARK, "memory_limit": "2GB"}),
        (ATHENA, None, {"engine": "athena", "athena": ATHENA}),
    ],
)
def test_an_engine_is_a_name_its_settings_or_its_session(
    engine: Any, memory: str | None, options: Any
) -> None:
    assert engine_options(engine, memory) == options


def test_anything_else_is_no_engine() -> None:
    with pytest.raises(InvalidInput, match="not int") as caught:
        engine_options(3, None)
    assert caught.value.field == "engine"


def test_a_log_is_asked_for_the_requests_of_one_bucket() -> None:
    filters = {"presigned": True}
    assert log_of(NO_AWS, "gt-images", "log", filters) == (
        "log",
        {"presigned": True, "bucket": "gt-images"},
    )
    assert log_of(NO_AWS, None, "log", None) == ("log", {})
    assert filters == {"presigned": True}


@pytest.mark.parametrize(("bucket", "field"), [("s3://gt-logs/x/", "bucket"), (None, "bucket")])
def test_without_a_bucket_there_is_no_log(bucket: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        log_of(NO_AWS, bucket, None, None)
    assert caught.value.field == field
    assert ("s3://gt-logs/x/" in str(caught.value.next_step)) == (bucket is not None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"context": {"no key": "203.0.113.7"}}, None),
        ({"context": {"aws:PrincipalOrgID": 7}}, "context"),
        ({"accepted": "no-such-file.json"}, None),
        ({"networks": "no-such-file.csv"}, None),
        ({"journal": "https://b.s3.amazonaws.com/k?X-Amz-Signature=0f"}, "journal"),
    ],
)
def test_a_bad_value_is_an_error_before_anything_is_asked(
    given: dict[str, Any], field: Any
) -> None:
    assert Connection(NO_AWS, context={"aws:PrincipalOrgID": "o-abc1234567"}).context
    with pytest.raises(GtSecureError) as caught:
        Connection(NO_AWS, **given)
    assert field in (None, getattr(caught.value, "field", None))


def test_without_facts_there_is_an_empty_context() -> None:
    made = Connection(NO_AWS, context=cast(Any, None))
    assert (made.context, made.accepted) == ({}, ())
