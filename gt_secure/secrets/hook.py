#!/usr/bin/env python3
"""A hook for git: fails where a file holds a presigned URL, a key or a token. It needs only the
standard library.

    no_secret_saved FILE... [--accept ID]...

A notebook is searched as one, any other file as text. A file that cannot be read or searched fails
too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a script, in a clone that nobody has installed
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __package__ = "gt_secure.secrets"

from .notebooks import SavedSecret, find_secrets, secrets_of_text
from .save_check import parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each secret by its kind, place and id; returns 1 if there is one,
    or a file was not searched.
    """
    parser = argparse.ArgumentParser(
        description="Fail where a file holds a presigned URL, a key or a token."
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="ID",
        help="a secret that may stay, by its id",
    )
    args = parser.parse_args(arguments)
    code = 0
    for file in args.files:
        try:
            found = [
                f"{each}, id {each.id}"
                for each in _secrets_of(Path(file))
                if each.id not in args.accept
            ]
        except (OSError, ValueError) as error:
            found = [f"not searched ({type(error).__name__})"]
        for text in found:
            sys.stdout.write(f"{ascii(file)[1:-1]}: {text}\n")
            code = 1
    return code


def _secrets_of(file: Path) -> list[SavedSecret]:
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix.lower() != ".ipynb":
        return secrets_of_text(text, file.name)
    book = parsed(text)
    cells = book.get("cells") if isinstance(book, dict) else None
    if not (cells and isinstance(cells, list)):
        raise ValueError("no notebook of format 4 with a cell")
    return find_secrets(book)


if __name__ == "__main__":
    sys.exit(main())
