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

from .dialects import DUCKDB, Dialect

_LEFT = r'[^ "]+ +[^ "]+ +\[[^]" ]+ +[^]" ]+\](?: +[^ "]+){5}'
_BLOCK = r'(?:[0-9]{3}|-) +[^ "]+(?: +(?:[0-9]+|-)){4}'
WHOLE = rf'(?s)^ *({_LEFT}) +(".*?"|-) +({_BLOCK})( (?:.*")?)([^"]*)$'
"""A record: left fields, request URI, numbers, the rest up to the last quote (a blank without one), and the tail."""
_TEXTS = r'(?s)^ *(".*?"|-) +"(.*)"$'
"""Referer and user agent, where the user agent is in quotes."""

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

    def find(self, items: str) -> str:
        """Return the place of the first empty item of a list, from 1; 0 for none."""
        return f"coalesce({self.d.find.format(items)}, 0)"

    def after_first(self, items: str) -> str:
        return self.d.after_first.format(items)

    def cut(self, text: str, pattern: str, groups: int) -> str:
        """The groups of a pattern that matches the whole text, one a line (no log line has one); else NULL."""
        parts = "\n".join(self.d.group.replace("1", str(i + 1)) for i in range(groups))
        return f"nullif({self.d.replace.format(text, self._literal(pattern), parts)}, {text})"

    def single(self, text: str) -> str:
        return self.d.replace.format(text, " +", " ")

    def trimmed(self, text: str) -> str:
        return self.d.replace.format(text, self._literal(r"[\r ]+$"), "")

    def integer(self, text: str) -> str:
        return self.d.integer.format(text)


def _plain_layers(w: _Writer, lines: str) -> str:
    """Lines split at quotes, and the three pieces of a plain line at blanks: left (h), block (b) and tail (t).

    ``plain``: six quotes where they belong, and the right number of tokens without a doubled blank between them. (A
    bare dash beside a text that holds quotes also gives six: then the pieces hold other numbers of tokens.)
    """
    q = {i: w.item("q", i) for i in range(1, 8)}
    # An empty token is a doubled blank, but for the one before the first blank and the one behind the last.
    plain = (
        f"nq = 7 AND {q[5]} = ' ' AND {w.length('h')} = 10 AND {w.find('h')} = 10 "
        f"AND {w.length('b')} = 8 AND {w.item('b', 1)} = '' AND {w.find(w.after_first('b'))} = 7 "
        f"AND {w.item('t', 1)} = '' AND {w.find(w.after_first('t'))} IN (0, {w.length('t')} - 1) "
        f"AND position(chr(13) IN {q[7]}) = 0"
    )
    return f"""
    SELECT *, coalesce({plain}, false) AS plain
    FROM (SELECT *, {w.split(q[1], " ")} AS h, {w.split(q[3], " ")} AS b, {w.split(q[7], " ")} AS t
    FROM (SELECT *, {w.length("q")} AS nq FROM (SELECT *, {w.split("line", chr(34))} AS q FROM {lines}) s1) s2) s3"""


def _odd_layers(w: _Writer, plain: str) -> str:
    """The tokens of the other lines, cut by a regular expression: nine left, six of the block, the tail (``o``).

    Everything is inside a CASE: an engine that works on columns then does it for the odd lines only.
    """
    odd = {i: w.item("odd", i) for i in range(1, 6)}
    two = f"{w.extract(odd[4], _TEXTS, 0)} <> ''"
    tail = (
        f"CASE WHEN {odd[4]} = ' ' THEN {w.extract(odd[5], '^ *- +-( .*)$', 1)} "
        f"WHEN {two} THEN {odd[5]} ELSE {w.extract(odd[5], '^ +-( .*)$', 1)} END"
    )
    return f"""
    SELECT *, {w.split("odd_tokens", " ")} AS o
    FROM (SELECT *, CASE WHEN odd_text IS NULL THEN NULL
        ELSE {w.single(f"{odd[1]} || ' ' || {odd[3]} || {tail}")} END AS odd_tokens
    FROM (SELECT *, {w.split("odd_text", chr(10))} AS odd
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {w.cut("odd_line", WHOLE, 5)} END AS odd_text
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {w.trimmed("line")} END AS odd_line
    FROM ({plain}) s4) s5) s6) s7) s8"""


_BEFORE = {"h": (0, 0), "b": (1, 9), "t": (1, 15)}
"""How many items come before the first token of a piece: in the piece of a plain line, and among an odd line's."""


def _token(w: _Writer, piece: str, index: int, shift: str = "") -> str:
    plain, odd = (f"({index + before} + {shift})" if shift else index + before for before in _BEFORE[piece])
    return f"CASE WHEN plain THEN {w.item(piece, plain)} ELSE {w.item('o', odd)} END"


def _place_layers(w: _Writer, tokens: str) -> str:
    """Time, status and ``gap``: by how many tokens the tail is shifted before the host id.

    A console request of 2019 has a 20-character principal id there. The signature version is looked for where it
    belongs and up to two tokens later; where there is none, by its dash after something as long as a host id; else the
    shape of that id decides. A user agent that is a bare dash, after a referer with ``" "`` in it, shifts the tail too.
    """
    t = {i: _token(w, "t", i) for i in range(2, 6)}
    sig = "'SigV4', 'SigV2', 'SigV4A'"
    gap = f"""CASE WHEN third IS NULL OR third IN ('-', {sig}) THEN 0
        WHEN {t[4]} IN ({sig}) THEN 1
        WHEN {t[5]} IN ({sig}) THEN 2
        WHEN length(third) >= 16 AND {t[4]} = '-' THEN 1
        WHEN length(third) >= 16 AND length({t[4]}) >= 16 AND {t[5]} = '-' THEN 2
        WHEN {w.extract(t[2], "^[A-Z0-9]{19,22}$", 0)} <> '' THEN 1
        WHEN {t[2]} = '-' AND length(third) >= 16 THEN 1 ELSE 0 END"""
    hours, minutes = (w.integer(f"substr(zone, 1, 1) || substr(zone, {at}, 2)") for at in (2, 4))
    moment = w.d.time.format("clock")
    moved = w.d.shift.format(moment, f"({hours} * 60 + {minutes})")
    time = f"CASE WHEN zone = '+0000]' THEN {moment} WHEN length(zone) = 6 THEN {moved} END"
    return f"""
    SELECT *, {time} AS time, {gap} AS gap, {w.integer("status")} AS http_status
    FROM (SELECT *, {_token(w, "h", 3)} AS clock, {_token(w, "h", 4)} AS zone, {_token(w, "b", 1)} AS status,
        {t[3]} AS third
    FROM ({tokens}) s9) s10"""


def parsed(lines: str, dialect: Dialect = DUCKDB) -> str:
    """SELECT that reads lines of text as access-log records: ``readable``, ``blank`` and the 27 fields.

    ``lines`` is a relation with a text column ``line``, without the newline (blanks or a carriage return at the end do
    no harm); its other columns stay. The key is as the log holds it.
    """
    w = _Writer(dialect)
    body = _place_layers(w, _odd_layers(w, _plain_layers(w, lines)))
    h = {i: f"nullif({_token(w, 'h', i)}, '-')" for i in range(1, 10)}
    b = {i: _token(w, "b", i) for i in range(1, 7)}
    version = _token(w, "t", 1)
    tail = {i: f"nullif(nullif({_token(w, 't', i - 1, 'gap')}, '-'), '')" for i in range(3, 12)}
    # Some publish lines without the version id, the last field of before 2019.
    quoted = f"{w.item('odd', 5)} = '' AND {w.extract(w.item('odd', 4), _TEXTS, 0)} <> ''"
    ends = f"CASE WHEN plain THEN replace({w.item('q', 7)}, ' ', '') = '' ELSE {quoted} END"
    # CASE and not OR: an engine that works on columns would look for an end in every line.
    versioned = f"CASE WHEN coalesce({version}, '') <> '' THEN true ELSE coalesce({ends}, false) END"
    readable = f"""(time IS NOT NULL AND {versioned}
        AND (status = '-' OR (http_status BETWEEN 100 AND 999 AND cast(http_status AS {w.d.string}) = status)))"""
    unquoted = "CASE WHEN {0} LIKE '\"%' THEN substr({0}, 2, length({0}) - 2) ELSE {0} END"
    uri = f"CASE WHEN plain THEN {w.item('q', 2)} ELSE {unquoted.format(w.item('odd', 2))} END"
    # Without a user agent in quotes, the last text in quotes is the referer.
    first, second = (w.extract(w.item("odd", 4), _TEXTS, i) for i in (1, 2))
    alone = w.extract(w.item("odd", 4), r'(?s)^ *"(.*)"$', 1)
    referer = f"""CASE WHEN plain THEN {w.item("q", 4)} WHEN {first} <> '' THEN {unquoted.format(first)}
        WHEN {w.item("odd", 4)} = ' ' THEN NULL ELSE {alone} END"""
    agent = f"CASE WHEN plain THEN {w.item('q', 6)} WHEN {first} <> '' THEN {second} END"
    return f"""
    SELECT *, coalesce({readable}, false) AS readable, coalesce(replace(odd_line, ' ', '') = '', false) AS blank,
        {h[1]} AS bucket_owner, {h[2]} AS bucket, {h[5]} AS remote_ip, {h[6]} AS requester, {h[7]} AS request_id,
        {h[8]} AS operation, {h[9]} AS key, nullif({uri}, '-') AS request_uri,
        nullif({b[2]}, '-') AS error_code, {w.integer(b[3])} AS bytes_sent, {w.integer(b[4])} AS object_size,
        {w.integer(b[5])} AS total_time, {w.integer(b[6])} AS turn_around_time, nullif({referer}, '-') AS referer,
        nullif({agent}, '-') AS user_agent, nullif(nullif({version}, '-'), '') AS version_id, {tail[3]} AS host_id,
        {tail[4]} AS signature_version, {tail[5]} AS cipher_suite, {tail[6]} AS auth_type, {tail[7]} AS host_header,
        {tail[8]} AS tls_version, {tail[9]} AS access_point_arn, {tail[10]} AS acl_required,
        {tail[11]} AS source_region
    FROM ({body}) s11"""


def decoded_key(dialect: Dialect) -> str:
    """Expression for the object key as in the bucket.

    A batch delete writes a blank as ``+``; of other operations no line with a blank is published, so ``+`` stays there.
    """
    once = dialect.decode.format(
        "(CASE WHEN operation = 'BATCH.DELETE.OBJECT' THEN replace(key, '+', '%20') ELSE key END)"
    )
    twice = dialect.decode.format(f"({dialect.decode.format('key')})")
    single = ", ".join(f"'{name}'" for name in _ONCE)
    encoded = "position('%' IN key) > 0 OR position('+' IN key) > 0"
    return f"CASE WHEN {encoded} THEN CASE WHEN operation IN ({single}) THEN {once} ELSE {twice} END ELSE key END"
