r"""Lines that can be read in two ways: SQL that lists each of them once as it stands, and once in
its other reading.

A line is *odd* if it may hold two records of one owner (the border between them is missing, or is a
carriage return), or if quoted text follows what looks like the tail of a record: a new field, or
text that a client sent. The line does not say which, so both readings are kept: an answer is
certain only where they agree.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from .dialects import DUCKDB, Dialect

ONLY, MAIN, OTHER = 0, 1, 2
"""Values of the column ``reading``: of a line without doubt, of an odd line as it stands,
and of its other reading.
"""

_TIME = r"\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:"
_OWNED = rf'([0-9a-f]{{64}} +[^ "\r\n]+ +{_TIME})'
"""Beginning of a record: canonical id, bucket and day; no blank need be before it."""
_BEGIN = rf'([^ "\r\n]+ +[^ "\r\n]+ +{_TIME})'
_BORDER = r"(?s)[^ \r\n].*\n"
"""A border that is not before the first record."""
_SHORT_END = r'"(?: +[^ "]+){0,4}[ \r]*$'
"""An end behind the last quote that is too short to be the tail of a record."""
_TAIL = (
    r'" +[^ "]+(?: +[^ "]+)? +(?:SigV[0-9A-Z]+|-) +[^ "]+ +(?:AuthHeader|QueryString|HtmlForm|-)(?:'
    r' +[^ "]+)+'
)
_TAIL_AND_TEXTS = rf'(?s)^(.*{_TAIL}) +("[^"]*"(?: +"[^"]*")*(?: +[^ "]+){{0,4}})[ \r]*$'
"""A record, and texts in quotes that follow its tail."""
_QUOTES = '[" ]+'
_SEVERAL = "line LIKE '%[%] %[%/%' OR position(' ' IN line) > 65"
_ENDS = " OR ".join(f"line LIKE '%{end}'" for end in ('"', '" ', '"  ', '"\r', "".join(['"%'] * 8)))
"""Conditions that nearly no line fulfils: ``LIKE`` costs less than a regular expression."""


def in_doubt(d: Dialect = DUCKDB) -> str:
    """Expression: whether a ``line`` that is not plain can be read in two ways."""
    cut = f"CASE WHEN {_SEVERAL} THEN {_matches(_cut(d), _BORDER, d)} ELSE false END"
    return f"({cut} OR {_quoted(d)})"


def readings(lines: str, d: Dialect = DUCKDB) -> str:
    """SELECT of ``source``, ``pos``, ``line`` and ``reading`` of lines and of the other readings of
    odd ones.

    This costs a tenth of the time that reading takes: where lines can be read again, :func:`others`
    is better.
    """
    pieces = (
        f"CASE WHEN other IS NULL THEN {d.one.format('line')} ELSE"
        f" {_split('line || {0} || other', d)} END"
    )
    return f"""SELECT source, pos, piece AS line,
        CASE WHEN other IS NULL THEN {ONLY} WHEN piece = line THEN {MAIN} ELSE {OTHER}
        END AS reading
    FROM ({d.unnest.format(pieces, "piece", _found(lines, d))}) o4"""


def others(lines: str, d: Dialect = DUCKDB) -> str:
    """SELECT as of :func:`readings`, of nothing but the other readings."""
    odd = f"(SELECT * FROM {_found(lines, d)} WHERE other IS NOT NULL) o4"
    pieces = d.unnest.format(_split("other", d), "piece", odd)
    return f"SELECT source, pos, piece AS line, {OTHER} AS reading FROM ({pieces}) o5"


def _found(lines: str, d: Dialect) -> str:
    """Lines with ``other``: the records of the other reading of an odd line, one a line;
    NULL for every other line.
    """
    record, texts = (d.extract.format("line", d.pattern(_TAIL_AND_TEXTS), i) for i in (1, 2))
    plain = f"{record} || ' ' || {d.replace.format(texts, _QUOTES, '_')}"
    parts = d.split.format("line", chr(34))
    tail = d.item.format(parts, d.length.format(parts))
    # What splitting reads without doubt has six quotes, a short owner, and no other time behind
    # them.
    doubt = (
        f"{d.length.format(parts)} <> 7 OR position(chr(91) IN {tail}) > 0 OR position(' ' IN line)"
        " > 65"
    )
    return f"""(SELECT *, CASE WHEN {_matches("cut", _BORDER, d)} THEN cut WHEN quoted THEN {plain}
        END AS other
    FROM (SELECT source, pos, line, CASE WHEN {_SEVERAL} THEN CASE WHEN {doubt} THEN {_cut(d)} END
        END AS cut,
        {_quoted(d)} AS quoted
    FROM {lines}) o1) o2"""


def _cut(d: Dialect) -> str:
    """Expression: a line with a line feed before each beginning of a record of its owner.

    S3 delivers the logs of one account to a bucket, so a record of another owner is text that a
    client sent; no client can send a carriage return.
    """
    owned = d.replace.format("line", d.pattern(_OWNED), f"\n{d.group}")
    begun = d.replace.format(owned, d.pattern(_BEGIN), f"\n{d.group}")
    owner = d.extract.format("line", "^ *([^ ]+ )", 1)
    own = f"CASE WHEN position({owner} IN p) = 1 THEN chr(10) || p ELSE p END"
    joined = d.join.format(d.each.format(d.split.format(begun, "\n"), own), "")
    return f"CASE WHEN position(chr(13) IN line) > 0 THEN {begun} ELSE {joined} END"


def _quoted(d: Dialect) -> str:
    """Expression: whether text in quotes follows the tail of a record."""
    short, texts = (_matches("line", each, d) for each in (_SHORT_END, _TAIL_AND_TEXTS))
    whole = f"CASE WHEN {short} THEN {texts} ELSE false END"
    return f"CASE WHEN {_ENDS} THEN {whole} ELSE false END"


def _split(text: str, d: Dialect) -> str:
    return d.split.format(f"({text.format(chr(39) + chr(10) + chr(39))})", "\n")


def _matches(text: str, pattern: str, d: Dialect) -> str:
    return f"coalesce({d.extract.format(text, d.pattern(pattern), 0)} <> '', false)"
