r"""One spelling of each address: SQL that writes the other spellings as S3 writes an address.

S3 writes one spelling (RFC 5952 for IPv6). Other stores and proxies add a port, fill numbers up
with zeros, or write every group of an IPv6 address: counted as they stand, one client would be
several.

Source: RFC 5952, *A Recommendation for IPv6 Address Text Representation*, section 4.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from .dialects import DUCKDB

_PADDED = "^[0-9]{3}[.][0-9]{3}[.][0-9]{3}[.][0-9]{3}$"
_WITH_PORT = r"^(?:\[[0-9A-Fa-f:.]+\]|[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+)(?::[0-9]{1,5})?$"
_ADDRESS = r"^\[?([0-9A-Fa-f:.]+?)\]?(?::[0-9]{1,5})?$"
_GROUPS = "^(?::[0-9a-f]{1,4}){8}$"
_ZEROS = ":0:0:0:0:0:0:0:0"


def with_one_spelling(rows: str) -> str:
    """Rows whose ``remote_ip`` is spelled as S3 does; other text stays."""
    with_port = f"position(':' IN remote_ip) > 0 AND {_matches('remote_ip', _WITH_PORT)}"
    address = DUCKDB.extract.format("remote_ip", DUCKDB.pattern(_ADDRESS), 1)
    plain = f"CASE WHEN {with_port} THEN {address} ELSE remote_ip END"
    before, after = (
        "substr(bare, 1, position('::' IN bare) - 1)",
        "substr(bare, position('::' IN bare) + 2)",
    )
    colons = "length({0}) - length(replace({0}, ':', ''))"
    groups = f"(CASE WHEN {{0}} = '' THEN 0 ELSE {colons} + 1 END)"
    left, right = (
        f"(CASE WHEN {text} = '' THEN '' ELSE ':' || {text} END)" for text in (before, after)
    )
    zeros = (
        f"substr('{_ZEROS}', 1, greatest(0, 16 - 2 * ({groups.format(before)} +"
        f" {groups.format(after)})))"
    )
    all_groups = (
        f"CASE WHEN position('::' IN bare) > 0 THEN {left} || {zeros} || {right} ELSE ':' ||"
        " bare END"
    )
    stripped = DUCKDB.replace.format(f"lower({all_groups})", "(:)0+([0-9a-f])", r"\1\2")
    runs = " ".join(
        f"WHEN position('{_ZEROS[: 2 * size]}:' IN spelled || ':') > 0 THEN substr(spelled, 2,"
        f" greatest(0, position('{_ZEROS[: 2 * size]}:' IN spelled || ':') - 2)) || '::' ||"
        f" substr(spelled, position('{_ZEROS[: 2 * size]}:' IN spelled || ':') + {2 * size + 1})"
        for size in range(8, 1, -1)
    )
    short = f"CASE {runs} ELSE substr(spelled, 2) END"
    padded = DUCKDB.replace.format("remote_ip", "(^|[.])0+([0-9])", r"\1\2")
    return f"""
    SELECT *, CASE WHEN spelled IS NOT NULL THEN CASE WHEN {_matches("spelled", _GROUPS)}
        THEN {short} ELSE bare END
        WHEN remote_ip LIKE '___.___.___.___' AND {_matches("remote_ip", _PADDED)} THEN {padded}
        ELSE bare END AS address
    FROM (SELECT *, CASE WHEN position(':' IN bare) > 0 THEN {stripped} END AS spelled
    FROM (SELECT *, {plain} AS bare FROM {rows}) a1) a2"""


def _matches(text: str, pattern: str) -> str:
    found = DUCKDB.extract.format(text, DUCKDB.pattern(pattern), 0)
    return f"coalesce({found} <> '', false)"
