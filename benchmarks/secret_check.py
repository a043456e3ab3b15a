"""Processor time of a search for secrets in a notebook, against detect-secrets in the same run.

    python benchmarks/secret_check.py [--megabytes 5] [--rounds 7] [--peer VENV]

VENV is an environment with detect-secrets; without one, the peer is left out. It gets the notebook
as a file, and all its plugins. Prints one line of JSON and a table.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gt_secure.secrets import find_secrets

WORDS = (
    *(
        "the",
        "model",
        "epoch",
        "loss",
        "of",
        "training",
        "data",
        "value",
        "is",
        "for",
        "with",
        "step",
        "batch",
        "size",
    ),
    *(
        "learning",
        "rate",
        "config",
        "session",
        "result",
        "image",
        "file",
        "path",
        "token",
        "sample",
        "weight",
        "gradient",
    ),
)
PEER = """
import sys, time
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
with default_settings():
    before = time.process_time()
    SecretsCollection().scan_file(sys.argv[1])
    print(time.process_time() - before)
"""


def text_lines(size: int, chance: random.Random) -> list[str]:
    """Lines as a training job prints them."""
    lines: list[str] = []
    while size > 0:
        lines.append(
            " ".join(chance.choices(WORDS, k=9))
            + f" {chance.random():.6f} {chance.random() * 100:.1f}%\n"
        )
        size -= len(lines[-1])
    return lines


def table_lines(size: int, chance: random.Random) -> list[str]:
    """Rows of a data frame in HTML."""
    lines: list[str] = []
    while size > 0:
        lines.append(
            "  <tr>"
            + f"<td>{chance.random():.6f}</td>" * 6
            + f"<td>{chance.choice(WORDS)} &amp;</td></tr>\n"
        )
        size -= len(lines[-1])
    return lines


def picture(size: int, chance: random.Random) -> str:
    """A picture in base64."""
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + chance.randbytes(size * 3 // 4)
    ).decode()


KINDS: dict[str, Callable[[int, random.Random], dict[str, Any]]] = {
    "text": lambda size, chance: {"text/plain": text_lines(size, chance)},
    "tables": lambda size, chance: {"text/html": table_lines(size, chance)},
    "pictures": lambda size, chance: {"image/png": picture(size, chance)},
    "pictures in HTML": lambda size, chance: {
        "text/html": f'<img src="data:image/png;base64,{picture(size, chance)}">'
    },
}


def notebook(kind: str, size: int) -> dict[str, Any]:
    """A notebook of 50 cells with outputs of one kind, or of all in turn."""
    chance, kinds = random.Random(1), [kind] if kind in KINDS else list(KINDS)
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": i,
            "source": f"import numpy as np\nx = f({i}, 'a')\nprint(x)",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": KINDS[kinds[i % len(kinds)]](size // 50, chance),
                }
            ],
        }
        for i in range(50)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def least(book: dict[str, Any], rounds: int) -> float:
    """The least processor time of some rounds."""
    times = []
    for _ in range(rounds):
        before = time.process_time()
        find_secrets(book)
        times.append(time.process_time() - before)
    return min(times)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer", type=Path, help="environment with detect-secrets")
    args = parser.parse_args()
    rows = []
    for kind in (*KINDS, "mixed"):
        book = notebook(kind, int(args.megabytes * 1e6))
        row: dict[str, Any] = {"notebook": kind, "ms": round(1000 * least(book, args.rounds), 1)}
        if args.peer:
            with tempfile.NamedTemporaryFile("w", suffix=".ipynb", encoding="utf-8") as file:
                json.dump(book, file, indent=1)
                file.flush()
                command = [str(args.peer / "bin" / "python"), "-c", PEER, file.name]
                row["detect-secrets ms"] = round(
                    1000 * float(subprocess.check_output(command, text=True)), 1
                )
        rows.append(row)
    print(json.dumps({"megabytes": args.megabytes, "rows": rows}))
    for row in rows:
        print("  ".join(f"{name}: {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
