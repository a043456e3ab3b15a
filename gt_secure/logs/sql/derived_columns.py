"""Columns computed from a parsed record: presigned, refused, test, fingerprint; and secrets taken
out of the text.

A hit is *presigned* when it was authenticated in the query string or by a POST form. S3 masks the
signature in the log, so the *fingerprint* is a hash of everything that the signature covers.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from typing import Literal

from ...base.url_journal import NEAR_S, UrlJournal
from .addresses import with_one_spelling
from .application_names import application
from .dialects import DUCKDB, Dialect
from .line_parser import decoded_key, parsed
from .log_columns import EXTRA, FIELDS, REFUSED, STORED, TEST_MARKER
from .odd_lines import MAIN, ONLY, others, readings
from .usual_query import COVERED, HALF_MASKED, KEY_ID, LIFETIME, SIGNED_AT, usual_layers
from .viewers import Viewers

_NAMED = (
    r"(?:Security-Token|Credential|Signature|AWSAccessKeyId)(?:%[0-9A-Fa-f]{2}|[^A-Za-z0-9%&="
    r" \"-])*?(?:=|%(?:25)*3D)"
)
"""A name before its value, whatever is encoded between them:
refused requests of attackers are in the log too.
"""
_TOKENS = rf"(?i)({_NAMED})[^& \"]*"
_KEY_ID = "(AKIA|ASIA)[A-Z0-9]{12,}"
_SESSION = r"(IQoJb3JpZ2lu|FwoGZXIvYXdz)[^& \"]*"
"""A session token by its first letters, under any name."""
_KNOWN = ("AKIA", "ASIA", "IQoJ", "FwoG")
_LEFT_OVER = (
    rf"(?i){_NAMED}"
    r"(?:[^*& \"]|\*[^*& \"]|\*\*[^*& \"]|\*\*\*[^& \"])"
)
"""A secret that is not masked yet."""


def masked(text: str, dialect: Dialect = DUCKDB) -> str:
    """Expression: text of a client without tokens, signatures and access key ids."""
    stars = f"{dialect.group}***"
    tokens = dialect.replace.format(text, dialect.pattern(_TOKENS), stars)
    inner = dialect.replace.format(
        dialect.replace.format(tokens, _KEY_ID, stars), dialect.pattern(_SESSION), stars
    )
    # The expressions are slow, and most text has no parameter at all.
    hints = " OR ".join(f"{text} LIKE '%{hint}%'" for hint in ("=", "3D", *_KNOWN))
    return f"CASE WHEN {hints} THEN {inner} ELSE {text} END"


def _half_masked(text: str, d: Dialect) -> str:
    """Expression: a request without the parameters of a common presigned URL, by splitting:
    ten times as fast.
    """
    end = "position(' ' IN p)"
    kinds = "".join(
        f"WHEN p LIKE '{name}=%' THEN '{name}=***' || CASE WHEN {end} > 0 THEN substr(p, {end})"
        " ELSE '' END "
        for name in ("X-Amz-Security-Token", "X-Amz-Credential", "X-Amz-Signature")
    )
    each = d.each.format(
        d.split.format(text, "&"), f"CASE WHEN position(chr(34) IN p) > 0 THEN p {kinds}ELSE p END"
    )
    return f"CASE WHEN {text} LIKE '%&X-Amz-%' THEN {d.join.format(each, '&')} ELSE {text} END"


def _rest_masked(text: str, d: Dialect) -> str:
    """Expression: what is still to be masked in a text that is half masked."""
    left = f"{d.extract.format(text, d.pattern(_LEFT_OVER), 0)} <> ''"
    known = " OR ".join(f"{text} LIKE '%{start}%'" for start in _KNOWN)
    return f"CASE WHEN {left} OR {known} THEN {masked(text, d)} ELSE {text} END"


_SIGNED_BY_SIGV2 = (
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber",
    "policy", "requestPayment", "restore", "tagging", "torrent", "uploadId", "uploads", "versionId",
    "versioning", "versions", "website", "response-content-type", "response-content-language",
    "response-expires", "response-cache-control", "response-content-disposition",
    "response-content-encoding",
)  # fmt: skip
"""Query parameters that signature version 2 covers in addition to signer and expiry, by exact name
(S3 User Guide, *Signing and authenticating REST requests*). A token belongs to its access key."""

_ODD = "%(25)*(2[DdEe]|5[Ff]|7[Ee]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
"""An encoded letter, digit, dash, dot, underscore or tilde:
a client that means no harm writes it plainly.
"""
ODD_URI = "odd_uri"
"""Column of rows that are stored for one question: a usual query has no text to ask for, such as a
viewer."""
PLAIN_COLUMNS = (
    *("remote_ip", "endpoint", "time", "http_status", "error_code", "operation", "requester"),
    *("source_kind", "request_id", "bucket", "key", "auth_type", "refused_by", "error_message"),
    *("policy_arn", "presigned"),
)
SIGNED_COLUMNS = (
    *(*PLAIN_COLUMNS, "test_marker", "signature_version", "access_key", "signed_at", "expires_s"),
)
"""Stored columns that say what became of a request, and what its URL was signed for."""
TEXTS = ("request_uri", "referer", "user_agent", "error_message")
"""Columns with text of a client, which may hold secrets."""
_MARKER = "[0-9a-f]{32}"
_BY_FORM = "auth_type = 'HtmlForm'"
_NOTHING_OF_IT = (
    f"CASE WHEN {_BY_FORM} THEN coalesce(key, '') ELSE coalesce(asked_raw, '') END = ''"
)
"""Condition: a presigned request whose record holds nothing of its URL or form:
nothing tells it from others.
"""


_NOT_ASCII = "%(?:[^0-7]|.[^0-9A-Fa-f]|.?$)"
"""A percent sign before something else than the number of an ASCII character."""


def _decoded(text: str, d: Dialect, *, is_ascii: bool) -> str:
    """Expression: text of a query decoded once, with ``%`` and ``&`` escaped, so that it is one
    text for all spellings.

    Where the bytes are no UTF-8, only ASCII is decoded, and the case of what is left means nothing.
    """
    spaced = f"replace({text}, '+', '%20')"
    high = d.replace.format(spaced, "%([89A-Fa-f][0-9A-Fa-f])", f"%25{d.group}")
    plain = f"coalesce({d.decoded.format(spaced)}, upper({d.decoded.format(high)}), upper({text}))"
    if is_ascii:
        plain = f"url_decode({spaced})"
    return f"replace(replace({plain}, '%', '%25'), '&', '%26')"


def _canonical(d: Dialect, *, is_ascii: bool = False) -> str:
    """Expression: the parameters of a query, as every spelling of them is written here:
    name=value.
    """
    value = _decoded("substr(p, position('=' IN p) + 1)", d, is_ascii=is_ascii)
    name = _decoded(d.part.format("p", "=", 1), d, is_ascii=is_ascii)
    name = f"replace({name}, '=', '%3D')"
    spelled = "position('%' IN p) > 0 OR position('+' IN p) > 0"
    pair = f"CASE WHEN position('=' IN p) > 0 THEN {name} || '=' || {value} ELSE {name} END"
    return d.each.format(
        d.split.format("asked_raw", "&"), f"CASE WHEN {spelled} THEN {pair} ELSE p END"
    )


def has_parameter(name: str) -> str:
    """Expression: whether the canonical query has a parameter, given in lower case."""
    return f"coalesce(asked LIKE '%&{name}=%', false)"


def _value(name: str, d: Dialect) -> str:
    """Expression: the value of a parameter of the canonical query; empty where there is none."""
    return d.extract.format("asked", f"&{name}=([^&]*)", 1)


def _respelled(d: Dialect) -> str:
    """Expression: the request with its canonical query, where somebody has spelled it oddly."""
    target = d.part.format("raw_uri", " ", 2)
    version = d.part.format("raw_uri", " ", 3)
    path = d.part.format(target, "?", 1)
    again = "replace(replace(substr(asked, 2), '+', '%2B'), ' ', '%20')"
    # A plus sign that is meant, and a blank, stay what they are when the text is decoded again.
    text = (
        f"{d.part.format('raw_uri', ' ', 1)} || ' ' || {path} || '?' || {again} || "
        f"CASE WHEN {version} <> '' THEN ' ' || {version} ELSE '' END"
    )
    odd = f"{d.extract.format('asked_raw', d.pattern(_ODD), 0)} <> ''"
    return f"CASE WHEN position('%' IN asked_raw) > 0 AND {odd} THEN {text} ELSE raw_uri END"


def _without_hidden(text: str, d: Dialect) -> str:
    """Expression: text cut at its query if a secret still shows in it after decoding
    it up to three times.
    """
    thrice = f"coalesce({d.loose.format(d.loose.format(d.loose.format(text)))}, 'Signature=?')"
    odd = f"{d.extract.format(text, d.pattern(_ODD), 0)} <> ''"
    left = f"{d.extract.format(thrice, d.pattern(_LEFT_OVER), 0)} <> ''"
    cut = f"{d.part.format(text, '?', 1)} || '?***'"
    return f"CASE WHEN position('%' IN {text}) > 0 AND {odd} AND {left} THEN {cut} ELSE {text} END"


Reads = Literal["once", "other", "both"]
"""Readings of odd lines: as they stand, the other one, or both."""


def from_lines(lines: str, dialect: Dialect = DUCKDB, reads: Reads = "once") -> str:
    """SELECT of records from lines of an access log: place, text, state, and the 27 fields with the
    key decoded.

    ``reads`` names the readings of odd lines: see :mod:`gt_secure.logs.sql.odd_lines`.
    """
    reading = (
        f"CASE WHEN odd_line_reading THEN {MAIN} ELSE {ONLY} END AS reading"
        if reads == "once"
        else "reading"
    )
    if reads != "once":
        lines = f"({(others if reads == 'other' else readings)(lines, dialect)})"
    plain = ", ".join(name for name in FIELDS if name != "key")
    return f"""SELECT source, pos, line, {reading}, readable, blank,
        {plain}, {decoded_key(dialect)} AS key,
        CAST(NULL AS {dialect.string}) AS endpoint, CAST(NULL AS {dialect.string}) AS error_message,
        CAST(NULL AS {dialect.string}) AS refused_by, CAST(NULL AS {dialect.string}) AS policy_arn,
        'access-log' AS source_kind FROM ({parsed(lines, dialect)}) r0"""


def _fingerprint(d: Dialect) -> str:
    """Expression: the hash of what a URL's signature covers.

    SigV4 covers method, host and the whole query. SigV2 covers the resource, whatever the host is
    called, some parameters by their exact names, and of signer and expiry the first: what else
    somebody adds makes no other URL. Of a POST form the log holds only key and signer; without a
    key, forms of one signer have no fingerprint.
    """
    method = d.part.format("raw_uri", " ", 1)
    # Servers skip empty parameters (a doubled, first or last "&").
    unsigned = "p LIKE 'x-amz-signature=%' OR p LIKE 'signature=%' OR p = ''"
    v4 = d.join.format(d.sorted.format(d.keep.format("params", f"NOT ({unsigned})")), "&")
    names = ", ".join(map(repr, _SIGNED_BY_SIGV2))
    covered = f"{d.part.format('p', '=', 1)} IN ({names})"
    v2 = d.join.format(d.sorted.format(d.keep.format("cased", covered)), "&")
    exact = f"'&' || {d.join.format('cased', '&')}"
    firsts = ", ".join(
        f"coalesce(nullif({d.extract.format(exact, f'&{name}=([^&]*)', 1)}, ''),"
        f" {_value(name.lower(), d)})"
        for name in ("AWSAccessKeyId", "Expires")
    )
    host = d.replace.format("lower(host_header)", ":(80|443)$", "")
    host = f"CASE WHEN position(':' IN host_header) > 0 THEN {host} ELSE lower(host_header) END"
    lines = "chr(10)"
    usual = (
        "WHEN usual THEN concat_ws("
        f"{lines}, substr(raw_uri, 1, position(' ' IN raw_uri) - 1), {host}, key, {COVERED}) "
        if d.shortcut
        else ""
    )
    return d.sha256.format(
        f"CASE WHEN {_BY_FORM} THEN concat_ws({lines}, 'form', bucket, key, requester) {usual}"
        f"WHEN {_IS_V2} THEN concat_ws({lines}, {method}, 'v2', bucket, key, {firsts}, {v2}) "
        f"ELSE concat_ws({lines}, {method}, {host}, key, {v4}) END"
    )


_IS_V2 = (
    f"(coalesce(signature_version = 'SigV2', false) OR ({has_parameter('awsaccesskeyid')} "
    f"AND {has_parameter('signature')} AND NOT {has_parameter('x-amz-signature')}))"
)


def _presigned(d: Dialect) -> str:
    """Expression: whether the signature came in the query or with a form.

    Lines of before 2019 have no authentication type: there the query of a request whose signer S3
    names is looked at.
    """
    plain = f"'&' || lower(coalesce({d.loose.format('asked_raw')}, asked_raw))"
    v2, v4 = ("signature", "expires", "awsaccesskeyid"), ("x-amz-signature", "x-amz-expires")
    signed = " OR ".join(
        "(" + " AND ".join(f"position('&{name}=' IN {plain}) > 0" for name in names) + ")"
        for names in (v2, v4)
    )
    return (
        "CASE WHEN auth_type IN ('QueryString', 'HtmlForm') THEN true WHEN auth_type IS NOT NULL"
        f" OR requester IS NULL OR asked_raw = '' OR asked_raw IS NULL THEN false ELSE {signed} END"
    )


_DATE = "&x-amz-date=(20[0-9]{6})T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z(?:&|$)"
_CLOCK = "&x-amz-date=20[0-9]{6}T((?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9])Z(?:&|$)"
_LIFETIME = "&x-amz-expires=([0-9]{1,7})(?:&|$)"


def _signed_at(d: Dialect) -> str:
    """Expression: the time that a URL of signature version 4 says it was signed; NULL for every
    other request.

    Signature version 2 gives only the time at which a URL expires, and a POST form hides its time
    from the log.
    """
    day, clock = (d.extract.format("asked", d.pattern(pattern), 1) for pattern in (_DATE, _CLOCK))
    moment = d.compact_time.format(f"{day} || ' ' || {clock}")
    return _of_version_4(SIGNED_AT, moment, d)


def _of_version_4(usual: str, other: str, d: Dialect) -> str:
    """Expression: a value of a query of signature version 4,
    read in the short way where that is possible.
    """
    short = f"WHEN usual THEN {usual} " if d.shortcut else ""
    return f"CASE WHEN NOT presigned THEN NULL {short}WHEN NOT {_IS_V2} THEN {other} END"


def age(d: Dialect = DUCKDB) -> str:
    """Expression: age of a URL when it was used, in seconds;
    0 where the signer's clock is ahead of S3's.
    """
    return f"CASE WHEN signed_at >= time THEN 0 ELSE {d.seconds.format('signed_at', 'time')} END"


def own_test(journal: UrlJournal) -> str:
    """Expression: whether a row is a request that this installation made with
    a separate test URL.
    """
    parts = []
    for marker, used in journal.own_uses():
        first, last = (
            dt.datetime.fromtimestamp(used + shift, dt.UTC) for shift in (-NEAR_S, NEAR_S)
        )
        parts.append(
            f"(test_marker = '{marker}' AND time BETWEEN TIMESTAMP '{first:%Y-%m-%d %H:%M:%S}' "
            f"AND TIMESTAMP '{last:%Y-%m-%d %H:%M:%S}')"
        )
    return f"coalesce({' OR '.join(parts)}, false)" if parts else "false"


_OF_QUERY = ("request_uri", "fingerprint", "signed_at", "expires_s", "access_key", "test_marker")
"""Columns that are computed from the canonical query."""


def late(
    d: Dialect = DUCKDB, test_urls: UrlJournal | None = None, viewers: Viewers | None = None
) -> dict[str, str]:
    """Return the expressions of the columns that stored rows lack: every engine computes them from
    the other columns.

    A column is added here, with its type in :data:`~gt_secure.logs.sql.log_columns.DERIVED`.
    """
    return {
        "refused": REFUSED,
        "test": "false" if test_urls is None else own_test(test_urls),
        "age_s": age(d),
        "application": application(d),
        "viewer": (viewers or Viewers()).expression(d),
    }


def derived(
    records: str,
    dialect: Dialect = DUCKDB,
    needed: Collection[str] | None = None,
    *,
    test_urls: UrlJournal | None = None,
    viewers: Viewers | None = None,
    stored: Collection[str] = STORED,
) -> str:
    """SELECT that adds the derived columns to records and masks the secrets in them.

    Whatever is concluded from a query is concluded from its canonical form (``params`` and
    ``asked``), because a server computes the signature over decoded names and values: no spelling
    hides a request.

    Columns that are not ``needed`` by the outer query are left out of the text, which an engine
    reads and binds first. Without ``needed`` the columns are those of ``stored`` rows: with
    ``ODD_URI`` in place of ``request_uri``, only a request with an unusual query keeps its text.
    """
    plain = ", ".join(name for name in (*FIELDS, *EXTRA) if name not in TEXTS)
    if needed is None:  # one spelling of each address; in an answer, the few are spelled later
        needed = stored
        records = with_one_spelling(f"({records})")
        plain = plain.replace("remote_ip", "address AS remote_ip")
    d, wanted = dialect, {*needed}
    last = _picks(late(d, test_urls, viewers), wanted)
    wanted.update(re.findall(r"\w+", last))
    texts = [name for name in TEXTS if name in wanted - {"request_uri"}]
    half = "".join(f"{masked(name, d)} AS masked_{name}, " for name in texts)
    target = d.part.format("request_uri", " ", 2)
    # What a record says of its authentication spares a look at its query.
    unsaid = "" if wanted & {*_OF_QUERY, ODD_URI} else "auth_type IS NULL AND "
    asked = "CASE WHEN target IS NULL THEN '' ELSE substr(target, position('?' IN target) + 1) END"
    rows = f"""(SELECT *, {asked} AS asked_raw
    FROM (SELECT source, pos, line, reading, readable, blank, {plain}, {half}request_uri AS raw_uri,
        CASE WHEN {unsaid}request_uri LIKE '%?%' THEN {target} END AS target
    FROM ({records}) r1) r2) r12"""
    if texts:  # half of the secrets in them are masked by now
        whole = "".join(f", {_without_hidden(f'masked_{name}', d)} AS {name}" for name in texts)
        rows = f"(SELECT *{whole} FROM {rows}) r11"
    if wanted & {*_OF_QUERY}:
        rows = _with_query(rows, d)
    rows = f"(SELECT *, {_presigned(d)} AS presigned FROM {rows}) r5"
    if "request_uri" in wanted:
        rows = _with_uri(rows, d)
    elif ODD_URI in wanted:
        rows = _with_uri(rows, d, usual="NULL")
    seconds = d.integer.format(f"nullif({d.extract.format('asked', d.pattern(_LIFETIME), 1)}, '')")
    columns = {
        "fingerprint": (
            f"CASE WHEN presigned AND NOT ({_NOTHING_OF_IT}) THEN substr({_fingerprint(d)}, 1,"
            " 16) END"
        ),
        "signed_at": _signed_at(d),
        "expires_s": _of_version_4(LIFETIME, seconds, d),
        "access_key": _signer_hash(d),
        "test_marker": _tested(d),
    }
    rows = f"(SELECT *{_picks(columns, wanted)} FROM {rows}) r10"
    return f"SELECT *{last} FROM {rows}"


def _picks(columns: Mapping[str, str], wanted: Collection[str]) -> str:
    """Return the columns that are wanted, as a SELECT adds them."""
    return "".join(f", {text} AS {name}" for name, text in columns.items() if name in wanted)


def _with_query(rows: str, d: Dialect) -> str:
    """SELECT that adds the canonical form of the query to rows: its ``params``,
    and all of them as ``asked``.
    """
    canonical = _canonical(d)
    if d.shortcut:  # DuckDB compiles the patterns of a lambda anew for every 2,048 rows
        canonical = (
            f"CASE WHEN regexp_matches(asked_raw, '{_NOT_ASCII}') THEN {canonical} "
            f"ELSE {_canonical(d, is_ascii=True)} END"
        )
    named = f"lower({d.part.format('p', '=', 1)}) || substr(p, position('=' IN p))"
    lower = f"CASE WHEN position('=' IN p) > 0 THEN {named} ELSE lower(p) END"
    usual = "WHEN usual THEN NULL " if d.shortcut else ""
    rows = usual_layers(rows) if d.shortcut else rows
    joined = d.join.format("params", "&")
    return f"""(SELECT *, CASE WHEN asked_raw = '' THEN '' {usual}ELSE '&' || {joined} END AS asked
        FROM (SELECT *, {d.each.format("cased", lower)} AS params
        FROM (SELECT *, CASE WHEN asked_raw = '' THEN NULL {usual}ELSE {canonical} END AS cased
        FROM {rows}) r13) r3) r4"""


def _with_uri(rows: str, d: Dialect, usual: str = "raw_uri") -> str:
    """SELECT that adds the masked ``request_uri`` to rows; ``usual`` is that of a usual query.
    Without text of usual queries there is none of requests without a query either.
    """
    half, spelled = _half_masked("spelled_uri", d), _respelled(d)
    if d.shortcut:
        short, shown = "usual", HALF_MASKED
        if usual == "NULL":
            short, shown = "usual OR asked_raw = ''", usual
        half = f"CASE WHEN {short} THEN {shown} ELSE {half} END"
        spelled = f"CASE WHEN {short} THEN {usual} ELSE {spelled} END"
    return f"""(SELECT *, {_without_hidden("masked_uri", d)} AS request_uri
        FROM (SELECT *, {_rest_masked("half_uri", d)} AS masked_uri
        FROM (SELECT *, {half} AS half_uri
        FROM (SELECT *, {spelled} AS spelled_uri FROM {rows}) r6) r7) r8) r9"""


def _signer_hash(d: Dialect) -> str:
    """Expression: the hash of the access key id of a query."""
    signer = (
        f"CASE WHEN {has_parameter('x-amz-credential')} THEN {_value('x-amz-credential', d)} ELSE "
        + (f"{_value('awsaccesskeyid', d)} END")
    )
    key_id = d.extract.format(f"({signer})", "^([A-Za-z0-9]+)", 1)
    key_id = f"CASE WHEN usual THEN {KEY_ID} ELSE {key_id} END" if d.shortcut else key_id
    return f"CASE WHEN {key_id} <> '' THEN substr({d.sha256.format(key_id)}, 1, 12) END"


def _tested(d: Dialect) -> str:
    """Expression: the marker of a test URL; SigV2 does not sign one,
    so that anybody could add it.
    """
    # Only what a marker looks like is kept: a client may write anything there, a token too.
    marker = f"nullif({d.extract.format('asked', f'&{TEST_MARKER}=({_MARKER})(&|$)', 1)}, '')"
    usual = "WHEN usual THEN NULL " if d.shortcut else ""  # it has no parameter but its own
    return f"CASE {usual}WHEN {has_parameter(TEST_MARKER)} AND NOT {_IS_V2} THEN {marker} END"
