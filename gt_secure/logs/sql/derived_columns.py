"""Columns computed from a parsed record: presigned, refused, test, fingerprint; and secrets taken out of the text.

The words are those of the design: a hit is *presigned* when its authentication type is ``QueryString`` and its request
carries an expiry; S3 masks the SigV4 signature in the log, so the *fingerprint* is a hash of everything the signature
is computed from: method, host, key and every query parameter but the signature.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

from .columns import EXTRA, FIELDS, TEST_MARKER
from .dialects import DUCKDB, Dialect
from .line_parser import decoded_key, parsed

_TOKENS = r"(?i)((?:X-Amz-(?:Security-Token|Credential|Signature)|AWSAccessKeyId|Signature)(?:=|%(?:25)*3D))[^& \"]*"
_KEY_ID = "(AKIA|ASIA)[A-Z0-9]{12,}"
_LEFT_OVER = (
    r"(?i)(?:Security-Token|Credential|Signature|AWSAccessKeyId)(?:=|%(?:25)*3D)"
    r"(?:[^*& \"]|\*[^*& \"]|\*\*[^*& \"]|\*\*\*[^& \"])"
)
"""A secret that is not masked yet."""
_SIGNER = "(?:X-Amz-Credential|AWSAccessKeyId)=([A-Za-z0-9]+)"


def _literal(pattern: str, dialect: Dialect) -> str:
    return pattern.replace("\\", "\\\\") if dialect.escape else pattern


def masked(text: str, dialect: Dialect = DUCKDB) -> str:
    """Expression: text of a client without tokens, signatures and access key ids."""
    stars = f"{dialect.group}***"
    tokens = dialect.replace.format(text, _literal(_TOKENS, dialect), stars)
    inner = dialect.replace.format(tokens, _KEY_ID, stars)
    # The expressions are slow, and most text has no parameter at all.
    hints = " OR ".join(f"{text} LIKE '%{hint}%'" for hint in ("=", "AKIA", "ASIA", "3D"))
    return f"CASE WHEN {hints} THEN {inner} ELSE {text} END"


def _half_masked(text: str, d: Dialect) -> str:
    """Expression: a request without the parameters of a common presigned URL, by splitting: ten times as fast."""
    end = "position(' ' IN p)"
    kinds = "".join(
        f"WHEN p LIKE '{name}=%' THEN '{name}=***' || CASE WHEN {end} > 0 THEN substr(p, {end}) ELSE '' END "
        for name in ("X-Amz-Security-Token", "X-Amz-Credential", "X-Amz-Signature")
    )
    each = d.each.format(d.split.format(text, "&"), f"CASE WHEN position(chr(34) IN p) > 0 THEN p {kinds}ELSE p END")
    return f"CASE WHEN {text} LIKE '%&X-Amz-%' THEN {d.join.format(each, '&')} ELSE {text} END"


def _rest_masked(text: str, d: Dialect) -> str:
    """Expression: what is still to be masked in a text that is half masked."""
    left = f"{d.extract.format(text, _literal(_LEFT_OVER, d), 0)} <> ''"
    return f"CASE WHEN {left} OR {text} LIKE '%AKIA%' OR {text} LIKE '%ASIA%' THEN {masked(text, d)} ELSE {text} END"


def has_parameter(name: str, query: str = "query") -> str:
    """Expression: whether a query string that starts with ``&`` has a parameter."""
    return f"coalesce({query} LIKE '%&{name}=%', false)"


REFUSED = "coalesce(http_status IN (401, 403), false)"
OPENED = "coalesce(http_status BETWEEN 200 AND 399, false)"


def from_lines(lines: str, dialect: Dialect = DUCKDB) -> str:
    """SELECT of records from lines of an access log: place, text, state, and the 27 fields with the key decoded."""
    plain = ", ".join(name for name in FIELDS if name != "key")
    return f"""SELECT source, pos, line, readable, blank, {plain}, {decoded_key(dialect)} AS key,
        CAST(NULL AS {dialect.string}) AS endpoint, 'access-log' AS source_kind FROM ({parsed(lines, dialect)}) r0"""


def derived(records: str, dialect: Dialect = DUCKDB) -> str:
    """SELECT that adds the derived columns to records and masks the secrets in them.

    Columns that the outer query does not name cost nothing: the engine leaves them out.
    """
    d = dialect
    kept = ", ".join(name for name in (*FIELDS, *EXTRA) if name not in ("request_uri", "referer", "user_agent"))
    signed = f"({has_parameter('X-Amz-Expires')} OR ({has_parameter('Expires')} AND {has_parameter('Signature')}))"
    every = d.split.format("replace(replace(query, '%2F', '/'), '%2f', '/')", "&")
    unsigned = d.keep.format(every, "NOT (p LIKE 'X-Amz-Signature=%' OR p LIKE 'Signature=%')")
    params = d.join.format(d.sorted.format(unsigned), "&")
    target = d.part.format("request_uri", " ", 2)
    signer = d.extract.format("query", _SIGNER, 1)
    method = d.part.format("raw_uri", " ", 1)
    fingerprint = d.sha256.format(f"concat_ws(chr(10), {method}, lower(host_header), key, {params})")
    return f"""
    SELECT *, CASE WHEN presigned THEN substr({fingerprint}, 1, 16) END AS fingerprint,
        CASE WHEN {signer} <> '' THEN substr({d.sha256.format(signer)}, 1, 12) END AS access_key
    FROM (SELECT *, coalesce(auth_type = 'QueryString', false) AND {signed} AS presigned,
        {has_parameter(TEST_MARKER)} AS test, {REFUSED} AS refused, {_rest_masked("half_uri", d)} AS request_uri
    FROM (SELECT source, pos, line, readable, blank, {kept}, request_uri AS raw_uri,
        {_half_masked("request_uri", d)} AS half_uri, {masked("referer", d)} AS referer,
        {masked("user_agent", d)} AS user_agent,
        CASE WHEN request_uri LIKE '%?%' THEN '&' || substr({target}, position('?' IN {target}) + 1) ELSE '' END
            AS query
    FROM ({records}) r1) r2) r3"""
