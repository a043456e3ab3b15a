"""A method of the connection hands its arguments, and what belongs to the connection, to one
function of the library.

Each row has the call, the function that it reaches, and all that this one gets: an argument in
another place, one that is left out, or a journal, cache or fact of another connection shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure import account, changes, connection, explain, logs, presign, report as reports
from gt_secure.account.bucket_access import BucketAccess
from gt_secure.aws import buckets, endpoints, teams
from gt_secure.base.errors import InvalidInput
from gt_secure.base.url_journal import UrlJournal
from gt_secure.changes.applied import Applied
from gt_secure.check.ledger import RecordedPlace
from gt_secure.connection import Connection
from gt_secure.engine import iam
from gt_secure.logs import plots
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.states import TEAM, data_bucket, state

AWS = cast(
    Any,
    SimpleNamespace(region="us-east-1", is_local=True, account_id="111122223333", partition="aws"),
)
AWS.remembering = lambda: AWS
FACTS = {"aws:PrincipalOrgID": "o-abc123"}
WISH = Restriction(
    bucket="gt-images", prefix="scans/", addresses="203.0.113.0/24", endpoints="vpce-0a1b2c3d"
)
EXPECTING = Restriction(
    bucket="gt-images", addresses="203.0.113.0/24", expectations=[expect.allowed("203.0.113.7")]
)
PLACE = RecordedPlace("111122223333", "us-east-1", "sandbox")

Call = Callable[[Connection], Any]


def progress(said: Any) -> None:
    """A function of the caller."""


@pytest.fixture
def gt(tmp_path: Path) -> Connection:
    return Connection(AWS, journal=cast(Any, tmp_path / "journal"), context=FACTS, cache=False)


def plain(value: Any) -> Any:
    """Return a journal of test URLs, of which each look makes another, as its folder."""
    return ("test URLs", value._journal) if isinstance(value, UrlJournal) else value


def everywhere(gt: Connection) -> dict[str, Any]:
    """Return what every reading of logs gets."""
    return {
        "aws": AWS,
        "networks": None,
        "test_urls": plain(gt.journal.test_urls),
        "viewers": gt.viewers,
    }


UNDO = SimpleNamespace(undoes="c1", notices=(), asks=(), empty=True)
ROWS: dict[str, tuple[Call, Any, str, tuple[Any, ...], Callable[[Connection], dict[str, Any]]]] = {
    "workteam": (lambda gt: gt.workteam("a"), teams, "get_workteam", (AWS, "a"), lambda gt: {}),
    "keys": (
        lambda gt: gt.keys("gt-images", "scans/", most=7),
        buckets, "list_keys", (AWS, "gt-images", "scans/"), lambda gt: {"most": 7},
    ),
    "state": (
        lambda gt: gt.state(team="a", bucket="gt-images"),
        account, "read_state", (AWS,),
        lambda gt: {
            "team": "a", "bucket": "gt-images", "supplied": iam.supplied_facts(FACTS), "needs": account.EVERYTHING
        },
    ),
    "plan": (
        lambda gt: gt.plan(WISH, reason="ticket 7"),
        changes, "plan", (AWS, WISH),
        lambda gt: {
            "hits": None, "look": gt._newest_log, "context": FACTS, "accepted": (), "journal": gt.journal,
            "reason": "ticket 7",
        },
    ),
    "apply": (
        lambda gt: gt.apply(
            cast(Any, SimpleNamespace(restriction=WISH, asks=())), confirm=["a"], progress=progress, timeout_s=5, digest="d"
        ),
        changes, "apply", (AWS, SimpleNamespace(restriction=WISH, asks=())),
        lambda gt: {
            "journal": gt.journal, "confirm": ["a"], "progress": progress, "timeout_s": 5, "digest": "d", "probe": None
        },
    ),
    "apply of an undo": (
        lambda gt: gt.apply(
            cast(Any, UNDO), progress=progress, timeout_s=5
        ),
        changes, "undo", (AWS, "c1"), lambda gt: {"journal": gt.journal, "progress": progress, "timeout_s": 5},
    ),
    "resume": (
        lambda gt: gt.resume("c1", progress=progress, timeout_s=5),
        changes, "resume", (AWS, "c1"), lambda gt: {"journal": gt.journal, "progress": progress, "timeout_s": 5},
    ),
    "plan_undo": (
        lambda gt: gt.plan_undo(Applied("c1", "applied")),
        changes, "plan_undo", (AWS, "c1"), lambda gt: {"journal": gt.journal, "look": gt._newest_log},
    ),
    "undo": (
        lambda gt: gt.undo("c1", progress=progress, timeout_s=5),
        changes, "undo", (AWS, "c1"), lambda gt: {"journal": gt.journal, "progress": progress, "timeout_s": 5},
    ),
    "export": (
        lambda gt: gt.export(bucket="gt-images", lists=["pl-1"]),
        account, "current_restriction", (AWS, None, "gt-images", ["pl-1"]), lambda gt: {},
    ),
    "sign": (
        lambda gt: gt.sign(
            "gt-images", "scans/1.png", expires_in=60, bound_to="203.0.113.7", role_arn="r", version_id="v",
            sign_with="role", viewer="anna", method="HEAD",
        ),
        presign, "sign", (AWS, "gt-images", "scans/1.png"),
        lambda gt: {
            "expires_in": 60, "bound_to": "203.0.113.7", "role_arn": "r", "version_id": "v", "sign_with": "role",
            "viewer": "anna", "viewers": gt.viewers, "trial": None, "method": "HEAD", "test_urls": plain(gt.journal.test_urls),
        },
    ),
    "probe_origins": (lambda gt: gt.probe_origins(), presign, "probe_origins", (AWS,), lambda gt: {}),
    "probe": (
        lambda gt: gt.probe("https://x", method="HEAD"),
        presign, "probe", ("https://x", presign.KERNEL),
        lambda gt: {"method": "HEAD", "test_urls": plain(gt.journal.test_urls)},
    ),
    "explain": (
        lambda gt: gt.explain(cast(Any, SimpleNamespace(status=200)), url="https://x", origin="https://page"),
        explain, "explain_probe", (AWS, SimpleNamespace(status=200)),
        lambda gt: {"url": "https://x", "origin": "https://page"},
    ),
    "count_hits": (
        lambda gt: gt.count_hits(
            "gt-images", "key", logs="log", since="7d", until="1d", filters={"presigned": True}, engine="duckdb",
            memory_limit="2GB", progress=progress,
        ),
        logs, "count_hits", ("log", "key"),
        lambda gt: {
            "since": "7d", "until": "1d", "progress": progress, "cancel": None, "engine": "duckdb",
            "filters": {"presigned": True, "bucket": "gt-images"}, "memory_limit": "2GB", **everywhere(gt),
        },
    ),
}  # fmt: skip


class Recorder:
    """A function that notes how it is called."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls.append(
            (tuple(map(plain, given)), {name: plain(value) for name, value in named.items()})
        )
        return self.answer


@pytest.mark.parametrize("name", ROWS)
def test_a_method_hands_on_what_it_is_given(
    name: str, gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, module, function, given, named = ROWS[name]
    monkeypatch.setattr(changes, "plan_undo", lambda *_, **__: UNDO)
    probe = presign.Probe(200, "own", None, "gt-images", "a.png", 1.0)
    recording = {"workteam": TEAM, "probe": probe, "probe of an object of its own": probe}
    answer: Any = recording.get(name, "the answer")
    seen = Recorder(answer)
    monkeypatch.setattr(module, function, seen)
    made = call(gt)
    assert made == answer or made.to_dict() == answer.to_dict()
    assert seen.calls == [(given, named(gt))]


def test_a_plan_with_expectations_is_probed(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, made = Recorder(), Recorder("a probe")
    monkeypatch.setattr(changes, "apply", seen)
    monkeypatch.setattr(explain, "expectation_probe", made)
    gt.apply(cast(Any, SimpleNamespace(restriction=EXPECTING, asks=())))
    assert made.calls == [((AWS, None, plain(gt.journal.test_urls)), {})]
    assert seen.calls[0][1]["probe"] == "a probe"


def test_lists_show_what_was_listed(gt: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teams, "list_workteams", Recorder([TEAM]))
    monkeypatch.setattr(endpoints, "list_s3_endpoints", Recorder([]))
    monkeypatch.setattr(teams, "jobs_of_team", jobs := Recorder(SimpleNamespace(jobs=("job",))))
    assert [*gt.workteams()] == [TEAM]
    assert [*gt.endpoints()] == []
    assert [*gt.jobs(TEAM)] == ["job"]
    assert jobs.calls == [((AWS, TEAM), {})]
    for found in ([], ["default", "other"]):
        monkeypatch.setattr(teams, "list_workforces", Recorder(found))
        assert gt.workforce() == next(iter(found), None)


@pytest.mark.parametrize(
    ("bucket", "is_alone", "reads_others"),
    [("gt-images", False, True), ("gt-images", True, False), (None, False, False)],
)
def test_other_teams_of_a_bucket_are_read_once_for_all(
    bucket: str | None,
    is_alone: bool,
    reads_others: bool,
    gt: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gt = connection.replace(gt, others=not is_alone)
    monkeypatch.setattr(account, "read_state", read := Recorder("read"))
    monkeypatch.setattr(changes, "with_wishes", wishes := Recorder("with wishes"))
    found = gt._beside(team="a", bucket=bucket, needs=account.LOCKS)
    assert found == ("with wishes" if reads_others else "read")
    needs = account.LOCKS | account.OTHERS if reads_others else account.LOCKS
    assert read.calls == [((AWS,), {"team": "a", "bucket": bucket, "needs": needs})]
    assert wishes.calls == ([((AWS, gt.journal, "read"), {})] if reads_others else [])


@pytest.mark.parametrize(
    ("key", "one", "is_prefix"),
    [("scans/1.png", "scans/1.png", False), ("scans/", None, True), ("", None, True)],
)
def test_who_can_open_reads_for_one_key_or_for_all_under_a_prefix(
    key: str, one: str | None, is_prefix: bool, gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "read_state", read := Recorder(state()))
    monkeypatch.setattr(account, "listing_of", Recorder("a listing"))
    exposure = gt.who_can_open("gt-images", key, team="radiology-team")
    assert (exposure.key, exposure.is_prefix, exposure._listing) == (key, is_prefix, "a listing")
    [(_, named)] = read.calls
    assert named == {
        "team": "radiology-team", "bucket": "gt-images", "key": one, "supplied": iam.supplied_facts(FACTS),
        "needs": account.LOCKS | account.OTHERS,
    }  # fmt: skip


def test_a_url_in_the_place_of_a_key_is_an_error(gt: Connection) -> None:
    url = "https://gt-images.s3.amazonaws.com/scans/1.png?X-Amz-Signature=" + "0f" * 32
    with pytest.raises(InvalidInput) as caught:
        gt.who_can_open("gt-images", url)
    assert caught.value.field == "key"
    assert "0f0f" not in str(caught.value)


def test_findings_are_of_a_place_a_prefix_and_what_is_wanted(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "read_state", read := Recorder(state(bucket=data_bucket())))
    monkeypatch.setattr(changes, "wanted_on", Recorder((WISH, EXPECTING)))
    monkeypatch.setattr(connection, "recorded_place", Recorder(PLACE))
    monkeypatch.setattr(account, "with_signers", signers := Recorder(state(wanted=WISH)))
    found = gt.findings(team="radiology-team", bucket="s3://gt-images/scans/")
    assert found.place == PLACE
    assert isinstance(found.access, BucketAccess)
    assert read.calls[0][1] == {
        "team": "radiology-team", "bucket": "gt-images", "supplied": iam.supplied_facts(FACTS),
        "needs": account.FINDINGS | account.OTHERS,
    }  # fmt: skip
    assert {"guard-missing", "guard-removed"} & {each.code for each in found}
    for principals, path in ((True, None), ("users.json", "users.json")):
        gt.findings(bucket="gt-images", principals=principals)
        (_, _, given), _ = signers.calls[-1]
        assert given == path


def test_a_proof_is_of_a_place_and_its_objects(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        account, "read_state", read := Recorder(state(facts=iam.supplied_facts(FACTS)))
    )
    monkeypatch.setattr(connection, "recorded_place", Recorder(PLACE))
    proof = gt.prove(WISH)
    assert (proof.subject, proof.place) == ("s3://gt-images/scans/", PLACE)
    assert read.calls[0][1]["bucket"] == "gt-images"
    assert not proof.proved
    with pytest.raises(InvalidInput, match="names no bucket"):
        gt.prove(Restriction("radiology-team"))


def test_a_report_is_asked_with_all_that_was_given(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "report", seen := Recorder("report"))
    given = {
        "buckets": "all",
        "since": "1d",
        "accounts": ["111122223333"],
        "regions": "all",
        "role": "GtSecureReport",
    }
    assert gt.report(**given) == "report"
    assert seen.calls == [((gt,), given)]


@pytest.mark.parametrize(("wait_for", "function"), [(0, "read_hits"), (3, "wait_for_hits")])
def test_hits_are_of_a_place_and_a_bucket(
    wait_for: int, function: str, gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(
        place=None, subject="log", with_refusals=lambda decider: ("refusals", decider)
    )
    monkeypatch.setattr(logs, function, seen := Recorder(found))
    monkeypatch.setattr(connection, "recorded_place", Recorder(PLACE))
    monkeypatch.setattr(explain, "refusal_decider", Recorder("a decider"))
    values: dict[str, Any] = {
        "logs": "log",
        "since": "7d",
        "until": "1d",
        "dedupe": True,
        "memory_limit": "2GB",
    }
    assert (
        gt.hits(
            "gt-images", wait_for=wait_for, wait_s=9, engine="duckdb", progress=progress, **values
        )
        is found
    )
    assert (found.place, found.subject) == (PLACE, "gt-images")
    given = {"wait_s": 9} if wait_for else {}
    assert seen.calls == [
        (
            ("log", 3) if wait_for else ("log",),
            {
                "since": "7d", "until": "1d", "dedupe": True, "progress": progress, "cancel": None, "cache": False,
                "filters": {"bucket": "gt-images"}, "engine": "duckdb", "memory_limit": "2GB",
                **given, **everywhere(gt),
            },
        )
    ]  # fmt: skip
    found.subject = "log"
    assert gt.hits(logs="log", wait_for=wait_for, predict=True) == ("refusals", "a decider")
    assert found.subject == "log"


def test_a_plot_has_the_networks_of_a_restriction(
    gt: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = object.__new__(logs.Hits)
    monkeypatch.setitem(vars(plots), "draw", seen := Recorder("a figure"))  # loads no matplotlib
    assert gt.plot(hits, kind="age", restriction=WISH, top=3, theme="dark") == "a figure"
    assert gt.plot(hits) == "a figure"
    (first, listed), (second, plain_one) = seen.calls
    assert (first, listed["top"], listed["theme"]) == ((hits, "age"), 3, "dark")
    assert (second, plain_one["top"], plain_one["theme"]) == ((hits, "ip"), 12, "light")
    for source in ("203.0.113.0/24", "vpce-0a1b2c3d"):
        assert source in str(listed)
        assert source not in str(plain_one)
    with pytest.raises(InvalidInput, match="not int"):
        gt.plot(cast(Any, 3))
