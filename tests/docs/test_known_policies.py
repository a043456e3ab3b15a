"""The wall of known policies: each is decided as its page says, names its source,
and opens in the lab.
"""

from __future__ import annotations

import base64
import json
import re
import runpy
import zlib
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from support.blocks import ROOT
from support.subjects import subjects

TOOL = runpy.run_path(str(ROOT / "tools" / "known_policies.py"))
ROWS: list[dict[str, Any]] = subjects(TOOL["rows"](), 12)
DECIDED = {
    "A list of addresses that locks its owner out": (True, "refused"),
    "A site that its own CI cannot write": (False, "refused"),
    "A header that anybody can send": (False, "opened"),
    "A Referer that manages the bucket": (False, "opened"),
    "A secret in the Referer": (False, "opened"),
    "A Deny of old TLS that lets plain HTTP pass": (False, "opened"),
    "A Deny of HTTPS in place of HTTP": (False, "opened"),
    "An application limited to addresses, whose links are not": (False, "opened"),
    "A policy for a user, used as a bucket policy": (False, "opened"),
    "A guide that described its own example the wrong way round": (True, "opened"),
    "Two addresses, and a server that checks the real one": (True, "refused"),
    "A home folder for a name that no role has": (False, "opened"),
}
"""Whether the list is proved, and the answer for the request, as the threads say."""


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each["title"])
def test_each_is_decided_as_its_thread_says(
    row: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    verdict, answer = TOOL["answers"](row)
    proved, expected = DECIDED[row["title"]]
    assert verdict.startswith("Proved: " if proved else "Not proved: ")
    assert answer == expected
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(row["policy"]), encoding="utf-8")
    lists = [word for text in row["allow"].split(", ") for word in ("--allow", text)]
    bucket, _, key = row["object"].removeprefix("s3://").partition("/")
    subject = f"s3://{bucket}/{key}" if key.endswith("/") else f"s3://{bucket}"
    code = main(
        ["prove", subject, *lists, "--bucket-policy", str(policy), "--account", row["account"]]
    )
    assert code == (0 if proved else 2), capsys.readouterr()


def test_the_page_is_made_from_the_rows() -> None:
    """Run tools/known_policies.py after a change of a row, or of what the engine says."""
    assert TOOL["PAGE"].read_text(encoding="utf-8") == TOOL["page"]()
    assert {row["title"] for row in ROWS} == set(DECIDED)


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each["title"])
def test_each_has_its_source_and_a_link_with_its_fields(row: dict[str, Any]) -> None:
    assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/[0-9]+", row["thread"])
    page = TOOL["PAGE"].read_text(encoding="utf-8")
    assert f"]({row['thread']})" in page
    link = TOOL["link"](row)
    assert f'href="{link}"' in page
    data = base64.urlsafe_b64decode(link.partition("#1.")[2] + "===")
    assert dict(zip(TOOL["FIELDS"], json.loads(zlib.decompress(data, -15)), strict=True)) == TOOL[
        "question"
    ](row)
    script = (TOOL["LAB"] / "lab.js").read_text(encoding="utf-8")
    assert f"const FIELDS = {json.dumps(list(TOOL['FIELDS']))};" in script
