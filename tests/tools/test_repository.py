"""The habits of the repository: workflows, hooks and the release build are what they say."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from gt_secure.sandbox import private_environment
from support.subjects import subjects

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = subjects(sorted((ROOT / ".github" / "workflows").glob("*.yml")), 4)
TARGETS = set(
    re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)


def test_there_are_few_targets_and_the_guide_has_each() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = TARGETS - {"help", "clean"}
    assert len(named) <= 13
    assert {name for name in named if f"`make {name}" not in guide} == set()
    tools = set(re.findall(r"`(?:sh )?((?:tools|tests)/[\w/.]+\.(?:py|sh))", guide))
    assert {tool for tool in tools if not (ROOT / tool).is_file()} == set()
    other = re.compile(r"[`$] ?make ([a-z-]+)")
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    assert {
        name for page in pages for name in other.findall(page.read_text(encoding="utf-8"))
    } <= TARGETS


def loaded(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_well_formed_and_run_what_is_there(path: Path) -> None:
    workflow = loaded(path)
    # YAML 1.1 reads "on" as true
    assert set(workflow) <= {
        "name",
        True,
        "permissions",
        "concurrency",
        "jobs",
    }
    assert workflow["permissions"] == {"contents": "read"}, (
        "what a job needs beyond that, the job says"
    )
    for job in workflow["jobs"].values():
        assert set(job) <= {
            "runs-on",
            "timeout-minutes",
            "strategy",
            "steps",
            "if",
            "needs",
            "permissions",
            "environment",
        }
        assert set([job["needs"]] if "needs" in job else []) <= set(workflow["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert set(re.findall(r"^make ([a-z-]+)", step.get("run", ""), re.MULTILINE)) <= TARGETS
            assert "${{ github.event" not in step.get("run", ""), (
                "texts of others never reach a shell"
            )


_USES = re.compile(r"^ *(?:- )?uses: (.*)$", re.MULTILINE)
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


PAGES = [*WORKFLOWS, ROOT / "action.yml", *sorted((ROOT / "docs").rglob("*.md"))]
USING = subjects((path for path in PAGES if _USES.search(path.read_text(encoding="utf-8"))), 5)


@pytest.mark.parametrize("path", USING, ids=lambda path: path.stem)
def test_actions_are_pinned_and_leave_no_token(path: Path) -> None:
    """In our workflows and action, and in those that the guides show."""
    text = path.read_text(encoding="utf-8")
    assert [used for used in _USES.findall(text) if not _PINNED.fullmatch(used)] == []
    assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")


PIN_TOOL = runpy.run_path(str(ROOT / "tools" / "pins.py"))
RUNTIMES = {"node24", "composite", "docker"}
"""What the hosted runners support: they have no Node 20 since 2026-09-23."""


def test_every_action_is_in_the_table_and_guides_show_a_commit_that_is_used() -> None:
    """A newer commit in the workflows, which Dependabot writes, waits for no row of the table."""
    texts = {path: path.read_text(encoding="utf-8") for path in PIN_TOOL["pages"]()}
    assert {name for text in texts.values() for name in PIN_TOOL["used"](text)} == set(
        PIN_TOOL["PINS"]
    )
    ours = {*WORKFLOWS, ROOT / "action.yml"}
    known = {
        (name, f"{row['commit']}  # {row['version']}") for name, row in PIN_TOOL["PINS"].items()
    }
    known |= {each for path in ours for each in PIN_TOOL["commits"](texts[path])}
    assert {each for text in texts.values() for each in PIN_TOOL["commits"](text)} <= known
    running = {each for path in ours for each in PIN_TOOL["commits"](texts[path])}
    assert len(running) == len({name for name, _ in running}), "one commit of each action"


def test_no_pinned_action_runs_on_a_removed_node() -> None:
    assert {row["runs"] for row in PIN_TOOL["PINS"].values()} <= RUNTIMES


def test_every_job_ends_and_every_ecosystem_is_watched() -> None:
    assert {name for name, job in JOBS.items() if "timeout-minutes" not in job} == set()
    updates = loaded(ROOT / ".github" / "dependabot.yml")["updates"]
    watched = {(each["package-ecosystem"], each["directory"]) for each in updates}
    assert watched == {("github-actions", "/"), ("pip", "/requirements"), ("npm", "/labextension")}
    assert all((ROOT / folder.strip("/")).is_dir() for _, folder in watched)


JOBS = {
    f"{path.stem}: {name}": job for path in WORKFLOWS for name, job in loaded(path)["jobs"].items()
}
TRUSTED = subjects(
    (name for name, job in JOBS.items() if "write" in job.get("permissions", {}).values()), 2
)


@pytest.mark.parametrize("name", TRUSTED)
def test_only_published_artifacts_meet_an_identity(name: str) -> None:
    """No job that may write or ask for an identity runs code of ours or of an index."""
    steps = JOBS[name]["steps"]
    assert steps
    assert [step for step in steps if "checkout" in step.get("uses", "")] == []
    run = [step["run"] for step in steps if "run" in step]
    assert [
        each for each in run if not re.fullmatch(r"gh release create [^\n;&|`()]+\n?", each)
    ] == []
    assert not run or "id-token" not in JOBS[name]["permissions"]


def test_publishing_needs_green_tests() -> None:
    jobs = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    chain = ["publish"]
    while "needs" in jobs[chain[-1]]:
        chain.append(jobs[chain[-1]]["needs"])
    assert chain == ["publish", "build", "test"]
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [
        "make test",
        "make check",
        "make browser",
    ]


def test_the_versions_that_are_tested_are_those_that_are_named() -> None:
    tested = loaded(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["test"]["strategy"][
        "matrix"
    ]["python"]
    named = re.findall(
        r"Python :: (3\.\d+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert tested == named


def test_hooks_need_no_network_and_run_what_is_there() -> None:
    config = loaded(ROOT / ".pre-commit-config.yaml")
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program, *words = hook["entry"].split()
        assert words[0] in TARGETS if program == "make" else (ROOT / words[0]).is_file()


def test_the_hook_for_secrets_finds_one(tmp_path: Path) -> None:
    tool = [sys.executable, str(ROOT / "tools" / "each_notebook.py"), "no-secret-saved"]
    good = ROOT / "notebooks" / "01_quickstart.ipynb"
    assert subprocess.run([*tool, good], capture_output=True).returncode == 0
    bad = tmp_path / "bad.ipynb"
    bad.write_text(
        good.read_text(encoding="utf-8").replace("# ", "# AKIA" + "QYLPMN5HFIQR7XYA ", 1),
        encoding="utf-8",
    )
    done = subprocess.run([*tool, good, bad], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("bad.ipynb")
    assert "QYLPMN5" not in done.stdout


@pytest.mark.slow
def test_two_builds_give_the_same_bytes() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "make_wheel.py"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = r"dist/gt_secure-\S+\.tar\.gz sha256:[0-9a-f]{64}\n"
    lines += r"dist/gt_secure-\S+\.whl sha256:[0-9a-f]{64}\n"
    lines += "".join(
        rf"dist/gt_secure_{part}-\S+\.whl sha256:[0-9a-f]{{64}}\n"
        for part in ("agents", "prowler", "redact", "spark")
    )
    assert re.fullmatch(lines, done.stdout)


_BY_NAME = re.compile(
    r"gt[_-]secure\[|pip3? install [^\n`'\"“”]*\bgt[_-]secure\b(?!\S*\.whl)|pip install ['\"]?\.\["
)
"""Installs gt_secure by its name from an index, or an extra that may not be there."""


def test_no_text_installs_gt_secure_by_name() -> None:
    """The name is not registered, so a stranger could register it."""
    assert _BY_NAME.search("pip install 'gt_secure[fast]'")
    assert _BY_NAME.search("python -m pip install -U gt-secure")
    assert not _BY_NAME.search(
        "pip install --no-deps dist/gt_secure-*.whl dist/gt_secure_prowler-1.2.3-py3-none-any.whl"
    )
    folders = (
        "gt_secure",
        "docs",
        "notebooks",
        "labextension/src",
        "integrations",
        "benchmarks",
        "tools",
        ".github",
    )
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    # it tells what was
    files += [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    files += [*ROOT.glob("*.cfg"), *ROOT.glob("requirements/*.in")]
    wanted = {
        ".py",
        ".md",
        ".ipynb",
        ".ts",
        ".js",
        ".json",
        ".yml",
        ".html",
        ".cfg",
        ".in",
        ".toml",
        ".sh",
        ".css",
    }
    found = [
        f"{path.relative_to(ROOT)}: {hit[0][:80]}"
        for path in files
        if path.suffix in wanted
        for hit in _BY_NAME.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "name the real dependency, the wheel's file, or gt-secure sandbox install"


def test_the_requirements_are_those_that_the_repository_locks() -> None:
    wanted = (
        (ROOT / "requirements" / "demo.in")
        .read_text(encoding="utf-8")
        .replace(" ", "")
        .splitlines()
    )
    assert {
        name for name in private_environment.REQUIREMENTS if not name.startswith("boto3")
    } <= set(wanted)
    pinned = next(
        name for name in metadata.requires("ministack") or () if name.startswith("botocore==")
    )
    assert f"boto3=={pinned.partition('==')[2]}" in private_environment.REQUIREMENTS
