"""Notebooks with and without secrets, for what searches them:
the same ones for Python and JavaScript.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from .secret_corpus import examples

HEX = "0f" * 32
TOKEN = "IQoJ" + "b3JpZ2luX2VjE" + "Ab1+/" * 22
KEY = "ASIA" + "Q3EGRZ5NV7B2YTKD"
SECRET = "kJ8sTq2/Lw9ZpXv4NmRb7" + "YcHd1GfUe5+AoIi3QnW"
S3 = f"https://b.s3.amazonaws.com/k?X-Amz-Credential={KEY}%2F20261120&X-Amz-Expires=600&X-Amz-Signature={HEX}"
SIGNATURE, SESSION = "the signature of a presigned URL", "a session token"
ACCESS_KEY, SECRET_KEY = "an access key id", "a secret access key"

SECRETS: dict[str, tuple[str, list[str]]] = {
    "SigV4": (S3, [SIGNATURE, "the credential of a presigned URL"]),
    "SigV4 in HTML": (S3.replace("&", "&amp;"), [SIGNATURE, "the credential of a presigned URL"]),
    "SigV4 in JSON": (
        S3.replace("&", "\\u0026").replace("=", "\\u003d"),
        [SIGNATURE, "the credential of a presigned URL"],
    ),
    "access key encoded": (f"id%3D{KEY}%26", [ACCESS_KEY]),
    "SigV4 encoded": (f"?X-Amz-Signature%3D{HEX}", [SIGNATURE]),
    "SigV4 encoded twice": (f"X%252DAmz%252DSignature%253D{HEX}", [SIGNATURE]),
    "SigV4 in capitals": (f"X-AMZ-SIGNATURE={HEX}", [SIGNATURE]),
    "POST form": (f"{{'x-amz-signature': '{HEX}'}}", [SIGNATURE]),
    "SigV2": (
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={KEY}&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D&Expires=1",
        [SIGNATURE, "the access key id of a presigned URL"],
    ),
    "CloudFront": (
        "https://d111.cloudfront.net/a.png?Expires=1767290400&Signature=rxLwTSb0~U5-ybpQ__&Key-Pair-Id=K2JCJMDEHXQW5F",
        [SIGNATURE],
    ),
    "CloudFront cookie": (
        "CloudFront-Signature=rxLwTSb0~U5-ybpQ__a",
        ["the signature of a CloudFront cookie"],
    ),
    "GCS": (
        f"https://storage.googleapis.com/b/k?X-Goog-Credential=a%40b&X-Goog-Signature={HEX * 4}",
        ["the signature of a Google Cloud Storage URL"],
    ),
    "Azure SAS": (
        "https://a.blob.core.windows.net/c/b?sv=2024-11-04&se=2027&sig=Z%2FRHIX5Xcg0Mq2rqI3OlWTjEg2tYkboXr1P9ZUXDtkk%3D",
        ["the signature of an Azure SAS URL"],
    ),
    "header": (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20261120, Signature={HEX}",
        ["the signature of a request"],
    ),
    "token in a URL": (f"x-amz-security-token={TOKEN}", [SESSION]),
    "token in Python": (f"'SessionToken': '{TOKEN}'", [SESSION]),
    "token alone": (f"the token is {TOKEN}.", [SESSION]),
    "access key": (f"{{'AccessKeyId': '{KEY}'}}", [ACCESS_KEY]),
    "secret key in an INI file": (f"aws_secret_access_key = {SECRET}", [SECRET_KEY]),
    "secret key in a shell": (f"export AWS_SECRET_ACCESS_KEY={SECRET}", [SECRET_KEY]),
    "secret key in JSON": (f'{{\\"SecretAccessKey\\": \\"{SECRET}\\"}}', [SECRET_KEY]),
}
"""Texts that hold secrets, and (some of) the kinds that they hold."""

HARMLESS = (
    "X-Amz-Signature=XXXXXXXXXXXXXXXX&X-Amz-Credential=XXXX",
    "X-Amz-Signature=***&X-Amz-Security-Token=***",
    "the parameter X-Amz-Signature= is masked; AKIA begins a key id",
    "SecretAccessKey is never shown, session_token: str",
    "token_accuracy=0.91 signature=(x, y) sig=0.05 significant",
    "https://b.s3.amazonaws.com/k?versionId=3sL4kqtJlcpXroDTDmJ%2BrmSpXd3dIbrHY",
    "secret_key_base: 12345",
    "ſignature K-AMZ été \u2028 🔑",
)


def notebook(text: str, place: str = "output") -> dict[str, Any]:
    """Make a notebook with a text in one of ``PLACES``."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": [],
        "source": "1 + 1",
    }
    book: dict[str, Any] = {
        "cells": [copy.deepcopy(cell), cell],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    shown = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": text}}
    if place == "source":
        cell["source"] = f'a = 1\nb = """{text}"""\n'
    elif place == "output":
        cell["outputs"] = [shown]
    elif place == "lines":
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["one\n", f"{text}\n", "three"]}
        ]
    elif place == "member":
        shown["data"] = {"application/json": {"a": [{"b": text}, text]}}
        cell["outputs"] = [shown]
    elif place == "error":
        cell["outputs"] = [
            {"output_type": "error", "ename": "E", "evalue": text, "traceback": [text, "x"]}
        ]
    elif place == "metadata":
        cell["metadata"] = {"papermill": {"parameters": text}}
        book["metadata"]["notes"] = text
    elif place == "attachment":
        attachments = {"a.txt": {"text/plain": text, "image/png": text}}
        book["cells"][1] = {
            "cell_type": "markdown",
            "metadata": {},
            "source": "a",
            "attachments": attachments,
        }
    else:
        book["metadata"]["widgets"] = {
            "application/vnd.jupyter.widget-state+json": {"state": {"a": {"value": text}}}
        }
    return book


PLACES = ("source", "output", "lines", "member", "error", "metadata", "attachment", "widget")


OUTPUTS: tuple[Any, ...] = (
    {"output_type": "stream", "name": "stdout", "text": "@"},
    {"output_type": "stream", "name": "stdout", "text": ["@", "\n", "more"]},
    {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/plain": "@", "text/html": ["@\n", "more"]},
    },
    {
        "output_type": "execute_result",
        "metadata": {"a": "@"},
        "execution_count": 1,
        "data": {"application/json": ["@"]},
    },
    {"output_type": "error", "ename": "@", "evalue": "@", "traceback": ["@", "@"]},
    {"output_type": "pyout", "prompt_number": 1, "text": ["@"], "html": "@"},
    {"output_type": "stream", "stream": "stderr", "text": "@"},
)
TABLES: tuple[Any, ...] = (
    ["@"],
    [["@"]],
    [["a"], ["@"]],
    [["a", "@"], "@", 1, ["@"]],
    [[["a"]], [["@"]]],
    {"b": "@"},
)
STDOUT, STDERR = (
    {"output_type": "stream", "name": name, "text": "a"} for name in ("stdout", "stderr")
)


def skeleton() -> dict[str, Any]:
    """Return a notebook with an ``@`` at each place of a text: cells, widgets in widgets,
    worksheets of format 3.
    """
    outputs = [*OUTPUTS, STDOUT, {**STDERR, "text": "@"}, {**STDOUT, "text": ["@"]}]
    models = [{"_model_name": "OutputModel", "outputs": [each]} for each in outputs]
    models += [
        {"outputs": outputs},
        {"a": {"outputs": outputs}},
        {"children": [[outputs], "@"]},
        {"value": "@"},
    ]
    models += [{"table": each} for each in TABLES]
    cells = [
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {"a": each},
            "source": "'''@'''",
            "outputs": [shown],
        }
        for each, shown in zip((*TABLES, 1, 2, 3, 4), outputs, strict=True)
    ]
    cells.append(
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["@"],
            "attachments": {"a": {"text/plain": "@"}},
        }
    )
    sheet = {
        "cells": [
            {"cell_type": "code", "input": ["@"], "outputs": outputs},
            {"cell_type": "raw", "source": "@"},
        ]
    }
    state = {str(number): {"state": each} for number, each in enumerate(models)}
    return {
        "cells": cells,
        "metadata": {
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": state}},
            "a": "@",
        },
        "nbformat": 4,
        "nbformat_minor": 4,
        "worksheets": [sheet, {"cells": [], "metadata": {"name": "@"}}],
    }


AROUND = json.dumps(skeleton()).split("@")
FIRST = range(1, len(AROUND))


def with_first(text: str, place: int) -> dict[str, Any]:
    """Return a notebook that holds a text as the first one of a place of ``FIRST``,
    and another text elsewhere.
    """
    other, quoted = "\\na\\n", json.dumps(text)[1:-1]
    return json.loads(other.join(AROUND[:place]) + quoted + other.join(AROUND[place:]))


def at_some_places(text: str, number: int = 4) -> list[dict[str, Any]]:
    """Return notebooks that hold a text first at places drawn for it."""
    return [with_first(text, place) for place in random.Random(text).sample(FIRST, number)]


def mixed(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Make notebooks of pieces of secrets and of harmless text, in any order and place."""
    chance = random.Random(seed)
    whole = [text for text, _ in SECRETS.values()]
    books = []
    for _ in range(count):
        pieces = []
        for _ in range(chance.randint(1, 5)):
            text = chance.choice([*whole, *HARMLESS])
            start = chance.choice([0, 0, chance.randrange(len(text))])
            pieces.append(
                text[
                    start : chance.choice(
                        [len(text), len(text), chance.randrange(start, len(text)) + 1]
                    )
                ]
            )
        books.append(
            notebook(
                chance.choice(["", " ", "\n", "&", '"', "é"]).join(pieces), chance.choice(PLACES)
            )
        )
    return books


def all_notebooks() -> list[dict[str, Any]]:
    """Return every secret in every place, harmless text, and mixtures."""
    known = [notebook(text, place) for text, _ in SECRETS.values() for place in PLACES]
    fine = [notebook(text, place) for text in HARMLESS for place in ("source", "output", "widget")]
    named = [
        notebook("x")
        | {
            "metadata": {
                "SecretAccessKey": SECRET,
                S3: {"session_token": TOKEN, "n": 3, "none": None},
            }
        },
    ]
    first = [book for _, text, _ in examples() for book in at_some_places(text)]
    return json.loads(json.dumps([*known, *fine, *named, *mixed(400), *first]))
