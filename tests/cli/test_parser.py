"""The command line before any work: exit codes, help, suggestions, examples,
and what a command loads.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import gt_secure
from gt_secure.cli import exit_codes
from gt_secure.cli.commands import COMMANDS, GROUPS
from gt_secure.cli.main import build_parser, main, parse
from gt_secure.cli.wording import OPTIONS, in_options
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.files import dump_restriction
from gt_secure.restriction.model import Restriction
from gt_secure.sandbox import Sandbox
from support.guards import merge_guards
from support.sample import sample

ROOT = Path(__file__).parents[2]
PARSERS = {name: parser for name, parser in next(
    action.choices for action in build_parser()._actions if action.dest == "command"
).items() if any(name == item.name for item in COMMANDS)}  # fmt: skip


def code_of(*words: str) -> int:
    try:
        return main(words)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("words", [["--no-such-option"], ["--no-such-option=2", "x", "y", "z"]])
def test_a_wrong_option_is_a_usage_error_for_every_command(
    name: str, words: list[str], capsys
) -> None:
    assert code_of(name, *words) == exit_codes.USAGE == 64
    assert "next: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("plna",),
        ("--no-such-option",),
        ("--no-such-option", "plan"),
        ("plan", "--url-lock", "on"),
        ("findings", "--fail-on", "hgh"),
        ("plan", "--team"),
        ("hits", "--limit", "x", "log"),
        ("sandbox", "--port", "x"),
        ("plot",),
        ("history", "shwo"),
    ],
)
def test_usage_errors_are_never_drift(words: tuple[str, ...], capsys) -> None:
    assert code_of(*words) == 64
    assert "next: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("plna",), "gt-secure plan"),
        (("chekc",), "gt-secure check"),
        (("workteams",), "gt-secure teams"),
        (("plan", "--regon", "x"), "--region"),
        (("hits", "--presignd"), "--presigned"),
        (("plan", "--url-lock", "SourceIP"), "SourceIp"),
        (("findings", "--fail-on", "hgh"), "high"),
        (("history", "verfy"), "verify"),
    ],
)
def test_did_you_mean(words: tuple[str, ...], meant: str, capsys) -> None:
    assert code_of(*words) == 64
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, parser in PARSERS.items()
        if "s3uri" in parser.format_usage().lower()
        and name != "history"  # its first word is chosen from three
    ],
)
def test_a_mistyped_option_is_named_and_not_its_value(name: str, capsys) -> None:
    """Each option that has a value, with two letters in the wrong order,
    before and after the bucket.
    """
    options = {
        option
        for option in PARSERS[name]._option_string_actions
        if option.startswith("--") and len(option) > 5
    }
    tried = 0
    for option in sorted(options):
        wrong = option[:-2] + option[-1] + option[-2]
        if wrong in options or wrong == option:
            continue
        for line in (
            [wrong, "203.0.113.0/24", "s3://b1b"],
            ["s3://b1b", wrong, "terraform"],
            ["s3://b1b", f"{wrong}=x"],
        ):
            assert code_of(name, *line) == 64
            text = capsys.readouterr().err
            assert f"'{wrong}' is not an option of {name}." in text or "required" in text
            tried += "Did you mean " in text
    assert tried >= 3


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("plan s3://b1b --alow 203.0.113.0/24", "Did you mean --allow?"),
        ("plan s3://b1b --fromat terraform", "Did you mean --format?"),
        ("plan --fromat terraform s3://b1b", "Did you mean --format?"),
        ("check no-findings s3://b1b --severty high", "Did you mean --severity?"),
        (
            "plan s3://b1b --allow 203.0.113.0/24 -o guard.tf",
            "To write a file, redirect the output: > FILE.",
        ),
        ("plan s3://ml-artifacts --prefix mlflow/", "Write s3://ml-artifacts/mlflow/."),
        ("plan --prefix=mlflow/ s3://ml-artifacts/", "Write s3://ml-artifacts/mlflow/."),
        ("plan --prefix", "Write s3://BUCKET/PREFIX."),
        ("teams --prefix x", "Run 'gt-secure teams --help'"),
        ("teams --fromat x", "Run 'gt-secure teams --help'"),
    ],
)
def test_an_unknown_option_says_what_to_write(line: str, step: str, capsys) -> None:
    assert code_of(*line.split()) == 64
    text = capsys.readouterr().err
    assert " is not an option of " in text
    assert step in text
    assert "given too" not in text


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_help_lists_commands_in_groups_and_exit_codes(words: tuple[str, ...], capsys) -> None:
    assert code_of(*words) == 0
    text = capsys.readouterr().out
    assert [text.index(f"\n{group}:") for group in GROUPS] == sorted(
        text.index(f"\n{group}:") for group in GROUPS
    )
    for item in COMMANDS:
        assert re.search(rf"^  {item.name} +{re.escape(item.help)}$", text, re.MULTILINE)
    for code, meaning in exit_codes.EXIT_CODES.items():
        assert re.search(rf"^ +{code}  {re.escape(meaning)}$", text, re.MULTILINE)


def test_each_command_shows_examples_and_short_help() -> None:
    assert list(PARSERS) == [item.name for item in COMMANDS] or set(PARSERS) == {
        item.name for item in COMMANDS
    }
    for name, parser in PARSERS.items():
        assert 2 <= len(parser.examples) <= 5, name
        assert all(line.startswith(f"gt-secure {name}") for line, _ in parser.examples)
        assert all(line in parser.format_help() for line, _ in parser.examples)
    assert all(len(item.help) < 60 for item in COMMANDS)


LOCAL = (
    "verdict",
    "inspect",
    "tutorials",
    "demo",
    "sandbox",
)


@pytest.mark.parametrize("name", PARSERS)
def test_options_that_a_command_ignores_are_not_offered(name: str) -> None:
    text = PARSERS[name].format_help()
    assert ("--region" in text) == (name not in LOCAL)
    assert ("--profile" in text) == (name not in LOCAL)


def test_no_command_uses_another_exit_code() -> None:
    """The codes that the modules return are those of the table."""
    for path in (ROOT / "gt_secure" / "cli").glob("*.py"):
        for number in re.findall(
            r"^\s+return (\d+)\b", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert int(number) in exit_codes.EXIT_CODES, path.name


def test_interrupting_says_so(monkeypatch, capsys) -> None:
    from gt_secure.cli import teams

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(teams, "connection", interrupted)
    assert main(["teams"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
    monkeypatch.setattr("gt_secure.cli.main.parse", interrupted)
    assert main(["teams"]) == 130


def loaded(*words: str) -> set[str]:
    code = (
        "import sys, io; from gt_secure.cli.main import main; sys.stdout = io.StringIO()\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    return set(done.stderr.split())


def test_a_command_loads_only_its_own_module() -> None:
    bare = loaded("--version")
    assert not bare & {"boto3", "duckdb", "matplotlib", "gt_secure.connection", "json.tool"}
    assert not {
        name
        for name in bare
        if name.startswith(("gt_secure.logs", "gt_secure.changes", "gt_secure.engine.iam"))
    }
    hits = loaded("hits", "--help")
    assert "gt_secure.cli.hits" in hits
    heavy = {
        "gt_secure.changes.plan",
        "gt_secure.engine.iam.documents",
        "boto3",
        "duckdb",
        "matplotlib",
    }
    assert not hits & {"gt_secure.cli.changes", *heavy}, (
        "faces of packages are cheap, what they list is not"
    )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory):
    """Make a folder with every file that the examples name, and a sandbox."""
    folder = tmp_path_factory.mktemp("examples")
    dump_restriction(
        Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images"),
        folder / "open-team.json",
    )
    (folder / "checks.json").write_text(
        '{"checks": [{"check": "guard_is_in_place", "bucket": "gt-images"}]}'
    )
    (folder / "log").mkdir()
    (folder / "log" / "a").write_text(
        "79a5 gt-images [24/Nov/2026:10:00:01 +0000] 198.51.100.23 - ID1 REST.GET.OBJECT"
        ' scans/1.png "GET /scans/1.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600'
        ' HTTP/1.1" 200 - 10 10 5 4 "-" "agent" - hostid SigV4 cipher QueryString'
        " gt-images.s3.amazonaws.com TLSv1.2 - -\n"
    )
    url = "https://gt-images.s3.us-east-1.amazonaws.com/scans/0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60"
    url += "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T100000Z"
    (folder / "url.txt").write_text(f"{url}&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}\n")
    (folder / "book.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (folder / "accounts.txt").write_text("111122223333\n")
    (folder / "cases.ndjson").write_text("{}\n")
    (folder / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    (folder / "plan.json").write_text('{"format_version": "1.2", "resource_changes": []}')
    with Sandbox(log_delay_s=0.1) as sandbox:
        guard = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
        gt = gt_secure.connect(sandbox=sandbox)
        gt.aws.client("s3").put_bucket_policy(
            Bucket="gt-images", Policy=merge_guards(None, guard, None)
        )
        url = gt.sign("gt-images", "scans/0001.png", method="HEAD")
        (folder / "test-url.txt").write_text(url.reveal())
        yield folder, sandbox.environment()


EXAMPLES = [line for parser in PARSERS.values() for line, _ in parser.examples]
BLOCKING = ("gt-secure demo", "gt-secure sandbox")


@pytest.mark.parametrize(
    "line", sample([line for line in EXAMPLES if not line.startswith(BLOCKING)], 3)
)
def test_every_example_runs(line: str, scene, monkeypatch, capsys) -> None:
    folder, environment = scene
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GT_SECURE_JOURNAL", str(folder / "journal"))
    monkeypatch.setenv("GT_SECURE_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    words = shlex.split(re.split(r" (?:[|>]|>>) ", line)[0])
    if "<" in words:
        stdin = Path(words[words.index("<") + 1]).read_bytes()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        words = words[: words.index("<")]
    if (
        (words[1] == "undo" and len(words) > 2)
        or "sha256:..." in words
        or "0123456789abcdef" in words
    ):
        # an id of somebody's journal, the digest of their plan, the fingerprint of their URL
        return
    if "--organization" in words:
        return  # the sandbox has no organization
    if "--follow" in words:
        words += ["--wait-s", "2"]
    if words[1] == "verdict":
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    code = main(words[1:])
    captured = capsys.readouterr()
    accepted = {0, 2, 3} | ({1} if words[1] in ("undo", "hits", "leaks", "plot") else set())
    asks = code == exit_codes.USAGE and "not a terminal" in captured.err
    assert asks or code in accepted, captured.err
    assert "Traceback" not in captured.err
    if "--json" in words and code != 1:
        json.loads(captured.out)


@pytest.mark.parametrize("argument", OPTIONS)
def test_errors_speak_the_language_of_the_command_line(argument: str) -> None:
    assert (
        in_options(f"Pass {argument}=, or wait.")
        == f"Pass {OPTIONS[argument].format(argument.upper())}, or wait."
    )
    assert in_options(f"x == {argument}==3") == f"x == {argument}==3"


def test_messages_of_the_library_leave_no_python_argument_behind(capsys, monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main(["teams"]) == 64
    text = capsys.readouterr().err
    assert "--region" in text
    assert "region=" not in text
    assert main(["check", "team-is-restricted"]) == 64
    assert "--team" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gt-secure pl", {"plan ", "plot "}),
        ("gt-secure history ve", {"verify "}),
        ("gt-secure plan --url-lock Vpc", {"VpcSourceIp "}),
        ("gt-secure verdict --re", set()),
    ],
)
def test_a_shell_completes_commands_options_and_choices(
    line: str, expected: set[str], tmp_path: Path
) -> None:
    pytest.importorskip("argcomplete")
    answer = tmp_path / "answer"
    environment = {
        **os.environ, "_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "COMP_LINE": line,
        "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n", "COMP_TYPE": "9", "_ARGCOMPLETE_SHELL": "bash",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "gt_secure.cli"], env=environment, timeout=300, check=False
    )
    assert {
        word.rstrip() + " " for word in answer.read_text().split("\n") if word.strip()
    } == expected


def test_checks_are_spelled_with_hyphens() -> None:
    assert in_options("Did you mean no_findings?") == "Did you mean no-findings?"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("plan",), "--team"),
        (("plan", "--allow", "10.0.0.0/33", "s3://gt-images"), "10.0.0.0/33"),
        (("apply", "-f", "/nowhere/team.json"), "/nowhere/team.json"),
        (("hits",), "s3://gt-images"),
        (("hits", "/nowhere", "--by", "ip"), "remote_ip"),
        (("check", "team-is-restrictd"), "team-is-restricted"),
    ],
)
def test_a_wrong_input_is_reported_before_the_account_is_asked(
    words: tuple[str, ...], part: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(list(words)) == 64
    error = capsys.readouterr().err
    assert part in error
    assert "region" not in error


PLACED = (
    "plan s3://gt-images/scans/ --team open-team",
    "plan --team open-team s3://gt-images/scans/",
    "plan --logs s3://gt-logs/s3/ s3://gt-images/scans/",
    "plan --team open-team -- s3://gt-images/scans/",
    "check --json guard-is-in-place s3://gt-images/scans/",
    "check --allow 203.0.113.0/24 guard-is-in-place s3://gt-images/scans/",
    "check s3://gt-images/scans/ guard-is-in-place",
    "doctor --policy guard url-lock s3://gt-images/scans/",
    "revoke --before 1h --yes s3://gt-images/scans/",
    "findings --team open-team s3://gt-images/scans/",
    "export s3://gt-images/scans/",
)


@pytest.mark.parametrize("line", PLACED)
def test_the_address_of_a_bucket_is_read_wherever_it_stands(line: str) -> None:
    args = parse(line.split())
    assert args is not None
    assert (args.bucket, args.prefix) == ("gt-images", "scans/")
    assert getattr(args, "check", "guard-is-in-place") == "guard-is-in-place"


def test_two_addresses_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("plan", "s3://gt-images", "s3://gt-other") == exit_codes.USAGE
    assert "one bucket is read" in capsys.readouterr().err
