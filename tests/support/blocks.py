"""The code blocks of a Markdown page, with what the comment right before a block says about it.

``<!-- file: name -->`` writes a block to a file; ``<!-- exit: 2 -->`` expects that code of the last
command (several are separated by commas); ``<!-- until: text -->`` runs it until that text appears,
and stops it; ``<!-- installs -->`` (or “pip install” at its beginning) runs it in an environment of
its own, with the wheel as published (tests/packaging/test_documented.py), ``<!-- sagemaker -->`` in
one with the SageMaker SDK (test_sagemaker.py there); ``<!-- output -->`` holds what the Python
block before it prints. A directive of the docs site (``{eval-rst}``) is no block. A text that
begins with ``%`` is a cell with magics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(
    r"^(?P<mark>[ ]*<!--[ ](?P<word>file|exit|until|installs|sagemaker|output):?[ ]*(?P<value>.*?)["
    r" ]*-->\n)?"
    r"(?P<indent>[ ]*)```(?P<language>\w+|\{[\w-]+\})?[^\n]*\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


INSTALLS = ("pip install", "pip download", "pip wheel")


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int
    word: str = ""
    value: str = ""


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            m["language"] or "",
            dedent(m["body"]),
            text.count("\n", 0, m.start("body")) + 1,
            m["word"] or ("installs" if dedent(m["body"]).startswith(INSTALLS) else ""),
            m["value"] or "",
        )
        for m in _FENCE.finditer(text)
        if not (m["language"] or "").startswith("{")
    ]


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def commands_in(path: Path, *tools: str) -> list[str]:
    """The commands in running text: `` `gt-secure plan` ``."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return re.findall(rf"`((?:{'|'.join(tools)}) [^`]+)`", text)


def runnable(path: Path) -> list[Block]:
    return [
        b
        for b in blocks_of(path)
        if b.language in {"python", "bash"} or b.word or b.text.startswith("%")
    ]
