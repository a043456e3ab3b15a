"""Text for people: sizes, and what of a text from outside may be shown. Imports nothing of the package.

One definition each, for every surface:

* :func:`printable`: characters that a terminal or a renderer obeys, or that nobody sees, become visible;
* :func:`redact`: signatures, tokens, credentials and keys are masked, however they are spelled;
* :func:`truncate`: long text is cut in the middle. Redact first: half a secret is no longer recognised.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MASK = "***"

# Letters and marks that Unicode calls printable and that show nothing: combining grapheme joiner, Hangul and Khmer
# fillers, Mongolian separators, variation selectors of the supplement (used to smuggle text).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | frozenset(
    map(chr, range(0xE0100, 0xE01F0))
)


def printable(text: object, keep: str = "") -> str:
    """Make characters visible that drive a terminal, turn text around or show nothing.

    Control characters (C0, C1, DEL), bidirectional marks, zero-width characters, line separators, blanks other than a
    space, private and unassigned characters and lone surrogates become U+FFFD.
    """
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(c if c in keep or (c.isprintable() and c not in _BLANK) else REPLACEMENT for c in shown)


def truncate(text: str, most: int) -> str:
    """Cut text to ``most`` characters in the middle; the end is kept, since it often distinguishes keys and ARNs."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: max(0, most - tail - 1)]}…{text[len(text) - tail :]}"


def members(item: object, *names: str) -> dict[str, Any]:
    """Return attributes as JSON-able data: sequences as lists, mappings as they are, the rest by its ``to_dict``."""
    return {name: _data(getattr(item, name)) for name in names}


def _data(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_data(each) for each in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def json_text(data: Any, *, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """Write JSON that may go to a terminal: letters stay readable, what :func:`printable` hides is escaped."""
    text = json.dumps(data, indent=indent, separators=separators, default=str, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(c if c == "\n" or (c.isprintable() and c not in _BLANK) else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


# Secrets. The names as they are spelled in query strings, headers, forms, JSON, INI files and XML.
_SIGNED = r"x-(?:amz|goog)-(?:signature|security-token|credential)|awsaccesskeyid|googleaccessid"
_KEYS = r"(?:aws_?)?secret_?access_?key|(?:aws_?)?session_?token|(?:aws_?)?access_?key_?id|secret_key|security[-_]token"
_EQUALS = r"(?:=|%(?:25)*3d|\\u003d|&#(?:61|x3d);)"
_VALUE = r"[^&\s\"'<>“”‘’`]*"
_QUERY = re.compile(
    rf"(?<![a-z0-9])((?:{_SIGNED}|signature|credential|{_KEYS}){_EQUALS})(?!\*\*\*(?:[&\s]|$)){_VALUE}", re.IGNORECASE
)
_OTHERS = re.compile(rf"((?:[?&]|%(?:25)*(?:3f|26))(?:token|sig|policy|key-pair-id){_EQUALS}){_VALUE}", re.IGNORECASE)
# A name, a colon or an XML tag, and a value: headers, JSON, Python.
_FIELD = re.compile(
    rf"((?<![a-z0-9])(?:{_SIGNED}|signature|{_KEYS})\\?[\"']?(?:\s*[:=]\s*|>)(?:b?\\?[\"'])?)[a-z0-9+/=%._~-]{{8,}}",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(AWS4-(?:HMAC|ECDSA-P256)-SHA256\s+Credential=|\bAWS\s+(?=[A-Z0-9]{16,}:))[^\r\n\"']*")
_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_STS = re.compile(r"(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9+/=_-]{20,}")
_RUN = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{60,}={0,2}")
_LOGIN = re.compile(r"(?<=://)[^/\s@?#\"']*:[^/\s@?#\"']*@")
_WORD = re.compile(r"[^\s\"'<>“”‘’`]+")
_ENCODED = re.compile(r"%[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|&(?:#|amp)")
_ESCAPE = re.compile(r"\\u00([0-9a-fA-F]{2})")
_START = re.compile(r"\?|%(?:25)*3f|\\u003f", re.IGNORECASE)
_PRESIGNED = re.compile(
    rf"(?<![a-z0-9])(?:x-amz-(?:signature|algorithm|security-token|credential)|awsaccesskeyid){_EQUALS}", re.IGNORECASE
)
_HINT = re.compile(
    r"[=%\\&]|://|AKIA|ASIA|AWS|IQoJ|FwoG|FQoG|AQoD|[A-Za-z0-9+/]{60}|(?i:signature|secret|token|access.?key|credential)"
)
"""Something that every secret has: most texts have none of it, and pay for no other pattern."""
_ROUNDS = 8
"""How often a text is decoded at most: each round of encoding makes it longer, and no server decodes so often."""


def redact(text: object) -> str:
    """Mask the secrets in a text: of presigned URLs (SigV4, SigV4A, SigV2), headers, credentials and access keys.

    A name may be spelled in any case and percent-encoded any number of times; where its place cannot be named, the
    whole query goes. What is not secret stays: host, key, time and lifetime identify the URL. Redacting twice
    changes nothing.
    """
    shown = str(text)
    return _WORD.sub(_hidden, _plainly(shown)) if _HINT.search(shown) else shown


def holds_secret(text: object) -> bool:
    """Return whether :func:`redact` would mask something."""
    shown = str(text)
    return redact(shown) != shown


def holds_presigned_url(text: object) -> bool:
    """Return whether a text has the query of a presigned URL in it, complete or cut, in any spelling."""
    shown = str(text)
    if not _HINT.search(shown):
        return False
    return bool(_PRESIGNED.search(shown)) or any(
        _PRESIGNED.search(decoded(word[0])) for word in _WORD.finditer(shown) if _ENCODED.search(word[0])
    )


def redact_data(data: Any) -> Any:
    """Mask the secrets in JSON-able data: in every text of lists and mappings, and of names."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, Mapping):
        return {redact(name) if isinstance(name, str) else name: _member(name, value) for name, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return _same_kind(data, [redact_data(item) for item in data])
    if isinstance(data, bytes):
        text = data.decode("latin-1")
        return data if redact(text) == text else redact(text).encode("latin-1")
    return data


def _member(name: object, value: Any) -> Any:
    """Mask the value of a member that is named as a secret is, whatever the value looks like."""
    if isinstance(value, str) and value and _QUERY.fullmatch(f"{name}=x"):
        return MASK
    return redact_data(value)


def _same_kind(data: Iterable[Any], items: list[Any]) -> Any:
    return items if isinstance(data, list) or hasattr(data, "_fields") else type(data)(items)  # type: ignore[call-arg]


def decoded(text: str) -> str:
    """Undo percent, HTML and JSON escapes until nothing is left to undo."""
    for _ in range(_ROUNDS):
        plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), html.unescape(unquote(text)))
        if plain == text:
            break
        text = plain
    return text


def _plainly(text: str) -> str:
    """Mask what is spelled literally."""
    text = _LOGIN.sub(f"{MASK}@", text)
    text = _HEADER.sub(rf"\g<1>{MASK}", text)
    for pattern in (_QUERY, _OTHERS, _FIELD):
        text = pattern.sub(rf"\g<1>{MASK}", text)
    text = _STS.sub(MASK, _KEY_ID.sub(MASK, text))
    return _RUN.sub(_token, text)


def _token(found: re.Match[str]) -> str:
    """Mask a long run of base64. A path of words, or a hash in hexadecimal digits, is none."""
    run = found[0]
    mixed = any(c.islower() for c in run) and any(c.isupper() for c in run) and any(c.isdigit() for c in run)
    return MASK if mixed and max(map(len, run.split("/"))) >= 40 else run


def _hidden(found: re.Match[str]) -> str:
    """Mask a word that hides a secret behind escapes: from its query on, or all of it."""
    word = found[0]
    if not _ENCODED.search(word):
        return word
    plain = decoded(word)
    if _plainly(plain) == plain:
        return word
    start = _START.search(word)
    return f"{word[: start.start()]}?{MASK}" if start and not _is_secret(word[: start.start()]) else MASK


def _is_secret(text: str) -> bool:
    plain = decoded(text)
    return _plainly(plain) != plain


def count(number: int, word: str, plural: str = "") -> str:
    """Return a number and its noun: ``1 range``, ``1,204 ranges``."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: int) -> str:
    """Return a time span in its two largest units, such as ``1 h 30 min``."""
    parts: list[str] = []
    for unit, size in _UNITS:
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"


def size_text(size: int) -> str:
    """Bytes as people read them, in decimal units."""
    number, unit = float(size), "bytes"
    for bigger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            break
        number, unit = number / 1000, bigger
    return f"{number:,.0f} {unit}" if unit in ("bytes", "kB", "MB") else f"{number:,.1f} {unit}"
