"""Every Python and shell block of the README and the docs is executed, page by page,
on a fresh sandbox.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import os
import pty
import random
import re
import shlex
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import sqlglot
import yaml

from gt_secure.sandbox import Sandbox
from support.blocks import ROOT, Block, blocks_of, commands_in, pages, runnable
from support.rooms import fresh_checkout
from support.subjects import subjects
from support.warm import Warm

PAGES = subjects((path for path in pages() if runnable(path)), 19)
# “make demo” is run by the test below, and “make test” runs a part of this very test.
NOT_RUN = "make demo"
GUIDES = subjects(
    (path for path in sorted((ROOT / "docs" / "how-to").glob("*.md")) if runnable(path)), 17
)
RESET = "gt-secure sandbox reset\n"
WITHOUT_STATE = "no state"
"""Word of a guide that reads only files, or starts its own sandbox."""
OTHER = "gt-secure apply s3://gt-images --allow 192.0.2.0/24 --yes --confirm"
DRAWN = 3
"""Guides of one landing."""
CHANGES = re.compile(r"gt-secure (apply|undo|sign|probe)\b|\bgt\.(apply|undo)\(")
# A list of commands in the README is one block; these answers of a single command are documented
# and are no errors.
README_CODES = """gt-secure() { command gt-secure "$@" || { code=$?; case "$1:$code" in plan:2 | probe:3 | hits:3) ;; *) return $code ;; esac; }; }
"""


def is_exempt(path: Path, block: Block) -> bool:
    return path.name in {"README.md", "index.md"} and block.text.startswith(NOT_RUN)


def shell(text: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a person would type it: there is a terminal,
    and its answer to every question is y.
    """
    person, terminal = pty.openpty()
    os.write(person, b"y\n" * 20)
    try:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            stdin=terminal, capture_output=True, text=True, env=env, cwd=folder, timeout=300,
        )  # fmt: skip
    finally:
        os.close(person)
        os.close(terminal)


def python(text: str, where: str, names: dict[str, object]) -> str:
    """Run a block and return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        exec(compile(text, where, "exec"), names)
    return stdout.getvalue()


def run_until(text: str, command: str, env: dict[str, str], folder: Path) -> None:
    """Run what stays in the foreground until it says that; Ctrl-C must end it well."""
    started = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        cwd=folder,
    )
    assert started.stdout is not None
    said: list[str] = []
    late = threading.Timer(300, started.kill)
    late.start()
    try:
        for line in started.stdout:
            said.append(line)
            if text in line:
                break
        else:
            raise AssertionError(f"{command} ended without saying “{text}”:\n{''.join(said)}")
        started.send_signal(signal.SIGINT)
        rest, _ = started.communicate(timeout=300)
        assert started.returncode == 0, rest
    finally:
        late.cancel()
        if started.poll() is None:
            started.kill()


@pytest.fixture
def prepared(
    running_sandbox: Sandbox, warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox as it was seeded, named to each program by the variables that it prints:
    its journal too, which a reset empties.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    running_sandbox.reset()
    for name, value in running_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in warm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_blocks_run(page: Path, warm: Warm, tmp_path: Path) -> None:
    run_page(page, warm, tmp_path)


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.stem)
def test_a_guide_begins_with_the_state_that_it_needs(page: Path) -> None:
    first = next(block for block in runnable(page) if block.word != "installs")
    if first.text != RESET:
        introduction = page.read_text(encoding="utf-8").partition("\n## ")[0]
        assert WITHOUT_STATE in introduction
        pasted = [block for block in runnable(page) if block.word != "file"]
        assert not [block.line for block in pasted if CHANGES.search(block.text)]


def in_any_order(number: int) -> list[Path]:
    """Return the guides in an order that the number decides, each twice in a row."""
    pages = random.Random(number).sample(GUIDES, len(GUIDES))
    return [page for page in pages for _ in range(2)]


@pytest.mark.check
@pytest.mark.usefixtures("prepared")
def test_drawn_guides_run_twice_in_any_order(warm: Warm, tmp_path: Path) -> None:
    """The sources of the package decide which guides are drawn: a landing has others than the
    last.
    """
    seed = sum(path.stat().st_size for path in (ROOT / "gt_secure").rglob("*.py"))
    run_in_turn(in_any_order(seed)[: 2 * DRAWN], warm, tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("number", [1, 2])
def test_all_guides_run_twice_in_any_order(number: int, warm: Warm, tmp_path: Path) -> None:
    run_in_turn(in_any_order(number), warm, tmp_path)


def run_in_turn(guides: list[Path], warm: Warm, folder: Path) -> None:
    """Run guides in one sandbox, whose bucket a stranger has changed before."""
    done = shell(f"{OTHER} loses-access:radiology-team", dict(os.environ), folder)
    assert done.returncode == 0, done.stderr
    for number, page in enumerate(guides):
        try:
            run_page(page, warm, folder)
        except BaseException as error:
            before = [each.stem for each in guides[:number]]
            error.add_note(f"in {page.name}, after {before}")
            raise


def run_page(page: Path, warm: Warm, tmp_path: Path) -> None:
    """Run all blocks of a page, in one namespace."""
    names: dict[str, object] = {"__name__": "__docs__"}
    printed = ""
    for block in runnable(page):
        where = f"{page.name}:{block.line}"
        if block.word == "file":
            (tmp_path / block.value).write_text(block.text, encoding="utf-8")
        elif block.word in {"installs", "sagemaker"} or is_exempt(page, block):
            continue
        elif block.word == "until":
            cold = {
                **os.environ,
                "PATH": os.environ["PATH"].removeprefix(f"{warm.bin}{os.pathsep}"),
            }
            run_until(block.value, block.text, cold, tmp_path)
        elif block.word == "output":
            assert printed == block.text, where
        elif block.language == "python":
            printed = python(block.text, where, names)
        elif block.text.startswith("%"):  # a cell with magics
            cell = [warm.bin / "ipython", "--no-banner", "-c", block.text]
            done = subprocess.run(cell, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, f"{where}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        elif block.language == "bash":
            prelude = README_CODES if page.parent == ROOT else ""
            done = shell(prelude + block.text, dict(os.environ), tmp_path)
            wanted = [int(code) for code in (block.value or "0").split(",")]
            assert done.returncode in wanted, (
                f"{where}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )


def test_every_block_is_run_here_or_by_the_packaging_tests() -> None:
    found = [(page, block) for page in pages() for block in blocks_of(page)]
    exempt = [(page.name, block.line) for page, block in found if is_exempt(page, block)]
    assert len(exempt) == 2
    # The command reference shows how each is called, made from the parser. Else, only what was
    # typed somewhere else.
    others = [
        (page, block)
        for page, block in found
        if block not in runnable(page) and page.parent.name != "commands"
    ]
    assert [page.name for page, block in others if not is_well_formed(block)] == []
    assert len([1 for page, block in found if block.language in {"python", "bash"}]) >= 40


def is_well_formed(block: Block) -> bool:
    """Data of a known form, or a session where this test cannot go (Athena, Spark):
    what is typed must be possible.
    """
    from gt_secure.cli.main import build_parser

    if block.language == "json":
        return bool(json.loads(block.text))
    if block.language == "sql":
        return bool(sqlglot.parse(block.text, dialect="athena"))
    if block.language == "yaml":
        return bool(yaml.safe_load(block.text))
    if block.language == "ini":
        settings = configparser.RawConfigParser()
        settings.read_string(block.text)
        return bool(settings.sections())
    if block.language == "diff":  # a recipe, which test_recipes.py carries out
        return bool(block.text)
    # their run-times are not here: what they add is named
    if block.language in (
        "javascript",
        "js",
        "go",
    ):
        return "x-viewer" in block.text
    if block.language != "text":
        return False

    typed = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.text, re.MULTILINE)
    for command in typed:
        words = shlex.split(command.replace("\\\n", " "))
        if words[0] == "gt-secure":
            build_parser().parse_args(words[1:])
    python = "\n".join(re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", block.text, re.MULTILINE))
    compile(python, "transcript", "exec")
    return bool(typed or python)


def test_three_commands_of_the_readme_refuse_outside_and_work_inside(
    running_sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from gt_secure.cli.main import main

    running_sandbox.reset()
    for name, value in running_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    [block] = [
        each for each in blocks_of(ROOT / "README.md") if "--application mlflow" in each.text
    ]
    commands = block.text.replace("\\\n", " ").splitlines()
    assert [main(shlex.split(command)[1:]) for command in commands] == [2, 0, 0]
    printed = capsys.readouterr().out
    assert re.search(r"203\.0\.113\.7\b.*\b200\b", printed)
    assert re.search(r"198\.51\.100\.9\b.*\b403\b", printed)


def test_commands_in_running_text_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """They are too short to be run, but the parser knows them with their options,
    and make its targets.
    """
    from gt_secure.cli.main import build_parser

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    parsers = next(action.choices for action in build_parser()._actions if action.dest == "command")
    looked = 0
    for page in pages():
        # the glossary names former commands
        if {"commands", "glossary"} & {
            page.stem,
            page.parent.name,
        }:
            continue
        for text in commands_in(page, "make"):
            looked += 1
            assert text.split()[1] in targets, f"{page.name}: {text}"
        for text in commands_in(page, "gt-secure"):
            looked += 1
            words = shlex.split(text)[1:]
            if text in {"gt-secure --help", "gt-secure --version", "gt-secure -v"}:
                continue
            assert words[0] in parsers, f"{page.name}: {text}"
            if any(each.startswith("-") for each in words):
                known = parsers[words[0]]._option_string_actions
                assert {each.partition("=")[0] for each in words if each.startswith("-")} <= set(
                    known
                ), f"{page.name}: {text}"
    assert looked > 20


@pytest.mark.slow
def test_the_first_command_of_the_readme(tmp_path: Path) -> None:
    """In a clone, with the set-up that it does itself: until the first plot."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MAKE", "VIRTUAL"))
    }
    fresh_checkout(tmp_path / "clone")
    documented = 'make demo ARGS="--headless --out DIR"'
    assert documented in (ROOT / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(
        documented, shell=True, cwd=tmp_path / "clone", env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "198.51.100.9" in (tmp_path / "clone" / "DIR" / "hits.svg").read_text(encoding="utf-8")
