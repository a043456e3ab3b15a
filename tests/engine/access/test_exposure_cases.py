"""The table of exposures: policies of every shape,
each with the exact sets that AWS documentation gives.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.answers import ACCOUNT, exposed
from support.case_tables import DATA, EXPOSURES, check_exposure, layer


def test_every_case_names_its_page_and_they_differ() -> None:
    assert (
        len({json.dumps({**case, "id": "", "title": ""}) for case in EXPOSURES})
        == len(EXPOSURES)
        >= 150
    )
    assert all(case["doc"].startswith("https://docs.aws.amazon.com/") for case in EXPOSURES)
    used = {
        name
        for case in EXPOSURES
        for name in (*case.get("rcp", []), *case.get("scp", []))
        if isinstance(name, str)
    }
    assert used == {path.name for path in (DATA / "data-perimeter").glob("*.json")}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in EXPOSURES])
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
    check_exposure(case, exposure.to_dict()["requests"])
