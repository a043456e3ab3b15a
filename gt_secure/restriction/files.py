"""Restrictions as small files: JSON always, YAML where PyYAML is installed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, MissingExtra, NotFound
from .model import Restriction

SCHEMA_FILE = Path(__file__).with_name("restriction.schema.json")
MAX_BYTES = 512 * 1024

_YAML = {".yaml", ".yml"}


def load_restriction(path: str | Path) -> Restriction:
    """Read a restriction file.

    Parameters
    ----------
    path : str or Path
        A ``.json``, ``.yaml`` or ``.yml`` file.

    Raises
    ------
    NotFound, InvalidInput, MissingExtra
        No such file; a file that is no restriction; a YAML file without PyYAML.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InvalidInput(
                f"{file.name} is larger than {MAX_BYTES // 1024} KB: that is no restriction.",
                next_step="Check the path.",
                field="file",
            )
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"There is no file “{file}”.", next_step="Check the path.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file.name} is not UTF-8 text.", next_step="Save it as UTF-8.", field="file") from error
    return loads_restriction(text, yaml=file.suffix.lower() in _YAML, name=file.name)


def loads_restriction(text: str, *, yaml: bool = False, name: str = "the text") -> Restriction:
    """Read a restriction from JSON or, with ``yaml=True``, YAML text."""
    data = _yaml_load(text, name) if yaml else _json_load(text, name)
    return Restriction.from_dict(data)


def dump_restriction(restriction: Restriction, path: str | Path) -> Path:
    """Write a restriction file; the suffix says in which format. An existing file is replaced as a whole."""
    file = Path(path)
    text = dumps_restriction(restriction, yaml=file.suffix.lower() in _YAML)
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
    return file


def dumps_restriction(restriction: Restriction, *, yaml: bool = False) -> str:
    """Return a restriction as JSON or YAML text."""
    data = restriction.to_dict()
    if not yaml:
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    text: str = _yaml().safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text


def schema() -> dict[str, Any]:
    """Return the JSON Schema of restriction files."""
    data: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return data


def _yaml() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingExtra(
            "YAML files need PyYAML, which is not installed.",
            next_step="Run “pip install pyyaml”, or write the restriction as JSON.",
        ) from error


def _yaml_load(text: str, name: str) -> Any:
    yaml = _yaml()

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Refuses a key that is given twice; YAML's own loader keeps the last one silently."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            _refuse_twice(keys, name)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark is not None else ""
        raise InvalidInput(
            f"{name} is not YAML{place}: {str(getattr(error, 'problem', '') or 'cannot be read')[:120]}.",
            next_step="Correct it there.",
            field="file",
        ) from error


def _json_load(text: str, name: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_twice([key for key, _ in items], name)
        return dict(items)

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{name} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}.",
            next_step="Correct it there (a YAML file needs the suffix .yaml).",
            field="file",
        ) from error
    except RecursionError as error:
        raise InvalidInput(f"{name} is nested too deeply.", next_step="Check the file.", field="file") from error


def _refuse_twice(keys: list[Any], name: str) -> None:
    seen: list[Any] = []
    for key in keys:
        if key in seen:
            raise InvalidInput(
                f"{name} gives “{str(key)[:60]}” twice.", next_step="Take out one of them.", field="file", value=key
            )
        seen.append(key)
