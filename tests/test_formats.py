"""A file in a format that this version does not know is an error that says what to type:
no reader takes part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.check.spec import load_check_file
from gt_secure.findings.accepted import read_accepted
from gt_secure.restriction.files import load_restriction

FILES: dict[Callable[[Path], object], dict[str, Any]] = {
    load_restriction: {"bucket": "gt-images", "addresses": ["203.0.113.0/24"]},
    load_check_file: {"checks": [{"check": "guard_is_in_place", "bucket": "gt-images"}]},
    read_accepted: {"accepted": []},
}


@pytest.mark.parametrize("read", FILES, ids=lambda read: read.__name__)
@pytest.mark.parametrize("version", [0, 2, True, "1", "2.0", None])
def test_an_unknown_format_is_refused(
    read: Callable[[Path], object], version: object, tmp_path: Path
) -> None:
    path = tmp_path / "given.json"
    path.write_text(json.dumps({**FILES[read], "version": 1}))
    assert read(path) is not None
    path.write_text(json.dumps({**FILES[read], "version": version}))
    with pytest.raises(InvalidInput, match="This version of gt_secure reads format 1") as caught:
        read(path)
    assert caught.value.next_step == "Update gt_secure, or write version: 1."
