"""Keep one comment of a pull request up to date with the text of a file.

    FILE=answer.txt NAME=policies TOKEN=… python3 -I comment.py    # on a runner of GitHub Actions

The pull request is that of the event ``pull_request``, or the open one whose head is the commit of
the event ``workflow_run``: that event names none for a fork. Nothing that the text holds is taken
for Markdown, and no comment of a person is changed.

Sources: docs.github.com, "REST API endpoints for issue comments" and "Events that trigger
workflows"; spec.commonmark.org, "Indented code blocks" and "Line ending".
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

MOST = 60_000
"""Characters of the text: GitHub takes a comment of 65,536."""
PAGE = 100
"""Comments of one answer of GitHub: the most that it gives."""
NAMES = r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}"


class Failed(Exception):
    """A sentence that a person reads in place of a traceback."""


def body(name: str, text: str) -> str:
    """Return the comment: its hidden mark, a heading, and the text as code, each line indented."""
    lines = re.split(r"\r\n|\r|\n", text.rstrip())
    shown, room = [], MOST
    for line in lines:
        room -= len(line) + 5
        if room < 0:
            break
        shown.append(f"    {line}")
    rest = "" if len(shown) == len(lines) else "\n\nThe rest is in the log of the job."
    return f"{mark(name)}\n### {name}\n\n" + "\n".join(shown) + rest


def mark(name: str) -> str:
    """Return the first line of the comments with a name, which no reader sees."""
    return f"<!-- gt_secure: {name} -->"


class GitHub:
    """The few calls to GitHub that a comment takes."""

    def __init__(self, address: str, repository: str, token: str) -> None:
        self.start = f"{address}/repos/{repository}"
        self.token = token

    def call(self, method: str, path: str, **data: str) -> Any:
        """Return the JSON of an answer; raises urllib.error.HTTPError."""
        request = urllib.request.Request(
            f"{self.start}/{path}",
            data=json.dumps(data).encode() if data else None,
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def number(self, event: dict[str, Any]) -> int | None:
        """Return the pull request of an event; None where a newer commit has taken its place."""
        if "pull_request" in event:
            return int(event["pull_request"]["number"])
        run = event.get("workflow_run")
        if run is None or run["event"] != "pull_request":
            raise Failed("a comment needs the event pull_request, or workflow_run after it.")
        head = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
        query = urllib.parse.urlencode({"state": "open", "head": head, "per_page": PAGE})
        found = self.call("GET", f"pulls?{query}")
        return next(
            (each["number"] for each in found if each["head"]["sha"] == run["head_sha"]), None
        )

    def own(self, number: int, name: str) -> int | None:
        """Return the id of the comment that an app wrote under a name."""
        page = 1
        while found := self.call("GET", f"issues/{number}/comments?per_page={PAGE}&page={page}"):
            for each in found:
                if each["user"]["type"] == "Bot" and each["body"].splitlines()[:1] == [mark(name)]:
                    return int(each["id"])
            page += 1
        return None


def write(environment: dict[str, str]) -> str:
    """Write the comment that the environment asks for, and return what was done."""
    name = environment["NAME"]
    if not re.fullmatch(NAMES, name):
        raise Failed("name takes up to 60 letters, digits, blanks and the signs . _ -")
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    text = Path(environment["FILE"]).read_text(encoding="utf-8", errors="replace")
    github = GitHub(
        environment["GITHUB_API_URL"], environment["GITHUB_REPOSITORY"], environment["TOKEN"]
    )
    number = github.number(event)
    if number is None:
        return "::notice::No open pull request has this commit: the run of the newer one comments."
    own, said = github.own(number, name), body(name, text)
    try:
        if own is None:
            github.call("POST", f"issues/{number}/comments", body=said)
        else:
            github.call("PATCH", f"issues/comments/{own}", body=said)
    except urllib.error.HTTPError as error:
        if error.code not in (403, 404):
            raise
        return (
            "::warning::The token may not write comments. Add pull-requests: write to the job; a pull"
            " request from a fork needs the second workflow of the guide."
        )
    return f"Comment on pull request {number}: {'written' if own is None else 'changed'}."


def main() -> int:
    """Write the comment, and print one line."""
    try:
        print(write(dict(os.environ)))
    except (Failed, OSError) as error:  # urllib's errors are of the second
        print(f"::error::No comment was written: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
