"""No surface beside the report shows a 0, none or an empty list for what was not read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure.account.state import action_of
from gt_secure.check import no_findings
from gt_secure.cli.main import main
from gt_secure.doctor import FEATURES, Scope
from gt_secure.doctor.diagnosis import _PART_OF, _answer
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings import examine
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Checked
from gt_secure.findings.run import RULES
from gt_secure.logs import Hits, Table, count_hits, read_hits
from gt_secure.widgets.hits_view import leaked_number, leaked_words, static_form
from support import corpus, states
from support.guards import merge_guard

SAYS_NONE = re.compile(
    r"\b0 (request|URL|presigned|finding|row)|: 0\b|\[\]|\bnone\b|contain no|No (finding|URL)|passed",
    re.IGNORECASE,
)
"""Words of a reading that found nothing; no surface has them where nothing was read."""

LINE = f"{corpus.case('x').text}\n".encode()

LOGS: dict[str, tuple[bytes, str]] = {
    "an empty log": (b"", "No hit was found|not proof"),
    "a line that is no record": (b"nonsense\n", "could not be read|not proof"),
    "a damaged object": (
        b"\x1f\x8b" + bytes(20),
        "could not be read|not proof",
    ),
}
"""Logs of which nothing was read, and the reason."""
OF_LOGS = (
    "hits LOG",
    "hits LOG --json",
    "hits LOG --format csv",
    "hits LOG --format html -o OUT",
    "hits LOG --by http_status --json",
    "leaks LOG",
    "leaks LOG --json",
    "leaks LOG --json -o OUT",
    "leaks LOG --format csv",
    "leaks LOG --format table",
    "check urls-are-consistent --logs LOG",
    "check no-leaked-urls --logs LOG",
    "check urls-are-consistent --logs LOG --json",
    "check no-leaked-urls --logs LOG --json",
)


def plain(text: str) -> str:
    """Return what a person reads of a page, or another text unchanged."""
    return re.sub(r"<style.*?</style>|<[a-z!/][^>]*>", "", text, flags=re.DOTALL)


def told(command: str, log: Path, capsys: Any) -> tuple[int, str, str]:
    """Run a command; returns its code, what it prints or writes, and all that it says."""
    out = log.with_name("out")
    code = main([{"LOG": str(log), "OUT": str(out)}.get(word, word) for word in command.split()])
    printed = capsys.readouterr()
    value = printed.out + (out.read_text() if out.exists() else "")
    return code, plain(value), plain(value) + printed.err


@pytest.fixture
def log(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    content: bytes = request.param
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "1").touch()  # an empty object, because a log of which none can be read is an error
    (folder / ("2.gz" if content.startswith(b"\x1f\x8b") else "2")).write_bytes(content)
    return folder


@pytest.mark.parametrize("command", OF_LOGS)
@pytest.mark.parametrize(("log", "reason"), LOGS.values(), ids=[*LOGS], indirect=["log"])
def test_a_log_of_which_nothing_was_read_has_no_number(
    command: str, log: Path, reason: str, capsys: Any
) -> None:
    code, value, said = told(command, log, capsys)
    assert code == 3
    assert re.search(reason, said), said
    if command.startswith("check") and "--json" in command:
        details = json.loads(value)["results"][0]["details"]
        del details["evidence"], details["coverage"]
        value = json.dumps(details)
    assert not SAYS_NONE.search(value.replace("0 unreadable", "")), value
    if command.startswith("hits") and "--json" in command:
        assert json.loads(value) is None
    if command.startswith("leaks") and "--json" in command:
        data = json.loads(value)
        assert (data["leaks"], data["checked"], data["tests"]) == (None,) * 3
        assert re.search(reason, " ".join(data["unread"]))
    if "-o OUT" in command or command.endswith(("leaks LOG --format csv", "--format table")):
        assert re.search(reason, value), "a file has the reason too"


@pytest.mark.parametrize(
    ("command", "code", "known"),
    [
        ("hits LOG --json", 0, '"hits": 1'),
        ("hits LOG --presigned --json", 0, "[]"),
        ("leaks LOG --json", 3, '"leaks": []'),
        ("leaks LOG --json", 3, '"checked": 0'),
    ],
)
@pytest.mark.parametrize("log", [LINE], indirect=True)
def test_a_log_that_was_read_has_its_numbers(
    command: str, code: int, known: str, log: Path, capsys: Any
) -> None:
    found, value, _ = told(command, log, capsys)
    assert (found, known in value) == (code, True)


@pytest.mark.parametrize(("log", "reason"), LOGS.values(), ids=[*LOGS], indirect=["log"])
def test_python_and_the_panel_say_unknown_of_such_a_log(log: Path, reason: str) -> None:
    with read_hits(log) as hits:
        leaks = hits.leaks()
        assert leaked_words(leaked_number(leaks)) == "leaked URLs unknown"
        view: Any = SimpleNamespace(total=0, sources=(), leaked=None, figure=None, hits=hits)
        panel = static_form("gt-images", view)["text/plain"]
    for text in (leaks.summary, repr(leaks), plain(leaks._repr_html_()), panel):
        assert re.search(reason, text), text
        assert not SAYS_NONE.search(text.replace("0 unreadable", "")), text
    with pytest.raises(TypeError):
        bool(leaks)


TABLES: dict[str, Callable[[Hits, Path], Table]] = {
    "count": lambda hits, _: hits.count("remote_ip"),
    "the total": lambda hits, _: hits.count(),
    "count without rows": lambda _, log: count_hits(log, "remote_ip")[0],
    "its total": lambda _, log: count_hits(log, ())[0],
    "a slice": lambda hits, _: hits.count("remote_ip")[:2],
    "the head": lambda hits, _: hits.count("remote_ip").head(2),
    "rows": lambda hits, _: hits.rows(),
    "a filter": lambda hits, _: hits.filter(refused=True).count("remote_ip"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("log", "reason"), LOGS.values(), ids=[*LOGS], indirect=["log"])
def test_a_table_of_such_a_log_says_why_it_has_no_row(name: str, log: Path, reason: str) -> None:
    with read_hits(log) as hits:
        made = TABLES[name](hits, log)
        texts = (repr(made), str(made), plain(made._repr_html_()))
        assert (json.loads(made.to_json()), made.to_dicts()) == (None, [])
    for text in texts:
        assert re.search(reason, text), text
        assert not SAYS_NONE.search(text), text


@pytest.mark.parametrize("log", [LINE], indirect=True)
def test_a_table_of_a_log_that_was_read_may_have_no_row(log: Path) -> None:
    with read_hits(log) as hits:
        made = hits.filter(refused=True).count("remote_ip")
        assert (json.loads(made.to_json()), repr(made)) == ([], "Table(remote_ip, hits; 0 rows)")
        assert hits.filter(refused=True).count().to_dicts() == [{"hits": 0}]


GUARDED = states.state(
    team=states.workteam("radiology-team", source_ip=True),
    workforce=states.workforce("private-crowd", ("203.0.113.0/24",)),
    bucket=states.data_bucket(
        policy=merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
    ),
    endpoints=(),
)


def without(name: str) -> Findings:
    """Return the findings about an account of which a part was denied."""
    gone, (head, _, rest) = states.unread(action_of(name), name), name.partition(".")
    assert GUARDED.bucket is not None
    parts = {"bucket": replace(GUARDED.bucket, **{rest: gone})} if rest else {head: gone}
    state = replace(GUARDED, **parts)
    found = examine(state)
    made = Findings(found.findings, found.checked, found.evidence)
    made.state = state
    return made


WHOLE = examine(GUARDED).checked
LACKING = {name: without(name) for name in sorted({each for rule in RULES for each in rule.needs})}
PARTS = [name for name, made in LACKING.items() if made.checked != WHOLE]
"""The parts without which a rule has another outcome."""
UNDECIDED = {
    "no rule was decided": Findings((), [Checked("cors-missing", "unknown", "it was denied")]),
    "one rule of two": Findings(
        (), [Checked("cors-missing", "unknown", "it was denied"), Checked("logging-off", "clean")]
    ),
}
DENIED = {name: (LACKING[name], action_of(name)) for name in PARTS} | {
    name: (made, "it was denied|1 unknown") for name, made in UNDECIDED.items()
}


@pytest.mark.parametrize("name", DENIED)
def test_findings_of_what_was_denied_are_never_none(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    made, reason = DENIED[name]
    gt: Any = SimpleNamespace(findings=lambda **_: made)
    monkeypatch.setattr("gt_secure.cli.findings.connection", lambda *_, **__: gt)
    sarif = tmp_path / "f.sarif"
    assert main(["findings", "s3://gt-images", "--sarif", str(sarif), "--fail-on", "unknown"]) != 0
    texts = {"command": capsys.readouterr().out, "text": str(made), "page": made._repr_html_()}
    texts["sarif"] = sarif.read_text()
    main(["findings", "s3://gt-images", "--json"])
    texts["json"] = capsys.readouterr().out
    for surface, text in texts.items():
        assert re.search(reason, text), surface
        assert not re.search(r"No findings?\.", text), surface
    data = json.loads(texts["json"])
    assert data["findings"] or data["findings"] is None
    assert data["checked"] == {each.code: each.outcome for each in made.checked}
    assert made.passes("unknown") is not True


def test_findings_without_a_log_say_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A program, too, can tell a rule that nobody asked from one that found nothing."""
    made = Findings((), [Checked("urls-live-long", "not asked", "the access log was not read")])
    gt: Any = SimpleNamespace(findings=lambda **_: made)
    monkeypatch.setattr("gt_secure.cli.findings.connection", lambda *_, **__: gt)
    main(["findings", "s3://gt-images", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert (data["findings"], data["checked"]) == (None, {"urls-live-long": "not asked"})
    assert "the access log was not read" in data["looked"]
    assert "No finding" not in str(made)


@pytest.mark.parametrize("name", PARTS)
def test_the_check_is_unknown_where_a_part_was_denied(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = DENIED[name][0]
    gt: Any = SimpleNamespace(findings=lambda **_: made)
    monkeypatch.setattr("gt_secure.check.account.with_facts", lambda *_: gt)
    found = no_findings.__wrapped__(gt, bucket="gt-images", severity="unknown")
    assert found.passed is not True
    assert not re.search(r"No findings of", found.message)


@pytest.mark.parametrize("part", sorted({*_PART_OF.values()}))
@pytest.mark.parametrize("why", ["denied", "no answer", "in part", "not asked"])
def test_the_doctor_says_yes_only_of_what_was_read(part: str, why: str) -> None:
    """A denial is *no*; what was not tried, or not answered in full, is unknown."""
    [permission] = [
        each
        for feature in FEATURES.values()
        for each in feature.permissions
        if _PART_OF.get(each.action) == part
    ][:1] or [None]
    if permission is None:
        pytest.skip("no feature needs it")
    gone = states.unread(permission.action, part, why=why)
    head, _, rest = part.partition(".")
    assert GUARDED.bucket is not None
    parts: dict[str, Any] = (
        {"bucket": replace(GUARDED.bucket, **{rest: gone})} if rest else {head: gone}
    )
    scope = Scope("aws", "us-east-1", "111122223333", "radiology-team", "f", "gt-images")
    answer = _answer(replace(GUARDED, **parts), scope, permission)
    assert answer.status in (("no", "unknown") if why == "denied" else ("unknown",))
    assert answer.reason
