"""The table of exposures: policies of every shape, each with the exact sets that AWS documentation gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from support.answers import ACCOUNT, exposed
from support.subjects import subjects

DATA = Path(__file__).parents[2] / "data"
LINES = (DATA / "exposure-cases.ndjson").read_text(encoding="utf-8").splitlines()
CASES: list[dict[str, Any]] = subjects(map(json.loads, LINES), 380)
BY_FILE = subjects((case for case in CASES if case.get("rcp") or case.get("scp") or case.get("session")), 30)


def layer(value: str | dict[str, Any]) -> str:
    return json.dumps(value) if isinstance(value, dict) else (DATA / "data-perimeter" / value).read_text("utf-8")


def nonempty(row: dict[str, Any]) -> dict[str, Any]:
    sets = {name: {k: v for k, v in row[name].items() if k != "when"} for name in ("opened", "refused", "unknown")}
    full = {name: places for name, places in sets.items() if places["cidrs"] or places["endpoints"]}
    return {name: {k: v for k, v in places.items() if v or k == "cidrs"} for name, places in full.items()}


def check(case: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    answers = {row["request"]: nonempty(row) for row in rows}
    for kind, expected in case["expect"].items():
        assert answers[kind] == expected, (case["title"], kind)
    presigned = next(row for row in rows if row["request"] == "presigned")
    assert set(case.get("when", [])) <= set(presigned["opened"]["when"])


def test_every_case_names_its_page_and_they_differ() -> None:
    assert len({json.dumps({**case, "id": "", "title": ""}) for case in CASES}) == len(CASES) >= 150
    assert all(case["doc"].startswith("https://docs.aws.amazon.com/") for case in CASES)
    used = {name for case in CASES for name in (*case.get("rcp", []), *case.get("scp", [])) if isinstance(name, str)}
    assert used == {path.name for path in (DATA / "data-perimeter").glob("*.json")}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_exposure(case: dict[str, Any]) -> None:
    exposure = exposed(
        case["policy"],
        case["key"],
        case["facts"],
        session=case.get("session"),
        rcp=[layer(each) for each in case.get("rcp", [])],
        scp=[layer(each) for each in case.get("scp", [])],
        account=case.get("account", ACCOUNT),
    )
    check(case, exposure.to_dict()["requests"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in BY_FILE])
def test_exposure_by_the_command_line(case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if case["policy"] is None:
        case = {**case, "policy": {"Version": "2012-10-17", "Statement": []}}

    def written(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    args = ["exposure", "--bucket", "gt-images", "--key", case["key"], "--account", ACCOUNT, "--json"]
    args += ["--bucket-policy", written("policy.json", json.dumps(case["policy"]))]
    for option in ("rcp", "scp"):
        for number, each in enumerate(case.get(option, [])):
            args += [f"--{option}", written(f"{option}{number}.json", layer(each))]
    if case.get("session"):
        args += ["--session-policy", written("session.json", json.dumps(case["session"]))]
    for text in case["facts"]:
        args += ["--context", text]
    assert main(args) == 0
    check(case, json.loads(capsys.readouterr().out)["requests"])
