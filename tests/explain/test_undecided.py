"""An answer that decides nothing is neither opened nor refused: of an expired URL, a redirect,
no answer at all.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure.cli.exit_codes import FOUND, OK, UNKNOWN
from gt_secure.cli.sign import _exit_code
from gt_secure.explain.expectation_log import Scenes
from gt_secure.explain.explanation import _BY_POLICY, explain
from gt_secure.presign.probe import Probe
from gt_secure.widgets.probe_view import Tried, browser_answer, tried_text

from .test_explain_refusal import CASES, answer, denied, silent

NO_ANSWER = [
    answer(None, "", "", failure=each, request_id="")
    for each in ("time-out", "dns", "refused", "tls", "network")
]
OTHERS = [
    answer(200, "", "", request_id=""),
    answer(500, "InternalError", "x"),
    answer(502, "", "", request_id=""),
    answer(404, "", "", method="HEAD"),
    answer(403, "", "", method="HEAD"),
    answer(403, "", "<html>blocked</html>", request_id=""),
    answer(407, "", "", request_id=""),
    answer(302, "", ""),
    answer(429, "SlowDown", "x"),
    answer(403, "AccessDenied", ""),
    answer(403, "AccessDenied", "Something that is new"),
    answer(416, "InvalidRange", "x"),
]
POLICIES = {code for code, kinds in _BY_POLICY.items() if kinds is not None} | {
    "block-public-access"
}
OPENED, REFUSED = answer(200, "", ""), answer(403, "AccessDenied", "Access Denied")
UNDECIDED = [each for each, _ in CASES if each.answer == "unknown"] + NO_ANSWER + OTHERS


@pytest.mark.parametrize(
    ("probe", "cause"), CASES, ids=lambda each: each if isinstance(each, str) else ""
)
def test_only_a_policy_refuses(probe: Probe, cause: str) -> None:
    """The causes are found by other code, from other words of the answer."""
    assert explain(probe).cause == cause
    refused = cause in POLICIES and probe.error_code == "AccessDenied"
    wanted = (
        "opened" if cause == "opened" else "refused" if refused or probe == REFUSED else "unknown"
    )
    assert probe.answer == wanted


def test_the_table_has_every_kind_of_answer() -> None:
    words = [each.answer for each, _ in CASES]
    assert min(words.count("opened"), words.count("refused") - 5, words.count("unknown") - 15) >= 1


@pytest.mark.parametrize(
    "probe", UNDECIDED, ids=lambda each: f"{each.status} {each.error_code or each.failure}"
)
def test_an_undecided_answer_satisfies_no_assert(probe: Probe) -> None:
    assert probe.answer == "unknown"
    for ask in (
        lambda: bool(probe.opened),
        lambda: not probe.opened,
        lambda: probe.opened is False,
        lambda: probe.opened != True,  # noqa: E712
        lambda: [True, False].count(probe.opened),
    ):
        with pytest.raises(
            TypeError,
            match=r"is neither true nor false here. Write \.answer: nothing was decided\.",
        ):
            ask()
    assert json.loads(json.dumps(probe.to_dict(), default=str))["opened"] is None
    assert probe.result not in ("opened", "")
    said = explain(probe)
    alone = [(probe, said.to_dict())]
    assert [_exit_code(alone, each) for each in (["opened"], ["refused"], [])] == [UNKNOWN] * 3
    both = ["refused", "refused"]
    assert [_exit_code([*alone, (each, said.to_dict())], both) for each in (REFUSED, OPENED)] == [
        UNKNOWN,
        FOUND,
    ]
    assert _exit_code([*alone, (REFUSED, {"agrees": True})], []) == UNKNOWN
    assert said.observed in ("unknown", "no answer")
    assert said.agrees is None
    for expected in ("opened", "refused"):
        assert not Scenes().add("x", probe, expected).as_expected  # type: ignore[arg-type]
    assert "refused (" not in tried_text("k", [Tried(probe, said)]).replace(
        "no answer (refused)", ""
    )


def test_a_decided_answer_is_a_truth_value() -> None:
    assert (OPENED.opened, REFUSED.opened) == (True, False)
    assert [each.to_dict()["opened"] for each in (OPENED, REFUSED)] == [True, False]
    assert [each.why_unknown for each in (OPENED, REFUSED)] == ["", ""]
    for message in (denied("session policy"), silent("identity-based policy"), "Access Denied."):
        assert answer(403, message=message).opened is False
    words: tuple[list[str], ...] = (["opened"], ["refused"], [])
    opened, refused = ((each, explain(each).to_dict()) for each in (OPENED, REFUSED))
    assert [_exit_code([opened], each) for each in words] == [OK, FOUND, OK]
    assert [_exit_code([refused], each) for each in words] == [FOUND, OK, UNKNOWN]


def test_several_answers_as_predicted_are_no_surprise() -> None:
    """One refused request is what a script asks about; of several, each is compared."""

    def told(agrees: bool | None) -> list[tuple[Probe, dict[str, Any]]]:
        return [(OPENED, {"agrees": True}), (REFUSED, {"agrees": agrees})]

    assert [_exit_code(told(each), []) for each in (True, False, None)] == [OK, UNKNOWN, UNKNOWN]
    assert _exit_code(told(True)[1:], []) == UNKNOWN
    both = [(OPENED, {"agrees": True}), (OPENED, {"agrees": False})]
    assert _exit_code(both, []) == UNKNOWN, "all are opened, and one was to be refused"
    assert _exit_code([(OPENED, {"agrees": None})] * 2, []) == OK
    assert _exit_code(told(False), ["opened", "refused"]) == OK, "the observation was expected"


def test_a_head_without_a_reason_is_not_decided() -> None:
    assert answer(status=403, code="", message="", method="HEAD").answer == "unknown"


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (answer(403, "AccessDenied", "Request has expired"), "The URL expired. Sign a new one"),
        (answer(403, "SignatureDoesNotMatch", "x"), "Send the method that the URL is signed for"),
        (answer(404, "NoSuchKey", "x"), "Name one that exists"),
        (
            answer(503, "SlowDown", "Reduce your request rate."),
            "Ask gt.explain(probe) for the cause",
        ),
        (answer(None, "", "", failure="time-out"), "The answer was time-out."),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_error_says_why_and_what_to_do(probe: Probe, said: str) -> None:
    with pytest.raises(TypeError) as caught:
        assert not probe.opened
    assert said in str(caught.value)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500, 503])
def test_the_browser_speaks_of_a_refusal_only_where_a_policy_may_refuse(status: int) -> None:
    for code in ("AccessDenied", "SignatureDoesNotMatch"):
        shown = str(browser_answer({"status": status, "code": code, "ms": 3}))
        assert ("Refused to this browser" in shown) == (status == 403 and code == "AccessDenied")
