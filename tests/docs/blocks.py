"""The code blocks of a Markdown page, with what the comment right before a block says about it.

``<!-- not run: why -->`` leaves a block out, ``<!-- file: name -->`` writes it to a file, ``<!-- exit: 2 -->`` expects
that exit code of the last command (several are separated by commas).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(
    r"^(?P<mark>[ ]*<!--[ ](?P<word>not run|file|exit):[ ]*(?P<value>.*?)[ ]*-->\n)?"
    r"(?P<indent>[ ]*)```(?P<language>\w+)?[^\n]*\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


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
            m["word"] or "",
            m["value"] or "",
        )
        for m in _FENCE.finditer(text)
    ]


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def runnable(path: Path) -> list[Block]:
    return [b for b in blocks_of(path) if b.language in {"python", "bash"} or b.word]
