"""Small files that people write, JSON or (with PyYAML) YAML: errors name the place,
and writing is all or nothing.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Hashable, Iterable
from copy import copy
from itertools import accumulate
from pathlib import Path
from pkgutil import get_data
from typing import Any

from .budget import Meter, TooCostly
from .errors import InvalidInput, MissingExtra, NotFound, refuse_url
from .shared_files import replacing
from .text import Json, JsonLike, json_text

MAX_BYTES = 512 * 1024
_MAX_VALUES = 300_000
"""More than a file of that size can hold without aliases."""
_DEEPEST = 1_000
"""Levels of brackets: Python gives up at fewer."""
_LONGEST_NUMBER = 1_000
"""Characters of a number in YAML: one to the base 60 takes time with the square of its length."""
_NODE_BYTES = 1_000
"""Memory of a value of YAML while it is read."""
_TAGS = {"scalar": "str", "sequence": "seq", "mapping": "map"}


FORMAT = 1
"""The format of the files that this version writes and reads: restrictions, checks
and accepted findings.
"""


def check_format(data: JsonLike, what: str) -> None:
    """Raise InvalidInput for the content of a file in a format that is not known."""
    version = data.get("version", FORMAT)
    if isinstance(version, bool) or version != FORMAT:
        raise InvalidInput(
            f"{what} has format {str(version)[:20]}. This version of gt_secure reads format"
            f" {FORMAT}.",
            next_step="Update gt_secure, or write version: 1.",
            field="version",
            value=version,
        )


def package_data(package: str, name: str) -> Json:
    """Return the content of a JSON file of a package."""
    text = get_data(package, name)
    assert text is not None, package  # only a package without a loader has none
    data: Json = json.loads(text)
    return data


def load(path: str | Path, max_bytes: int = MAX_BYTES) -> Any:
    """Read a file; the suffix says in which format."""
    file = Path(path)
    return loads(read_text(path, max_bytes), yaml=is_yaml(file), name=file.name)


def read_text(path: str | Path, max_bytes: int | None = None) -> str:
    """Read a UTF-8 text, with or without a byte order mark."""
    refuse_url(str(path), "file", "the name of a file")
    file = Path(path)
    try:
        if max_bytes is not None and file.stat().st_size > max_bytes:
            raise _bad(f"{file.name} is larger than {max_bytes // 1024:,} KB.", "Check the path.")
        return file.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(
            f"There is no file '{file}'.", next_step="Check the path.", details={"field": "file"}
        ) from error
    except OSError as error:
        raise _bad(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise _bad(f"{file.name} is not UTF-8 text.", "Save it as UTF-8.") from error


def loads(
    text: str, *, yaml: bool = False, name: str = "the text", short_forms: bool = False
) -> Any:
    """Read JSON or, with ``yaml=True``, YAML text;
    ``short_forms`` are those of functions in CloudFormation.
    """
    return _yaml_load(text, name, short_forms=short_forms) if yaml else _json_load(text, name)


def dumps(data: Any, *, yaml: bool = False) -> str:
    """Return data as JSON or YAML text."""
    if not yaml:
        return json_text(data, indent=2) + "\n"
    text: str = _yaml().safe_dump(
        data, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text


def dump(data: Any, path: str | Path) -> Path:
    """Write data in the format of the file's suffix. An existing file is replaced as a whole."""
    file = Path(path)
    write_text(file, dumps(data, yaml=is_yaml(file)))
    return file


def write_text(file: Path, text: str, mode: int = 0o666) -> None:
    """Write a file as a whole or not at all: an interrupted write costs no former file, and a new
    one has its mode.
    """
    try:
        with replacing(file, mode) as fresh:
            fresh.write(text)
            if file.exists():
                shutil.copymode(file, fresh.name)
    except OSError as error:
        raise _bad(
            f"{file} cannot be written: {error.strerror}.", "Choose another file."
        ) from error


def is_yaml(file: Path) -> bool:
    """Return True if a file has a YAML suffix."""
    return file.suffix.lower() in (".yaml", ".yml")


def _bad(message: str, fix: str, value: object = None) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="file", value=value)


def _yaml() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingExtra(
            "YAML files need PyYAML, which is not installed.",
            next_step="Run 'pip install pyyaml', or write the file as JSON.",
        ) from error


def _loader(yaml: Any, name: str) -> Any:
    """Return what reads YAML as PyYAML does, within a budget."""
    meter = Meter("YAML")

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Refuses a key that is given twice; YAML's own loader keeps the last one silently."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            if isinstance(node, yaml.MappingNode):
                _refuse_twice(
                    (self.construct_object(key, deep=True) for key, _ in node.value), name
                )
            return super().construct_mapping(node, deep)

        def fetch_more_tokens(self) -> None:
            meter.spend(0)
            super().fetch_more_tokens()

        def compose_node(self, parent: Any, index: Any) -> Any:
            meter.spend(_NODE_BYTES)
            return super().compose_node(parent, index)

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                meter.spend(0)
                is_number = node.tag.endswith((":int", ":float"))
                if is_number and len(node.value) > _LONGEST_NUMBER:
                    raise ValueError
                return super().construct_object(node, deep)
            except InvalidInput:
                raise
            except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
                # PyYAML lets out what Python says of 2026-13-45 or 0b_, without the place.
                kind = node.tag.rpartition(":")[2]
                problem = f"this is no {kind}; what is meant as text needs quotes"
                raise yaml.constructor.ConstructorError(
                    None, None, problem, node.start_mark
                ) from error

    return Loader


def _yaml_load(text: str, name: str, *, short_forms: bool) -> Any:
    yaml = _yaml()
    Loader = _loader(yaml, name)

    def short_form(loader: Any, suffix: str, node: Any) -> Any:
        plain = copy(node)
        plain.tag = f"tag:yaml.org,2002:{_TAGS[node.id]}"
        function = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        return {function: loader.construct_object(plain, deep=True)}

    if short_forms:
        Loader.add_multi_constructor("!", short_form)
        # a Version such as 2012-10-17 is text
        Loader.yaml_implicit_resolvers = {
            key: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
            for key, pairs in Loader.yaml_implicit_resolvers.items()
        }
    steps = ((char in "[{") - (char in "]}") for char in text if char in "[]{}")
    # PyYAML takes a second to find that it cannot read it
    if max(accumulate(steps), default=0) > _DEEPEST:
        raise _bad(f"{name} is nested too deeply.", "Check the file.")
    try:
        data = yaml.load(text, Loader=Loader)
    except TooCostly as error:
        raise _bad(f"{name} is not read: {error}.", "Write it as JSON, or in parts.") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        problem = str(getattr(error, "problem", "") or "cannot be read")[:120]
        raise _bad(f"{name} is not YAML{place}: {problem}.", "Correct it there.") from error
    _refuse_expanding(data, name)
    return data


def _json_load(text: str, name: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> Json:
        _refuse_twice((key for key, _ in items), name)
        return dict(items)

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        said = f"{name} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        raise _bad(said, "Correct it there (a YAML file needs the suffix .yaml).") from error
    except RecursionError as error:
        raise _bad(f"{name} is nested too deeply.", "Check the file.") from error
    except InvalidInput:
        raise
    except ValueError as error:  # Python reads no number of more than some thousand digits
        raise _bad(f"{name} holds a number that is too long.", "Correct the number.") from error


def _refuse_expanding(data: Any, name: str) -> None:
    """Refuse YAML whose aliases make it endless, or many times as large as the file:
    showing a value would hang.
    """
    waiting, left = [data], _MAX_VALUES
    while waiting:
        node = waiting.pop()
        left -= 1
        if left < 0:
            raise _bad(
                f"{name} holds too many values, or refers to itself.",
                "Write it without aliases (*name).",
            )
        if isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, (list, tuple, set)):
            waiting += node


def _refuse_twice(keys: Iterable[Any], name: str) -> None:
    seen: set[Hashable] = set()
    for key in keys:
        if not isinstance(key, Hashable):  # YAML refuses it as a key
            continue
        if key in seen:
            raise _bad(f"{name} gives '{str(key)[:60]}' twice.", "Take out one of them.", key)
        seen.add(key)
