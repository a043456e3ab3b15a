"""No word about a log gets better when the log does: where a line can be read in two ways, no answer
is better than in either; where a record was cut, none is certain; the order of the records, one that
was delivered twice, and what clients call themselves change no word for the better.

The sampler writes a log of requests from an office, and one guest. It hides the guest in the line
of another request: the newline between them is lost, or a client sent the guest's record in its
user agent. The same log without the guest and the log with the guest on a line of its own are the
two readings. Or it cuts a line anywhere, repeats lines, shuffles them, or renames the guest's
client. Every surface that reads a log answers about all of them, from one object of which all
questions are asked.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure import check
from gt_secure.account.sightings import Sightings
from gt_secure.changes.plan import plan
from gt_secure.changes.rules import signers
from gt_secure.cli.main import main
from gt_secure.engine.access.part import Part
from gt_secure.explain.dry_run import dry_run
from gt_secure.findings import examine
from gt_secure.findings.run import with_url_ages
from gt_secure.logs import Coverage, Hits, LogLocation, count_hits, read_hits
from gt_secure.logs.hits import worse_leaks
from gt_secure.logs.leaks import Leak, Leaks, User
from gt_secure.report import region
from gt_secure.report.accounts import Account
from gt_secure.report.buckets import UnreadNotes
from gt_secure.restriction.model import Restriction
from gt_secure.widgets.hits_view import leaked_number, leaked_words
from support import corpus, states

OFFICE, STRANGER = "203.0.113.7", "198.51.100.9"
WISH = Restriction(bucket="gt-images", prefix="scans/", addresses="203.0.113.0/24", age_limit="15m")
SIGNERS = Restriction(bucket="gt-images", signers=["arn:aws:iam::111122223333:role/Scanner"])
NOW = dt.datetime(2026, 11, 20, 9)
PASSED, UNKNOWN, FAILED = 2, 1, 0
EXIT_UNKNOWN = 3
CHECKS = {"passed": PASSED, "unknown": UNKNOWN, "failed": FAILED}
OTHER_SIGNER = "arn:aws:sts::111122223333:assumed-role/Other/session"
GLUES = ("", " ", "\r", "\t")
HOST = corpus.BASE["host_header"]
TAIL = (
    f'" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3 SigV4 c QueryString {HOST} TLSv1.3'
    " - - us "
)

Record = dict[str, Any]


def record(number: int, at_s: float, address: str = OFFICE, **fields: Any) -> Record:
    """A presigned request for one URL for each number."""
    signed = NOW + dt.timedelta(seconds=number)
    query = f"X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=600&X-Amz-Signature=a"
    key = f"scans/{number}.png"
    uri = {"request_uri": f"GET /{key}?{query} HTTP/1.1", "key": key}
    at = {"remote_ip": address, "time": NOW + dt.timedelta(seconds=at_s)}
    return {**corpus.BASE, **corpus.PRESIGNED, **uri, **at, **fields}


def guest(rng: random.Random, number: int, at_s: float) -> tuple[str, Record]:
    """A request that may change a word, or that changes none."""
    another = rng.randrange(number)
    refused = {"http_status": 403, "error_code": "AccessDenied"}
    old = {
        "signature_version": "SigV2",
        "request_uri": "GET /scans/a?AWSAccessKeyId=AKIAX&Expires=9&Signature=a HTTP/1.1",
    }
    kinds: dict[str, Record] = {
        "stranger": record(number, at_s, STRANGER),
        "leak": record(another, at_s, STRANGER),
        "tried": record(another, at_s, STRANGER, **refused),
        "colleague": record(another, at_s, "203.0.113.8"),
        "same person": record(another, at_s),
        "old": record(number, at_s, **old, key="scans/a"),
        "long": record(number - 2000, at_s),
        "preflight": record(number, at_s, **refused, operation="REST.OPTIONS.PREFLIGHT"),
        "elsewhere": record(number, at_s, STRANGER, bucket="other"),
        "another signer": record(number, at_s, requester=OTHER_SIGNER),
        "signed in the header": record(number, at_s, STRANGER, auth_type="AuthHeader"),
    }  # fmt: skip
    return rng.choice(list(kinds.items()))


@dataclass(frozen=True)
class Case:
    """A log, and its two readings."""

    kind: str
    is_newest: bool
    glued: str
    without: str
    beside: str
    records: tuple[Record, ...] = ()
    """Of the log with the guest on a line of its own; the guest's is the last."""


def case(seed: int) -> Case:
    rng = random.Random(seed)
    number = rng.randrange(4, 8)
    rows = [record(each, each * 3) for each in range(number)]
    place = rng.randrange(number - 1)
    at_s = rng.choice((place * 3 + 1, number * 3 + 60))
    kind, hidden = guest(rng, number, at_s)
    lines = [corpus.write(row) for row in rows]
    # The tail behind a record in an agent is that of the request which sent it.
    has_own_tail = kind in ("old", "signed in the header")
    other, glue = corpus.write(hidden), rng.choice(GLUES if has_own_tail else (*GLUES, None))
    one = lines[place] + (glue or "") + other
    if glue is None:
        agent = f"curl/8{TAIL}{other[: other.rindex(chr(34))]}"
        lines[place] = corpus.write({**rows[place], "user_agent": "curl/8"})
        one = corpus.write({**rows[place], "user_agent": agent})
    before, after = lines[:place], lines[place + 1 :]
    texts = (
        [*before, *middle, *after] for middle in ([one], [lines[place]], [lines[place], other])
    )
    return Case(kind, at_s > number * 3, *map(text_of, texts), (*rows, hidden))


def text_of(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


AGENTS = (
    "curl/8",
    "Boto3/1.40",
    "MLflow/3",
    "Mozilla/5.0 (iPhone)",
    'a "b" c',
    "",
    "S3Console/0.4",
)
"""What a guest's client may call itself. Words of link previews are judged with the leaks."""


def disturbed(made: Case, how: str, rng: random.Random) -> str:
    """Return the log with the guest on a line of its own, with one disturbance."""
    lines = [corpus.write(each) for each in made.records]
    at = rng.randrange(len(lines))
    if how == "cut":
        lines[at] = lines[at][: rng.randrange(20, len(lines[at]) - 60)]
    elif how == "doubled":
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif how == "renamed":
        lines[-1] = corpus.write({**made.records[-1], "user_agent": rng.choice(AGENTS)})
    if how != "cut":
        rng.shuffle(lines)
    return text_of(lines)


DISTURBANCES = ("cut", "doubled", "shuffled", "renamed")


@dataclass(frozen=True)
class Word:
    """What a surface says: how good it is, whether it is certain, and its values."""

    rank: float
    certain: bool
    values: object


def by_address(path: Path, hits: Hits) -> Word:
    table, coverage = hits.asked(lambda each: each.count("remote_ip,http_status"))
    return Word(0, not coverage.unread, sorted(table.rows))


def counted(path: Path, hits: Hits) -> Word:
    table, coverage = count_hits(path, "remote_ip", filters={"presigned": True})
    return Word(0, not coverage.unread, sorted(table.rows))


def rows(path: Path, hits: Hits) -> Word:
    chosen = hits.filter(presigned=True, refused=False)
    return Word(
        0,
        not chosen.coverage.unread,
        sorted(map(str, chosen.rows(columns=["time", "remote_ip", "key"]).rows)),
    )


def leaks(path: Path, hits: Hits) -> Word:
    found = hits.leaks()
    unknown = any(each in found.summary for each in found.unread) or not found.unread
    assert unknown, found.summary
    return Word(-found.leaked, not found.unread, sorted(leak.sentence for leak in found))


def panel(path: Path, hits: Hits) -> Word:
    found = hits.leaks()
    number = leaked_number(found)
    assert ("unknown" in leaked_words(number)) == bool(found.unread and not found.leaked)
    return Word(-(number or 0), not found.unread, number)


def presigners(path: Path, hits: Hits) -> Word:
    (counts, days), coverage = hits.asked(lambda each: each.presigners("gt-images", "scans/"))
    return Word(0, not coverage.doubts, (sorted(counts.items()), days))


def sightings(path: Path, hits: Hits) -> Word:
    seen = Sightings.in_log(hits, "gt-images", NOW.replace(tzinfo=dt.UTC))
    return Word(0, not seen.missing, sorted(map(str, seen.rows)))


def printed(path: Path, *words: str) -> tuple[int, list[str]]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main([words[0], str(path), *words[1:]])
    return code, out.getvalue().splitlines()


def hits_command(path: Path, hits: Hits) -> Word:
    code, lines = printed(path, "hits", "--format", "csv")
    return Word(0, code != EXIT_UNKNOWN, sorted(lines))


def leaks_command(path: Path, hits: Hits) -> Word:
    code, lines = printed(path, "leaks", "--json")
    made = json.loads("\n".join(lines))
    leaks = made["leaks"] or []  # null where nothing was read
    number = sum(each["kind"] == "leak" for each in leaks)
    assert bool(made["unread"]) == (code == EXIT_UNKNOWN and bool(made["unread"]))
    return Word(-number, code != EXIT_UNKNOWN, sorted(each["sentence"] for each in leaks))


def looked(result: check.CheckResult) -> Word:
    assert not result.passed or "nknown" not in str(result), str(result)
    evidence = result.details["evidence"]
    assert bool(evidence["doubt"]) == ("odd_lines" in result.details)
    return Word(CHECKS[result.status], "two ways" not in str(result), result.status)


def no_foreign_hits(path: Path, hits: Hits) -> Word:
    return looked(check.no_foreign_hits.look(hits, WISH))


def no_leaked_urls(path: Path, hits: Hits) -> Word:
    return looked(check.no_leaked_urls.look(hits=hits))


def urls_are_consistent(path: Path, hits: Hits) -> Word:
    return looked(check.urls_are_consistent.look(hits))


def expected_to_fail(path: Path, hits: Hits) -> Word:
    """Whether the check surely fails: of what is unknown it is not expected."""
    try:
        return looked(check.no_foreign_hits.fails(hits, WISH))
    except check.CheckFailed as error:
        return replace(looked(error.result), rank=FAILED)


def planned(path: Path, hits: Hits) -> Word:
    state = states.state(team=None, workforce=None)
    made = plan(cast(Any, None), WISH, state=state, hits=hits)
    tried = made.dry_run
    assert tried is not None
    assert tried.unread in made.to_text(full=True), "the text of a plan names the doubt"
    stops = [each.code for each in made.notices if each.severity == "blocker"]
    return Word(
        -tried.refused - 100 * len(stops), not tried.unread, (tried.requests, tried.refused, stops)
    )


def found(path: Path, hits: Hits) -> Word:
    state = states.state(team=None, workforce=None, bucket=states.data_bucket(), wanted=WISH)
    results = [
        (each.code, each.severity, each.detail)
        for each in examine(with_url_ages(state, hits)).findings
    ]
    certain = not any("two ways" in detail or "s3:GetObject" in detail for _, _, detail in results)
    [severity] = [severity for code, severity, _ in results if code == "presigned-from-anywhere"]
    return Word(-(severity == "high"), certain, sorted(results))


def reported(path: Path, hits: Hits) -> Word:
    state = replace(states.data_bucket(), logging=Part.of(LogLocation("gt-logs", "x/")))
    notes = UnreadNotes(passes=ValueError)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region.account, "read_bucket", lambda *_: state)
        gt = SimpleNamespace(
            aws=SimpleNamespace(region=state.region, is_local=True), hits=lambda *_, **__: hits
        )
        reader = region._RegionReader(cast(Any, gt), Account("1" * 12), notes, "7d", None)
        read = reader._log("gt-images")
    number = read["leaked"] or 0
    return Word(-number, not read["lines"], number)


Surface = Callable[[Path, Hits], Word]
SURFACES: tuple[Surface, ...] = (
    by_address, counted, rows, leaks, panel, presigners, sightings, no_foreign_hits, no_leaked_urls,
    urls_are_consistent, expected_to_fail, planned, found, reported, hits_command, leaks_command,
)  # fmt: skip
Logs = dict[str, tuple[Path, Hits]]


def logs_of(made: Case, folder: Path) -> Logs:
    """Read the log of a case, and its two readings."""
    read = {}
    for name in ("glued", "without", "beside"):
        path = folder / f"{name}.log"
        path.write_bytes(getattr(made, name).encode())
        read[name] = path, read_hits(path, cache=False)
        assert bool(read[name][1].coverage.odd) == (name == "glued"), (made, name)
    return read


def outcome(surface: Surface, logs: Logs) -> str:
    """Return whether the readings of a log agree;
    the answer to it is never better than that to either reading.
    """
    glued, *readings = (surface(*log) for log in logs.values())
    seen = (surface.__name__, glued, readings)
    assert glued.rank <= min(each.rank for each in readings), seen
    if glued.certain:
        assert glued.values == readings[0].values == readings[1].values, seen
    if readings[0].values != readings[1].values:
        return "in doubt"
    assert glued.rank == readings[0].rank or surface is expected_to_fail, seen
    return "agreed"


def after(surface: Surface, before: Word, how: str, path: Path, hits: Hits) -> str:
    """Return what a disturbance made of a word; it is never better."""
    word, is_lost = surface(path, hits), bool(hits.coverage.unreadable)
    seen = (surface.__name__, how, before, word)
    if is_lost and surface is not expected_to_fail:
        assert word.values != "passed" if surface in CHECKED else not word.certain, seen
        return "lost"
    assert word.rank <= before.rank, seen
    assert word.certain or not before.certain or how == "renamed", seen
    if how in ("shuffled", "cut"):
        assert word.values == before.values or how == "cut", seen
    return "same" if word.values == before.values else "changed"


CHECKED = (no_foreign_hits, no_leaked_urls, urls_are_consistent)
"""Checks: one that fails is certain whatever else was lost."""


def disturb(
    seed: int, folder: Path, surfaces: Iterable[Surface], ways: Iterable[str] = DISTURBANCES
) -> Counter[tuple[str, str, str]]:
    made, counts = case(seed), Counter[tuple[str, str, str]]()
    path = folder / "before.log"
    path.write_text(text_of(map(corpus.write, made.records)))
    with read_hits(path, cache=False) as hits:
        before = {surface: surface(path, hits) for surface in surfaces}
    for how in ways:
        other = folder / f"{how}.log"
        other.write_bytes(disturbed(made, how, random.Random(seed)).encode())
        with read_hits(other, cache=False) as hits:
            for surface, word in before.items():
                counts[surface.__name__, how, after(surface, word, how, other, hits)] += 1
    return counts


def hidden(kind: str, seed: int = 0) -> Case:
    """Return the first case of a kind whose guest is not the newest request,
    so that the newest one tells nothing.
    """
    made = case(seed)
    return made if made.kind == kind and not made.is_newest else hidden(kind, seed + 1)


@pytest.fixture(scope="module")
def leaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    """A log that hides a stranger who opened the URL of somebody else."""
    yield from opened(hidden("leak"), tmp_path_factory.mktemp("leaked"))


def opened(made: Case, folder: Path) -> Iterator[Logs]:
    logs = logs_of(made, folder)
    yield logs
    for _, hits in logs.values():
        hits.close()


@pytest.mark.parametrize(
    "surface", [each for each in SURFACES if each not in (counted, planned, hits_command)]
)
def test_no_answer_is_better_than_in_either_reading(leaked: Logs, surface: Surface) -> None:
    assert outcome(surface, leaked) == "in doubt"


def test_no_plan_is_better_than_in_either_reading(leaked: Logs) -> None:
    assert outcome(planned, leaked) == "in doubt"


def test_where_both_readings_agree_the_answer_is_certain(tmp_path: Path) -> None:
    """A stranger whose record is hidden in the log of another bucket makes nothing
    unknown about this one.
    """
    (tmp_path / "log").write_bytes(hidden("elsewhere").glued.encode())
    with read_hits(tmp_path / "log", cache=False) as hits:
        ours = hits.filter(bucket="gt-images", presigned=True)
        assert not ours.asked(lambda each: each.count("remote_ip"))[1].unread
        assert hits.asked(lambda each: each.count("remote_ip"))[1].unread
        assert no_foreign_hits(tmp_path, hits) == Word(PASSED, True, "passed")
        assert presigners(tmp_path, hits).certain
        assert found(tmp_path, hits).certain


def test_who_signed_in_either_reading_is_named(tmp_path: Path) -> None:
    """A plan that lists signers, and the findings, ask without a doubt of their own."""
    (tmp_path / "log").write_bytes(hidden("another signer").glued.encode())
    with read_hits(tmp_path / "log", cache=False) as hits:
        assert OTHER_SIGNER in hits.presigners("gt-images", "scans/")[0]
        case = cast(Any, SimpleNamespace(restriction=SIGNERS, hits=hits))
        assert any("/Other" in str(each) for each in signers.logged.run(case))
        state = states.state(team=None, workforce=None, bucket=states.data_bucket(), wanted=WISH)
        bucket = with_url_ages(state, hits).bucket
        assert bucket is not None
        assert bucket.presigners is not None
        assert OTHER_SIGNER in bucket.presigners()


def test_a_leak_of_either_reading_counts_before_more_attempts() -> None:
    users = tuple(User(f"203.0.{each}.7", None, str(each), "", NOW, 1, each) for each in range(2))
    one = Leak("f", "key", NOW, 60, "leak", users)
    tried = replace(one, kind="refused")
    both = [Leaks([one], 3, []), Leaks([tried, tried], 3, [])]
    assert max(both, key=worse_leaks).leaked == 1


def test_what_is_accepted_as_unreadable_is_no_doubt(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"{corpus.write(record(1, 1))}\nno record\n")
    with read_hits(tmp_path / "log", cache=False) as hits:
        assert looked(check.no_leaked_urls.look(hits)).rank == UNKNOWN
        assert looked(check.no_leaked_urls.look(hits, max_unreadable=1)).rank == PASSED


def test_the_command_line_says_so(leaked: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = leaked["glued"]
    assert main(["leaks", str(path)]) == 3
    assert "can be read in two ways" in capsys.readouterr().err


def overwritten(
    self: Hits, question: Callable[[Hits], Any], worse: Any = None
) -> tuple[Any, Coverage]:
    """The answer of one reading, with the doubt of the question that came last."""
    newest = [each.query("SELECT max(time) FROM {hits}") for each in self.readings]
    return question(self.readings[0]), replace(self._read, ambiguous=newest[1:] != newest[:-1])


QUICK = (by_address, leaks, sightings, no_foreign_hits, no_leaked_urls, found)


def test_no_disturbance_makes_a_word_better(tmp_path: Path) -> None:
    assert disturb(11, tmp_path, QUICK)


def test_no_disturbance_makes_a_word_better_in_many_logs(tmp_path: Path) -> None:
    """Every surface loses a record, and is left as it was."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for seed in range(200, 203):
        counts += disturb(seed, tmp_path, SURFACES)
    for surface in set(SURFACES) - {expected_to_fail}:
        assert counts[surface.__name__, "cut", "lost"] >= 2, counts
        assert counts[surface.__name__, "shuffled", "same"] == 3, counts
    assert sum(counts[surface.__name__, "doubled", "changed"] for surface in SURFACES) >= 3, counts


@pytest.mark.parametrize("surface", QUICK)
def test_a_record_that_is_lost_in_silence_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, surface: Surface
) -> None:
    monkeypatch.setattr(Coverage, "_not_read", lambda _: [])
    seed = next(each for each in range(11, 99) if case(each).kind == "same person")
    with pytest.raises(AssertionError):
        disturb(seed, tmp_path, [surface], ["cut"])


FAULTS: dict[str, tuple[str, Any]] = {
    "the doubt of another question": ("asked", overwritten),
    "one reading": ("readings", property(lambda self: (self._with(self._relations[:1]),))),
}


@pytest.mark.parametrize(
    "surface", [by_address, leaks, no_foreign_hits, no_leaked_urls, urls_are_consistent]
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(
    leaked: Logs, monkeypatch: pytest.MonkeyPatch, fault: str, surface: Surface
) -> None:
    monkeypatch.setattr(Hits, *FAULTS[fault])
    with pytest.raises(AssertionError):
        outcome(surface, leaked)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plan_shows_it(leaked: Logs, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(Hits, *FAULTS[fault])
    assert dry_run(WISH, leaked["glued"][1]).refused < dry_run(WISH, leaked["beside"][1]).refused


def test_no_answer_is_better_in_many_logs(tmp_path: Path) -> None:
    """Each surface is certain and in doubt, and nearly each kind of guest is met."""
    counts: Counter[tuple[str, str]] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(100, 116):
        made = case(seed)
        kinds[made.kind] += 1
        for logs in opened(made, tmp_path):
            counts.update((surface.__name__, outcome(surface, logs)) for surface in SURFACES)
    assert len(kinds) >= 8, kinds
    assert min(counts[surface.__name__, "in doubt"] for surface in SURFACES) >= 2, counts
    assert (
        min(
            counts[surface.__name__, "agreed"]
            for surface in SURFACES
            if surface not in (by_address, hits_command)
        )
        >= 2
    ), counts


def agent_of(**fields: Any) -> str:
    """Return the user agent of a client that sends the tail of its record, and a record."""
    other = corpus.write(record(1, 1, STRANGER, **fields))
    return f"curl/8{TAIL}{other[: other.rindex(chr(34))]}"


@pytest.mark.parametrize(("owner", "is_odd"), [(corpus.BASE["bucket_owner"], True), ("f" * 64, False), ("me", False)])  # fmt: skip
def test_a_client_that_does_not_know_the_owner_makes_nothing_odd(
    tmp_path: Path, owner: str, is_odd: bool
) -> None:
    """S3 delivers logs of one account: a record of another owner is the text of a client."""
    sent = record(0, 0, user_agent=agent_of(bucket_owner=owner))
    (tmp_path / "log").write_text(f"{corpus.write(sent)}\n{corpus.write(record(2, 2))}\n")
    with read_hits(tmp_path / "log", cache=False) as hits:
        assert bool(hits.coverage.odd) == is_odd
        assert by_address(tmp_path, hits).certain != is_odd
    assert (main(["hits", str(tmp_path / "log")]) == 3) == is_odd


@pytest.mark.parametrize("host_id", [None, "abc", corpus.BASE["host_id"]])
def test_a_new_quoted_field_empties_nothing_in_silence(tmp_path: Path, host_id: str | None) -> None:
    line = corpus.write({**record(1, 1), "host_id": host_id})
    (tmp_path / "log").write_text(f'{line} "new field"\n')
    with read_hits(tmp_path / "log", cache=False) as hits:
        table, coverage = hits.asked(lambda each: each.count("auth_type"))
        assert coverage.unread or [row[0] for row in table.rows] == ["QueryString"]
