"""Reports of pytest: masked, and left out where they cannot be masked."""

from __future__ import annotations

import pytest

from gt_secure.base import tracebacks
from gt_secure.base.errors import InvalidInput


@pytest.mark.parametrize(
    ("outcome", "longrepr"), [("passed", None), ("failed", "Rk7"), ("skipped", ("a.py", 1, "x"))]
)
def test_a_report_that_cannot_be_masked_is_left_out(
    outcome: str, longrepr: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error while a report is masked would end the whole run."""

    def fail(_: str) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("gt_secure.base.tracebacks.mask_rendered", fail)
    report = pytest.TestReport(
        "t",
        ("a.py", 1, "t"),
        {},
        outcome,
        longrepr,
        "call",
        sections=[("out", "Rk7")],  # type: ignore[arg-type]
    )
    tracebacks.mask_report(report)
    assert "Rk7" not in repr((report.longrepr, report.sections))
    assert bool(report.longrepr) is (outcome != "passed")


def test_ipython_shows_the_sentence_first() -> None:
    with pytest.raises(InvalidInput) as caught:
        raise InvalidInput("The list is empty.", next_step="Write an address.")
    said = caught.value._render_traceback_()
    assert said[:2] == ["InvalidInput: The list is empty. Write an address.", ""]
    assert any("raise InvalidInput" in line for line in said[2:])
