"""Tables of raw lines for Athena: one of our own over a log prefix, or one that is there."""

# ruff: noqa: S608 - names are checked by Athena.__post_init__, locations are quoted

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from ...aws.client import aws_errors
from ...errors import InvalidInput
from ..storage.listing import split_uri
from .athena_query import CATALOG

_TEXT = ("string", "varchar", "char")
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


@dataclass(frozen=True)
class RawTable:
    """A table with one column that holds a whole line, and its ``s3://`` folder with a slash at the end, if that is
    known.
    """

    database: str
    name: str
    column: str
    location: str

    def lines(self, condition: str) -> str:
        """A relation with source, pos and line, for objects whose ``"$path"`` fulfils a condition.

        Hive takes the text ``\\N`` for an absent value: it is given back.
        """
        return (
            f'(SELECT "$path" AS source, CAST(NULL AS BIGINT) AS pos, coalesce("{self.column}", \'\\N\') AS line '
            f'FROM "{self.database}"."{self.name}" WHERE {condition}) l0'
        )


@dataclass(frozen=True)
class AdHoc(RawTable):
    """A table that is made for one query."""

    @classmethod
    def over(cls, uri: str, database: str) -> AdHoc:
        """A table over the folder of a prefix; a prefix that ends within a name is narrowed by ``"$path"``."""
        bucket, prefix = split_uri(uri)
        folder = prefix[: prefix.rfind("/") + 1]
        return cls(database, f"gt_secure_lines_{secrets.token_hex(6)}", "line", f"s3://{bucket}/{folder}")

    @property
    def create(self) -> str:
        """The statement that makes it; the last column takes the rest of the line (Apache Hive, LazySimpleSerDe)."""
        location = self.location.replace("'", "''")
        return f"""CREATE EXTERNAL TABLE `{self.database}`.`{self.name}` (`line` string)
ROW FORMAT SERDE '{_LAZY}' WITH SERDEPROPERTIES ('serialization.last.column.takes.rest' = 'true')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{location}'"""

    @property
    def drop(self) -> str:
        return f"DROP TABLE IF EXISTS `{self.database}`.`{self.name}`"


def raw_table(client: Any, database: str, name: str) -> RawTable:
    """Look up a table, and refuse one that splits lines into fields: it loses odd lines before a query sees them."""
    with aws_errors("athena:GetTableMetadata", "*"):
        said = client.get_table_metadata(CatalogName=CATALOG, DatabaseName=database, TableName=name)["TableMetadata"]
    columns = said.get("Columns", [])
    options = said.get("Parameters", {})
    serde = options.get("serde.serialization.lib", "")
    pattern = options.get("serde.param.input.regex", "")
    place = f"{database}.{name}"
    if "RegexSerDe" in serde and not (len(columns) == 1 and pattern in ("(.*)", "^(.*)$")):
        raise InvalidInput(
            f"{place} reads lines with a regular expression (RegexSerDe), as AWS documents it for access logs. S3 does "
            "not escape quotes, so such a pattern gives rows of NULL for lines with quotes in the request URI or the "
            "user agent, and a referer can forge a status: presigned URLs with a file name are lost.",
            next_step="Leave table= out, so that a table of raw lines is made for the query, or name a table with one "
            "text column.",
            field="table",
        )
    if len(columns) != 1 or not str(columns[0].get("Type", "")).lower().startswith(_TEXT):
        raise InvalidInput(
            f"{place} has {len(columns)} columns; what is needed is a table of raw lines: one text column.",
            next_step="Leave table= out, so that such a table is made for the query.",
            field="table",
        )
    location = str(options.get("location", ""))
    return RawTable(database, name, str(columns[0]["Name"]), location.rstrip("/") + "/" if location else "")
