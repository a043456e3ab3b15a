"""A change that fails says what it has overwritten, as one that works does: nothing is said to be
as before unasked.

Somebody else adds a statement at a chosen call, and a later call fails. CloudTrail is that of the
sandbox.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure.account import event_history
from gt_secure.base.errors import AccessDenied, GtSecureError, InvalidInput
from gt_secure.changes.applied import applied_notice
from gt_secure.changes.engine import Engine
from gt_secure.changes.journal import ChangeRecord
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.transaction import begin_lines, outcome_on_disk
from gt_secure.changes.undo import plan_undo, resume, undo
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import apply_agreed as apply

BOTH = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ADMIN = "arn:aws:iam::111122223333:user/sandbox-admin"
THEIRS = {
    "Sid": "IncidentResponse",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::gt-images/*",
}
NOT_ASKED = "Whether the change has overwritten a simultaneous write of somebody else is unknown"


_plans: dict[str, Plan] = {}


def wanted_in(account: Account) -> Plan:
    """The plan of all tests: each starts from the same account, and apply compares."""
    if account.sandbox.endpoint_url not in _plans:
        _plans[account.sandbox.endpoint_url] = plan(account.aws, BOTH)
    return _plans[account.sandbox.endpoint_url]


class Failing:
    """A change of bucket and team that fails, by a missing permission or by what a call raises."""

    def __init__(
        self, account: Account, problem: BaseException | None = None, *denied: str
    ) -> None:
        self.account, self.problem, self.denied = account, problem, [*denied]
        self.aws, self.writes, self.events = account.aws, 0, list[str]()

    def start(self, way: str) -> Callable[[], Any]:
        """Return what writes: an apply, an undo,
        or what completes or rolls back an interrupted change.
        """
        aws, journal = self.account.aws, self.account.journal
        wanted = wanted_in(self.account)
        if way == "undo":
            done = apply(aws, wanted, journal=journal)
        if way in ("resume", "recover"):
            writer = journal.begin(
                begin_lines("apply", aws, aws.account_id, aws.caller_arn, wanted.changes)
            )
            writer.write("intent", step=0, do="forward")
        if self.denied:
            allowed = EVERYTHING | {"Effect": "Deny", "Action": self.denied}
            self.aws = self.account.rig.aws(self.account.rig.keys(EVERYTHING, allowed))
        return {
            "apply": lambda: apply(self.aws, wanted, journal=journal),
            "undo": lambda: undo(self.aws, done.id, journal=journal),
            "resume": lambda: resume(self.aws, writer.id, journal=journal),
            "recover": lambda: undo(self.aws, writer.id, journal=journal),
        }[way]

    def add_statement(self) -> None:
        policy = json.loads(self.account.policy() or FOREIGN)
        self.account.put_policy(json.dumps(policy | {"Statement": [*policy["Statement"], THEIRS]}))

    def run(
        self, work: Callable[[], Any], adds: Callable[[str], bool], fails: Callable[[str], bool]
    ) -> BaseException:
        """Run it: the statement is added at one call and a later one fails; return the error."""

        def meddle(model: Any, **_: Any) -> None:
            self.events.append(model.name)
            self.writes += model.name == "PutBucketPolicy"
            if adds(model.name):
                self.add_statement()
            if self.problem is not None and fails(model.name):
                raise self.problem

        clients = [self.aws.client(name) for name in ("s3", "sagemaker")]
        for client in clients:
            client.meta.events.register("before-call", meddle)
        try:
            with pytest.raises((GtSecureError, KeyboardInterrupt, RuntimeError)) as caught:
                work()
        finally:
            for client in clients:
                client.meta.events.unregister("before-call", meddle)
        return caught.value

    def at_write(self, number: int) -> Callable[[str], bool]:
        """Return whether a call is that write of the policy."""
        return lambda name: name == "PutBucketPolicy" and self.writes == number

    @property
    def record(self) -> ChangeRecord:
        return list(self.account.journal)[-1]

    @property
    def kept(self) -> list[Any]:
        """The statements of the texts that the journal has kept."""
        texts = [
            each["write"]["policy"] for each in self.record.events if each["event"] == "overwritten"
        ]
        return [statement for text in texts for statement in json.loads(text)["Statement"]]

    @property
    def left(self) -> list[Any]:
        return list(json.loads(str(self.account.policy()))["Statement"])


def said_by(error: BaseException) -> str:
    return f"{error} {' '.join(getattr(error, '__notes__', ()))}"


def is_second_step(name: str) -> bool:
    return name == "UpdateWorkteam"


def never(_: str) -> bool:
    return False


PROBLEMS: list[BaseException | None] = [None, KeyboardInterrupt(), RuntimeError("a bug")]


def check_lost(failing: Failing, error: BaseException) -> None:
    """The statement is gone, and everything that speaks of the change says so."""
    said = said_by(error)
    assert THEIRS not in failing.left
    assert "completely" not in said, said
    assert f"{ADMIN} wrote it too" in said, said
    assert failing.record.id in said, said
    assert THEIRS in failing.kept
    assert failing.record.status == "rolled-back"
    assert outcome_on_disk().startswith("The change was rolled back. ")
    assert f"{ADMIN} wrote it too" in outcome_on_disk()
    if isinstance(error, GtSecureError):
        result = error.details["applied"]
        assert (result["outcome"], result["certain"]) == ("rolled back", False)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("way", ["apply", "resume"])
def test_what_the_write_before_the_failure_has_overwritten_is_named(
    account: Account, way: str, problem: BaseException | None
) -> None:
    failing = Failing(account, problem, *(["sagemaker:UpdateWorkteam"] if problem is None else []))
    error = failing.run(failing.start(way), failing.at_write(1), is_second_step)
    assert type(error) is (AccessDenied if problem is None else type(problem))
    check_lost(failing, error)


def test_an_undo_that_fails_names_it(account: Account) -> None:
    failing = Failing(account, KeyboardInterrupt())
    work = failing.start("undo")
    read_back = ["PutBucketPolicy", "GetBucketPolicy"]
    error = failing.run(
        work,
        failing.at_write(1),
        lambda _: failing.writes == 1 and failing.events[-2:] == read_back,
    )
    check_lost(failing, error)


def test_what_the_rollback_has_overwritten_is_named(account: Account) -> None:
    failing = Failing(account, None, "sagemaker:UpdateWorkteam")
    error = failing.run(failing.start("apply"), failing.at_write(2), never)
    check_lost(failing, error)


def test_a_rollback_whose_first_reply_was_lost_hides_nothing(account: Account) -> None:
    """CloudTrail then has a write under a request that we do not know,
    and its text is the one before our change.
    """
    failing = Failing(account, None, "sagemaker:UpdateWorkteam")

    def adds(name: str) -> bool:
        if failing.at_write(2)(name):
            account.put_policy(FOREIGN)
        return failing.at_write(1)(name)

    check_lost(failing, failing.run(failing.start("apply"), adds, never))


def test_a_write_between_ours_and_the_rollback_is_kept_and_no_loss(account: Account) -> None:
    failing = Failing(account, None, "sagemaker:UpdateWorkteam")
    error = failing.run(failing.start("apply"), is_second_step, never)
    assert THEIRS in failing.left
    assert "rolled back completely" in said_by(error)
    assert (failing.kept, error.details["applied"]["certain"]) == ([], True)  # type: ignore[attr-defined]


def test_a_failure_without_others_is_rolled_back_completely(account: Account) -> None:
    failing = Failing(account, None, "sagemaker:UpdateWorkteam")
    error = failing.run(failing.start("apply"), never, never)
    assert "rolled back completely" in said_by(error)
    assert failing.left == json.loads(FOREIGN)["Statement"]


def test_an_interrupted_change_that_is_rolled_back_later_names_it(account: Account) -> None:
    """The first process wrote over the statement and died; another one rolls the change back."""
    failing = Failing(account)
    work = failing.start("recover")
    failing.add_statement()
    [guard, _] = failing.record.changes
    account.put_policy(guard["after_raw"])
    back = work()
    assert (back.outcome, back.certain) == ("rolled back", False)
    assert f"{ADMIN} wrote it too" in back.to_text()
    assert f"{ADMIN} wrote it too" in applied_notice(back)
    assert THEIRS in failing.kept


class Unable:
    """Makes CloudTrail fail at the question who else wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> None:
        self.problem = problem
        monkeypatch.setattr(event_history, "lookup_events", self)

    def __call__(self, *_: object, **__: object) -> Any:
        raise self.problem


@pytest.mark.parametrize(
    "problem", [InvalidInput("no"), KeyError("Events"), KeyboardInterrupt(), SystemExit(3)]
)
def test_a_question_that_fails_hides_no_error_and_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    failing = Failing(account, None, "sagemaker:UpdateWorkteam")
    work = failing.start("apply")
    Unable(monkeypatch, problem)
    error = failing.run(work, failing.at_write(1), never)
    assert isinstance(error, AccessDenied)
    assert "completely" not in said_by(error)
    assert NOT_ASKED in said_by(error)
    assert NOT_ASKED in " ".join(error.details["applied"]["notes"])


def test_without_the_permission_the_failure_says_that_nobody_was_asked(account: Account) -> None:
    failing = Failing(account, None, "sagemaker:UpdateWorkteam", "cloudtrail:*")
    error = failing.run(failing.start("apply"), failing.at_write(1), never)
    assert isinstance(error, AccessDenied)
    assert "UpdateWorkteam" in error.message
    assert NOT_ASKED in said_by(error)
    assert "completely" not in said_by(error)


def test_an_interrupt_before_the_question_claims_nothing_of_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rollback is complete, and a second interrupt comes before anybody asks:
    the journal decides the words.
    """
    failing = Failing(account, KeyboardInterrupt("first"))

    def all_steps(_: Engine) -> Any:
        raise KeyboardInterrupt("second")

    work = failing.start("apply")
    monkeypatch.setattr(Engine, "all_steps", all_steps)
    error = failing.run(work, failing.at_write(1), is_second_step)
    assert str(error) == "second"
    assert failing.record.status == "rolled-back"
    assert f"The change was rolled back. {NOT_ASKED}" in said_by(error)


@pytest.mark.parametrize("way", ["apply", "undo"])
def test_what_a_failed_change_has_overwritten_is_put_back_by_an_undo(
    account: Account, way: str
) -> None:
    """The outcome names the command: it shows the statement, writes it, and reads it back."""
    failing = Failing(account, KeyboardInterrupt())
    work, read_back = failing.start(way), ["PutBucketPolicy", "GetBucketPolicy"]
    error = failing.run(
        work,
        failing.at_write(1),
        lambda _: failing.writes == 1 and failing.events[-2:] == read_back,
    )
    change, before = failing.record.id, failing.left
    assert f"'gt-secure undo {change}' shows a plan that puts it back" in said_by(error)
    [step] = plan_undo(account.aws, change, journal=account.journal).changes
    assert step.after_text == "puts back the statements of others that the change had overwritten"
    done = undo(account.aws, change, journal=account.journal)
    assert (done.outcome, done.certain, failing.left) == ("undone", True, [*before, THEIRS])
    again = undo(account.aws, change, journal=account.journal)
    assert (again.outcome, failing.left) == ("nothing to do", [*before, THEIRS])


def test_the_undo_of_a_change_puts_back_what_it_has_overwritten(account: Account) -> None:
    failing = Failing(account)
    events, once = account.aws.client("s3").meta.events, [failing.add_statement]

    def meddle(model: Any, **_: Any) -> None:
        if model.name == "PutBucketPolicy" and once:
            once.pop()()

    events.register("before-call", meddle)
    done = apply(account.aws, wanted_in(account), journal=account.journal)
    events.unregister("before-call", meddle)
    assert not done.certain
    assert "puts it back, and undoes this change" in done.to_text()
    undo(account.aws, done.id, journal=account.journal)
    assert failing.left == [*json.loads(FOREIGN)["Statement"], THEIRS]


OUTCOME = re.compile(
    r"\bcompletely\b|\bApplied\b|\bUndone\b|\bas before\b|rolled back\b.|\bwas undone\b|"
    r"undo is complete|utcome (is )?unknown|overwritten .|\bis applied\b"
)


def strings_of(path: Path) -> Iterator[str]:
    """Yield the texts of a file that a person may read; docstrings are for those who write it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        docs = {
            id(each.value)
            for node in ast.walk(tree)
            if isinstance(getattr(node, "body", None), list)
            for each in node.body  # type: ignore[attr-defined]
            if isinstance(each, ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from [] if id(node) in docs else [node.value]
    elif path.suffix == ".ipynb":
        # outputs are what the program said
        yield from ("".join(cell["source"]) for cell in json.loads(text)["cells"])
    else:
        yield from text.splitlines()


def test_no_sentence_about_an_outcome_is_built_elsewhere() -> None:
    """One module has the words of how a change ended: no other module, panel, catalogue, script of a
    page or notebook has a sentence of its own.
    """
    package = Path(gt_secure.__file__).parent
    root, kinds = package.parent, {".py", ".json", ".js", ".ts", ".html", ".css", ".ipynb"}
    paths = [
        path
        for folder in (package, root / "labextension" / "src", root / "notebooks")
        for path in sorted(folder.rglob("*"))
        if path.suffix in kinds
        and path.relative_to(root).parts[:2] != ("gt_secure", "labextension")
    ]
    assert {path.suffix for path in paths} >= {".py", ".json", ".js", ".ts", ".ipynb"}
    found = {
        (path.relative_to(root).as_posix(), match[0])
        for path in paths
        for text in strings_of(path)
        for match in OUTCOME.finditer(text)
        if path != package / "changes" / "applied.py"
    }
    assert found == {
        ("notebooks/12_two_teams_one_bucket.ipynb", "as before"),  # the lists of a team
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'said = f"{name} was rolled back completely."'),
        ("a.json", '{"done": {"text": "Undone: what it had set is as before."}}'),
        ("a.ts", 'status.textContent = "Applied and read back";'),
        ("a.ipynb", '{"cells": [{"source": ["print(\'Applied.\')"], "outputs": []}]}'),
    ],
)
def test_such_a_sentence_is_found(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert any(map(OUTCOME.search, strings_of(path)))
