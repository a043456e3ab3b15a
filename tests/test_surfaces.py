"""One list of verbs for Python, the command line and the magic: a verb is on all of them,
or says why not.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import pytest

import gt_secure
from gt_secure import magics
from gt_secure.cli.commands import COMMANDS
from gt_secure.cli.main import build_parser, parse
from gt_secure.connection import Connection


class Verb(NamedTuple):
    """One verb: its command, and what it is in Python. ``why`` tells why a surface lacks it."""

    command: str
    python: str
    why: str = ""


VERBS = (
    Verb("teams", "Connection.workteams"),
    Verb("teams", "Connection.workteam"),
    Verb("teams", "Connection.workforce"),
    Verb("teams", "Connection.jobs"),
    Verb("plan", "Connection.plan"),
    Verb("apply", "Connection.apply"),
    Verb("apply", "Connection.resume"),
    Verb("revoke", "Connection.revoke"),
    Verb("undo", "Connection.undo"),
    Verb("undo", "Connection.plan_undo"),
    Verb("history", "changes.Journal"),
    Verb("export", "Connection.export"),
    Verb("sign", "Connection.sign"),
    Verb("probe", "Connection.probe"),
    Verb("probe", "Connection.explain"),
    Verb("findings", "Connection.findings"),
    Verb("doctor", "doctor.examine"),
    Verb("hits", "Connection.count_hits"),
    Verb("hits", "logs.follow_hits"),
    Verb("hits", "logs.wait_for_hits"),
    Verb("leaks", "Connection.hits"),
    Verb("plot", "Connection.plot"),
    Verb("report", "Connection.report"),
    Verb("check", "check.run_specs"),
    Verb("history", "Connection.history"),
    Verb("demo", "demo"),
    Verb("sandbox", "sandbox.Sandbox"),
    Verb("sandbox", "sandbox.install"),
    Verb("inspect", "inspect"),
    Verb("verdict", "engine.iam.batch.run"),
    Verb("who", "Connection.who_can_open"),
    Verb("prove", "engine.access.prove"),
    Verb("prove", "Connection.prove"),
    Verb("tutorials", "", "a folder of notebooks is opened, not imported"),
    Verb("", "Connection.endpoints", "doctor and plan show endpoints; the panel offers them"),
    Verb("", "Connection.state", "a building block of plan and findings"),
    Verb("", "Connection.keys", "a building block of the panel's object picker"),
    Verb("", "Connection.probe_origins", "probe --from takes any of them"),
    Verb("", "panel", "a widget needs a notebook; the magic has it"),
)

PARSERS = next(action.choices for action in build_parser()._actions if action.dest == "command")


def python_object(name: str) -> Any:
    """Find what a verb is in Python."""
    if name.startswith("Connection."):
        return getattr(Connection, name.partition(".")[2])
    parts = name.split(".")
    value: Any = gt_secure
    for i, part in enumerate(parts):
        try:
            value = getattr(value, part)
        except AttributeError:
            value = import_module(".".join(["gt_secure", *parts[: i + 1]]))
    return value


def public_methods() -> set[str]:
    return {
        f"Connection.{name}"
        for name, value in vars(Connection).items()
        if not name.startswith("_") and callable(value)
    }


def test_every_command_is_a_verb_in_python_and_the_other_way_round() -> None:
    assert {item.name for item in COMMANDS} == {verb.command for verb in VERBS if verb.command}
    assert public_methods() == {
        verb.python for verb in VERBS if verb.python.startswith("Connection.")
    }
    for verb in VERBS:
        assert verb.why or (verb.command and verb.python), (
            f"{verb} lacks a surface and does not say why"
        )
        if verb.python:
            assert callable(python_object(verb.python)), verb.python


def test_a_verb_that_one_surface_lacks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "exposure_of_tests", lambda self: None, raising=False)
    with pytest.raises(AssertionError):
        test_every_command_is_a_verb_in_python_and_the_other_way_round()


RESULTS = {item.name for item in COMMANDS} - {
    "probe", "plot", "demo", "tutorials", "sandbox", "inspect", "verdict",
    "prove",
}  # fmt: skip
"""Commands whose result the magic returns; the others print lines, pictures or streams."""


class Passed(str):
    """A result whose checks passed."""

    def require(self) -> Passed:
        return self


def test_the_magic_knows_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It parses with the same parser, and calls the same function object for the result."""
    for name in RESULTS:
        words = [name, *NEEDED.get(name, [])]
        args = parse(words)
        assert args is not None
        assert args.result is not None, name
        seen: list[Any] = []
        module = import_module(args.result.__module__)
        assert getattr(module, args.result.__name__) is args.result
        assert args.result.__name__ in inspect.getsource(args.run) or name in SHARED

        def record(args: Any, seen: list[Any] = seen) -> Passed:
            seen.append(args.command)
            return Passed("result")

        monkeypatch.setattr(module, args.result.__name__, record)
        assert magics.run_line(" ".join(words)) == "result"
        assert seen == [name]


SHARED = {"hits", "leaks", "doctor", "teams"}
"""Commands whose result and output come from one function below both."""

NEEDED = {
    "sign": ["s3://b/k"],
    "who": ["s3://b/k", "--from", "203.0.113.7"],
    "hits": ["log"],
    "leaks": ["log"],
}


def test_panel_is_a_word_of_the_magic(capsys: pytest.CaptureFixture[str]) -> None:
    assert magics.run_line("panel --help") is None
    assert "--allow" in capsys.readouterr().out


OPTIONS: dict[str, Callable[..., Any]] = {
    "plan": Connection.plan,
    "apply": Connection.apply,
    "undo": Connection.undo,
    "hits": Connection.count_hits,
    "sign": Connection.sign,
    "findings": Connection.findings,
    "export": Connection.export,
    "report": Connection.report,
    "history": Connection.history,
}
RENAMED = {
    "file": "restriction", "allow": "restriction", "endpoint": "restriction", "team": "team", "yes": "", "json": "",
    "format": "", "accepted": "", "context": "", "networks": "", "resume": "", "show": "",
    "fail_on": "", "output": "", "profile": "", "region": "",
    "help": "",
    "url_lock": "restriction", "application": "restriction",
    "portal_lock": "restriction", "no_portal_lock": "restriction", "guard": "restriction", "no_guard": "restriction",
    "prefix": "restriction", "age_limit": "restriction", "limit": "", "stats": "", "no_cache": "", "dedupe": "",
    "presigned": "filters", "refused": "filters", "no_tests": "filters", "network": "filters", "key_prefix": "filters",
    "version_4_only": "restriction", "no_version_4_only": "restriction",
    "keep_teams": "",  # plan.keeping
    "viewer_key": "", "viewer_parameter": "", "viewer_signer": "",
    "signers": "restriction", "tf_plan": "", "cloudformation": "", "account": "",
    "assume_unchanged": "", "parameters": "",
    "explain": "", "sarif": "",
    "predict": "", "follow": "", "wait_for": "", "wait_s": "", "cache": "",
    "athena_database": "engine", "athena_workgroup": "engine", "athena_output": "engine", "athena_table": "engine",
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_arguments_of_the_same_name(name: str) -> None:
    known = set(inspect.signature(OPTIONS[name]).parameters)
    for flag in (
        flag
        for action in PARSERS[name]._actions
        for flag in action.option_strings
        if flag.startswith("--")
    ):
        word = flag.removeprefix("--").replace("-", "_")
        argument = RENAMED.get(word, word)
        if name in ("plan", "apply") and word == "networks":
            # the names become ranges of the restriction: Networks["Berlin office"] in Python
            continue
        if name in ("plan", "apply") and word in ("team", "bucket"):
            argument = "restriction" if name == "plan" else "plan"
        if name == "hits" and word == "prefix":
            argument = "filters"
        if name == "report" and word in ("no_logs", "external_id"):
            argument = {"no_logs": "since", "external_id": "role"}[word]
        if name == "report" and word in ("fresh", "print_role"):
            argument = ""  # of a run that is kept; role.json is the role
        if name == "plan" and word == "full":
            argument = ""  # plan.to_text(full=True)
        if name == "undo" and word == "confirm":
            argument = ""  # gt.apply(gt.plan_undo(id), confirm=[...])
        if name in ("plan", "apply") and word == "no_logs":
            argument = "logs"  # False reads none
        if name == "apply" and argument in ("restriction", "logs", "context", "reason"):
            argument = "plan"
        assert not argument or argument in known, f"{name} {flag} is {argument} nowhere in Python"


def test_log_locations_and_pools_have_one_name() -> None:
    for name, parser in PARSERS.items():
        shown = parser.format_help()
        assert not re.search(r"--log\b(?!-)", shown), name
    # hits, leaks and plot take the location itself
    for name in (
        "plan",
        "apply",
        "doctor",
        "check",
    ):
        assert "--logs" in PARSERS[name].format_help(), name
    for method in (Connection.plan, Connection.hits, Connection.count_hits):
        assert "logs" in inspect.signature(method).parameters


@pytest.mark.parametrize("method", sorted(public_methods()))
def test_public_methods_are_documented_in_full(method: str) -> None:
    function = python_object(method)
    text = inspect.getdoc(function) or ""
    parameters = [p for p in inspect.signature(function).parameters if p != "self"]
    assert "\nExamples\n--------\n>>> " in text
    shared = inspect.getdoc(Connection) or ""  # what an argument means in all methods
    for parameter in parameters:
        assert re.search(rf"\b{parameter}\b", text + shared), (
            f"{method} does not describe {parameter}"
        )
    assert all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


def test_importing_the_package_reaches_the_packages() -> None:
    import subprocess
    import sys

    code = (
        "import gt_secure, sys\nassert not {'boto3', 'duckdb', 'matplotlib', 'ipywidgets'} &"
        " set(sys.modules)\nfor name in ('check', 'plots', 'logs', 'doctor', 'errors',"
        " 'sandbox'):\n    module = getattr(gt_secure, name)\n    assert"
        " module.__name__.startswith('gt_secure.') and module.__name__.endswith(f'.{name}'),"
        " module\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
