"""The promise of a notebook survives its tools, and a record has a place and an age."""

from __future__ import annotations

import copy
import datetime as dt
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gt_secure import check
from gt_secure.base.errors import InvalidInput
from gt_secure.check.ledger import fingerprint
from gt_secure.check.notebooks import write_promise
from gt_secure.check.promise import promise_of
from gt_secure.cli.main import main
from support.promised import owed

TEAM = "check.team_is_restricted(gt, 'open-team')"
BUCKET = "check.guard_is_in_place(gt, 'gt-images')"
IMPORT = "from gt_secure import check"
PLACE = " in account 111122223333 (sandbox), us-east-1"


def record(source: str, name: str, subject: str, age_h: float = 0, **more: str) -> dict[str, Any]:
    when = dt.datetime.now(dt.UTC) - dt.timedelta(hours=age_h)
    entry = {
        "check": name,
        "subject": subject,
        "status": "passed",
        "time": f"{when:%Y-%m-%dT%H:%M:%SZ}",
    }
    entry |= {
        "account": "111122223333",
        "region": "us-east-1",
        "on": "sandbox",
        "source": fingerprint(source),
        **more,
    }
    return {
        "output_type": "display_data",
        "data": {},
        "metadata": {"gt_secure": {"checks": [entry]}},
    }


def code(source: str, count: int | None, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": count,
        "source": source,
        "outputs": list(outputs),
        "metadata": {},
    }


def ran(**more: Any) -> dict[str, Any]:
    cells = [
        code(IMPORT, 1),
        code(TEAM, 2, record(TEAM, "team_is_restricted", "open-team", **more)),
        code(BUCKET, 3, record(BUCKET, "guard_is_in_place", "gt-images", **more)),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "book.ipynb"
    file.write_text(json.dumps(ran()))
    return file


def read(path: Path) -> dict[str, Any]:
    book: dict[str, Any] = json.loads(path.read_text())
    return book


def test_it_is_written_from_what_passed_and_names_the_account(path: Path) -> None:
    assert write_promise(path).message == "Its last cell promises 2 checks."
    book = read(path)
    assert "".join(book["cells"][-1]["source"]) == (
        'from gt_secure import check\n\ncheck.promise(\n    account="111122223333",\n'
        '    region="us-east-1",\n    on="sandbox",\n    guard_is_in_place=["gt-images"],\n'
        '    team_is_restricted=["open-team"],\n)'
    )
    assert book["metadata"]["gt_secure"]["promise"] == [{
        "account": "111122223333", "region": "us-east-1", "on": "sandbox",
        "guard_is_in_place": ["gt-images"], "team_is_restricted": ["open-team"],
    }]  # fmt: skip
    result = check.no_code_cell_skipped(path)
    assert "Checks: 2 passed, account 111122223333 (sandbox), us-east-1, at " in result.message
    assert "inferred" not in result.message
    write_promise(path)
    assert len(read(path)["cells"]) == 4, "a second time replaces the cell"


def jupytext(book: dict[str, Any]) -> dict[str, Any]:
    """What is left after a notebook was a Python file: the sources."""
    cells = [code(each["source"], None) for each in book["cells"]]
    return {**book, "cells": cells, "metadata": {"kernelspec": {"name": "python3"}}}


def nbstripout(book: dict[str, Any]) -> dict[str, Any]:
    cells = [{**each, "outputs": [], "execution_count": None} for each in book["cells"]]
    return {**book, "cells": cells}


def without_cell(book: dict[str, Any]) -> dict[str, Any]:
    return {**book, "cells": book["cells"][:-1]}


def in_a_comment(book: dict[str, Any]) -> dict[str, Any]:
    source = "".join(
        f"# {line}" for line in "".join(book["cells"][-1]["source"]).splitlines(keepends=True)
    )
    return {**book, "metadata": {}, "cells": [*book["cells"][:-1], code(source, 4)]}


def merged(book: dict[str, Any]) -> dict[str, Any]:
    """A merge that kept the cells of both sides, and the metadata of the other."""
    other = code('check.promise(no_findings=["open-team"])', 9)
    return {
        **book,
        "cells": [*book["cells"], other],
        "metadata": {"gt_secure": {"promise": [{"no_findings": ["open-team"]}]}},
    }


def papermill(book: dict[str, Any]) -> dict[str, Any]:
    injected = {**code("T = 'x'", 1), "metadata": {"tags": ["injected-parameters"]}}
    return {
        **book,
        "cells": [injected, *book["cells"]],
        "metadata": {**book["metadata"], "papermill": {"version": "2"}},
    }


@pytest.mark.parametrize(
    "tool", [jupytext, nbstripout, without_cell, in_a_comment, merged, papermill]
)
def test_it_survives_a_tool(path: Path, tool: Any) -> None:
    write_promise(path)
    saved = tool(read(path))
    assert promise_of(saved).stated
    run = copy.deepcopy(ran())
    del run["cells"][1]
    assert f"team_is_restricted(open-team){PLACE} ran nowhere" in owed(saved, run)
    assert [each for each in owed(saved, ran()) if "no_findings" not in each] == []


def test_without_one_the_summary_says_that_it_is_inferred(path: Path) -> None:
    assert "only inferred: no promise is written" in check.no_code_cell_skipped(path).message


@pytest.mark.parametrize(
    "held",
    [
        {"checks": {"guard_is_in_place": 1}},
        {"promise": {"guard_is_in_place": ["gt-images"]}},
        {"promise": 1},
        {"promise": ["guard_is_in_place"]},
    ],
)
def test_a_promise_in_an_unknown_format_is_not_kept_and_says_what_to_type(
    path: Path, held: dict[str, Any]
) -> None:
    book = {**ran(), "metadata": {"gt_secure": held}}
    path.write_text(json.dumps(book))
    with pytest.raises(InvalidInput, match="has a format that this version cannot read") as caught:
        check.no_code_cell_skipped.look(path)
    assert "'gt-secure check no-code-cell-skipped --write --path FILE'" in caught.value.next_step
    write_promise(path)
    assert list(read(path)["metadata"]["gt_secure"]) == ["promise"]
    assert check.no_code_cell_skipped.look(path).passed


def test_a_check_that_is_not_promised_is_named(path: Path) -> None:
    write_promise(path)
    book = read(path)
    source = "check.no_findings(gt, team='x')"
    book["cells"].insert(3, code(source, 4, record(source, "no_findings", "x")))
    path.write_text(json.dumps(book))
    assert "1 check not promised." in check.no_code_cell_skipped(path).message


@pytest.mark.parametrize(("hours", "within", "status"), [
    (1, "24h", "passed"), (30, "24h", "failed"), (30, "2d", "passed"), (9000, "any", "passed"), (2, "1h", "failed"),
    (3, dt.timedelta(hours=2), "failed"), (1, dt.timedelta(hours=2), "passed"),
])  # fmt: skip
def test_an_old_run_is_no_result(path: Path, hours: float, within: Any, status: str) -> None:
    path.write_text(json.dumps(ran(age_h=hours)))
    result = check.no_code_cell_skipped.look(path, run_within=within)
    assert result.status == status
    if status == "failed":
        assert "account 111122223333 (sandbox), us-east-1, before 20" in result.message


def test_a_record_without_a_time_is_old(path: Path) -> None:
    path.write_text(json.dumps(ran(time="")))
    assert "a time that was not recorded" in check.no_code_cell_skipped.look(path).message
    with pytest.raises(InvalidInput):
        check.no_code_cell_skipped.look(path, run_within="yesterday")


def test_results_of_the_sandbox_are_counted_apart(path: Path) -> None:
    book = ran()
    book["cells"][2]["outputs"] = [
        record(BUCKET, "guard_is_in_place", "gt-images", on="", account="444455556666")
    ]
    path.write_text(json.dumps(book))
    message = check.no_code_cell_skipped(path).message
    assert (
        "1 passed, account 111122223333 (sandbox), us-east-1; 1 passed, account 444455556666,"
        " us-east-1" in message
    )


def test_a_cell_that_was_changed_after_its_run_is_named(path: Path) -> None:
    book = ran()
    book["cells"][1]["source"] = f"# a comment\n{TEAM}  # and another"
    path.write_text(json.dumps(book))
    assert check.no_code_cell_skipped(path)
    book["cells"][1]["source"] = TEAM.replace("open-team", "radiology-team")
    path.write_text(json.dumps(book))
    assert (
        "cell 1 was changed after its checks ran" in check.no_code_cell_skipped.look(path).message
    )


def test_writing_before_a_run_has_one_result_and_changes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.dumps(nbstripout(ran()))
    path.write_text(before)
    assert main(["check", "no-code-cell-skipped", "--write", "--path", str(path)]) == 3
    out = capsys.readouterr()
    assert out.out.count("\n") == 2, "the titles and one row"
    assert "nothing to promise" in out.out
    assert "check.promise()" in out.err
    assert path.read_text() == before


def test_a_notebook_can_state_that_it_has_none(path: Path) -> None:
    book = {**ran(), "cells": [code("import gt_secure", 1), code("check.promise()", 2)]}
    path.write_text(json.dumps(book))
    assert main(["check", "no-code-cell-skipped", "--write", "--path", str(path)]) == 0
    assert read(path) == book


def test_a_promise_beside_other_code_is_not_written_over(path: Path) -> None:
    book = ran()
    book["cells"].append(code("x = 1\ncheck.promise()", 4))
    path.write_text(json.dumps(book))
    with pytest.raises(InvalidInput, match="Cell 3"):
        write_promise(path)


@pytest.mark.parametrize("arguments", ["**load()", "no_findings=TEAMS", "a=[f(1)]"])
def test_a_computed_promise_is_not_kept(path: Path, arguments: str) -> None:
    book = ran()
    book["cells"].append(code(f"check.promise({arguments})", 4))
    path.write_text(json.dumps(book))
    assert "written out, not computed" in check.no_code_cell_skipped.look(path).message


def skipped(name: str, reason: str) -> dict[str, Any]:
    return record("", name, reason, 0.1, status="skipped")


@pytest.mark.parametrize(("reason", "left"), [
    ("it is of the VPC", ["team_is_restricted(open-team) ran nowhere"]), ("open-team is not ready", []),
])  # fmt: skip
def test_a_skip_releases_the_subject_that_it_names(reason: str, left: list[str]) -> None:
    book = ran()
    cell = code('check.promise(team_is_restricted=["open-team"])', 4)
    before = {**book, "cells": [*book["cells"], cell]}
    other = TEAM.replace("open", "radiology")
    book["cells"][1] = code(
        other,
        2,
        record(other, "team_is_restricted", "radiology-team", 0.1),
        skipped("team_is_restricted", reason),
    )
    assert owed(before, book) == left
    book["cells"][1] = code(other, 2, skipped("team_is_restricted", reason))
    assert owed(before, book) == [], "for another mode, all of them are skipped"


def test_a_check_of_two_regions_is_promised_for_each(path: Path) -> None:
    book = ran()
    loop = "for gt in regions:\n    check.guard_is_in_place(gt, 'gt-images')"
    places = [
        record(loop, "guard_is_in_place", "gt-images", region=each)
        for each in ("us-east-1", "eu-west-1")
    ]
    book["cells"][2] = code(loop, 3, *places)
    path.write_text(json.dumps(book))
    assert write_promise(path).message == "Its last cell promises 3 checks."
    saved = read(path)
    assert "".join(saved["cells"][-1]["source"]).count("check.promise(") == 2
    assert [each["region"] for each in saved["metadata"]["gt_secure"]["promise"]] == [
        "eu-west-1",
        "us-east-1",
    ]
    assert owed(saved, book) == []
    book["cells"][2]["outputs"] = places[:1]
    place = "in account 111122223333 (sandbox), eu-west-1"
    for each in (saved, {**saved, "metadata": {}}, {**saved, "cells": saved["cells"][:-1]}):
        assert owed(each, book) == [f"guard_is_in_place(gt-images) {place} ran nowhere"]
    write_promise(path)
    assert len(read(path)["cells"]) == 4, "a second time replaces the cell"


def test_a_merge_that_kept_the_cell_of_one_side_owes_the_metadata(path: Path) -> None:
    write_promise(path)
    book = read(path)
    book["cells"][-1]["source"] = 'check.promise(guard_is_in_place=["gt-images"])'
    run = ran()
    del run["cells"][1]
    assert f"team_is_restricted(open-team){PLACE} ran nowhere" in owed(book, run)


ERROR = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": []}


def test_a_run_that_stopped_leaves_results_of_the_former_one(path: Path) -> None:
    book = ran()
    book["cells"][0] = code(IMPORT, 1, ERROR)
    path.write_text(json.dumps(book))
    assert "cell 0 ended with an error" in check.no_code_cell_skipped.look(path).message
    book["cells"][0] = {**code("1 / 0", 1, ERROR), "metadata": {"tags": ["raises-exception"]}}
    path.write_text(json.dumps(book))
    assert check.no_code_cell_skipped(path), "it shows an error on purpose"


def test_a_part_of_a_notebook_that_was_run_again_is_no_run(path: Path) -> None:
    book = ran()
    book["cells"][2]["outputs"] = [record(BUCKET, "guard_is_in_place", "gt-images", age_h=3)]
    path.write_text(json.dumps(book))
    assert (
        "the checks of cell 2 ran before those above it"
        in check.no_code_cell_skipped.look(path).message
    )


def test_a_promise_that_is_not_kept_names_what_did_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = import_module("gt_secure.check.promise")
    monkeypatch.setattr(module, "recorded_here", lambda _: [])
    with pytest.raises(
        check.CheckFailed,
        match=r"Promised and not passed: guard_is_in_place\(gt-images\) ran nowhere\.",
    ):
        check.promise(guard_is_in_place=["gt-images"])


def test_subjects_that_are_no_list_are_an_error_with_what_to_write(path: Path) -> None:
    book = ran()
    book["cells"].append(code('check.promise(guard_is_in_place="gt-images")', 4))
    path.write_text(json.dumps(book))
    with pytest.raises(
        InvalidInput, match="The subjects of guard_is_in_place are a list"
    ) as caught:
        check.no_code_cell_skipped.look(path)
    assert caught.value.next_step == 'Write guard_is_in_place=["gt-images"].'
