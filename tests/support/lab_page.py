"""The modules of the policy lab's page, asked outside of a browser."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

import duckdb

LAB = Path(__file__).resolve().parents[2] / "docs" / "assets" / "lab"
MISTAKES: list[dict[str, Any]] = json.loads((LAB / "mistakes.json").read_text(encoding="utf-8"))


@functools.cache
def module(name: str) -> Any:
    """Load a module of the page."""
    spec = importlib.util.spec_from_file_location(name, LAB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def asked(question: dict[str, str], *panes: str) -> list[dict[str, Any]]:
    """Ask the engine of the page for some of its panes."""
    ask = module("lab").ask
    return [json.loads(ask(json.dumps({**question, "ask": pane}))) for pane in panes]


def of_mistake(each: dict[str, Any]) -> dict[str, str]:
    """Return the question of one of the page's examples."""
    return {
        **{k: v for k, v in each.items() if k not in ("title", "lesson")},
        "policy": json.dumps(each["policy"]),
    }


def counted(log: bytes, part: Path) -> dict[str, Any]:
    """Count a log as the page does; the part of it that DuckDB reads is written to a file."""
    connection = duckdb.connect()
    start = dt.datetime(1970, 1, 1)
    text = log.decode("utf-8", "replace")
    part.write_text(text.removesuffix("\n"), encoding="utf-8")

    def query(sql: str) -> str:
        rows = connection.execute(sql.replace("'lines'", f"'{part}'")).fetchall()
        times = (
            [any(isinstance(row[i], dt.datetime) for row in rows) for i in range(len(rows[0]))]
            if rows
            else []
        )
        kinds = ["timestamp" if each else "plain" for each in times]
        shown = [
            [
                (value - start).total_seconds() * 1000 if isinstance(value, dt.datetime) else value
                for value in row
            ]
            for row in rows
        ]
        return json.dumps({"kinds": kinds, "rows": shown})

    rows = module("log").Rows(query)
    if text:
        rows.add()
    return dict(json.loads(rows.result()))
