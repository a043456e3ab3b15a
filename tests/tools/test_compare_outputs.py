"""The comparison of two versions: equal ones do not differ, and a changed sentence is a diff."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from support.command_lines import FIRST

ROOT = Path(__file__).resolve().parents[2]
REACHED = {
    "empty": "Choose one of 6 teams.",
    "a team is chosen": "Anyone with a URL can open the images of open-team.",
    "a bucket is chosen": "Anyone with a URL can open gt-images.",
    "bad input": "3 invalid",
    "one range, so the plan asks": "[Apply (confirm 2 warnings above)], disabled",
    "all parts are open": "Key prefix: (the whole bucket)",
    "the question is answered": "[Apply 2 changes to open-team]\n",
    "applied": "Applied and read back.",
    "a test URL is signed": "bound to 203.0.113.7",
    "probed: opened and refused": (
        "198.51.100.9 elsewhere | refused | ✓ refused (403) | bucket guard"
    ),
    "requests are plotted": "203.0.113.7 | 3 | 0 | 38% | ✓ in the list",
    "a leaked URL that expired is to be stopped": "There is nothing to revoke: the URL expired at",
    "another team, so the plan is blocked": "[Keep what the teams need]",
    "what the first team needs is kept": "[203.0.113.0/24 · IPv4 · 256  ×]",
    "again the first team: nothing to change": "Nothing to change.\n",
    "an undo is shown and asks": "[Undo 2 changes to open-team]",
    "undone": "Undone",
    "the portal lock of all teams": "[Apply (confirm 3 warnings above)], disabled",
    "a bucket without a team": "Anyone with a URL can open ml-artifacts.",
    "a team that is not there": 'There is no workteam "nobody" in this region.',
    "a bucket that is not there": "There is no bucket 'nothing'.",
    "a test URL without an object": "No object is chosen.",
    "a role without permissions": (
        "Who can open gt-images is unknown: it depends on s3:GetBucketPolicy."
    ),
}
"""A text of each state of the panel, which shows that it was reached."""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "compare_outputs", ROOT / "tools" / "compare_outputs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_changed_sentence_is_the_only_difference(tool: ModuleType, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(ROOT / "gt_secure", changed / "gt_secure", copy_function=os.link)
    for name, before, after in (
        ("cli/sign.py", '"signer, object and expiry"', '"signer, object and end"'),
        ("widgets/url_step.py", "No object is chosen.", "No image is chosen."),
    ):
        module = changed / "gt_secure" / name
        text = module.read_text(encoding="utf-8")
        assert before in text
        module.unlink()
        module.write_text(text.replace(before, after), encoding="utf-8")
    ours, others = tool.outputs_of([ROOT, changed], tmp_path, "^inspect|^panel")
    assert {name for name in ours if not name.startswith("panel: ")} == {
        f"gt-secure {FIRST}",
        "gt-secure inspect --help",
        "gt-secure inspect --jsno",
        "gt-secure inspect < url.txt",
        "gt-secure inspect --json < url.txt",
        "gt-secure inspect < url.txt (without permissions)",
        "gt-secure inspect --json < url.txt (without permissions)",
    }
    assert [name.removeprefix("panel: ") for name in ours if name.startswith("panel: ")] == list(
        REACHED
    )
    assert [name for name, words in REACHED.items() if words not in ours[f"panel: {name}"]] == []
    assert {
        name: re.findall(r"^[-+](?!--|\+\+) *(.*)", diff, re.MULTILINE)
        for name, diff in tool.differences(ours, others)
    } == {
        "gt-secure inspect --help": ["signer, object and expiry", "signer, object and end"],
        "panel: a test URL without an object": [
            f'gt_secure.base.errors.InvalidInput: No {what} is chosen. Choose a bucket in "Allow",'
            " and an object here."
            for what in ("object", "image")
        ],
    }


@pytest.mark.parametrize("after", ["a\nb", "a\n\nb\n", "a\r\nb\n", "a \nb\n"])
def test_every_byte_counts(tool: ModuleType, after: str) -> None:
    [(name, diff)] = tool.differences({"teams": "a\nb\n"}, {"teams": after})
    assert name == "teams"
    assert diff.startswith("--- before\n+++ after\n@@")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read 2026-11-29 12:40:25 UTC", "Read <day> <time>:<second> UTC"),
        ('"at": "2026-11-29T12:40:25.123456+00:00"', '"at": "<day>T<time>:<second>+00:00"'),
        ("datetime.datetime(2026, 11, 29, 12, 40, 25)", "datetime.datetime(<datetime>)"),
        (
            "Undo it with: gt-secure undo 20261129-124025-123456-0a1b",
            "Undo it with: gt-secure undo <change>",
        ),
        ("checked at 07:33:47 UTC", "checked at <reading> UTC"),
        ("http://127.0.0.1:34655/gt-images", "http://127.0.0.1<port>/gt-images"),
        ("elapsed_ms=12.3456789012345678, status=200", "elapsed_ms<elapsed>, status=200"),
        ("'aws:epochtime': ('1796125437',)", "'aws:epochtime': ('<epoch>',)"),
        ("in /runs/0/hits.svg", "in <folder>/hits.svg"),
        ("2027-01-31: 3 rules, 2 found (429 requests of 10 s)", None),
        ("sha256:2c2c20cb9eb47926ec10d9e1054c040abba7c3e7d8955c30afb8619d1b7a02d3", None),
        (
            (
                "arn:aws:iam::111122223333:user/sandbox-admin from 127.0.0.1 via"
                " vpce-0a1b2c3d4e5f60718"
            ),
            None,
        ),
    ],
)
def test_only_what_is_volatile_is_replaced(
    tool: ModuleType, text: str, expected: str | None
) -> None:
    assert tool.normalised("plan of a panel", text, Path("/runs/0"), Path("/trees/0")) == (
        expected or text
    )


def test_an_output_of_one_version_only_is_a_difference(tool: ModuleType) -> None:
    assert [name for name, _ in tool.differences({"teams": ""}, {"plan": ""})] == ["teams", "plan"]


def test_the_result_is_printed_and_is_the_exit_code(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [{"teams": "two teams", "plan": "same"}, {"teams": "no teams", "plan": "same"}]
    monkeypatch.setattr(tool, "outputs_of", lambda *_: outputs)
    assert tool.main([str(ROOT), str(ROOT)]) == 1
    assert (
        capsys.readouterr().out
        == "## teams\n--- before\n+++ after\n@@ -1 +1 @@\n-two teams\n+no teams\n\n2 outputs"
        " compared, 1 different\n"
    )
    outputs[1] = outputs[0]
    assert tool.main([str(ROOT), str(ROOT)]) == 0
    assert capsys.readouterr().out == "2 outputs compared, 0 different\n"
