"""Values as literals of DuckDB's SQL."""

from __future__ import annotations


def literal(value: object) -> str:
    """A SQL literal; DuckDB knows no escapes in one but the doubled quote."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
