"""Cells of every day: what they show, as it is saved, holds no secret after the guard."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from pprint import pformat
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest

from gt_secure.check import find_secrets, mask_secrets
from support.secret_corpus import Values

VALUES = Values(3)
KEY, SECRET, TOKEN, HEX = (VALUES.make(name) for name in ("akia", "secret40", "sts", "hex64"))
URL = (
    "https://gt-images.s3.us-east-1.amazonaws.com/scans/chest-0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
    f"{KEY}%2F20261120%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261120T000000Z&X-Amz-Expires=600"
    f"&X-Amz-SignedHeaders=host&X-Amz-Security-Token={quote(TOKEN, safe='')}&X-Amz-Signature={HEX}"
)
CREDENTIALS = {"AccessKeyId": KEY, "SecretAccessKey": SECRET, "SessionToken": TOKEN}


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)}


def shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def result(text: str) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": text},
    }


def wrapped(width: int) -> list[str]:
    return [URL[i : i + width] for i in range(0, len(URL), width)]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CELLS: dict[str, dict[str, Any]] = {
    "print(url)": stream(f"{URL}\n"),
    "url": result(repr(URL)),
    "url.encode()": result(repr(URL.encode())),
    "quote(url)": result(repr(quote(URL, safe=""))),
    "rich.print(url)": stream(
        "".join(f"\x1b[4;94m{line[:9]}\x1b[0m\x1b[4m{line[9:]}\x1b[0m\n" for line in wrapped(115))
    ),
    "a rich table": stream("".join(f"│ {line:100} │\n" for line in wrapped(100))),
    "textwrap": stream("\n".join(textwrap.wrap(URL, 100)) + "\n"),
    "pprint(parse_qs)": stream(pformat(parse_qs(urlsplit(URL).query)) + "\n"),
    "parse_qsl": result(pformat(parse_qsl(urlsplit(URL).query))),
    "JSON(har)": shown(
        **{
            "application/json": {
                "queryString": [{"name": n, "value": v} for n, v in parse_qsl(urlsplit(URL).query)]
            }
        }
    ),
    "creds = session.get_credentials()\ncreds.secret_key": result(repr(SECRET)),
    "print(creds.secret_key)": stream(f"{SECRET}\n"),
    "%env AWS_SECRET_ACCESS_KEY": result(repr(SECRET)),
    "%env DB_PASSWORD": result("'Tr0ub4dor-3x'"),
    "(creds.access_key, creds.secret_key)": result(repr((KEY, SECRET))),
    "creds.get_frozen_credentials()": result(
        f"ReadOnlyCredentials(access_key='{KEY}', secret_key='{SECRET}', token='{TOKEN}')"
    ),
    "print(sts.text)": stream(
        "<Credentials>\n"
        + "".join(f"  <{name}>{value}</{name}>\n" for name, value in CREDENTIALS.items())
    ),
    "columns": stream(f"access_key   {KEY}\nsecret_key   {SECRET}\n"),
    "!env": stream(
        f"A=1\nAWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nAWS_SESSION_TOKEN={TOKEN}\n"
    ),
    "pprint(credentials)": stream(pformat(CREDENTIALS)),
    "json.dumps": stream(json.dumps({"url": URL, "Credentials": CREDENTIALS}, indent=1)),
    "IFrame": shown(
        **{
            "text/html": (
                f'<iframe src="data:text/html;base64,{encoded(f"<a href={URL!r}>")}"></iframe>'
            )
        }
    ),
    "HTML": shown(**{"text/html": [f'<a href="{URL.replace("&", "&amp;")}">x</a>']}),
    "a form": shown(
        **{"text/html": f"<input name='X-Amz-Signature' type=hidden value={HEX}><input value='1'>"}
    ),
    "a table": shown(
        **{"text/html": f"<table><tr><td>X-Amz-Signature</td>\n  <td>{HEX}</td></tr></table>"}
    ),
    "SVG": shown(**{"image/svg+xml": f"<svg><a href='{URL.replace('&', '&amp;')}'/></svg>"}),
    "SVG in base64": shown(**{"image/svg+xml": encoded(f"<svg href='{URL}'/>")}),
    "image/png that is text": shown(**{"image/png": URL}),
    "a name": shown(**{"text/plain": "a"}) | {"metadata": {URL: 1}},
    "headers": result(
        f"{{'Authorization': 'AWS4-HMAC-SHA256 Credential={KEY}/20261120/us-east-1/s3,"
        f" SignedHeaders=host, Signature={HEX}', 'X-Amz-Security-Token': '{TOKEN}'}}"
    ),
    "curl": stream(f"curl -H 'x-amz-security-token: {TOKEN}' \\\n '{URL}'\n"),
    "a POST form": result(
        pformat({"fields": {"x-amz-security-token": TOKEN, "x-amz-signature": HEX}})
    ),
    "eight X": stream(f"X-Amz-Signature=XXXXXXXX{HEX}\n"),
    "1 / 0": {
        "output_type": "error",
        "ename": "E",
        "evalue": URL,
        "traceback": ["\x1b[31m-\x1b[0m", f"get(\x1b[33m'{URL}'\x1b[0m)"],
    },
}
WIDGETS = {
    "a": {
        "model_name": "ImageModel",
        "buffers": [{"encoding": "base64", "path": ["value"], "data": encoded(URL)}],
    },
    "b": {"model_name": "TextModel", "state": {"value": URL}},
    "c": {
        "model_name": "PasswordModel",
        "state": {"_model_name": "PasswordModel", "value": "Tr0ub4dor-3x"},
    },
}


def left_in(book: dict[str, Any]) -> list[str]:
    """Return the pieces of secrets that a file still has, across lines, colours and in base64."""
    text = json.dumps(book, ensure_ascii=False)
    plain = re.sub(r"\\u001b\[[0-9;]*m|\\n|│| +|\", \"", "", text)
    for run in re.findall(r"[A-Za-z0-9+/]{40,}={0,2}", text):
        whole = run.rstrip("=")
        plain += base64.b64decode(whole[: len(whole) // 4 * 4]).decode("latin-1")
    secrets = (KEY, SECRET, TOKEN, quote(TOKEN, safe=""), HEX, "Tr0ub4dor-3x" * 2)
    pieces = {secret[i : i + 16] for secret in secrets for i in range(0, len(secret) - 15, 4)}
    return [piece for piece in pieces if piece in text or piece in plain] + ["Tr0ub"] * (
        "Tr0ub" in text
    )


@pytest.mark.parametrize("source", CELLS)
def test_nothing_is_left_in_what_a_cell_shows(source: str) -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 1,
        "source": source,
        "outputs": [CELLS[source]],
    }
    book = json.loads(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    assert left_in(book)
    assert mask_secrets(book, sources=False)
    assert left_in(book) == []
    assert find_secrets(book) == []
    assert "left out" not in json.dumps(book)


def test_nothing_is_left_in_the_widget_state() -> None:
    state = {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": WIDGETS,
        }
    }
    book = json.loads(
        json.dumps(
            {"cells": [], "metadata": {"widgets": state}, "nbformat": 4, "nbformat_minor": 5}
        )
    )
    mask_secrets(book)
    assert left_in(book) == []
    assert find_secrets(book) == []
