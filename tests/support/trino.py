"""A stand-in for Trino: its SQL, parsed by sqlglot, run on DuckDB with what Trino documents to do
differently.

This is no Trino. It shows that the text parses as Trino SQL, that every function in it is one that
was looked up, and that the text gives the same rows where Trino's functions behave as their
documentation says.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

NAMED = {
    "array_join", "array_position", "array_sort", "cardinality", "cast", "chr", "coalesce", "concat_ws",
    "count", "date_add", "date_diff", "date_format", "date_parse", "date_trunc", "element_at", "filter", "greatest",
    "length", "lower", "max", "min", "nullif", "position", "regexp_extract", "regexp_replace", "replace", "sha256",
    "slice", "split", "split_part", "substr", "to_hex", "to_utf8", "transform", "translate", "try", "try_cast", "unnest",
    "upper", "url_decode",
}  # fmt: skip
"""Functions of the Trino documentation, *Functions and operators*, that the text may use."""

MACROS = r"""
CREATE OR REPLACE TEMP MACRO trino_extract(t, p, g) AS
    CASE WHEN regexp_matches(t, p) THEN regexp_extract(t, p, g) END;
CREATE OR REPLACE TEMP MACRO trino_part(t, s, i) AS string_split(t, s)[i];
CREATE OR REPLACE TEMP MACRO trino_url_decode(t) AS url_decode(replace(t, '+', ' '));
CREATE OR REPLACE TEMP MACRO trino_trim(t) AS regexp_replace(t, '^\s+|\s+$', '', 'g');
CREATE OR REPLACE TEMP MACRO trino_integer(t) AS
    CASE WHEN regexp_full_match(t, '[+-]?[0-9]+') THEN try_cast(t AS BIGINT) END;
"""
"""What differs: NULL where nothing matches and beyond the last part; + decodes to a blank; trim
takes every kind of white space; a cast takes digits only."""


def parse(sql: str) -> exp.Expression:
    return sqlglot.parse_one(sql, dialect="trino")


def functions(sql: str) -> set[str]:
    """Names before an opening parenthesis, as they stand in the text."""
    tokens = [
        sqlglot.tokens.Token(sqlglot.TokenType.STRING, ""),
        *sqlglot.tokenize(sql, dialect="trino"),
    ]
    triples = zip(tokens, tokens[1:], tokens[2:], strict=False)
    # not the name of a list
    calls = [a for before, a, b in triples if b.text == "(" and before.text.lower() != "as"]
    words = {a.text.lower() for a in calls if a.text.replace("_", "").isalnum()}
    return words - {
        "from",
        "in",
        "and",
        "or",
        "not",
        "when",
        "then",
        "else",
        "as",
        "case",
        "where",
        "select",
        "by",
    }


def to_duckdb(sql: str) -> str:
    """Trino's text as DuckDB's, with the macros in place of what differs."""
    return parse(sql).transform(_rewritten).sql(dialect="duckdb")


def _rewritten(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.RegexpExtract):
        return _call(
            "trino_extract",
            node.this,
            node.expression,
            node.args.get("group") or exp.Literal.number(0),
        )
    if isinstance(node, exp.SplitPart):
        return _call("trino_part", node.this, node.args["delimiter"], node.args["part_index"])
    if isinstance(node, exp.RegexpReplace):
        replacement = node.args["replacement"]
        node.set("replacement", exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", replacement.this)))
        return node
    if isinstance(node, exp.TryCast) and node.to.is_type("bigint"):
        return _call("trino_integer", node.this)
    if isinstance(node, exp.Trim):
        return _call("trino_trim", node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "url_decode":
        return _call("trino_url_decode", *node.expressions)
    return node


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))
