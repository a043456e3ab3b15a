"""Notebooks in which every member holds a text, and a walker that yields the place of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]
STATE = "application/vnd.jupyter.widget-state+json"
OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": "a"},
    {"output_type": "stream", "name": "stderr", "text": ["a\n", "a"]},
    {"output_type": "display_data", "metadata": {"a": {"b": "a"}}, "data": {"text/plain": "a"}},
    {"output_type": "execute_result", "execution_count": 1, "metadata": {},
     "data": {"text/html": ["a\n", "a"], "application/json": {"a": [{"b": "a"}, "a", 1, ["a", None]]}}},
    {"output_type": "stream", "name": "stdout", "text": ["a"]},
    {"output_type": "error", "ename": "a", "evalue": "a", "traceback": ["a", "a"]},
]  # fmt: skip
MODELS = {
    "text": {"model_name": "HTMLModel", "model_module": "a", "state": {"value": "a", "description": "a", "layout": "a"}},
    "output": {"model_name": "OutputModel", "state": {"_model_name": "OutputModel", "msg_id": "a", "outputs": OUTPUTS}},
    "choice": {"state": {"_options_labels": ["a", "a"], "index": 1, "rows": [["a", 1], [None, "a"]], "more": {"a": "a"}}},
    "pair": {"state": {"key": "note", "value": "a", "name": "note"}, "buffers": [{"encoding": "base64", "path": ["a"]}]},
}  # fmt: skip
FOUR = {
    "nbformat": 4, "nbformat_minor": 5,
    "metadata": {"title": "a", "authors": [{"name": "a"}], "papermill": {"parameters": {"x": "a", "y": [1, "a"]}},
                 "widgets": {STATE: {"version_major": 2, "state": MODELS}}},
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {"tags": ["a"]}, "execution_count": 1,
         "source": ["x = 1\n", "a"], "outputs": OUTPUTS},
        {"cell_type": "markdown", "metadata": {"jupyter": {"a": "a"}}, "source": "a",
         "attachments": {"a.txt": {"text/plain": "a"}, "b.txt": {"text/plain": ["a\n", "a"]}}},
        {"cell_type": "raw", "metadata": {"format": "a"}, "source": ["a"]},
        {"cell_type": "code", "metadata": {}, "source": "api_key", "execution_count": None, "outputs": OUTPUTS[:1]},
    ],
}  # fmt: skip
THREE = {
    "nbformat": 3, "metadata": {"name": "a"},
    "worksheets": [{"metadata": {"a": "a"}, "cells": [
        {"cell_type": "code", "input": ["x = 1\n", "a"], "prompt_number": 1, "language": "python", "outputs": [
            {"output_type": "stream", "stream": "stdout", "text": "a"},
            {"output_type": "pyout", "text": ["a\n", "a"], "html": "a", "svg": ["a"]},
            {"output_type": "pyerr", "ename": "a", "evalue": "a", "traceback": ["a", "a"]}]},
        {"cell_type": "heading", "level": 1, "source": "a"}]}],
}  # fmt: skip
BOOKS = {"format 4": FOUR, "format 3": THREE}


def texts_of(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each text: values that are ``a``, in members and lists of any depth."""
    if value == "a":
        yield place
    if not isinstance(value, (dict, list)):
        return
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield from texts_of(each, (*place, name))


def with_text(book: Any, place: Place, text: str) -> Any:
    book = json.loads(json.dumps(book))  # no two members are one object, as in a file
    owner = book
    for name in place[:-1]:
        owner = owner[name]
    owner[place[-1]] = text
    return book


PLACES = [(name, place) for name, book in BOOKS.items() for place in texts_of(book)]
"""Each notebook by its name, and the place of each text in it."""
