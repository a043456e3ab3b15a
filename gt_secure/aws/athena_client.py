"""The calls of Athena that count requests in logs, with the errors of this package."""

from __future__ import annotations

from typing import Any

from ..base.text import Json
from .arns import client_partition, workgroup_arn
from .client import Aws
from .client_errors import aws_errors


class AthenaClient:
    """The :class:`~gt_secure.logs.engines.athena_query.QueryService` of a boto3 Athena
    client and a work group.
    """

    def __init__(self, client: Any, workgroup: str) -> None:
        self._client = client
        self._arn = workgroup_arn(client_partition(client), workgroup)

    def table(self, **wanted: Any) -> Json:
        """Look up a table."""
        with aws_errors("athena:GetTableMetadata", "*"):
            found: Json = self._client.get_table_metadata(**wanted)["TableMetadata"]
        return found

    def start(self, **wanted: Any) -> str:
        """Start a query; returns its id."""
        with aws_errors("athena:StartQueryExecution", self._arn):
            return str(self._client.start_query_execution(**wanted)["QueryExecutionId"])

    def execution(self, query: str) -> Json:
        """Return the state of a query."""
        with aws_errors("athena:GetQueryExecution", self._arn):
            found: Json = self._client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return found

    def stop(self, query: str) -> None:
        """Stop a query."""
        with aws_errors("athena:StopQueryExecution", self._arn):
            self._client.stop_query_execution(QueryExecutionId=query)

    def results(self, **wanted: Any) -> Json:
        """Return a page of results."""
        with aws_errors("athena:GetQueryResults", self._arn):
            page: Json = self._client.get_query_results(**wanted)
        return page


def athena_client(aws: object, workgroup: str) -> AthenaClient | None:
    """Return the Athena client of a connection; None without one."""
    return AthenaClient(aws.client("athena"), workgroup) if isinstance(aws, Aws) else None
