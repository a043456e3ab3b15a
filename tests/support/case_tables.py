"""The tables of exposures and proofs: policies of every shape,
each with the answer that AWS documentation gives.
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

from support.subjects import subjects

DATA = Path(__file__).parents[1] / "data"


def _cases(name: str, at_least: int) -> list[dict[str, Any]]:
    return subjects(
        map(json.loads, (DATA / name).read_text(encoding="utf-8").splitlines()), at_least
    )


EXPOSURES = _cases("exposure-cases.ndjson", 380)
PROOFS = _cases("proof-cases.ndjson", 60)


def layer(value: str | dict[str, Any]) -> str:
    """Return the text of a policy of an organization: a case holds it, or names its file."""
    return (
        json.dumps(value)
        if isinstance(value, dict)
        else (DATA / "data-perimeter" / value).read_text("utf-8")
    )


def check_exposure(case: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Compare the sets of each kind of request with those of a case."""
    answers = {row["request"]: _nonempty(row) for row in rows}
    for kind, expected in case["expect"].items():
        wanted = {name: {**places, "cidrs": _as_here(places)} for name, places in expected.items()}
        assert answers[kind] == wanted, (case["title"], kind)
    presigned = next(row for row in rows if row["request"] == "presigned")
    assert set(case.get("when", [])) <= set(presigned["opened"]["when"])


def _nonempty(row: dict[str, Any]) -> dict[str, Any]:
    sets = {
        name: {k: v for k, v in row[name].items() if k != "when"}
        for name in ("opened", "refused", "unknown")
    }
    full = {name: places for name, places in sets.items() if places["cidrs"] or places["endpoints"]}
    return {
        name: {k: v for k, v in places.items() if v or k == "cidrs"} | {"cidrs": _as_here(places)}
        for name, places in full.items()
    }


def _as_here(places: dict[str, Any]) -> list[str]:
    """Return ranges as this Python writes them: from 3.13 on ``::ffff:192.0.2.0`` has dots."""
    return [str(ipaddress.ip_network(each)) for each in places["cidrs"]]


def check_proof(case: dict[str, Any], answer: dict[str, Any]) -> None:
    """Compare a proof with that of a case."""
    assert (answer["proved"], answer["depends_on"]) == (case["proved"], case["depends_on"])
    found = answer["counterexample"]
    assert (found is None) == ("counterexample" not in case)
    if found is not None:
        wanted = case["counterexample"]
        assert (found["form"], found["request"]["action"], found["request"]["resource"]) == tuple(
            wanted.values()
        )
