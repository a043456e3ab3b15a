r"""One portable SQL expression that reads a server access log line exactly.

S3 does not escape quotes in the request URI, the referer and the user agent, so the line is read
from both ends:

- The left eight fields hold neither blank nor quote.
- The request URI ends at the first ``" 403 AccessDenied 243 - 8 - `` block after it: a request
  target holds no raw blank, so it cannot forge that block, and what a later header forges comes too
  late.
- The tail lies after the line's *last* quote, where client text cannot reach: nobody forges an
  authentication type. It has one field (of before 2019) or at least seven: fewer are a cut record.

Most lines have exactly six quotes in the expected places and are read by splitting. Only the others
pay for a regular expression. A line that fits no rule has ``readable = false``; it is never
dropped.
"""

# ruff: noqa: S608 - SQL is put together from our own names; text from outside goes through store.literal

from __future__ import annotations

from .dialects import DUCKDB, Dialect
from .log_columns import FIELDS
from .odd_lines import in_doubt

_LEFT = r'[^ "]+ +[^ "]+ +\[[^]" ]+ +[^]" ]+\](?: +[^ "]+){5}'
_BLOCK = r'(?:[0-9]{3}|-) +[^ "]+(?: +(?:[0-9]+|-)){4}'
WHOLE = rf'(?s)^ *({_LEFT}) +(".*?"|-) +({_BLOCK})( (?:.*")?)([^"]*)$'
"""A record: left fields, request URI, numbers,
the rest up to the last quote (a blank without one), and the tail.
"""
_QUOTED_LATE = (
    f"nq > 7 AND regexp_full_match(q1, ' *{_LEFT} +') AND regexp_full_match(q3, ' +{_BLOCK} ')"
)
"""Condition: a line has more quotes than its three texts, and none of them is in the request."""
_PIECES = (
    """concat_ws(chr(10), trim(q1), '"' || q2 || '"', trim(q3), ' "' ||"""
    """ array_to_string(q[4:nq - 1], '"') || '"', rtrim(q[nq], ' ' || chr(13)))"""
)
"""Expression: what :data:`WHOLE` finds in such a line, by its quotes: a tenth of the time."""
_TEXTS = r'(?s)^ *(".*?"|-) +"(.*)"$'
"""Referer and user agent, where the user agent is in quotes."""

_ONCE = ("BATCH.DELETE.OBJECT", "S3.EXPIRE.OBJECT")
"""Operations whose key is percent-encoded once; all others encode it twice (found by Yelp,
see docs/decisions).
"""


def _plain_layers(d: Dialect, lines: str) -> str:
    """Lines split at quotes, and the three pieces of a plain line at blanks: left (h), block (b)
    and tail (t).

    ``plain``: six quotes where they belong, and the right number of tokens without a doubled blank
    between them. (A bare dash beside a text that holds quotes also gives six: then the pieces hold
    other numbers of tokens.)
    """
    plain = (
        f"nq = 7 AND q5 = ' ' AND {d.length.format('h')} = 10 AND {d.find.format('h')} = 10 AND"
        f" {d.length.format('b')} = 8 AND q3 LIKE ' %' AND q3 LIKE '% ' AND q3 NOT LIKE '%  %' AND"
        " (q7 LIKE ' %' OR q7 = '') AND q7 NOT LIKE '%  %' AND q7 NOT LIKE"
        " '%\r%' AND q7 NOT LIKE '%[%' AND position(' ' IN q1) <= 65"
    )
    # Each item is a column: an engine would look for it again in every condition.
    items = ", ".join(f"{d.item.format('q', i)} AS q{i}" for i in (1, 2, 3, 4, 5, 6, 7))
    h, b, t = (d.split.format(f"q{i}", " ") for i in (1, 3, 7))
    quoted = d.split.format("line", chr(34))
    return f"""
    SELECT *, coalesce({plain}, false) AS plain
    FROM (SELECT *, {h} AS h, {b} AS b, {t} AS t
    FROM (SELECT *, {d.length.format("q")} AS nq, {items} FROM (SELECT *, {quoted} AS q
        FROM {lines}) s1) s2) s3"""


def _odd_layers(d: Dialect, plain: str) -> str:
    """The tokens of the other lines, cut by a regular expression: nine left, six of the block, the
    tail (``o``).

    ``first_text`` and ``second_text`` are referer and user agent, where the latter is in quotes.
    Everything is inside a CASE: an engine that works on columns then does it for the odd lines
    only.
    """
    odd = {i: d.item.format("odd", i) for i in range(1, 6)}
    tail = (
        f"CASE WHEN {odd[4]} = ' ' THEN {d.extract.format(odd[5], '^ *- +-( .*)$', 1)} "
        f"WHEN first_text <> '' THEN {odd[5]} ELSE {d.extract.format(odd[5], '^ +-( .*)$', 1)} END"
    )
    tokens = f"{odd[1]} || ' ' || {odd[3]} || {tail}"
    single = d.replace.format("odd_pieces", " +", " ")
    single = f"CASE WHEN odd_pieces LIKE '%  %' THEN {single} ELSE odd_pieces END"
    # The groups one a line, as no log line has one; the line itself where the pattern does not
    # match.
    parts = "\n".join(d.group.replace("1", str(i)) for i in range(1, 6))
    cut = d.replace.format("odd_line", d.pattern(WHOLE), parts)
    if d.shortcut:
        cut = f"CASE WHEN {_QUOTED_LATE} THEN {_PIECES} ELSE {cut} END"
    trimmed = d.replace.format("line", d.pattern(r"[\r ]+$"), "")
    first, second = (d.extract.format(odd[4], _TEXTS, i) for i in (1, 2))
    return f"""
    SELECT *, {d.split.format("odd_tokens", " ")} AS o
    FROM (SELECT *, {single} AS odd_tokens
    FROM (SELECT *, CASE WHEN odd IS NULL THEN NULL ELSE {tokens} END AS odd_pieces
    FROM (SELECT *, CASE WHEN odd IS NULL THEN NULL ELSE {first} END AS first_text,
        CASE WHEN odd IS NULL THEN NULL ELSE {second} END AS second_text
    FROM (SELECT *, CASE WHEN odd_text <> odd_line THEN {d.split.format("odd_text", chr(10))}
        END AS odd
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {cut} END AS odd_text
    FROM (SELECT *, CASE WHEN plain THEN NULL ELSE {trimmed} END AS odd_line
    FROM ({plain}) s4) s5) s6) s7) s12) s14) s8"""


_IS_ADDRESS = (
    "CASE WHEN sender < ':' AND position('.' IN sender) > 0 THEN substr(sender, -1) < ':'"
    " ELSE sender = '-' OR (sender LIKE '%:%:%'"
    " AND translate(sender, '0123456789abcdefABCDEF:.[]', '') = '') END"
)
"""Condition: the text has the form of an address, or says that there is none."""
_LEFT_NAMES = {
    "bucket_owner": 1,
    "bucket": 2,
    "requester": 6,
    "request_id": 7,
    "operation": 8,
    "key": 9,
}
"""Columns left of the request, and the places of their tokens."""
_TAIL_NAMES = tuple(FIELDS)[list(FIELDS).index("host_id") :]
"""Columns behind the version id."""
_BEFORE = {"h": (0, 0), "b": (1, 9), "t": (1, 15)}
"""How many items come before the first token of a piece: in the piece of a plain line,
and among an odd line's.
"""


def _token(d: Dialect, piece: str, index: int, shift: str = "") -> str:
    plain, odd = (
        f"({index + before} + {shift})" if shift else index + before for before in _BEFORE[piece]
    )
    return f"CASE WHEN plain THEN {d.item.format(piece, plain)} ELSE {d.item.format('o', odd)} END"


def _place_layers(d: Dialect, tokens: str) -> str:
    """Time, status, the address (``sender``) and ``gap``: by how many tokens the tail is shifted
    before the host id.

    A console request of 2019 has a 20-character principal id there. The signature version is looked
    for where it belongs and up to two tokens later; where there is none, by its dash after
    something as long as a host id; else the shape of that id decides. A user agent that is a bare
    dash, after a referer with ``" "`` in it, shifts the tail too.
    """
    t = {i: _token(d, "t", i) for i in range(2, 6)}
    sig = "'SigV4', 'SigV2', 'SigV4A'"
    gap = f"""CASE WHEN third IS NULL OR third IN ('-', {sig}) THEN 0
        WHEN {t[4]} IN ({sig}) THEN 1
        WHEN {t[5]} IN ({sig}) THEN 2
        WHEN length(third) >= 16 AND {t[4]} = '-' THEN 1
        WHEN length(third) >= 16 AND length({t[4]}) >= 16 AND {t[5]} = '-' THEN 2
        WHEN {d.extract.format(t[2], "^[A-Z0-9]{19,22}$", 0)} <> '' THEN 1
        WHEN {t[2]} = '-' AND length(third) >= 16 THEN 1 ELSE 0 END"""
    hours, minutes = (
        d.integer.format(f"substr(zone, 1, 1) || substr(zone, {at}, 2)") for at in (2, 4)
    )
    moment = d.time.format("clock")
    moved = d.shift.format(moment, f"({hours} * 60 + {minutes})")
    time = f"CASE WHEN zone = '+0000]' THEN {moment} WHEN length(zone) = 6 THEN {moved} END"
    return f"""
    SELECT *, {time} AS time, {gap} AS gap, {d.integer.format("status")} AS http_status
    FROM (SELECT *, {_token(d, "h", 3)} AS clock, {_token(d, "h", 4)} AS zone, {_token(d, "b", 1)}
        AS status,
        {t[3]} AS third, {_token(d, "h", 5)} AS sender
    FROM ({tokens}) s9) s10"""


def parsed(lines: str, d: Dialect = DUCKDB) -> str:
    """SELECT that reads lines of text as access-log records: ``readable``, ``blank`` and the 27
    fields.

    ``lines`` is a relation with a text column ``line``, without the newline (blanks or a carriage
    return at the end do no harm); its other columns stay. The key is as the log holds it.
    """
    texts = {name: _token(d, "h", i) for name, i in _LEFT_NAMES.items()}
    texts["remote_ip"] = "sender"
    texts |= {f"block_{i}": _token(d, "b", i) for i in range(2, 7)}
    texts |= {name: _token(d, "t", i + 2, "gap") for i, name in enumerate(_TAIL_NAMES)}
    unquoted = "CASE WHEN {0} LIKE '\"%' THEN substr({0}, 2, length({0}) - 2) ELSE {0} END"
    odd = {i: d.item.format("odd", i) for i in (2, 4, 5)}
    texts["request_uri"] = f"CASE WHEN plain THEN q2 ELSE {unquoted.format(odd[2])} END"
    # Without a user agent in quotes, the last text in quotes is the referer.
    alone = d.extract.format(odd[4], r'(?s)^ *"(.*)"$', 1)
    texts[
        "referer"
    ] = f"""CASE WHEN plain THEN q4 WHEN first_text <> '' THEN {unquoted.format("first_text")}
        WHEN {odd[4]} = ' ' THEN NULL ELSE {alone} END"""
    texts["user_agent"] = "CASE WHEN plain THEN q6 WHEN first_text <> '' THEN second_text END"
    texts["version_id"] = _token(d, "t", 1)
    # Some publish lines without the version id, the last field of before 2019. A plain line has it,
    # or nothing. CASE and not OR: an engine that works on columns would look for an end in every
    # line.
    versioned = (
        f"CASE WHEN plain THEN true WHEN coalesce({d.item.format('o', 16)}, '') <> '' THEN true "
        f"ELSE coalesce({odd[5]} = '' AND first_text <> '', false) END"
    )
    count = "{} - {} BETWEEN 2 AND 6 + gap"
    before = "CASE WHEN q7 LIKE '% ' THEN 2 ELSE 1 END"
    # LIKE and CASE: splitting each tail would double the time of a count.
    cut = f"""CASE WHEN NOT plain THEN {count.format(d.length.format("o"), 15)}
        WHEN q7 LIKE '{"% " * 9}%' THEN false
        WHEN q7 LIKE '% % %' THEN {count.format(d.length.format("t"), before)} ELSE false END"""
    readable = f"""(time IS NOT NULL AND {versioned} AND NOT {cut} AND {_IS_ADDRESS}
        AND (status = '-' OR (http_status BETWEEN 100 AND 999
        AND cast(http_status AS {d.string}) = status)))"""
    numbers = ("bytes_sent", "object_size", "total_time", "turn_around_time")
    # A text is a column before it is compared: an engine would compute it anew for each comparison.
    shown = {name: f"nullif(text_{name}, '-')" for name in texts if not name.startswith("block_")}
    shown |= {
        name: f"nullif(nullif(text_{name}, '-'), '')" for name in ("version_id", *_TAIL_NAMES)
    }
    shown |= {"error_code": "nullif(text_block_2, '-')"}
    shown |= {name: d.integer.format(f"text_block_{i}") for i, name in enumerate(numbers, 3)}
    return f"""
    SELECT *, {", ".join(f"{text} AS {name}" for name, text in shown.items())}
    FROM (SELECT *, coalesce({readable}, false) AS readable,
        CASE WHEN plain THEN false ELSE {in_doubt(d)} END AS odd_line_reading,
        coalesce(replace(odd_line, ' ', '') = '', false) AS blank,
        {", ".join(f"{text} AS text_{name}" for name, text in texts.items())}
    FROM ({_place_layers(d, _odd_layers(d, _plain_layers(d, lines)))}) s11) s13"""


def decoded_key(dialect: Dialect) -> str:
    """Expression for the object key as in the bucket.

    A batch delete writes a blank as ``+``; of other operations no line with a blank is published,
    so ``+`` stays there.
    """
    once = dialect.decode.format(
        "(CASE WHEN operation = 'BATCH.DELETE.OBJECT' THEN replace(key, '+', '%20') ELSE key END)"
    )
    twice = dialect.decode.format(f"({dialect.decode.format('key')})")
    single = ", ".join(f"'{name}'" for name in _ONCE)
    encoded = "position('%' IN key) > 0 OR position('+' IN key) > 0"
    return (
        f"CASE WHEN {encoded} THEN CASE WHEN operation IN ({single}) THEN {once} ELSE {twice} END"
        " ELSE key END"
    )
