"""Pages and pictures that are made from the program are current and complete."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import botocore.session
import pytest
from botocore import xform_name

from gt_secure.base.version import __version__
from gt_secure.cli.main import build_parser
from gt_secure.restriction.applications import applications
from support.blocks import ROOT, blocks_of, pages

_AWS = re.compile(r"^(?:\$ )?(aws (?:.*\\\n)*.*)$", re.MULTILINE)
REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("tool", ["make_reference.py", "make_pictures.py", "make_story.py"])
def test_made_files_are_current(tool: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_page_on_the_whole_names_is_there() -> None:
    """Its modules exist, and each type is defined in the module beside it."""
    text = (ROOT / "docs" / "how-it-fits.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:gt_secure|tests)/[^`]+)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]*`[A-Z][^|]*) \| ([^|]*gt_secure/[^|]*) \|$", text, re.MULTILINE
    )
    assert len(rows) == 12
    for types, modules in rows:
        defined = "".join(
            (ROOT / name).read_text(encoding="utf-8") for name in re.findall(r"`([^`]+)`", modules)
        )
        for name in re.findall(r"`([A-Z]\w+)`", types):
            assert re.search(rf"^class {name}\b", defined, re.MULTILINE), name


OURS = re.compile(r"\bGT_SECURE_[A-Z_]*[A-Z]\b")
READERS = ("gt_secure/**/*.py", "integrations/**/*.py", "studio/*", "labextension/src/*.ts")


def variables_of(*patterns: str) -> dict[str, str]:
    """Return the variables of the package that files read, each with one of these files."""
    return {
        name: path.name
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.is_file()
        for name in OURS.findall(path.read_text(encoding="utf-8"))
    }


def test_one_page_has_the_variables_that_are_read() -> None:
    page = REFERENCE / "settings.md"
    text = page.read_text(encoding="utf-8")
    read = variables_of(*READERS)
    assert {"GT_SECURE_JOURNAL", "GT_SECURE_BUCKETS", "GT_SECURE_WHEEL"} <= read.keys()
    assert {
        name: read.get(name)
        for name in read.keys() ^ variables_of("docs/reference/settings.md").keys()
    } == {}
    code = [
        each for part in ("aws", "cli", "") for each in (ROOT / "gt_secure" / part).glob("*.py")
    ]
    looked_up = re.compile(
        r"""(?:environ(?:\.get)?[(\[]|in os\.environ)\s*f?"([A-Z_]+)|"([A-Z_]+)" in os\.environ"""
    )
    aws = {
        name
        for path in code
        for found in looked_up.findall(path.read_text(encoding="utf-8"))
        for name in found
        if name and not name.startswith(("_", "COMP_"))  # those of completion
    }
    assert {"AWS_REGION", "AWS_ENDPOINT_URL", "NO_COLOR"} <= aws
    assert [name for name in sorted(aws) if f"`{name}" not in text and f"{name}=" not in text] == []


def test_every_link_between_files_leads_somewhere_in_a_clone() -> None:
    broken, looked = [], 0
    folders = ("docs", "gt_secure", "integrations", "tests")
    for page in [*ROOT.glob("*.md"), *(p for each in folders for p in (ROOT / each).rglob("*.md"))]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path = link.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                looked += 1
                if not (page.parent / path).exists():
                    broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []
    assert looked > 100


def test_the_readme_has_at_most_700_words() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    prose = re.sub(
        r"```.*?```|<!--.*?-->|</?picture>|<source[^>]*>|<img src=\S+ alt=|\]\([^)]*\)",
        " ",
        text,
        flags=re.DOTALL,
    )
    assert len(re.findall(r"\S*\w\S*", prose)) <= 700


def test_a_picture_of_the_readme_is_dark_on_a_dark_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    drawn = re.findall(r"(docs/images/[\w-]+(?<!-dark))\.svg", text)
    assert drawn
    dark = '<source media="(prefers-color-scheme: dark)" srcset="{}-dark.svg">'
    assert [each for each in drawn if dark.format(each) not in text] == []
    assert [each for each in drawn if not (ROOT / f"{each}-dark.svg").is_file()] == []


def test_the_first_screen_has_three_readers_and_at_most_100_words() -> None:
    screen = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    prose = re.sub(
        r"<!--.*?-->|<picture>.*?</picture>|!\[[^\]]*|\]\([^)]*\)", " ", screen, flags=re.DOTALL
    )
    assert len(re.findall(r"\S*\w\S*", prose)) <= 100
    assert len(re.findall(r"\[\*\*[^\]]+\]\(#", screen)) == 3
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"[{len(applications())} application profiles]" in text


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("make_reference.py", "findings.md"),
        ("make_reference.py", "findings/url-lock-off.md"),
        ("make_reference.py", "../permissions.md"),
        ("make_pictures.py", "who-is-refused.svg"),
    ],
)
def test_a_stale_file_is_noticed(
    tool: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of the tool looks at the text, not only for the file."""
    import importlib.util

    for each in ("COLUMNS", "NO_COLOR", "PYTHON_COLORS"):  # the tool sets them for its own process
        monkeypatch.setenv(each, "100")

    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = "REFERENCE" if hasattr(module, "REFERENCE") else "IMAGES"
    setattr(module, folder, tmp_path)
    makers = module.PAGES if folder == "REFERENCE" else module.PICTURES
    for other, make in makers.items():
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_text(make(), encoding="utf-8")
    before, sys.argv = sys.argv, [tool, "--check"]
    try:
        assert module.main() == 0
        (tmp_path / name).write_text("old", encoding="utf-8")
        assert module.main() == 1
    finally:
        sys.argv = before


def test_the_status_line_of_the_readme_has_the_version() -> None:
    assert f"*Version {__version__}. " in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_described() -> None:
    pages = [REFERENCE / "commands.md", *sorted((REFERENCE / "commands").glob("*.md"))]
    texts = [each.read_text(encoding="utf-8") for each in pages]
    page = "\n".join(texts)
    commands = next(
        action
        for action in build_parser()._actions
        if hasattr(action, "choices") and action.choices
    )
    for name, command in commands.choices.items():
        if command.prog != f"gt-secure {name}":
            continue  # an alias
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0] + texts[0]
        for action in command._actions:
            if action.help in (None, argparse.SUPPRESS) or isinstance(action, argparse._HelpAction):
                continue
            for flag in action.option_strings:
                assert f"`{flag}`" in section, f"{name} {flag}"
            said = action.help.replace("%(default)s", str(action.default)).replace("%%", "%")
            assert f"| {said.replace('|', chr(92) + '|')} |" in section, (
                f"{name} {action.option_strings}"
            )


def test_every_finding_is_described() -> None:
    page = (REFERENCE / "findings.md").read_text(encoding="utf-8")
    catalog, notices = (
        {
            key: row
            for key, row in json.loads(file.read_text(encoding="utf-8")).items()
            if "/" not in key
        }
        for file in (
            ROOT / "gt_secure" / "findings" / "findings.json",
            ROOT / "gt_secure" / "restriction" / "notices.json",
        )
    )
    assert {path.stem for path in (REFERENCE / "findings").glob("*.md")} == {*catalog, *notices}
    for code, row in {**catalog, **notices}.items():
        assert f"(findings/{code}.md)" in page
        text = (REFERENCE / "findings" / f"{code}.md").read_text(encoding="utf-8")
        assert [
            row[part] for part in ("why", "fix", "source_url") if row.get(part, "") not in text
        ] == []


def test_every_public_name_is_in_the_python_reference() -> None:
    import gt_secure

    page = "\n".join(
        path.read_text(encoding="utf-8") for path in (REFERENCE / "python").glob("*.md")
    )
    listed = set(re.findall(r"^\.\. auto\w+:: [\w.]*?(\w+)$", page, re.MULTILINE))
    modules = {"errors"}  # shown whole
    assert modules <= listed
    packages = {
        name for name in gt_secure.__all__ if isinstance(getattr(gt_secure, name), ModuleType)
    }
    assert set(gt_secure.__all__) - listed - packages - {"GtSecureError", "__version__"} == set()


def test_pictures_say_in_words_what_they_show() -> None:
    for name in ("three-locks.svg", "who-is-refused.svg", "before-and-after.svg"):
        text = (ROOT / "docs" / "images" / name).read_text(encoding="utf-8")
        label = re.search(r'aria-label="([^"]+)"', text)
        assert label is not None
        assert len(label[1]) > 200


def test_the_picture_tells_what_the_locks_do() -> None:
    """A few cells by hand, from AWS's description of the keys,
    against the table that the engine made.
    """
    text = (ROOT / "docs" / "images" / "who-is-refused.svg").read_text(encoding="utf-8")
    assert (
        "Ground Truth itself: no lock: opened, URL lock: opened, bucket guard: opened, both:"
        " opened." in text
    )
    assert (
        "sent the URL: no lock: opened, URL lock: refused, bucket guard: opened, both: refused."
        in text
    )
    assert (
        "VPC endpoint: no lock: opened, URL lock: refused, bucket guard: refused, both: refused."
        in text
    )


def test_aws_commands_of_the_guides_exist() -> None:
    """They cannot run here; the model of the service knows their operations and options."""
    session, looked = botocore.session.get_session(), 0
    for page in pages():
        for command in (found for block in blocks_of(page) for found in _AWS.findall(block.text)):
            _, service, name, *words = shlex.split(command.replace("\\\n", " "))
            if service == "s3" or (service, name) == ("cloudformation", "deploy"):
                continue  # commands of the AWS CLI itself
            model = session.get_service_model(service.removesuffix("api"))
            operations = {xform_name(each, "-"): each for each in model.operation_names}
            assert name in operations, f"{page.name}: {command}"
            members = model.operation_model(operations[name]).input_shape.members
            known = {f"--{xform_name(each, '-')}" for each in members} | {
                "--query",
                "--output",
                "--region",
            }
            assert {each for each in words if each.startswith("--")} <= known, (
                f"{page.name}: {command}"
            )
            looked += 1
    assert looked >= 5
