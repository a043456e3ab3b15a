"""An assert on any answer of the package is recorded: the names are those of the package,
and a test compares them.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module
from types import SimpleNamespace

import pytest

import gt_secure
from gt_secure import connection
from gt_secure.check import CheckFailed, asserts, ledger
from gt_secure.check.asserts import ANSWERS, answers_in, asks, holds_always, mentions
from gt_secure.check.proof import RecordedProof
from gt_secure.connection import Connection
from gt_secure.engine.access.proof import Proof

MISSED = ("count_hits", "read_hits", "jobs", "endpoints", "state", "keys", "export", "plan_undo")


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def faces() -> list[str]:
    """The packages with a face, apart from those that a notebook does not call."""
    names = [each.name for each in pkgutil.iter_modules(gt_secure.__path__) if each.ispkg]
    return [
        "gt_secure",
        *(
            f"gt_secure.{name}"
            for name in names
            if name not in {"labextension", "cli", "sandbox", "secrets"}
        ),
    ]


def test_each_method_of_a_connection_is_asked() -> None:
    methods = {
        name
        for name, each in vars(Connection).items()
        if inspect.isfunction(each) and not name.startswith("_")
    }
    assert methods - ANSWERS.keys() == {"plot"}
    assert len(methods) > 20


def test_each_function_of_a_face_with_a_truth_value_is_asked() -> None:
    """A function of a face that returns an answer of ours: one with a truth value,
    or that refuses one.
    """
    missed = []
    for face in map(import_module, faces()):
        for name in getattr(face, "__all__", ()):
            value = getattr(face, name)
            if not inspect.isfunction(value):
                continue
            word = str(value.__annotations__.get("return", "")).partition(" |")[0].partition("[")[0]
            kind = getattr(import_module(value.__module__), word.rpartition(".")[2], None)
            is_ours = (
                inspect.isclass(kind)
                and kind.__module__.startswith("gt_secure")
                and "__bool__" in dir(kind)
            )
            # it states what others must have asked
            if is_ours and name not in ANSWERS and name != "promise":
                missed.append(f"{face.__name__}.{name} returns {word}")
    assert missed == []


@pytest.mark.parametrize("name", MISSED)
def test_an_assert_on_it_asks(name: str) -> None:
    call = f"gt.{name}('gt-images')"
    assert asks(expression(f"{call}.rows == []"), set())
    assert mentions(expression(call), set())
    assert "found" in answers_in(ast.parse(f"found = {call}"), set())


def test_a_function_that_was_imported_asks() -> None:
    assert asks(expression("len(read_hits('logs/')) == 3"), set())


@pytest.mark.parametrize(
    "text", ["plan(R)", "counts.keys() == {'a'}", "axes.plot(rows)", "rows.count(1) == 2"]
)
def test_other_methods_with_such_a_name_ask_nothing(text: str) -> None:
    assert not mentions(expression(text), set())


@pytest.mark.parametrize(
    ("text", "always"),
    [
        ("gt.plan(R) is not None", True),
        ("gt.workforce() is not None", False),
        ("f() is None", False),
    ],
)
def test_a_comparison_with_none_holds_unless_it_is_returned(text: str, always: bool) -> None:
    assert holds_always(expression(text)) == always


def test_connecting_in_a_kernel_watches_its_asserts(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(ast_transformers=[])
    for module in (connection, asserts):
        monkeypatch.setattr(module, "kernel_shell", lambda: shell)
    gt_secure.connect(region="us-east-1")
    assert [type(each).__name__ for each in shell.ast_transformers] == ["_Asserts"]


def test_a_proof_about_an_account_is_recorded_and_one_of_the_engine_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = list[tuple[str, str, str]]()
    monkeypatch.setattr(
        ledger,
        "record",
        lambda check, subject, status, *_: records.append((check, subject, status)),
    )
    place = ledger.RecordedPlace("111122223333", "us-east-1")
    assert Proof(True).require()
    assert not Proof(False)
    assert records == []
    assert RecordedProof(True, subject="s3://gt-images/", place=place)
    assert not RecordedProof(False, subject="s3://gt-images/", place=place), (
        "a question is no failure"
    )
    assert records == [("prove", "s3://gt-images/", "passed")]
    with pytest.raises(CheckFailed):
        RecordedProof(None, subject="s3://gt-images/", place=place).require()
    assert records[1:] == [("prove", "s3://gt-images/", "unknown")]
