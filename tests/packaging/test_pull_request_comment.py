"""The action that comments in a pull request, run as GitHub runs it, against a server that keeps
comments as GitHub documents it ("REST API endpoints for issue comments").
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mistune
import pytest

from support.rooms import ROOT

SCRIPT = ROOT / "integrations" / "pull_request" / "comment.py"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
PERSON = {"login": "mallory", "type": "User"}
MARK = "<!-- gt_secure: policies -->"
PULL = {"number": 7, "head": {"sha": "a" * 40}}
ON_PULL = {"pull_request": {"number": 7}}
ON_RUN = {
    "workflow_run": {
        "event": "pull_request",
        "head_branch": "topic",
        "head_sha": "a" * 40,
        "head_repository": {"owner": {"login": "mallory"}},
    }
}


class GitHub(ThreadingHTTPServer):
    """Comments of one pull request, of the repository lab/policies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.may_write = True
        self.fails = False

    def add(self, user: dict[str, str], body: str) -> None:
        self.comments.append({"id": len(self.comments) + 1, "user": user, "body": body})


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_call(self) -> None:
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        length = int(self.headers.get("Content-Length", 0))
        data = json.loads(self.rfile.read(length)) if length else {}
        place = split.path.removeprefix("/repos/lab/policies/")
        self.server.asked.append(f"{self.command} {place}")
        if self.headers["Authorization"] != "Bearer secret-token":
            return self.answer(401, {"message": "Bad credentials"})
        if self.server.fails:
            return self.answer(502, {"message": "Server Error"})
        if self.command != "GET" and not self.server.may_write:
            return self.answer(403, {"message": "Resource not accessible by integration"})
        match self.command, place.split("/"):
            case "GET", ["pulls"]:
                is_head = query == {"state": "open", "head": "mallory:topic", "per_page": "100"}
                return self.answer(200, [PULL] if is_head else [])
            case "GET", ["issues", "7", "comments"]:
                size, page = int(query["per_page"]), int(query["page"])
                return self.answer(200, self.server.comments[size * (page - 1) : size * page])
            case "POST", ["issues", "7", "comments"]:
                assert 0 < len(data["body"]) <= 65_536
                self.server.add(BOT, data["body"])
                return self.answer(201, self.server.comments[-1])
            case "PATCH", ["issues", "comments", number]:
                self.server.comments[int(number) - 1]["body"] = data["body"]
                return self.answer(200, self.server.comments[int(number) - 1])
        return self.answer(404, {"message": "Not Found"})

    do_GET = do_POST = do_PATCH = handle_call


@pytest.fixture
def github() -> Iterator[GitHub]:
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def comment(
    github: GitHub, folder: Path, text: str, event: dict[str, Any] | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    (folder / "event.json").write_text(json.dumps(event or ON_PULL))
    (folder / "answer.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    (folder / "json.py").write_text("raise SystemExit('a module of the repository')\n")
    given = {
        "FILE": "answer.txt",
        "NAME": "policies",
        "TOKEN": "secret-token",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_API_URL": f"http://127.0.0.1:{github.server_port}",
        "GITHUB_REPOSITORY": "lab/policies",
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT)],
        cwd=folder,
        env=given | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("event", [ON_PULL, ON_RUN], ids=["pull_request", "workflow_run"])
def test_one_comment_is_kept_up_to_date(
    event: dict[str, Any], github: GitHub, tmp_path: Path
) -> None:
    for number in range(130):  # a second page
        github.add(PERSON, f"word {number}")
    github.add(PERSON, f"{MARK}\nProved closed, says a person.")
    github.add(BOT, "<!-- gt_secure: other -->\nof another job")
    before = [each["body"] for each in github.comments]
    for text in ("Not proved: s3:GetObject", "Proved closed"):
        done = comment(github, tmp_path, text, event)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("Comment on pull request 7: ")
    assert [each["body"] for each in github.comments[:-1]] == before
    assert github.comments[-1]["body"] == f"{MARK}\n### policies\n\n    Proved closed"


HOSTILE = (
    "a finding\r### Proved\r\n\n<b>Proved</b>\n[x](javascript:y)\n```\n~~~\n-->\n@lab/team #1\n",
    "</code></pre>\n\n\n- item\n\n1. one\n\tTab\n> quote\n\x0b\x0c\x85\u2028after\n",
    f"{MARK}\n&lt;b&gt; ![i](https://x.test/y.png) https://x.test\n",
    "\n\n   \n<!--\n\nnot\ud800 text \udcff\n",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("times", [1, 2_000])
def test_what_a_policy_holds_is_code_in_the_comment(
    text: str, times: int, github: GitHub, tmp_path: Path
) -> None:
    sent = text.encode("utf-8", "replace").decode() * times
    done = comment(github, tmp_path, sent)
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = github.comments
    assert len(made["body"]) <= 65_536
    parsed = mistune.create_markdown(renderer=None)(made["body"])
    assert not isinstance(parsed, str)
    kinds = [each["type"] for each in parsed if each["type"] != "blank_line"]
    rest = ["paragraph"] if times > 1 else []
    assert kinds == ["block_html", "heading", "block_code", *rest], made["body"][:300]
    if times == 1:
        [code] = [each["raw"] for each in parsed if each["type"] == "block_code"]
        assert code.split() == re.sub(r"\r\n?", "\n", sent).split()


def test_a_newer_commit_has_its_own_run(github: GitHub, tmp_path: Path) -> None:
    event = {"workflow_run": ON_RUN["workflow_run"] | {"head_sha": "b" * 40}}
    done = comment(github, tmp_path, "Proved", event)
    assert done.returncode == 0
    assert done.stdout.startswith("::notice::No open pull request has this commit")
    assert github.comments == []


def test_a_token_that_may_only_read_is_named_and_fails_nothing(
    github: GitHub, tmp_path: Path
) -> None:
    github.may_write = False
    done = comment(github, tmp_path, "Proved")
    assert done.returncode == 0
    assert done.stdout.startswith("::warning::The token may not write comments.")


@pytest.mark.parametrize(
    ("event", "env", "said"),
    [
        ({"push": {}}, {}, "a comment needs the event pull_request"),
        ({"workflow_run": ON_RUN["workflow_run"] | {"event": "push"}}, {}, "a comment needs"),
        (ON_PULL, {"NAME": "--> <b>"}, "name takes up to 60 letters"),
        (ON_PULL, {"FILE": "absent.txt"}, "absent.txt"),
        (ON_PULL, {"TOKEN": "wrong"}, "401"),
    ],
)
def test_what_is_wrong_is_one_line(
    event: dict[str, Any], env: dict[str, str], said: str, github: GitHub, tmp_path: Path
) -> None:
    done = comment(github, tmp_path, "Proved", event, **env)
    assert done.returncode == 1
    assert done.stdout.startswith("::error::No comment was written: ")
    assert said in done.stdout
    assert done.stderr == ""
    assert "secret-token" not in done.stdout
    assert github.comments == []


def test_an_answer_of_the_server_that_fails_is_an_error(github: GitHub, tmp_path: Path) -> None:
    github.fails = True
    done = comment(github, tmp_path, "Proved")
    assert done.returncode == 1
    assert "502" in done.stdout
