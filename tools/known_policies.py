"""Write the page of known policies: each with its source, the engine's verdict, and a link that
opens the lab at it.

    python tools/known_policies.py           write docs/known-policies.md
    python tools/known_policies.py --check   exit with 1 if it differs

The rows are in docs/assets/lab/known.json. Only holes that the named thread names itself belong
there; the policy is a minimal case that was written for this page.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "docs" / "assets" / "lab"
PAGE = ROOT / "docs" / "known-policies.md"
FIELDS = ("policy", "object", "account", "source", "allow", "request")
"""The fields of the lab, in the order of its links."""
HEAD = """# Known policies, decided

Twelve policies for buckets, from public issues, pull requests and guides. Each is written anew as a minimal case, with
names of our own, and shows only what the linked thread says itself. The engine of the [policy lab](lab.md) decided each
of them: *for this list* is the verdict about presigned URLs from elsewhere, *for one request* is the answer that the
thread is about. The tests decide them again.

| policy | for this list | for one request | |
|---|---|---|---|
"""
REQUESTS = {
    "presigned": "a presigned URL",
    "header": "an SDK or CLI call",
    "anonymous": "an anonymous request",
}

sys.path[:0] = [str(ROOT), str(LAB)]


def rows() -> list[dict[str, object]]:
    """Return the policies with their sources."""
    return list(json.loads((LAB / "known.json").read_text(encoding="utf-8")))


def question(row: dict[str, object]) -> dict[str, str]:
    """Return what the fields of the lab hold."""
    return {
        name: json.dumps(row[name], indent=2) if name == "policy" else str(row[name])
        for name in FIELDS
    }


def link(row: dict[str, object]) -> str:
    """Return the address of the lab with these fields, as its page writes it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    values = [question(row)[name] for name in FIELDS]
    data = packer.compress(json.dumps(values, ensure_ascii=False).encode()) + packer.flush()
    return f"lab.html#1.{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def answers(row: dict[str, object]) -> tuple[str, str]:
    """Return the verdict and the answer for the request of a row."""
    import lab

    asked = {
        pane: json.loads(lab.ask(json.dumps({**question(row), "ask": pane})))
        for pane in ("proof", "answers")
    }
    [found] = [each for each in asked["answers"]["answers"] if each["request"] == row["request"]]
    return str(asked["proof"]["verdict"]), str(found["answer"])


def page() -> str:
    """Return the page."""
    lines = []
    for row in rows():
        verdict, answer = answers(row)
        owner = str(row["thread"]).removeprefix("https://github.com/")
        about = f"**{row['title']}.** {row['says']} [{owner}]({row['thread']})"
        asked = f"{REQUESTS[str(row['request'])]} from `{row['source']}`: **{answer}**"
        # A link of Markdown would be looked up as a heading of that page.
        opened = (
            f'<a href="{link(row)}" aria-label="Open in the lab: {row["title"]}">open in the'
            " lab</a>"
        )
        lines.append(f"| {about} | {verdict} | {asked} | {opened} |")
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    text = page()
    if parser.parse_args().check:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
