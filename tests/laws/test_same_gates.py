"""Panel, Python and command line have the same gates: a plan that asks is refused by each until its
code is confirmed.

The cases are the rows of the table of notices, so a new row is asked about everywhere or nowhere. A
plan with changes is given one notice at a time. Each surface is tried without consent, with
``--yes`` alone and with consent. Nothing is written: what passes the gates stops at the lock of the
journal.
"""

from __future__ import annotations

import ast
import io
import re
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import ipywidgets
import pytest

import gt_secure
from gt_secure import Connection, Restriction
from gt_secure.base.errors import GtSecureError, InvalidInput
from gt_secure.changes import Plan
from gt_secure.changes.render.html import plan_page
from gt_secure.cli import changes as command
from gt_secure.cli.exit_codes import ERROR
from gt_secure.cli.main import main
from gt_secure.restriction.messages import Notice, notice, notices
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import testing
from gt_secure.widgets.review_step import ReviewStep
from gt_secure_agents import presigned_plan
from support.consents import agree
from support.rig import Rig

PACKAGE = Path(gt_secure.__file__).parent
LINE = ["apply", "s3://gt-images", "--allow", "203.0.113.0/24"]


class Passed(GtSecureError):
    """A surface let a plan through."""


def _row(code: str) -> Notice:
    """Return the notice of a code, with some value in each place of its text."""
    row = notices()[code]
    names = {
        name
        for _, name, _, _ in string.Formatter().parse(row["text"] + row.get("consent", ""))
        if name
    }
    return notice(code, **dict.fromkeys(names, "x"))


def typed(code: str) -> str:
    """Return the word that confirms a code,
    with the team where each team is confirmed by its name.
    """
    return notices()[code].get("code", code).format(team="x")


ROWS = {code: _row(code) for code in notices()}
SAMPLE = ("url-lock-one-path", "loses-access", "guard-edited", "expectation-broken", "no-guard")
"""Two warnings that ask, one of them about a team, a blocker, one that cannot be confirmed,
and a free warning.
"""


def expected(each: Notice) -> str:
    """Return what the table demands of a surface, read without the model: free, asks or never."""
    row = notices()[each.code.partition(":")[0]]
    if row["severity"] == "info" or (row["severity"] == "warning" and "consent" not in row):
        return "free"
    return "never" if row.get("consent") == "" else "asks"


@pytest.fixture(scope="module")
def made(sandbox: Sandbox) -> tuple[Connection, Plan]:
    gt = Rig(sandbox).gt
    return gt, gt.plan(Restriction(bucket="gt-images", addresses=["203.0.113.0/24"]))


@pytest.fixture(autouse=True)
def _stopped(
    made: tuple[Connection, Plan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(*_: object) -> None:
        raise Passed("It passed the gates.")

    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path))
    monkeypatch.setattr(import_module("gt_secure.changes.apply"), "hold", stop)
    monkeypatch.setattr(command, "connection", lambda *_, **__: made[0])


def by_python(gt: Connection, plan: Plan, codes: list[str]) -> str:
    try:
        gt.apply(plan, confirm=codes)
    except InvalidInput as error:
        return f"refused: {error}"
    except Passed:
        return "passed"
    raise AssertionError("applied")


def by_command(plan: Plan, words: list[str], answers: str | None = None) -> str:
    """Run ``apply`` at a terminal with these answers, or without a terminal;
    the exit code of a refusal is in it.
    """
    with pytest.MonkeyPatch.context() as patch:
        terminal = io.StringIO(answers or "")
        terminal.isatty = lambda: answers is not None  # type: ignore[method-assign]
        errors = io.StringIO()
        patch.setattr("sys.stdin", terminal)
        patch.setattr("sys.stderr", errors)
        patch.setattr(Connection, "plan", lambda *_, **__: plan)
        code = main([*LINE, *words])
        return (
            "passed"
            if "It passed the gates." in errors.getvalue()
            else f"refused: {code} {errors.getvalue()}"
        )


def by_panel(gt: Connection, plan: Plan, *, agrees: bool) -> str:
    with testing():
        review = ReviewStep(gt)
        review.plan = plan
        if agrees:
            agree(review)
        try:
            return "refused" if review.apply_button.disabled else str(review.apply())
        except Passed:
            return "passed"
        except InvalidInput as error:
            return f"offered, and refused: {error}"
        finally:
            ipywidgets.Widget.close_all()


def violations(
    made: tuple[Connection, Plan], codes: Iterable[str], counts: Counter[str]
) -> list[str]:
    """Return what a surface does otherwise than the table demands."""
    gt, base = made
    wrong = []
    for each in (ROWS[code] for code in codes):
        code = typed(each.code.partition(":")[0])
        plan, demanded = replace(base, notices=(each,)), expected(each)
        confirm = ["--confirm", code] if demanded == "asks" else []
        without = {
            "Python": by_python(gt, plan, []),
            "command line": by_command(plan, ["--yes"]),
            "command line, JSON": by_command(plan, ["--yes", "--json"]),
            "terminal, no": by_command(plan, [], "n\ny\ny\n")
            if demanded == "asks"
            else by_command(plan, [], "y\n"),
            "panel": by_panel(gt, plan, agrees=False),
        }
        agreed = {
            "Python": by_python(gt, plan, [code] if confirm else []),
            "command line": by_command(plan, ["--yes", *confirm]),
            "terminal, yes": by_command(plan, [], "y\ny\n" if confirm else "y\n"),
            "terminal, by code": by_command(plan, confirm, "y\n"),
            "panel": by_panel(gt, plan, agrees=True),
        }
        counts[demanded] += 1
        for asked, results, passes in (
            ("without", without, demanded == "free"),
            ("with", agreed, demanded != "never"),
        ):
            for name, got in results.items():
                is_wrong = (got == "passed") != passes or got.startswith("offered")
                wrong += [f"{code}, {name}, {asked} consent: {got}"] if is_wrong else []
        if demanded == "asks":
            for name in ("command line", "command line, JSON"):
                is_right = f"--confirm {code}" in without[name] and without[name].startswith(
                    f"refused: {ERROR} "
                )
                wrong += [] if is_right else [f"{code}: {without[name]}"]
            wrong += [f"{code}: {without['Python']}"] * (
                f"confirm=['{code}']" not in without["Python"]
            )
        shown = (plan.to_dict()["asks"] == [code], f"--confirm {code}" in plan_page(plan))
        wrong += [f"{code} is shown as {shown}"] * (shown != (demanded == "asks",) * 2)
        lines = [line for line in plan.to_text().splitlines() if line.startswith(("  ?", "  ✕"))]
        told = any(line.endswith((f"--confirm {code}", f"[{code}]")) for line in lines)
        wrong += [f"{code} is not in the verdict"] * (told != (demanded != "free"))
    return wrong


@pytest.mark.parametrize("code", SAMPLE)
def test_every_surface_has_the_gates_of_a_sample(made: tuple[Connection, Plan], code: str) -> None:
    assert violations(made, [code], Counter()) == []


def test_every_surface_has_the_gates_of_the_table(made: tuple[Connection, Plan]) -> None:
    counts: Counter[str] = Counter()
    assert violations(made, ROWS, counts) == []
    assert counts["asks"] >= 20
    assert counts["free"] >= 20
    assert counts["never"] >= 2


def _only_blockers(self: Plan) -> tuple[Notice, ...]:
    return tuple(each for each in self.blockers if each.confirmable)


@pytest.mark.parametrize(
    "fault", ["warnings do not ask", "the panel asks nothing", "--yes agrees to everything"]
)
def test_the_law_sees_a_gate_that_is_missing(
    made: tuple[Connection, Plan], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "warnings do not ask":
        monkeypatch.setattr(Plan, "asks", property(_only_blockers))
    elif fault == "the panel asks nothing":
        monkeypatch.setattr(ReviewStep, "_may_apply", lambda self: self.plan is not None)
    else:
        apply = Connection.apply

        def careless(gt: Connection, plan: Plan, **_: object) -> object:
            return apply(gt, plan, confirm=[each.code for each in plan.asks])

        monkeypatch.setattr(Connection, "apply", careless)
    assert violations(made, SAMPLE[:1], Counter())


def test_several_codes_are_named_as_they_are_typed(made: tuple[Connection, Plan]) -> None:
    plan = replace(made[1], notices=(ROWS["guard-off"], ROWS["dual-stack"], ROWS["guard-off"]))
    assert "confirm=['guard-off', 'dual-stack']" in by_python(made[0], plan, [])
    both = "--confirm guard-off --confirm dual-stack --yes"
    assert by_command(plan, ["--yes"]).endswith(f" {both}\n")
    rest = by_command(plan, ["--confirm", "guard-off"])
    assert rest.endswith(f" {both}\n"), "one is in the command already"
    assert (
        by_command(plan, ["--yes", "--confirm", "guard-off", "--confirm", "dual-stack"]) == "passed"
    )


def test_a_team_is_confirmed_by_its_name_as_it_is_typed(made: tuple[Connection, Plan]) -> None:
    names = {"bucket": "b", "lost": "l", "jobs": "j", "missing": ""}
    asks = [notice("loses-access", team=team, **names) for team in ("night-shift", "day-shift")]
    plan = replace(made[1], notices=tuple(asks))
    words = ["loses-access:night-shift", "loses-access:day-shift"]
    assert [each.code for each in plan.asks] == words
    for shown in (by_command(plan, ["--yes"]), by_command(plan, []), plan_page(plan)):
        assert "--confirm loses-access:night-shift --confirm loses-access:day-shift" in shown
    assert "refused" in by_python(made[0], plan, words[:1])
    assert "refused" in by_python(made[0], plan, [*words[:1], "loses-access"])
    assert by_python(made[0], plan, words) == "passed"


def test_a_warning_that_comes_and_goes_can_be_confirmed_in_advance(
    made: tuple[Connection, Plan],
) -> None:
    plan = replace(made[1], notices=())
    for code in ("dual-stack", "loses-access:night-shift"):
        assert by_python(made[0], plan, [code]) == "passed"
    for code in (
        "guard-edited",
        "no-guard",
        "expectation-broken",
        "dual-stac",
        "no-guard:night-shift",
    ):
        assert "not a blocker" in by_python(made[0], plan, [code])


def test_what_changes_nothing_asks_nothing(made: tuple[Connection, Plan]) -> None:
    plan = replace(made[1], notices=tuple(ROWS.values()), changes=())
    assert (plan.asks, plan.to_dict()["asks"]) == ((), [])
    assert "--confirm" not in plan.to_text()


def test_agents_are_shown_what_asks(
    made: tuple[Connection, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(made[1], notices=(ROWS["guard-off"],))
    monkeypatch.setattr("gt_secure_agents.connect", lambda **_: made[0])
    monkeypatch.setattr(Connection, "plan", lambda *_, **__: plan)
    assert presigned_plan("203.0.113.0/24", bucket="gt-images")["plan"]["asks"] == ["guard-off"]


def test_no_other_place_lists_what_asks() -> None:
    codes = {code for code, each in ROWS.items() if expected(each) != "free"}
    lists = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if len(codes & set(re.findall(r"[\w-]+", text))) < 2:
            continue
        for node in ast.walk(ast.parse(text)):
            items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
            named = codes & {each.value for each in items if isinstance(each, ast.Constant)}
            lists += [f"{path.name}:{node.lineno} {named}"] if len(named) > 1 else []
    for path in (
        each
        for each in PACKAGE.rglob("*")
        if each.suffix in (".js", ".json") and each.name != "notices.json"
    ):
        named = codes & set(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
        lists += [f"{path.name} {named}"] if len(named) > 1 else []
    assert lists == []
