"""The secret check of the JupyterLab extension, run by Node on notebooks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gt_secure.secrets import find_secrets, mask_secrets, recogniser

LABEXTENSION = Path(recogniser.KINDS_FILE).parents[2] / "labextension"


def compare(books: list[Any], folder: Path) -> list[Any]:
    """Mask notebooks in Python and by the page; both find and leave the same. Return what the page
    found: ``places`` and ``book`` of each.
    """
    if not (LABEXTENSION / "node_modules").is_dir():
        pytest.skip("tools/build_labextension.py installs its packages")
    corpus = folder / "corpus.json"
    corpus.write_text(json.dumps({"texts": [], "books": books}), encoding="utf-8")
    node = (
        f"GT_SECURE_CORPUS={corpus} node --test --test-name-pattern=vectors"
        " out/test/saved_secrets.test.js"
    )
    subprocess.run(
        f"npx tsc -p tsconfig.test.json && {node}", shell=True, cwd=LABEXTENSION, check=True
    )
    pages: list[Any] = json.loads(corpus.with_suffix(".json.found").read_text(encoding="utf-8"))[
        "books"
    ]
    for data, page in zip(books, pages, strict=True):
        places = [each.to_dict() for each in find_secrets(data)]
        mask_secrets(data)
        assert (places, data) == (page["places"], page["book"])
    print(f"{len(books)} notebooks: the same places, and the same left")
    return pages
