"""Sixty-one forms in which a notebook may hold a text, and what is left of a secret after masking.

The forms are written without the recogniser, and so is the search for what is left: it undoes each
form in its own way.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from support.secret_corpus import Values, every_letter, signs

Book = dict[str, Any]
STATE = "application/vnd.jupyter.widget-state+json"


def book(*outputs: Any, source: str = "1 + 1", kind: str = "code", **more: Any) -> Book:
    cell: Book = {"cell_type": kind, "metadata": {}, "source": source}
    cell |= {"outputs": list(outputs), "execution_count": 1} if kind == "code" else {}
    return {
        "cells": [cell | more.pop("cell", {})],
        "metadata": more,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def stream(text: Any, name: str = "stdout") -> Book:
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data: Any) -> Book:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("__", "/"): v for k, v in data.items()},
    }


def widget(**state: Any) -> Book:
    return book(widgets={STATE: {"state": {"a": {"model_name": "X", "state": {}, **state}}}})


def printed(change: Callable[[str], str]) -> Callable[[str], Book]:
    return lambda text: book(stream(f"before\n{change(text)}\nafter\n"))


def lines(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "\n".join(change(line) for line in text.splitlines())


def cut(width: int) -> Callable[[str], str]:
    """Break lines as a terminal does, whatever is there."""
    return lambda text: "\n".join(
        line[i : i + width] for line in text.splitlines() for i in range(0, len(line), width)
    )


def filled(width: int) -> Callable[[str], str]:
    return lambda text: "\n".join(
        part for line in text.splitlines() for part in textwrap.wrap(line, width)
    )


def framed(width: int, left: str = "│ ", right: str = " │") -> Callable[[str], str]:
    inner = width - len(left) - len(right)
    return lambda text: "\n".join(
        f"{left}{line:<{inner}}{right}" for line in cut(inner)(text).splitlines()
    )


def tokens(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def pygments_html(text: str) -> str:
    return "".join(
        t if t.isspace() else f'<span class="n">{html.escape(t)}</span>' for t in tokens(text)
    )


def pygments_terminal(text: str) -> str:
    return "".join(t if t.isspace() else f"\x1b[38;5;28m{t}\x1b[39m" for t in tokens(text))


def rich_html(text: str) -> str:
    return (
        '<pre style="x"><span style="color:'
        f' #008000">{html.escape(text[:9])}</span>{html.escape(text[9:])}</pre>'
    )


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def halves(text: str, *names: str) -> list[Book]:
    step = -(-len(text) // len(names))
    return [stream(text[i * step : (i + 1) * step], name) for i, name in enumerate(names)]


def printable(text: str) -> str:
    return quopri.encodestring(text.encode(), quotetabs=True).decode()


FORMS: dict[str, Callable[[str], Book]] = {
    "printed": printed(str),
    "repr": printed(repr),
    "JSON": printed(json.dumps),
    "JSON twice": printed(lambda text: json.dumps(json.dumps(text))),
    "percent": printed(lambda text: quote(text, safe="")),
    "percent of all": printed(every_letter),
    "percent twice": printed(lambda text: quote(quote(text, safe=""), safe="")),
    "HTML": printed(html.escape),
    "HTML numbers": printed(lambda text: signs(text, "&#{};")),
    "HTML hexadecimal": printed(lambda text: signs(text, "&#x{:x};")),
    "unicode escapes": printed(lambda text: signs(text, "\\u{:04x}")),
    "Python escapes": printed(lambda text: signs(text, "\\x{:02x}")),
    "wrapped at 60": printed(cut(60)),
    "wrapped at 79": printed(cut(79)),
    "wrapped at 80": printed(cut(80)),
    "wrapped at 100": printed(cut(100)),
    "wrapped at 120": printed(cut(120)),
    "textwrap at 70": printed(filled(70)),
    "textwrap at 79": printed(filled(79)),
    "rich panel": printed(framed(80)),
    "rich panel at 60": printed(framed(60)),
    "ASCII panel": printed(framed(79, "| ", " |")),
    "heavy panel": printed(framed(100, "┃ ", " ┃")),
    "comment": printed(lambda text: lines(lambda line: f"# {line}")(cut(78)(text))),
    "comment of C": printed(lambda text: lines(lambda line: f"// {line}")(cut(78)(text))),
    "comment of SQL": printed(lambda text: lines(lambda line: f"-- {line}")(cut(78)(text))),
    "block comment": printed(lambda text: lines(lambda line: f" * {line}")(cut(78)(text))),
    "quoted mail": printed(lambda text: lines(lambda line: f"> {line}")(cut(72)(text))),
    "diff": printed(lambda text: lines(lambda line: f"+{line}")(text)),
    "indented": printed(lambda text: lines(lambda line: f"        {line}")(cut(90)(text))),
    "Pygments": lambda text: book(shown(text__html=f"<div class='highlight'><pre>{pygments_html(text)}</pre></div>")),
    "Pygments in a terminal": printed(pygments_terminal),
    "Pygments, wrapped": printed(lambda text: lines(pygments_terminal)(cut(80)(text))),
    "rich in HTML": lambda text: book(shown(text__html=rich_html(text))),
    "colours": printed(lambda text: f"\x1b[32m{text[:7]}\x1b[0m{text[7:20]}\x1b[1m{text[20:]}\x1b[0m"),
    "links of a terminal": printed(lambda text: f"\x1b]8;;https://x.test\x1b\\{text}\x1b]8;;\x1b\\"),
    "soft breaks": lambda text: book(shown(text__html=f"<p>{html.escape(text[:9])}<wbr>{html.escape(text[9:])}</p>")),
    "zero width": printed(lambda text: "\u200b".join(text[i : i + 11] for i in range(0, len(text), 11))),
    "base64": printed(b64),
    "base64 in lines": printed(lambda text: base64.encodebytes((text + " " * 90).encode()).decode()),
    "base64 twice": printed(lambda text: b64(b64(text))),
    "base64 of JSON": printed(lambda text: b64(json.dumps({"a": text}))),
    "data URL": lambda text: book(shown(text__html=f'<a href="data:text/plain;base64,{b64(text)}">x</a>')),
    "quoted-printable": printed(printable),
    "quoted-printable value": lambda text: book(shown(message__rfc822=f"Content: x\n\n{printable(text)}")),
    "hexadecimal buffer": lambda text: widget(
        buffers=[{"data": text.encode().hex(), "path": ["v"], "encoding": "hex"}]
    ),
    "buffer": lambda text: widget(buffers=[{"data": b64(text + " and more"), "path": ["v"], "encoding": "base64"}]),
    "widget value": lambda text: widget(state={"value": text}),
    "two outputs": lambda text: book(*halves(text, "stdout", "stdout")),
    "three outputs": lambda text: book(*halves(text, "stderr", "stderr", "stderr")),
    "lists of lines in two outputs": lambda text: book(
        *({**each, "text": each["text"].splitlines(keepends=True)} for each in halves(text, "stdout", "stdout"))
    ),
    "error": lambda text: book({"output_type": "error", "ename": "E", "evalue": text, "traceback": text.splitlines()}),
    "JSON output": lambda text: book(shown(application__json={"a": [{"b": text}]})),
    "markdown": lambda text: book(kind="markdown", source=f"See\n\n```\n{text}\n```\n"),
    "raw": lambda text: book(kind="raw", source=text),
    "string in a source": lambda text: book(source=f'x = """{text}"""\n'),
    "comments in a source": lambda text: book(source=lines(lambda line: f"# {line}")(text) + "\n1"),
    "metadata": lambda text: book(papermill={"parameters": {"x": text}}),
    "name in the metadata": lambda text: {**book(), "metadata": {text: 1}},
    "name in a cell's metadata": lambda text: book(cell={"metadata": {text: {"a": True}}}),
    "attachment": lambda text: book(kind="markdown", cell={"attachments": {"a.txt": {"text/plain": text}}}),
}  # fmt: skip


def credentials(values: Values) -> str:
    three = {
        "AccessKeyId": values.make("akia"),
        "SecretAccessKey": values.make("secret40"),
        "SessionToken": values.make("sts"),
    }
    return json.dumps({"Credentials": three | {"Expiration": "2026-11-29T12:00:00Z"}})


KINDS: dict[str, str | Callable[[Values], str]] = {
    "version 4": (
        "https://b.s3.amazonaws.com/scans/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Date=20261129T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature={hex64}"
    ),
    "version 2": (
        "https://b.s3.amazonaws.com/k?AWSAccessKeyId={akia}&Expires=1796000000&Signature={sig}"
    ),
    "CloudFront": (
        "https://d111.cloudfront.net/a.png?Expires=1796000000&Signature={cloud}__&Key-Pair-Id=K2JCJMDEHXQW5F"
    ),
    "SAS": "https://a.blob.core.windows.net/c/b?sv=2024-11-04&se=2027-01-01&sr=b&sp=r&sig={key44}",
    "GCS": (
        "https://storage.googleapis.com/b/k?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature={hex256}"
    ),
    "AccountKey": (
        "DefaultEndpointsProtocol=https;AccountName=gtimages;AccountKey={key88};EndpointSuffix=x"
    ),
    "ini": "[default]\naws_access_key_id = {akia}\naws_secret_access_key = {secret40}\n",
    "STS": credentials,
    "export": "export AWS_SECRET_ACCESS_KEY={secret40}",
    "secret in a string": "secret_key='{secret40}'",
    "password URL": "engine = create_engine('postgresql://app:{word24}@db.internal:5432/labels')",
    "PEM": "{pem}",
    "JWT": "the answer was {jwt} for this session",
    "Studio": "https://d-abc123def456.studio.us-east-1.sagemaker.aws/auth?token={jwt}",
    "GitHub": "remote: https://x-access-token:{github}@github.com/a/b.git",
    "installation token": "GitHub answered with ghs_1234567_{jwt}",
    "Slack": "client = WebClient('{slack}')",
    "Anthropic": "anthropic.Anthropic('{anthropic}')",
    "bearer": "Authorization: Bearer {word40}",
    "docker": (
        "docker login --username AWS -p {secret200} 111122223333.dkr.ecr.eu-west-1.amazonaws.com"
    ),
}


def make(kind: str, seed: int, before: str = "") -> tuple[str, list[str]]:
    """Return a text of a kind, and its secrets."""
    values = Values(seed)
    recipe = KINDS[kind]
    text = values.fill(recipe) if isinstance(recipe, str) else recipe(values)
    return before + text, [each for each in values.made if not each.startswith(("AKIA", "ASIA"))]


def texts_of(data: Any) -> Iterator[str]:
    """Yield every text of a notebook, names included."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from texts_of(value)
    elif isinstance(data, list):
        if all(isinstance(each, str) for each in data):
            yield "".join(data)
        streams = [
            each.get("text", "") for each in data if isinstance(each, dict) and "text" in each
        ]
        yield "".join(each if isinstance(each, str) else "".join(each) for each in streams)
        for each in data:
            yield from texts_of(each)


def undone(text: str, depth: int = 3) -> Iterator[str]:
    """Yield what a text may stand for, once everything around it is left out."""
    plain = re.sub(r"\x1b\]8;.*?\x1b\\|\x1b\[[0-9;]*m|</?[a-z][^<>]*>|[\u200b]", "", text)
    for _ in range(3):
        plain = html.unescape(unquote(plain))
    plain = re.sub(r"\\+(?:u00|x)([0-9a-fA-F]{2})", lambda code: chr(int(code[1], 16)), plain)
    soft = quopri.decodestring(plain.encode()).decode("latin-1")
    for run in re.findall(r"base64,([A-Za-z0-9+/]+)", text) if depth else ():
        yield from undone(
            base64.b64decode(run + "=" * (-len(run) % 4)).decode(errors="replace"), depth - 1
        )
    for each in (plain, soft):
        yield re.sub(r"(?m)^[ \t]*(?:[│┃|#>+*]|//|--)?[ \t]?|[ \t]*[│┃|]?[ \t]*$|\n", "", each)
    for run in re.findall(r"(?:[A-Za-z0-9+/]{20,}\n?)+={0,2}", plain) if depth else ():
        for decode in (base64.b64decode, bytes.fromhex):
            try:
                yield from undone(decode(run.replace("\n", "")).decode(), depth - 1)
            except (ValueError, binascii.Error):
                continue


LEAST = 12
"""A shorter part of a secret is of no use."""


def left_of(data: Any, secrets: list[str]) -> list[str]:
    """Return the secrets of which a part is left in a notebook."""
    rest = "\n".join(each for text in texts_of(data) for each in undone(text))
    return [
        secret
        for secret in secrets
        if any(secret[i : i + LEAST] in rest for i in range(len(secret) - LEAST + 1))
    ]


_Case = TypeVar("_Case")


def outcomes(outcome: Callable[[_Case], str], cases: Iterable[_Case]) -> Counter[str]:
    """Count what came of each case; none may leave a secret that was found."""
    seen: Counter[str] = Counter()
    for case in cases:
        seen[result := outcome(case)] += 1
        assert result != "left", case
    return seen
