"""Arguments of a connection: the sandbox to use, changes by id, locations of logs, and engines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from . import logs as access_logs, sandbox as local
from .aws.buckets import check_bucket
from .aws.client import Aws, connect_aws, session_without_configuration
from .base.errors import InvalidInput, refuse_url
from .base.text import Json

if TYPE_CHECKING:
    from pathlib import Path

    from .changes.applied import Applied


Logs: TypeAlias = "str | Path | Iterable[str | Path]"
"""Access logs: a file, a folder, a glob, an ``s3://`` prefix, or several of them."""


class SparkSession(Protocol):
    """A session of Spark, by its shape."""

    sparkContext: Any


class RunningSandbox(Protocol):
    """A sandbox that is running, as far as a connection needs it."""

    def environment(self) -> dict[str, str]:
        """Return the AWS_* variables that make a client use it."""
        ...


def sandbox_variables(given: bool | RunningSandbox, others: tuple[object, ...]) -> dict[str, str]:
    """Return the variables of the sandbox that is meant; one is started where none is named."""
    if any(other is not None for other in others):
        raise InvalidInput(
            "sandbox= already says which credentials and which endpoint to use.",
            next_step="Leave out profile=, boto3_session=, sagemaker_session= and endpoint_url=.",
            field="sandbox",
        )
    if given is not True and not hasattr(given, "environment"):
        raise InvalidInput(
            f"sandbox= is True or a running Sandbox, not {type(given).__name__}.",
            next_step=(
                "Pass sandbox=True for the sandbox that AWS_ENDPOINT_URL names, or"
                " Sandbox().start()."
            ),
            field="sandbox",
        )
    if given is True and "AWS_ENDPOINT_URL" in os.environ:
        return dict(os.environ)
    return (local.shared_sandbox() if given is True else given).environment()  # type: ignore[union-attr]


def sandbox_client(named: Mapping[str, str], region: str | None) -> Aws:
    """Return a client of the sandbox that the variables name."""
    session = session_without_configuration(
        named.get("AWS_ACCESS_KEY_ID"),
        named.get("AWS_SECRET_ACCESS_KEY"),
        region or named.get("AWS_REGION"),
    )
    aws = connect_aws(boto3_session=session, endpoint_url=named["AWS_ENDPOINT_URL"])
    if not aws.is_local:
        raise InvalidInput(
            "AWS_ENDPOINT_URL does not name a sandbox on this machine.",
            next_step="Use connect() without sandbox= for an account, or start gt-secure sandbox.",
            field="sandbox",
        )
    local.check_answers(named["AWS_ENDPOINT_URL"])
    return aws


def log_of(
    aws: Aws, bucket: str | None, logs: Logs | None, filters: Mapping[str, object] | None
) -> tuple[Logs, dict[str, object]]:
    """Return the log location, and the filters with the bucket:
    one prefix may hold the records of many.
    """
    if str(bucket).startswith("s3://"):
        raise InvalidInput(
            "bucket is the name of the bucket whose requests are wanted.",
            next_step=f'For the place of its logs, pass logs="{str(bucket)[:80]}".',
            field="bucket",
        )
    refuse_url(bucket, "bucket", "the name of a bucket")
    if logs is None and bucket is None:
        raise InvalidInput(
            "Neither a bucket nor the location of its logs is given.",
            next_step="Name a bucket to read its log, or pass logs= with the location.",
            field="bucket",
        )
    wanted = dict(filters or {})
    if bucket is not None:
        bucket = check_bucket(bucket) if logs is None else bucket
        wanted["bucket"] = bucket
    return (logs if logs is not None else access_logs.find_logs(aws, str(bucket)).uri), wanted


def change_id(change: str | Applied) -> str:
    """Return the id of a change that is given by its id or by what apply() returned.

    Raises InvalidInput for what is neither, such as None: a variable without a value names nothing.
    """
    named = change if isinstance(change, str) else getattr(change, "id", None)
    if change == "" or not isinstance(named, str):
        raise InvalidInput(
            f"A change is an id or what apply() returned, and {change!r:.12} is neither.",
            next_step="Write gt.undo('ID') with an id of gt.journal; gt.undo() without an argument"
            " undoes the last change that gt has begun.",
            field="change",
        )
    return named


def engine_options(engine: Any, memory_limit: str | None) -> Json:
    """Return the options of a reading for an engine, its settings or its session,
    and its memory here.
    """
    options = {} if memory_limit is None else {"memory_limit": memory_limit}
    if isinstance(engine, str):
        return options | {"engine": engine}
    if hasattr(engine, "sparkContext"):
        return options | {"engine": "spark", "session": engine}
    if isinstance(engine, access_logs.Athena):
        return options | {"engine": "athena", "athena": engine}
    raise InvalidInput(
        f"An engine is a name, Athena(...) or a Spark session, not {type(engine).__name__}.",
        next_step="Pass engine='duckdb', Athena(...) or a SparkSession.",
        field="engine",
    )
