r"""One portable SQL expression that reads a server access log line exactly.

S3 does not escape quotes in the request URI, the referer and the user agent, so the line is read from both ends:

- The left eight fields hold neither blank nor quote.
- The request URI ends at the first ``" 403 AccessDenied 243 - 8 - `` block after it: a request target holds no raw
  blank, so it cannot forge that block, and what a later header forges comes too late.
- The tail lies after the line's *last* quote, where client text cannot reach: nobody forges an authentication type.

Most lines have exactly six quotes in the expected places and are read by splitting. Only the others pay for a regular
expression. A line that fits no rule has ``readable = false``; it is never dropped.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

from .dialect import DUCKDB, Dialect

_LEFT = r'[^ "]+ +[^ "]+ +\[[^]" ]+ +[^]" ]+\](?: +[^ "]+){5}'
_BLOCK = r'(?:[0-9]{3}|-) +[^ "]+(?: +(?:[0-9]+|-)){4}'
WHOLE = rf'(?s)^ *({_LEFT}) +(".*?"|-) +({_BLOCK})( .*)$'
"""A record: left fields, request URI, numbers, and the rest from the referer on."""
_MIDDLE = r'(?s)^ *(".*?"|-) +"(.*)"$'  # referer and user agent
_ALONE = r'(?s)^ *"(.*)"$'  # referer; the user agent is a bare dash
_TAIL = r'[^"]*$'

_ONCE = ("BATCH.DELETE.OBJECT", "S3.EXPIRE.OBJECT")
"""Operations whose key is percent-encoded once; all others encode it twice (found by Yelp, see docs/decisions)."""


class _Writer:
    """Shorthands over a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.d = dialect

    def _literal(self, pattern: str) -> str:
        return pattern.replace("\\", "\\\\") if self.d.escape else pattern

    def split(self, text: str, separator: str) -> str:
        return self.d.split.format(text, separator)

    def item(self, items: str, index: int | str) -> str:
        return self.d.item.format(items, index)

    def length(self, items: str) -> str:
        return self.d.length.format(items)

    def extract(self, text: str, pattern: str, group: int) -> str:
        return self.d.extract.format(text, self._literal(pattern), group)

    def single(self, text: str) -> str:
        """Runs of blanks made one."""
        return self.d.replace.format(text, " +", " ")

    def blanks(self, text: str) -> str:
        """How many blanks a text holds."""
        return f"length({text}) - length(replace({text}, ' ', ''))"

    def trimmed(self, text: str) -> str:
        """Text without blanks and carriage returns at the end."""
        return self.d.replace.format(text, self._literal(r"[\r ]+$"), "")

    def integer(self, text: str) -> str:
        return self.d.integer.format(text)


def _odd_layers(w: _Writer, lines: str) -> str:
    """Split at quotes; for odd lines also cut into left, URI, block and rest by the one regular expression."""
    q = {i: w.item("q", i) for i in range(1, 8)}
    plain = (
        f"nq = 7 AND {q[5]} = ' ' AND {q[1]} NOT LIKE ' %' AND {q[1]} NOT LIKE '%  %' AND {q[3]} NOT LIKE '%  %' "
        f"AND {q[7]} NOT LIKE '%  %' AND {q[7]} LIKE ' %' AND position(chr(13) IN {q[7]}) = 0 "
        # A bare dash beside a text that holds quotes also gives six: then the pieces hold other numbers of tokens.
        f"AND {w.blanks(q[1])} = 9 AND {w.blanks(q[3])} = 7"
    )
    odd = "CASE WHEN plain THEN NULL ELSE {} END"
    text = w.trimmed("line")
    return f"""
    SELECT *, {odd.format(w.extract("odd", WHOLE, 1))} AS odd_left, {odd.format(w.extract("odd", WHOLE, 2))} AS odd_uri,
        {odd.format(w.extract("odd", WHOLE, 3))} AS odd_block, {odd.format(w.extract("odd", WHOLE, 4))} AS odd_rest
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {text} END AS odd
    FROM (SELECT *, {plain} AS plain FROM (SELECT *, {w.length("q")} AS nq
    FROM (SELECT *, {w.split("line", chr(34))} AS q FROM {lines}) s1) s2) s3) s4"""


def _token_layers(w: _Writer, odd: str) -> str:
    """Tokens of left (h), block (b) and tail (t) for both kinds of line, and the three client texts."""
    two = f"{w.extract('odd_middle', _MIDDLE, 1)} <> ''"
    odd_tail = (
        f"CASE WHEN odd_middle = '' THEN {w.extract('odd_rest', '^ +- +-( .*)$', 1)} "
        f"WHEN {two} THEN odd_last ELSE {w.extract('odd_last', '^ +-( .*)$', 1)} END"
    )
    unquoted = "CASE WHEN {0} LIKE '\"%' THEN substr({0}, 2, length({0}) - 2) ELSE {0} END"
    referer = (
        f"CASE WHEN odd_middle = '' THEN '-' WHEN {two} THEN {unquoted.format(w.extract('odd_middle', _MIDDLE, 1))} "
        f"ELSE {w.extract('odd_middle', _ALONE, 1)} END"
    )
    agent = f"CASE WHEN {two} THEN {w.extract('odd_middle', _MIDDLE, 2)} ELSE '-' END"
    left = f"CASE WHEN plain THEN {w.item('q', 1)} ELSE {w.single('odd_left')} || ' ' END"
    block = f"CASE WHEN plain THEN {w.item('q', 3)} ELSE ' ' || {w.single('odd_block')} || ' ' END"
    tail = f"CASE WHEN plain THEN {w.item('q', 7)} ELSE {w.single(f'({odd_tail})')} END"
    return f"""
    SELECT *, {w.split(left, " ")} AS h, {w.split(block, " ")} AS b, {w.split(tail, " ")} AS t,
        CASE WHEN plain THEN {w.item("q", 2)} ELSE {unquoted.format("odd_uri")} END AS uri_text,
        CASE WHEN plain THEN {w.item("q", 4)} ELSE {referer} END AS referer_text,
        CASE WHEN plain THEN {w.item("q", 6)} ELSE {agent} END AS agent_text
    FROM (SELECT *, substr(odd_rest, 1, length(odd_rest) - length(odd_last)) AS odd_middle
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {w.extract("odd_rest", _TAIL, 0)} END AS odd_last
    FROM ({odd}) s5) s6) s7"""


def _place_layers(w: _Writer, tokens: str) -> str:
    """Time, numbers and ``gap``: by how many tokens the tail is shifted before the host id.

    A console request of 2019 has a 20-character principal id there. The signature version is looked for where it
    belongs and up to two tokens later; else the shape of that id decides.
    """
    t = {i: w.item("t", i) for i in range(1, 7)}
    sig = "'SigV4', 'SigV2', 'SigV4A'"
    gap = f"""CASE WHEN {t[4]} IS NULL OR {t[4]} IN ('-', {sig}) THEN 0
        WHEN {t[5]} IN ({sig}) THEN 1
        WHEN {w.extract(t[3], "^[A-Z0-9]{19,22}$", 0)} <> '' THEN 1
        WHEN {t[3]} = '-' AND length({t[4]}) >= 16 THEN 1
        WHEN {t[6]} IN ({sig}) THEN 2 ELSE 0 END"""
    clock, zone = w.item("h", 3), w.item("h", 4)
    hours, minutes = (w.integer(f"substr({zone}, 1, 1) || substr({zone}, {at}, 2)") for at in (2, 4))
    offset = f"({hours} * 60 + {minutes})"
    moment = w.d.time.format(f"substr({clock}, 2)")
    moved = w.d.shift.format(moment, offset)
    time = f"CASE WHEN {zone} = '+0000]' THEN {moment} WHEN length({zone}) = 6 THEN {moved} END"
    return f"""
    SELECT *, {time} AS time, {gap} AS gap, {w.integer(w.item("b", 2))} AS http_status
    FROM ({tokens}) s8"""


def parsed(lines: str, dialect: Dialect = DUCKDB) -> str:
    """SELECT that reads lines of text as access-log records.

    Parameters
    ----------
    lines : str
        A relation (name or parenthesised query) with a text column ``line``, without the newline (blanks or a
        carriage return at the end do no harm); its other columns stay.
    dialect : Dialect
        The engine that will run it.

    Returns
    -------
    str
        A query with ``readable`` (bool), ``blank`` (bool) and the 27 fields; the key as the log holds it.
    """
    w = _Writer(dialect)
    body = _place_layers(w, _token_layers(w, _odd_layers(w, lines)))
    h = {i: f"nullif({w.item('h', i)}, '-')" for i in range(1, 10)}
    b = {i: w.integer(w.item("b", i)) for i in range(2, 8)}
    status = w.item("b", 2)
    tail = {i: f"nullif(nullif({w.item('t', f'({i} + gap)')}, '-'), '')" for i in range(3, 12)}
    readable = f"""(time IS NOT NULL AND {w.length("h")} = 10 AND {w.item("h", 10)} = '' AND {w.length("b")} = 8
        AND {w.item("b", 1)} = '' AND {w.item("b", 8)} = '' AND ({status} = '-' OR (length({status}) = 3
        AND http_status BETWEEN 100 AND 999)) AND {w.length("t")} >= 2 AND {w.item("t", 1)} = ''
        AND {w.item("t", 2)} <> '')"""
    return f"""
    SELECT *, coalesce({readable}, false) AS readable, coalesce(replace(odd, ' ', '') = '', false) AS blank,
        {h[1]} AS bucket_owner, {h[2]} AS bucket, {h[5]} AS remote_ip, {h[6]} AS requester, {h[7]} AS request_id,
        {h[8]} AS operation, {h[9]} AS key, nullif(uri_text, '-') AS request_uri,
        nullif({w.item("b", 3)}, '-') AS error_code, {b[4]} AS bytes_sent, {b[5]} AS object_size, {b[6]} AS total_time,
        {b[7]} AS turn_around_time, nullif(referer_text, '-') AS referer, nullif(agent_text, '-') AS user_agent,
        nullif({w.item("t", 2)}, '-') AS version_id, {tail[3]} AS host_id, {tail[4]} AS signature_version,
        {tail[5]} AS cipher_suite, {tail[6]} AS auth_type, {tail[7]} AS host_header, {tail[8]} AS tls_version,
        {tail[9]} AS access_point_arn, {tail[10]} AS acl_required, {tail[11]} AS source_region
    FROM ({body}) s9"""


def decoded_key(dialect: Dialect = DUCKDB, key: str = "key", operation: str = "operation") -> str:
    """Expression for the object key as it is in the bucket.

    Percent-encoding only: whether S3 ever writes a blank as ``+`` here is not documented, so ``+`` stays.
    """
    once = dialect.decode.format(key)
    twice = dialect.decode.format(f"({once})")
    single = ", ".join(f"'{name}'" for name in _ONCE)
    encoded = f"position('%' IN {key}) > 0"
    return f"CASE WHEN {encoded} THEN CASE WHEN {operation} IN ({single}) THEN {once} ELSE {twice} END ELSE {key} END"
