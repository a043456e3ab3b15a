"""Each command that a line of the program prints is run, in the state that printed it.

It must bring a person further: it succeeds, gives an answer, or asks something that the first line
did not.
"""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gt_secure.cli.exit_codes import ERROR, USAGE
from gt_secure.cli.main import main
from gt_secure.sandbox import Sandbox
from support.command_lines import write_files

pytestmark = pytest.mark.check

OFFICE = "203.0.113.0/24"
Run = Callable[[str], tuple[object, str]]

LINES = (
    f"plan s3://gt-images --team open-team --allow {OFFICE}",
    f"plan s3://ml-artifacts --application mlflow --allow {OFFICE} --age-limit 1h --full",
    f"plan s3://gt-images --allow {OFFICE} --reason 'two words' --accepted none.json",
    "hits s3://gt-images/scans/",
    "undo",
    f"plan s3://gt-images --allow {OFFICE}",
    "plan -f open-team.json --endpoint vpce-0a1b2c3d4e5f60718 --logs log",
    f"plan --team open-team --portal-lock --allow {OFFICE}",
    f"plan s3://gt-shared/north/ --allow {OFFICE} --guard reads",
    "plan s3://gt-images --allow 8.8.8.8 --endpoint vpce-0123456789abcdef0",
    "plan s3://gt-images --endpoint vpce-0a1b2c3d4e5f60718",
    f"plan s3://gt-images --allow {OFFICE} --keep-teams",
    f"plan s3://gt-images --allow {OFFICE} --version-4-only --signers"
    " arn:aws:iam::111122223333:user/sandbox-admin",
    f"apply s3://gt-images --allow {OFFICE} --yes",
    f"apply s3://gt-images --allow {OFFICE} --yes --confirm foo",
    f"apply s3://ml-artifacts --allow {OFFICE} --yes",
    "apply s3://gt-images --yes",
    "history",
    "hits",
    "hits s3://ml-artifacts",
    "leaks",
    "leaks s3://ml-artifacts",
    "findings",
    "findings s3://gt-images",
    "findings --team open-team",
    f"check guard-is-in-place s3://gt-images --allow {OFFICE}",
    "check no-findings s3://gt-images",
    f"check is-proved s3://gt-images --allow {OFFICE}",
    f"prove s3://gt-images --allow {OFFICE}",
    "who s3://gt-images/scans/0001.png --signers",
    "doctor --team open-team s3://gt-images",
    "doctor --policy guard",
    f"plan --team nobody --allow {OFFICE}",
    f"plan s3://gt-images --allow {OFFICE} --confirm x",
    f"plan s3://gt-images --allow {OFFICE} --guard off",
    "plan",
    "undo nothing",
    "sign s3://gt-images/scans/0001.png",
    "probe s3://gt-images/none.png",
    "report --buckets gt-images",
    "apply --resume",
)
_COMMAND = re.compile(
    r"(?:^|[\s'\"`])(gt-secure [a-z]+(?: (?:'[^']*'|[^\s'\"`()]+))*)", re.MULTILINE
)
_SENTENCE = re.compile(r"[.,;:] [A-Z].*|[.,;:]$| to [a-z].*| for all .*")
_PLACEHOLDER = re.compile(r"\b(RANGE|FILE|NAME|BUCKET|ID|FEATURE|CODE|ARN|DIR)\b|[<|]")


def printed(text: str) -> list[str]:
    """Return the commands that a text names, without those that a person has to fill in."""
    joined = re.sub(r"\n {4,}", " ", text)
    found = [_SENTENCE.sub("", each).strip() for each in _COMMAND.findall(joined)]
    return [each for each in dict.fromkeys(found) if not _PLACEHOLDER.search(each)]


def follow(line: str, run: Run) -> list[str]:
    """Run a line and each command that it prints, and return those that lead nowhere."""
    if line.split()[0] in ("undo", "history") and line != "undo nothing":
        run(f"apply s3://ml-artifacts --allow {OFFICE} --yes")
    _, first = run(line)
    assert "Traceback" not in first
    lost = []
    for command in printed(first):
        code, said = run(command.removeprefix("gt-secure "))
        error = next((row for row in said.splitlines() if row.startswith("gt-secure: ")), "")
        is_question = "Cannot ask for confirmation" in error  # a terminal asks here
        is_stuck = code in (USAGE, ERROR) and (code == USAGE or error in first)
        if isinstance(code, str) or (is_stuck and not is_question):
            lost.append(f"{line} -> {command}: {code} {said[:300]}")
    return lost


@pytest.mark.parametrize("line", LINES)
def test_each_printed_command_leads_on(line: str, run: Run) -> None:
    assert follow(line, run) == []


def test_the_command_of_a_plan_applies_the_plan(run: Run) -> None:
    """Nothing is left to plan after it."""
    line = f"plan s3://gt-images --team open-team --allow {OFFICE}"
    [command] = [each for each in printed(run(line)[1]) if " apply " in each]
    code, said = run(command.removeprefix("gt-secure "))
    assert code == 0, said
    assert run(line)[0] == 0
    [undo] = [each for each in printed(said) if " undo " in each]
    assert run(f"{undo.removeprefix('gt-secure ')} --yes")[0] == 0
    assert run(line)[0] == 2


def test_what_teams_prints_is_accepted(run: Run) -> None:
    _, said = run("teams")
    names = re.findall(r"^(\S+) +(?:private|vendor)", said, re.MULTILINE)
    assert len(names) == 6
    for name in names:
        is_arn = name.startswith("arn:")  # AWS describes no vendor's team
        line = f"plan s3://gt-images --allow {OFFICE} --team {name}" if is_arn else f"teams {name}"
        assert run(line)[0] == (2 if is_arn else 0)


@pytest.mark.parametrize("object", ["", "/scans/", "/scans/0001.png"])
def test_who_begins_with_its_sentence(object: str, run: Run) -> None:
    for more in ("", " --from 203.0.113.7"):
        code, said = run(f"who s3://gt-images{object}{more}")
        assert code == 0
        assert said.startswith("Anyone with a URL can open ")
        assert "gt-images" in said.partition("\n")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("steps")
    write_files(made, dt.datetime.now(dt.UTC))
    (made / "none.json").write_text('{"accepted": []}')
    return made


@pytest.fixture
def run(
    folder: Path,
    running_sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Run a line on a sandbox as it was seeded, with an empty journal."""
    running_sandbox.reset()
    for name, value in running_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(folder)

    def run(line: str) -> tuple[object, str]:
        code: object
        try:
            code = main(shlex.split(line))
        except SystemExit as end:
            code = end.code
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    yield run
    running_sandbox.reset()
