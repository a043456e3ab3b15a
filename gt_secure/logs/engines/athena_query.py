"""Starting, following, stopping and reading one Athena query."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...base.errors import AccessDenied, GtSecureError, InvalidInput, LogError
from ...base.mask import redact
from ...base.pages import MOST_OF_DATA, followed
from ...base.text import Json, count, size_text

if TYPE_CHECKING:
    from .athena_settings import Athena

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
CATALOG = "AwsDataCatalog"
PAGE = 1000
"""Rows of one GetQueryResults: the most that Athena gives."""


@dataclass(frozen=True, slots=True)
class QueryProgress:
    """Progress of a query: its id, state, bytes scanned so far, seconds since its start,
    and rows taken.
    """

    query_id: str
    state: str
    bytes: int
    seconds: float
    rows: int = 0

    @property
    def sentence(self) -> str:
        """The state of the query with the rows read or the bytes scanned."""
        done = (
            f"{count(self.rows, 'row')} read" if self.rows else f"{size_text(self.bytes)} scanned"
        )
        return f"Athena: {self.state.lower()}, {done}"


class QueryService(Protocol):
    """The calls of Athena, which raise errors of :mod:`gt_secure.base.errors`;
    the parameters are those of its API.
    """

    def table(self, **wanted: Any) -> Json:
        """Look up a table."""

    def start(self, **wanted: Any) -> str:
        """Start a query; returns its id."""

    def execution(self, query: str) -> Json:
        """Return the state of a query."""

    def stop(self, query: str) -> None:
        """Stop a query."""

    def results(self, **wanted: Any) -> Json:
        """Return a page of results."""


class Flow:
    """Queries of one work group."""

    def __init__(
        self,
        client: QueryService,
        settings: Athena,
        progress: Callable[[QueryProgress], object] | None,
        cancel: threading.Event | None,
    ) -> None:
        self.client, self.settings = client, settings
        self._progress, self._cancel = progress, cancel

    def start(self, sql: str) -> str:
        """Start a query and return its id."""
        wanted: Json = {
            "QueryString": sql,
            "WorkGroup": self.settings.workgroup,
            "QueryExecutionContext": {"Database": self.settings.database, "Catalog": CATALOG},
        }
        if self.settings.output:
            wanted["ResultConfiguration"] = {"OutputLocation": self.settings.output}
        self._check_cancel()
        try:
            return self.client.start(**wanted)
        except GtSecureError as error:
            if "output location" in error.message.lower():
                raise InvalidInput(
                    "Athena has no output location for the results.",
                    next_step="Pass output='s3://bucket/prefix/', or choose a work group with one.",
                    field="output",
                ) from error
            raise

    def wait(self, query: str) -> Json:
        """Follow a query to its end and return its QueryExecution; cancel and time-out stop it."""
        try:
            found = self._followed(query)
        except BaseException:
            self.stop(query)
            raise
        state = found["Status"]["State"]
        if state != "SUCCEEDED":
            raise _ended(state, found)
        return found

    def _followed(self, query: str) -> Json:
        started, pause, again = time.monotonic(), FIRST_WAIT_S, False
        while True:
            found = self.client.execution(query)
            state = found["Status"]["State"]
            seconds = time.monotonic() - started
            self._tell(query, state, found, seconds)
            # Athena starts some failed queries again by itself: then FAILED is followed by QUEUED.
            retried = state == "FAILED" and bool(
                (found["Status"].get("AthenaError") or {}).get("Retryable")
            )
            if state in ("SUCCEEDED", "FAILED", "CANCELLED") and (again or not retried):
                return found
            again = retried
            if seconds > self.settings.timeout_s:
                raise LogError(
                    f"The Athena query took longer than {self.settings.timeout_s:,.0f} s and was"
                    " stopped.",
                    next_step="Ask for a shorter time range, or give a longer timeout_s.",
                    details={"query_id": query},
                )
            left = max(self.settings.timeout_s - seconds, 0.01)
            wait = min(LONGEST_WAIT_S if again else pause, left)
            if self._cancel is None:
                time.sleep(wait)
            else:
                self._cancel.wait(wait)
                self._check_cancel()
            pause = min(pause * 1.5, LONGEST_WAIT_S)

    def stop(self, query: str) -> None:
        """Stop a query: it would go on, and cost, without us.
        That it cannot be stopped hides no other error.
        """
        try:
            self.client.stop(query)
        except GtSecureError:
            return

    def results(self, query: str) -> Iterator[list[str | None]]:
        """The rows of a SELECT as text, page by page,
        without the header that the first page carries.
        """
        wanted: Json = {"QueryExecutionId": query, "MaxResults": PAGE}
        started, number, header = time.monotonic(), 0, True
        for page in followed(self.client.results, wanted, "NextToken", most=MOST_OF_DATA):
            self._check_cancel()
            rows = page["ResultSet"].get("Rows", [])
            for row in rows[1:] if header else rows:
                number += 1
                yield [datum.get("VarCharValue") for datum in row["Data"]]
            header = False
            self._tell(query, "SUCCEEDED", {}, time.monotonic() - started, number)

    def _tell(self, query: str, state: str, found: Json, seconds: float, rows: int = 0) -> None:
        if self._progress is not None:
            scanned = int(found.get("Statistics", {}).get("DataScannedInBytes") or 0)
            self._progress(QueryProgress(query, state, scanned, seconds, rows))

    def _check_cancel(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise LogError(
                "The Athena query was cancelled.", next_step="Start it again to read on."
            )


def _ended(state: str, execution: Json) -> GtSecureError:
    status = execution["Status"]
    reason = str(
        status.get("StateChangeReason")
        or (status.get("AthenaError") or {}).get("ErrorMessage")
        or ""
    )
    reason = redact(reason)[:500]
    details = {"query_id": execution.get("QueryExecutionId"), "state": state}
    low = reason.lower()
    if state == "CANCELLED":
        if "bytes scanned" in low:  # the words are those that people quote; AWS documents none
            return LogError(
                "The work group cancelled the query: it scanned more than the group allows.",
                next_step=(
                    "Ask for a shorter time range, or have the limit of the work group raised."
                ),
                details=details,
            )
        return LogError(
            f"The Athena query was cancelled: {reason or 'no reason given'}", details=details
        )
    if re.search(r"access ?denied|not authorized|forbidden|permission", low):
        what = re.search(r"\b((?:s3|glue|kms|lakeformation):[A-Za-z*]+)", reason)
        return AccessDenied(
            f"Athena was refused what the query needs: {reason}",
            action=what[1] if what else "s3:GetObject",
            next_step=(
                "The role needs s3:GetObject and s3:ListBucket on the log, s3:PutObject and"
                " s3:GetBucketLocation on the output location, and glue:GetTable, glue:CreateTable"
                " and glue:DeleteTable on the database."
            ),
            details=details,
        )
    if "output location" in low or "writing to s3" in low:
        return LogError(
            f"Athena could not write the result: {reason}",
            next_step="Check the output location: its bucket must be there, in the same region.",
            details=details,
        )
    return LogError(f"The Athena query failed: {reason or 'no reason given'}", details=details)
