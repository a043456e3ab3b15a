"""The few functions in which the SQL engines differ; everything else of the parser is the same
text.

Sources for Trino, which Athena engine version 3 follows: the Trino documentation, *Functions and
operators* (string, regular expression, date and time, array, binary, URL and conditional
functions).
"""

from __future__ import annotations

from dataclasses import dataclass

_LOST = "\N{REPLACEMENT CHARACTER}"
# Java decodes bytes that are no UTF-8 to U+FFFD, where two different keys would become one: such
# text stays encoded.
JAVA_DECODED = (
    f"CASE WHEN position('{_LOST}' IN {{decoded}}) = 0 OR position('{_LOST}' IN {{0}}) > 0 "
    "OR position('%EF%BF%BD' IN upper({0})) > 0 THEN {decoded} END"
)
JAVA_DECODE = f"coalesce({JAVA_DECODED}, {{0}})"


@dataclass(frozen=True)
class Dialect:
    """SQL of one engine for what the parser needs.

    Each member is a format string. Lists are read with an index that gives NULL beyond the end.
    """

    name: str
    split: str  # text, one-character separator -> list
    item: str  # list, one-based index
    length: str  # list
    find: str  # list -> one-based index of its first empty text; 0 for none
    extract: str  # text, pattern, group: empty or NULL where nothing matches
    replace: str  # text, pattern, replacement: every match
    group: str  # in a replacement: the text of the first group
    part: str  # text, one-character separator, one-based index -> text, empty beyond the end
    sha256: str  # text -> 64 lower-case hexadecimal digits
    sorted: str  # list of text -> its items in the order of their bytes
    join: str  # list of text, separator
    each: str  # list, expression of an item p -> list
    keep: str  # list, condition on an item p -> list
    one: str  # text -> list of nothing else
    unnest: str  # list, name, relation -> SELECT of its rows, with a row for each item of the list
    time: str  # text such as [06/Feb/2019:00:00:38 -> timestamp or NULL
    compact_time: str  # text such as 20261120 090000 -> timestamp or NULL
    seconds: str  # two timestamps -> whole seconds from the first to the second
    shown: str  # timestamp -> 2019-02-06 00:00:38, or what Python shows so
    integer: str  # text -> 64-bit integer or NULL
    shift: str  # timestamp, text of minutes to take away
    decode: str  # percent-decoding of text once; unchanged where it cannot be decoded
    decoded: str  # percent-decoding of text once; NULL where the bytes are no UTF-8
    loose: str  # the same, whatever becomes of such bytes; NULL where it fails
    string: str  # name of the type of text
    escape: bool = False  # backslashes in string literals are to be doubled
    shortcut: bool = (
        False  # presigned URLs of the common form are read without a look at every parameter
    )

    def pattern(self, text: str) -> str:
        """Return a regular expression for a string literal."""
        return text.replace("\\", "\\\\") if self.escape else text


_NEXT = "%[89ABab][0-9A-Fa-f]"
_UTF8 = "|".join(
    (
        f"%(?:[Cc][2-9A-Fa-f]|[Dd][0-9A-Fa-f]){_NEXT}",
        f"%[Ee]0%[ABab][0-9A-Fa-f]{_NEXT}",
        f"%[Ee][1-9A-Ca-cEeFf]{_NEXT}{_NEXT}",
        f"%[Ee][Dd]%[89][0-9A-Fa-f]{_NEXT}",
        f"%[Ff]0%[9ABab][0-9A-Fa-f]{_NEXT}{_NEXT}",
        f"%[Ff][1-3]{_NEXT}{_NEXT}{_NEXT}",
        f"%[Ff]4%8[0-9A-Fa-f]{_NEXT}{_NEXT}",
    )
)
"""Percent-encoded characters outside ASCII (Unicode Standard, table 3-7)."""
_PLAIN = "%[^%89A-Fa-f]|%[89A-Fa-f][^%0-9A-Fa-f]"
_CUT_OFF = "%[89A-Fa-f]?"
"""A percent sign that encodes nothing, before another one or at the end."""
_DECODABLE = f"(?s)(?:[^%]|(?:{_CUT_OFF})*(?:{_UTF8}|{_PLAIN}))*(?:{_CUT_OFF})*"
"""Text whose encoded bytes are UTF-8."""
_DUCKDB_DECODED = f"CASE WHEN regexp_full_match({{0}}, '{_DECODABLE}') THEN url_decode({{0}}) END"
"""``try`` does it too, but not inside a lambda in DuckDB 1.5, and each failure takes as long as
sixty successes.

Decoding is nested three times: its argument occurs only twice in it, because DuckDB binds all of
the text.
"""

DUCKDB = Dialect(
    name="duckdb",
    split="string_split({0}, '{1}')",
    item="{0}[{1}]",
    length="len({0})",
    find="coalesce(list_position({0}, ''), 0)",
    extract="regexp_extract({0}, '{1}', {2})",
    replace="regexp_replace({0}, '{1}', '{2}', 'g')",
    group=r"\1",
    part="split_part({0}, '{1}', {2})",
    sha256="sha256({0})",
    sorted="list_sort({0})",
    join="array_to_string({0}, '{1}')",
    each="list_transform({0}, lambda p: {1})",
    keep="list_filter({0}, lambda p: {1})",
    one="[{0}]",
    unnest="SELECT *, unnest({0}) AS {1} FROM {2}",
    time="try_strptime({0}, '[%d/%b/%Y:%H:%M:%S')",
    compact_time="try_strptime({0}, '%Y%m%d %H%M%S')",
    seconds="date_diff('second', {0}, {1})",
    shown="{0}",
    integer="try_cast({0} AS BIGINT)",
    shift="({0} - to_minutes(cast({1} AS BIGINT)))",
    decode=f"coalesce({_DUCKDB_DECODED}, {{0}})",
    decoded=f"({_DUCKDB_DECODED})",
    loose=f"({_DUCKDB_DECODED})",
    string="VARCHAR",
    shortcut=True,
)
TRINO = Dialect(
    name="trino",
    split="split({0}, '{1}')",
    item="element_at({0}, {1})",  # [ ] fails beyond the end
    length="cardinality({0})",
    find="coalesce(array_position({0}, ''), 0)",
    extract="coalesce(regexp_extract({0}, '{1}', {2}), '')",  # NULL where nothing matches
    replace="regexp_replace({0}, '{1}', '{2}')",
    group="$1",
    part="coalesce(split_part({0}, '{1}', {2}), '')",  # NULL beyond the end
    sha256="lower(to_hex(sha256(to_utf8({0}))))",
    sorted="array_sort({0})",
    join="array_join({0}, '{1}')",
    each="transform({0}, p -> {1})",
    keep="filter({0}, p -> {1})",
    one="split({0}, '\n')",
    unnest="SELECT * FROM {2} CROSS JOIN UNNEST({0}) AS u1({1})",
    time="try(date_parse(substr({0}, 2), '%d/%b/%Y:%H:%i:%s'))",
    compact_time="try(date_parse({0}, '%Y%m%d %H%i%s'))",
    seconds="date_diff('second', {0}, {1})",
    shown="date_format({0}, '%Y-%m-%d %H:%i:%s')",
    integer="try_cast({0} AS BIGINT)",
    shift="date_add('minute', -({1}), {0})",
    # + would become a blank
    decode=JAVA_DECODE.replace("{decoded}", "try(url_decode(replace({0}, '+', '%2B')))"),
    decoded=JAVA_DECODED.replace("{decoded}", "try(url_decode(replace({0}, '+', '%2B')))"),
    loose="try(url_decode({0}))",
    string="VARCHAR",
)
