"""An answer is true if its reader would say so, or it names the member to ask:
every public type.
"""

from __future__ import annotations

import inspect
import pickle
import pkgutil
import typing
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

import gt_secure
from gt_secure.base import errors
from gt_secure.base.outcome import CheckFailed, CheckResult
from gt_secure.base.truth import Ambiguous
from gt_secure.changes.journal import JournalCheck
from gt_secure.changes.plan import Plan
from gt_secure.check import Report
from gt_secure.engine.access.answer import Answer, Answers
from gt_secure.engine.access.part import NotRead, PartNotReadError
from gt_secure.engine.access.proof import Proof
from gt_secure.engine.access.signers import Signers
from gt_secure.findings.listings import Findings, History
from gt_secure.findings.model import Checked
from gt_secure.logs.hits import Hits
from gt_secure.logs.leaks import Leaks

ASKED = {
    *(
        "allowed",
        "answer",
        "holds",
        "matched",
        "observed",
        "opened",
        "outcome",
        "passed",
        "proved",
        "status",
        "applies",
    ),
    *("empty", "certain", "as_expected", "worse_than", "tone", "agrees"),
}
"""Members by which a type gives an answer."""
NO_ANSWER = {
    "AccountExposure": "an Exposure, which is tested",
    "Chip": "a part of a page",
    "Claim": "what a Proof answers",
    "expect": "makes expectations",
    "ChangeStep": "an item of Applied.steps",
    "Guard": "a statement of a policy",
    "Finding": "an item of a list; its state is found or unknown",
    "HistoryEntry": "an item of a list",
    "Refusal": "a request",
    "Restriction": "what is wanted",
    "Row": "a part of an Exposure",
}
"""Types with such a member that nobody takes for the answer of a question."""


def public_types() -> dict[str, type]:
    """Return every class that a package lists, and every class that a method of those returns."""
    names = [
        each.name for each in pkgutil.walk_packages(gt_secure.__path__, "gt_secure.") if each.ispkg
    ]
    found: dict[str, type] = {}
    for module in map(
        import_module, ["gt_secure", *(name for name in names if "labextension" not in name)]
    ):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith("gt_secure"):
                found[value.__name__] = value
    for cls in list(found.values()):
        for member in vars(cls).values():
            function = member.fget if isinstance(member, property) else member
            word = (
                str(getattr(function, "__annotations__", {}).get("return", ""))
                .partition("[")[0]
                .split(" |")[0]
            )
            home = import_module(cls.__module__)
            value = getattr(home, word.rpartition(".")[2], None)
            if inspect.isclass(value) and value.__module__.startswith("gt_secure"):
                found.setdefault(value.__name__, value)
    return {name: cls for name, cls in found.items() if not issubclass(cls, BaseException)}


TYPES = public_types()


def test_every_answer_has_a_truth_value_or_refuses_one() -> None:
    silent = []
    for name, cls in TYPES.items():
        members = {*dir(cls), *(inspect.get_annotations(cls) if inspect.isclass(cls) else ())}
        module = next((each.__module__ for each in cls.__mro__ if "__bool__" in vars(each)), "")
        is_widget = any(each.__module__.startswith("ipywidgets") for each in cls.__mro__)
        if (
            members & ASKED
            and not module.startswith("gt_secure")
            and not is_widget
            and name not in NO_ANSWER
        ):
            silent.append(name)
    assert silent == []
    assert len(TYPES) >= 60


def kinds_of(base: type) -> list[type]:
    return sorted(
        {each for kind in base.__subclasses__() for each in (kind, *kinds_of(kind))},
        key=lambda each: each.__name__,
    )


@pytest.mark.parametrize("cls", kinds_of(Ambiguous), ids=lambda each: each.__name__)
def test_an_ambiguous_answer_names_the_member(cls: type) -> None:
    with pytest.raises(TypeError, match=r"is neither true nor false here. Write \S"):
        bool(object.__new__(cls))
    asked = getattr(cls, "_ask")  # noqa: B009
    asked = asked.lstrip(".").replace("len(hits), or hits.coverage.", "")
    word = asked.partition("(")[0].split(" ")[0]
    annotated = {name for each in cls.__mro__ for name in inspect.get_annotations(each)}
    assert word in {"unread", *annotated} or hasattr(cls, word), f"{cls.__name__} has no {word}"


def test_a_plan_that_may_be_missing_is_asked_for() -> None:
    """The panel's plan is None until there is one; the error has both questions."""
    with pytest.raises(TypeError, match="neither true nor false") as caught:
        bool(object.__new__(Plan))
    assert str(caught.value).endswith(
        "Write .empty (nothing to change), or 'is None' (no plan yet)."
    )


def test_truth_is_what_it_reads_like() -> None:
    result = CheckResult("no_findings", "x", True, "")
    yes = [
        Proof(True),
        result,
        Report((result,)),
        JournalCheck({"a": ()}),
        Findings((), (Checked("c", "clean"),)),
    ]
    assert [bool(each) for each in yes[:4]] == [True] * 4
    assert not yes[4], "no finding, and a rule was decided"
    broken = JournalCheck({"a": ("edited",)})
    broken.broken = ("a",)
    no = [
        Proof(False),
        Proof(None),
        CheckResult("c", "x", None, ""),
        Report(()),
        JournalCheck(),
        broken,
    ]
    assert [bool(each) for each in no] == [False] * len(no)
    assert bool(Leaks([], 3, [])) is False


@pytest.mark.parametrize(
    "empty",
    [
        Findings(),
        History((), ["CloudTrail: denied"]),
        Leaks([], 0, []),
        Leaks([], 3, [], 0, ["an object was denied"]),
        Answers([Answer("opened")]),
        Checked("url-lock-off", "unknown"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_empty_answer_that_rests_on_nothing_refuses(empty: Any) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(empty)


def test_signers_that_were_not_read_refuse() -> None:
    signers = Signers()
    assert not signers
    signers.missing = typing.cast(Any, SimpleNamespace(reason="denied"))
    with pytest.raises(TypeError, match="missing"):
        bool(signers[:1])


def test_require_raises_unless_it_holds() -> None:
    assert Proof(True, claim="no request").require()
    assert JournalCheck({"a": ()}).require()
    assert Findings((), (Checked("url-lock-off", "clean"),)).require() == ()
    wrong: list[Any] = [
        Proof(False),
        Proof(None),
        JournalCheck(),
        Findings(),
    ]
    for each in wrong:
        with pytest.raises(CheckFailed):
            each.require()


EXAMPLES: dict[str, dict[str, Any]] = {
    "AccessDenied": {"action": "s3:GetObject"},
    "InvalidInput": {"field": "team"},
}


@pytest.mark.parametrize(
    "cls", [errors.GtSecureError, *kinds_of(errors.GtSecureError)], ids=lambda each: each.__name__
)
def test_every_error_can_be_pickled(cls: type[errors.GtSecureError]) -> None:
    if cls is CheckFailed:
        error: Any = CheckFailed(
            CheckResult("no_findings", "x", False, "Found it.", {"a": [1]}, "Fix it.")
        )
    elif cls.__name__ == "PartNotReadError":
        error = PartNotReadError(
            NotRead("the workteam", "sagemaker:DescribeWorkteam", "denied", "This role may not.")
        )
    else:
        error = cls("It failed.", next_step="Try again.", **EXAMPLES.get(cls.__name__, {}))
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.to_dict()) == (cls, str(error), error.to_dict())
    assert vars(back).keys() == vars(error).keys()


def test_hits_have_no_truth_value() -> None:
    with pytest.raises(TypeError, match=r"len\(hits\)"):
        bool(object.__new__(Hits))


def test_dir_shows_what_people_type() -> None:
    assert {name for name in dir(gt_secure) if not name.startswith("__")} == set(gt_secure.__all__)
