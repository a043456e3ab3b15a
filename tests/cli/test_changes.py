"""The commands: exit codes, JSON, questions, and files."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import Conflict, GtSecureError, InvalidInput, NotFound
from gt_secure.changes import Change, Journal
from gt_secure.changes.targets import TeamUrlLock
from gt_secure.changes.transaction import begin_lines
from gt_secure.cli import changes as command
from gt_secure.cli.main import main, parse
from gt_secure.cli.output import connection
from gt_secure.connection import Connection
from gt_secure.engine.policies.event_patterns import event_patterns
from gt_secure.engine.policies.url_lock import UrlLock
from support.account import BUCKET, TEAM, Account
from support.box import VPCE

Run = Callable[..., tuple[int, str]]
WISH = (f"s3://{BUCKET}", "--team", TEAM, "--allow", "203.0.113.0/24")
YES = ("--yes", "--confirm", "url-lock-one-path", "--confirm", "loses-access:radiology-team")


@pytest.fixture
def run(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    for key, value in account.sandbox.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(account.journal.path))
    # Making clients takes half a second each time; only the first test goes the whole way.
    monkeypatch.setattr(
        command,
        "connection",
        lambda _, journal=None, **options: Connection(account.aws, Journal(journal), **options),
    )
    return lambda *words: _run(words, capsys)


def _run(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    args = parse(words)
    assert args is not None
    code = args.run(args)
    return code, capsys.readouterr().out


def test_plan_apply_undo_and_their_exit_codes(
    run: Run, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "connection", connection)
    before = account.look()
    assert run("plan", *WISH)[0] == 2
    code, out = run("apply", *WISH, *YES, "--json")
    assert code == 0
    change = json.loads(out)["id"]
    assert run("plan", *WISH)[0] == 0
    assert run("apply", *WISH, *YES)[0] == 0
    code, out = run("history", "--json")
    assert [record["status"] for record in json.loads(out)["changes"]] == ["applied"]
    code, out = run("undo", change, "--yes", "--json")
    assert (code, json.loads(out)["outcome"]) == (0, "undone")
    assert account.look() == before


def test_a_broken_expectation_exits_with_1(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wish.json"
    wish = {"team": "open-team", "addresses": ["203.0.113.0/24"], "bucket": "gt-images"}
    file.write_text(json.dumps(wish | {"expectations": [{"refused": ["203.0.113.7"]}]}))
    assert run("plan", "-f", str(file))[0] == 1
    held = [{"allowed": ["203.0.113.7", "203.0.113.8"]}, {"refused": ["198.51.100.9"]}]
    file.write_text(json.dumps(wish | {"expectations": held}))
    assert run("plan", "-f", str(file))[0] == 2


@pytest.mark.parametrize("shape", command.FORMATS)
def test_every_format(run: Run, shape: str) -> None:
    code, out = run("plan", *WISH, "--format", shape)
    assert code == 2
    assert "203.0.113.0/24" in out


def test_the_alarm_is_that_of_the_plan(run: Run) -> None:
    account = [f"s3://{BUCKET}/scans/", "--allow", "203.0.113.0/24", "--endpoint", VPCE]
    _, out = run("plan", *account, "--format", "alarm")
    template = json.loads(out)
    rules = [each for name, each in template["Resources"].items() if name.startswith("Rule")]
    patterns = [each["Properties"]["EventPattern"] for each in rules]
    assert patterns == [*event_patterns(BUCKET, "scans/", Allowed.of(["203.0.113.0/24", VPCE]))]
    assert "203.0.113.0/24" in template["Description"]
    with pytest.raises(InvalidInput, match=r"watches a bucket. Name it: s3://BUCKET"):
        run("plan", "--team", TEAM, "--url-lock", "auto", "--format", "alarm")
    with pytest.raises(InvalidInput, match="endpoints by their ids"):
        run("plan", f"s3://{BUCKET}", "--endpoint", "vpc-0a1b2c3d", "--format", "alarm")


def test_a_file_with_options_on_top(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wish.yaml"
    file.write_text(f"team: {TEAM}\naddresses: [203.0.113.0/24]\nbucket: {BUCKET}\n")
    code, out = run(
        "plan", "-f", str(file), "--guard", "off", "--allow", "", "--url-lock", "off", "--json"
    )
    wanted = json.loads(out)["restriction"]
    assert (code, wanted["guard"], wanted["url_lock"], wanted["addresses"]) == (0, False, False, [])


def test_export_writes_a_file_that_plans_to_nothing(run: Run, tmp_path: Path) -> None:
    run("apply", *WISH, *YES)
    file = tmp_path / "now.yaml"
    assert run("export", "--team", TEAM, f"s3://{BUCKET}", "-o", str(file))[0] == 0
    assert run("plan", "-f", str(file))[0] == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        ("y\ny\ny\n", True),
        ("n\ny\ny\n", False),
        ("y\nn\ny\n", False),
        ("y\ny\nn\n", False),
        ("", False),
    ],
)
def test_it_asks(
    run: Run, account: Account, monkeypatch: pytest.MonkeyPatch, answer: str, done: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    before = account.look()
    if done:
        assert run("apply", *WISH)[0] == 0
    else:
        with pytest.raises(GtSecureError, match="Nothing was changed"):
            run("apply", *WISH)
    assert (account.look() != before) == done


def test_nobody_to_ask(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(
        InvalidInput,
        match="is not a terminal",
    ) as caught:
        run("apply", *WISH)
    next_step = caught.value.next_step
    # --yes answers no question, so the same command is named; and it applies the plan
    for words in (["--yes"], [*YES[:3]]):
        with pytest.raises(InvalidInput, match="blocked until you confirm it") as asked:
            run("apply", *WISH, *words)
        assert set(asked.value.next_step.partition("run:\n")[2].split()) == set(
            next_step.partition("run:\n")[2].split()
        )
    command = shlex.split(next_step.partition("run:\n  gt-secure ")[2])
    assert run(*command)[0] == 0


def test_confirm_by_code(run: Run, account: Account) -> None:
    account.set_cidrs(["192.0.2.0/24"])
    with pytest.raises(InvalidInput, match="portal-drops"):
        run("apply", *WISH, "--portal-lock", "--yes")
    assert (
        run(
            "apply",
            *WISH,
            "--portal-lock",
            *YES,
            "--confirm",
            "portal-drops",
            "--confirm",
            "portal-affects-all",
            "--confirm",
            "refuses-team",  # radiology-team could use the portal from 192.0.2.0/24 alone
        )[0]
        == 0
    )


def test_labelers_of_a_log_stop_the_plan(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        f"79a5 {BUCKET} [24/Nov/2026:10:00:01 +0000] 198.51.100.23"
        " arn:aws:sts::111122223333:assumed-role/R/s ID1 "
        'REST.GET.OBJECT scans/1.png "GET'
        ' /scans/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600 HTTP/1.1" '
        f'200 - 10 10 5 4 "-" "agent" - hostid SigV4 cipher QueryString {BUCKET}.s3.amazonaws.com'
        " TLSv1.2 - -\n"
    )
    code, out = run("plan", *WISH, "--logs", str(log), "--json")
    assert code == 2
    stops = [
        notice["code"] for notice in json.loads(out)["notices"] if notice["severity"] == "blocker"
    ]
    assert stops == ["refuses-labeler"]


def test_history_show_verify_and_json(run: Run, account: Account) -> None:
    assert run("history")[0] == 0
    change = json.loads(run("apply", *WISH, *YES, "--json")[1])["id"]
    shown = json.loads(run("history", "show", change[:18])[1])
    assert shown["caller"].endswith("sandbox-admin")
    assert run("history", "verify")[0] == 0
    assert json.loads(run("history", "--json")[1])["changes"][0]["id"] == change
    file = account.journal.path / f"{change}.jsonl"
    file.write_text(file.read_text().replace("203.0.113.0/24", "203.0.112.0/24"))
    assert run("history", "verify")[0] == 2
    with pytest.raises(GtSecureError, match="is not intact"):
        run("undo", change, "--yes")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("plan",), InvalidInput),
        (("plan", "--team", "no such team"), InvalidInput),
        (("plan", "--team", "no-such-team"), NotFound),
        (("plan", "--allow", "203.0.113.7", "s3://no-such-bucket-here"), NotFound),
        (("plan", "-f", "none.json"), NotFound),
        (("undo", "--yes"), NotFound),
        (("history", "show"), InvalidInput),
        (("history", "show", "1999"), NotFound),
        (("export",), InvalidInput),
        (("export", f"s3://{BUCKET}"), NotFound),
    ],
)
def test_errors_have_a_next_step(
    run: Run, words: tuple[str, ...], error: type[GtSecureError]
) -> None:
    with pytest.raises(error) as caught:
        run(*words)
    assert caught.value.next_step


def test_an_undo_without_an_id_lists_and_never_acts(
    run: Run, account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the list is a command; it shows what it would write, and asks."""
    assert run("undo") == (0, "There is no change to undo.\n")
    change = json.loads(run("apply", *WISH, *YES, "--json")[1])["id"]
    before = account.look()
    monkeypatch.setattr("sys.stdin", Terminal("y\ny\n"))
    code, out = run("undo")
    assert (code, f"gt-secure undo {change}" in out, "sandbox-admin" in out) == (2, True, True)
    assert " → no guard: a presigned URL works from anywhere" in out
    assert " → off: a worker's URL works from any address" in out
    for words in (("--yes",), ("last", "--yes"), ("--json",)):
        with pytest.raises(NotFound, match=rf"No change is named.*\n  gt\.undo\('{change}'\)"):
            run("undo", *words)
    with pytest.raises(InvalidInput):
        run("undo", "", "--yes")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(InvalidInput) as caught:
        run("undo", change)
    assert caught.value.next_step.endswith(f"run:\n  gt-secure undo {change} --yes")
    assert f"Bucket guard of {BUCKET}" in capsys.readouterr().out
    assert account.look() == before
    assert run("undo", "--yes", change)[0] == 0


def test_the_last_question_before_an_undo_follows_whom_it_affects(
    run: Run, account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portal lock is of all teams, whoever is named in the change."""
    words = (*WISH, "--portal-lock", *YES, "--confirm", "portal-affects-all", "--json")
    change = json.loads(run("apply", *words)[1])["id"]
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    with pytest.raises(GtSecureError, match="Nothing was changed"):
        run("undo", change)
    said = capsys.readouterr().out
    assert "→ the worker portal opens from anywhere" in said
    assert "affects the workers of every private workteam of the region, as change" in said
    assert account.cidrs() == ["203.0.113.0/24"]


def test_a_resume_completes_what_is_named_or_was_begun_here(
    run: Run, account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted change of somebody else is shown before it is completed."""
    change = Change(TeamUrlLock(TEAM), UrlLock(False, False), UrlLock(True, False), "off", "on")
    bob = "arn:aws:iam::111122223333:user/bob"
    first = begin_lines("apply", account.aws, account.aws.account_id, bob, [change])
    begun = account.journal.begin(first).id
    before = account.look()
    with pytest.raises(NotFound, match=rf"gt\.resume\('{begun}'\) of .*user/bob, unfinished\."):
        run("apply", "--resume", "--yes")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(InvalidInput):
        run("apply", "--resume", begun)
    assert account.look() == before
    asked = Terminal("n\n")
    monkeypatch.setattr("sys.stdin", asked)
    with pytest.raises(GtSecureError, match="Nothing was changed"):
        run("apply", "--resume", begun)
    said = capsys.readouterr().err
    assert f"apply --resume {begun}' of " in said
    assert f"user/bob, unfinished. {TEAM}: off → on" in said
    assert run("apply", "--resume", begun, "--yes")[0] == 0
    assert account.toggles() == {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}


def test_no_secret_reaches_the_journal(run: Run, account: Account) -> None:
    change = json.loads(run("apply", *WISH, *YES, "--json")[1])["id"]
    run("undo", change, "--yes")
    text = "".join(path.read_text() for path in account.journal.path.iterdir())
    env: dict[str, Any] = account.sandbox.environment()
    assert env["AWS_SECRET_ACCESS_KEY"] not in text
    assert env["AWS_ACCESS_KEY_ID"] not in text


def test_resume_with_nothing_interrupted_says_so(run: Run) -> None:
    code, out = run("apply", "--resume", "--yes")
    assert code == 0
    assert "interrupted" in out


def test_only_the_approved_plan_is_applied(run: Run) -> None:
    digest = json.loads(run("plan", *WISH, "--json")[1])["digest"]
    with pytest.raises(Conflict):
        run("apply", f"s3://{BUCKET}/scans/", *WISH[1:], *YES, "--digest", digest)
    assert run("apply", *WISH, *YES, "--digest", digest)[0] == 0


def test_the_apply_that_a_plan_names_is_one(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option of a plan is one of an apply, or changes no lock and is left out."""
    wish = [
        f"s3://{BUCKET}",
        "--allow",
        "203.0.113.0/24",
        "--application",
        "mlflow",
        "--format=text",
    ]
    args = parse(["plan", *wish])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in account.rig.sandbox.environment().items():
            patch.setenv(name, value)
        assert main(["plan", *wish]) == 2
    named = capsys.readouterr().out.partition("Apply, if you agree to each question: ")[2].strip()
    given = f"s3://{BUCKET} --allow 203.0.113.0/24 --application mlflow"
    assert named == f"gt-secure apply {given} --confirm loses-access:radiology-team --yes"
    assert parse(named.split()[1:]).bucket == args.bucket
    assert options("plan") - options("apply") == set(command.PLAN_ONLY)


def test_the_apply_that_a_plan_prints_asks_nothing_more(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The third list closes what the first two opened, for a team with a running job too."""
    for name, value in account.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(account.journal.path))
    asked = ""
    for team, allowed in (
        ([], "203.0.113.0/24"),
        (["--team", "radiology-team"], "203.0.113.0/25"),
        (["--team", TEAM], "192.0.2.0/24"),
    ):
        assert main(["plan", f"s3://{BUCKET}", *team, "--allow", allowed]) == 2
        named = capsys.readouterr().out.partition(": gt-secure apply ")[2]
        assert main(["apply", *shlex.split(named)]) == 0, named
        assert "Applied" in capsys.readouterr().out
        asked += named
    assert {"loses-access:radiology-team", "refuses-team", "guard-drops"} <= set(asked.split())


def options(name: str) -> set[str]:
    with pytest.raises(SystemExit), contextlib.redirect_stdout(io.StringIO()) as shown:
        parse([name, "--help"])
    return set(re.findall(r"(?<![\w-])--[a-z-]+", shown.getvalue().partition("options:")[2]))


def test_a_plan_allows_networks_by_name(tmp_path: Path) -> None:
    office = {
        "name": "Berlin office",
        "ranges": ["203.0.113.0/24", "2001:db8:40::/48"],
        "kind": "office",
    }
    (tmp_path / "networks.json").write_text(json.dumps({"networks": [office]}))
    networks = ["--networks", str(tmp_path / "networks.json")]
    words = ["plan", "s3://gt-images", "--allow", "Berlin office", "--allow", "192.0.2.44"]
    args = parse([*words, *networks])
    assert args is not None
    assert [str(each) for each in command.restriction_from(args).addresses] == [
        "192.0.2.44/32", "203.0.113.0/24", "2001:db8:40::/48"
    ]  # fmt: skip
    wrong = parse(["plan", "s3://gt-images", "--allow", "Berlin ofice", *networks])
    assert wrong is not None
    with pytest.raises(InvalidInput, match="Berlin ofice"):
        command.restriction_from(wrong)
