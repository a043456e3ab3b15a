"""Stories of presigned URLs, each with the word that an analyst has for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.url_journal import UrlJournal
from gt_secure.logs import read_hits
from gt_secure.logs.leaks import LeakRules
from support import corpus

FILE = Path(__file__).parents[1] / "data" / "leak-stories.json"
DATA = json.loads(FILE.read_text(encoding="utf-8"))
STORIES: list[dict[str, Any]] = DATA["stories"]
OPERATIONS = {
    "GET": "REST.GET.OBJECT",
    "HEAD": "REST.HEAD.OBJECT",
    "PUT": "REST.PUT.OBJECT",
    "LIST": "REST.GET.BUCKET",
}


def query_of(use: dict[str, Any], marker: str) -> str:
    signed = corpus.BASE["time"] + timedelta(seconds=use.get("sign", 0))
    access = use.get("access", "ASIAEXAMPLEKEYID0001")
    if use.get("v2"):
        parts = [f"AWSAccessKeyId={access}", f"Expires={signed:%s}", "Signature=XXXX"]
    else:
        parts = [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"X-Amz-Credential={access}%2F20261120%2Fus-east-1%2Fs3%2Faws4_request",
            f"X-Amz-Date={signed:%Y%m%dT%H%M%SZ}",
            f"X-Amz-Expires={use.get('expires', 36000)}",
            "X-Amz-SignedHeaders=host",
        ]
        parts += [f"x-gt-secure-test={marker}"] if use.get("test") else []
        parts += ["X-Amz-Signature=XXXX"]
    parts += [f"x-viewer={use['viewer']}"] if "viewer" in use else []
    return "&".join(parts[::-1] if use.get("order") else parts)


def lines_of(use: dict[str, Any], marker: str = "") -> Iterator[str]:
    method = use.get("method", "GET")
    key = None if method == "LIST" else use.get("key", "scans/0007.png")
    refused = use.get("status") == 403
    record = {
        **corpus.BASE,
        **corpus.PRESIGNED,
        "remote_ip": use["ip"],
        "user_agent": DATA["agents"][use.get("agent", "chrome")],
        "operation": OPERATIONS[method],
        "key": key,
        "request_uri": f"{method.replace('LIST', 'GET')} /{key or ''}?{query_of(use, marker)} HTTP/1.1",
        "http_status": use.get("status", 200),
        "error_code": use.get("code"),
    }
    if use.get("v2"):
        record["signature_version"] = "SigV2"
    if use.get("header"):
        record |= {"auth_type": "AuthHeader", "request_uri": f"GET /{key} HTTP/1.1"}
    if refused and use.get("code") == "SignatureDoesNotMatch":
        record["requester"] = None
    for number in range(use.get("times", 1)):
        seconds = use["at"] + number * use.get("every", 0)
        yield corpus.write(record | {"time": corpus.BASE["time"] + timedelta(seconds=seconds)})


def told(folder: Path, story: dict[str, Any], pools: list[str]) -> tuple[str, str]:
    """The word of the tool for a story, and its sentence."""
    journal = UrlJournal(folder / "journal")
    marker = journal.new_marker()
    for use in story["uses"] if any("test" in use for use in story["uses"]) else []:
        at = corpus.BASE["time"].replace(tzinfo=UTC) + timedelta(seconds=use["at"])
        journal.record_use(marker, at.timestamp())
    lines = [line for use in story["uses"] for line in lines_of(use, marker)]
    (folder / "log").write_text("\n".join(lines), encoding="utf-8")
    with read_hits(folder / "log", test_urls=journal) as hits:
        found = list(hits.leaks(LeakRules.make(pools=pools)))
    if not found:
        return "quiet", ""
    [leak] = found
    word = "leak?" if leak.kind == "person" or leak.rank == "possible" else leak.kind
    return word, leak.sentence


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story["story"])
def test_a_story_has_the_word_of_an_analyst(tmp_path: Path, story: dict[str, Any]) -> None:
    word, sentence = told(tmp_path, story, story.get("pool", []))
    assert word == story["word"], sentence
    assert story.get("says", "") in sentence
    if "otherwise" in story:
        assert told(tmp_path, story, [])[0] == story["otherwise"]


def test_the_stories_are_of_every_kind() -> None:
    words = Counter(story["word"] for story in STORIES)
    assert len(STORIES) == 82
    assert min(words[word] for word in ("leak", "leak?", "refused", "preview", "quiet")) >= 9
