"""The few functions in which the SQL engines differ; everything else of the parser is the same text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How one engine writes what the parser needs.

    Each member is a format string. Lists are read with an index that gives NULL beyond the end.
    """

    name: str
    split: str  # text, one-character separator -> list
    item: str  # list, one-based index
    length: str  # list
    extract: str  # text, pattern, group: empty or NULL where nothing matches
    replace: str  # text, pattern, replacement: every match
    time: str  # text such as 06/Feb/2019:00:00:38 -> timestamp or NULL
    integer: str  # text -> 64-bit integer or NULL
    shift: str  # timestamp, text of minutes to take away
    decode: str  # percent-decoding of text once; unchanged where it cannot be decoded
    escape: bool = False  # backslashes in string literals are to be doubled


DUCKDB = Dialect(
    name="duckdb",
    split="string_split({0}, '{1}')",
    item="{0}[{1}]",
    length="len({0})",
    extract="regexp_extract({0}, '{1}', {2})",
    replace="regexp_replace({0}, '{1}', '{2}', 'g')",
    time="try_strptime({0}, '%d/%b/%Y:%H:%M:%S')",
    integer="try_cast({0} AS BIGINT)",
    shift="({0} - to_minutes(cast({1} AS BIGINT)))",
    decode="coalesce(try(url_decode({0})), {0})",
)
SPARK = Dialect(
    name="spark",
    split="split({0}, '{1}', -1)",
    item="get({0}, {1} - 1)",
    length="size({0})",
    extract="regexp_extract({0}, '{1}', {2})",
    replace="regexp_replace({0}, '{1}', '{2}')",
    time="try_to_timestamp({0}, 'dd/MMM/yyyy:HH:mm:ss')",
    integer="try_cast({0} AS BIGINT)",
    shift="timestampadd(MINUTE, -({1}), {0})",
    decode="coalesce(try_url_decode(replace({0}, '+', '%2B')), {0})",
    escape=True,
)
