"""A promise is a set of claims with their place: a weaker claim, another place, an answer that the
run made itself and a process that says nothing do not keep it.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import pickle
import subprocess
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from gt_secure import Restriction, check
from gt_secure.aws.client import Aws, connect_aws
from gt_secure.base.errors import InvalidInput
from gt_secure.base.outcome import CheckResult
from gt_secure.check import CheckFailed, Spec, ledger, proof
from gt_secure.check.ledger import SAVED, LedgerEntry, RecordedPlace, claimed
from gt_secure.check.promise import CheckClaim, promise_cell, promise_of, statements, unkept
from gt_secure.check.proof import RecordedProbe, RecordedProof
from gt_secure.check.result import CHECKS, Check
from gt_secure.connection import Connection
from gt_secure.engine.access.proof import Proof
from gt_secure.findings import listings
from gt_secure.findings.listings import Findings
from gt_secure.findings.model import Acceptance, Checked
from gt_secure.logs import read_hits
from gt_secure.presign import Probe
from support.account import Account
from support.promised import owed, summary

HERE = RecordedPlace("111122223333", "us-east-1")
BOX = RecordedPlace("111122223333", "us-east-1", "sandbox")
GUARD = "guard_is_in_place"
NOW = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def entry(
    subject: str,
    place: RecordedPlace = HERE,
    status: str = "passed",
    name: str = GUARD,
    **more: Any,
) -> LedgerEntry:
    return LedgerEntry(name, subject, status, *place, NOW)._replace(**more)


def ran(*entries: LedgerEntry, source: str = "import gt_secure") -> dict[str, Any]:
    """A notebook with one cell, whose run recorded some entries."""
    kept = [{name: value for name, value in each._asdict().items() if value} for each in entries]
    output = {
        "output_type": "display_data",
        "data": {},
        "metadata": {"gt_secure": {"checks": kept}},
    }
    cell = {"cell_type": "code", "execution_count": 1, "source": source, "outputs": [output]}
    return {"cells": [{**cell, "metadata": {}}], "metadata": {}, "nbformat": 4}


def promised(*entries: LedgerEntry) -> dict[str, Any]:
    """A notebook with the promise that is written after a run."""
    source = promise_cell(statements(entries))
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
    return {"cells": [cell], "metadata": {}}


ELSEWHERE = {
    "another account": RecordedPlace("999988887777", "us-east-1"),
    "another region": RecordedPlace("111122223333", "eu-west-1"),
    "the sandbox": BOX,
    "an account that nobody knows": RecordedPlace("", "us-east-1"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_run_elsewhere_names_both_places(name: str) -> None:
    promise = promised(entry("gt-images", source="a"), entry("study.ipynb", RecordedPlace()))
    assert owed(promise, ran(entry("gt-images"), entry("study.ipynb", RecordedPlace()))) == []
    place = ELSEWHERE[name]
    [said] = owed(promise, ran(entry("gt-images", place), entry("study.ipynb", RecordedPlace())))
    assert said == (
        "guard_is_in_place(gt-images) in account 111122223333, us-east-1 ran nowhere;"
        f" guard_is_in_place(gt-images) in {place} ran"
    )


def test_a_promise_of_the_sandbox_is_not_kept_on_an_account() -> None:
    promise = promised(entry("gt-images", BOX))
    assert promise_of(promise).claims == {CheckClaim(GUARD, "gt-images", BOX)}
    assert owed(promise, ran(entry("gt-images", BOX))) == []
    assert len(owed(promise, ran(entry("gt-images")))) == 1


def test_each_of_several_places_is_promised() -> None:
    both = entry("gt-images"), entry("gt-images", RecordedPlace("999988887777", "us-east-1"))
    promise = promised(*both)
    assert owed(promise, ran(*both)) == []
    assert [len(owed(promise, ran(one))) for one in both] == [1, 1]


def test_a_promise_without_a_place_is_one_of_any() -> None:
    cell = {"cell_type": "code", "source": 'check.promise(guard_is_in_place=["gt-images"])'}
    old = {"cells": [{**cell, "metadata": {}, "outputs": []}], "metadata": {}}
    assert owed(old, ran(entry("gt-images", BOX))) == []


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[CheckResult]:
    """The results that are recorded."""
    found: list[CheckResult] = []
    module = sys.modules[Check.__module__]
    monkeypatch.setattr(module, "recorded", lambda result, place=None: found.append(result))
    return found


@Check
def some_lock_holds(gt: Any, bucket: str, *, addresses: Any = None, prefix: str = "", **more: Any) -> CheckResult:  # fmt: skip
    """A check."""
    return CheckResult("some_lock_holds", bucket, True, "")


del CHECKS["some_lock_holds"]  # of this page alone


WEAKER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a variable that is missing": ({"addresses": "203.0.113.0/24"}, {"addresses": None}),
    "a wider list": ({"addresses": ["203.0.113.0/24"]}, {"addresses": ["0.0.0.0/0"]}),
    "one more address": (
        {"addresses": ["203.0.113.0/24"]},
        {"addresses": ["203.0.113.0/24", "::/0"]},
    ),
    "a prefix": ({}, {"prefix": "scans/"}),
    "fewer expectations": ({"more": [1, 2]}, {"more": [1]}),
    "a series": ({"addresses": pd.Series(["203.0.113.0/24"])}, {"addresses": pd.Series(["::/0"])}),
    "a long list that differs at its end": (
        {"addresses": [f"203.0.113.{n}" for n in range(99)]},
        {"addresses": [f"203.0.113.{n}" for n in range(98)]},
    ),
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_claim_of_the_same_subject_does_not_keep_it(
    name: str, kept: list[CheckResult]
) -> None:
    for given in WEAKER[name]:
        some_lock_holds(None, "gt-images", **given)
    strong, weak = (ledger.shortened(each.subject) for each in kept)
    promise = promised(entry(strong))
    assert owed(promise, ran(entry(strong))) == []
    [said] = owed(promise, ran(entry(weak)))
    assert f"ran nowhere; guard_is_in_place({weak}) in account 111122223333, us-east-1 ran" in said


def test_a_prefix_in_the_name_of_a_bucket_is_a_part_of_the_claim(kept: list[CheckResult]) -> None:
    def guard_is_there(gt: Any, bucket: str, *, prefix: str = "") -> CheckResult:
        return CheckResult("guard_is_there", "gt-images", True, "")

    made = Check(guard_is_there)
    del CHECKS["guard_is_there"]
    for bucket in ("gt-images", "s3://gt-images", "s3://gt-images/scans/"):
        made.look(None, bucket)
        made.look(None, bucket=bucket)
    made.look(None, "gt-images", prefix="scans/")
    whole, part = "gt-images", "gt-images: prefix scans/"
    assert [each.subject for each in kept] == [*[whole] * 4, *[part] * 3]


def test_some_rows_of_a_log_are_another_claim(kept: list[CheckResult], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "owner gt-images [20/Nov/2026:09:00:01 +0000] 203.0.113.1 - R1 REST.GET.OBJECT scans/1.png"
        ' "GET /gt-images/scans/1.png HTTP/1.1" 200 - 10 10 5 4 "-" "curl" - h SigV4 TLS AuthHeader'
        " host TLSv1.2 - -\n"
    )
    with read_hits(str(log)) as hits:
        part = hits.filter(key_prefix="scans/", since="2026-11-01")
        for each in (hits, hits.filter(since="2026-11-01"), part, part.filter(status=[200])):
            check.no_leaked_urls.look(each)
        check.no_leaked_urls.look(hits=hits.where("bytes_sent > 1"))
    spec = Spec.make("no_leaked_urls", {"logs": str(log), "prefix": "scans/"})
    check.run_specs(None, [spec])  # type: ignore[arg-type]
    assert [each.subject.partition(": ")[2] for each in kept] == [
        "", "", "key_prefix scans/", "key_prefix scans/, status 200", "where bytes_sent > 1",
        "key_prefix scans/",
    ]  # fmt: skip


def test_a_claim_is_the_same_in_each_run(kept: list[CheckResult]) -> None:
    for _ in range(2):
        some_lock_holds(
            None,
            "gt-images",
            addresses=["203.0.113.7"],
            since=dt.datetime.now(dt.UTC),
            rules=object(),
        )
        some_lock_holds(object(), bucket="gt-images", addresses=["203.0.113.7"], rules=object())
    assert {each.subject for each in kept} == {
        "gt-images: addresses 203.0.113.7; more rules object"
    }


def test_a_restriction_is_claimed_by_what_it_asks_for(tmp_path: Path) -> None:
    office = Restriction(bucket="gt-images", addresses="203.0.113.0/24")
    file = tmp_path / "office.json"
    file.write_text(json.dumps(office.to_dict()))
    assert claimed(file) == claimed(office)
    assert claimed(office) != claimed(Restriction(bucket="gt-images", addresses="203.0.112.0/23"))
    assert "203.0.113.0/24" in claimed(office)


WROTE = entry("gt-images open-team", status=ledger.WROTE, name="applied")
NO_PROMISE: dict[str, Any] = {"cells": [], "metadata": {}}


@pytest.fixture
def kept_in_order(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A process that has recorded nothing so far: it keeps entries in their order."""

    def keep(*entries: LedgerEntry) -> list[LedgerEntry]:
        monkeypatch.setattr(ledger, "_written", [])
        monkeypatch.setattr(ledger, "_session", deque())
        for each in entries:
            ledger._add(each)
        return [*ledger._session]

    return keep


def test_what_a_run_wrote_to_an_account_is_no_evidence(kept_in_order: Any) -> None:
    promise = promised(entry("gt-images"), entry("gt-other"))
    before = kept_in_order(entry("gt-images"), WROTE, entry("gt-other"))
    assert owed(promise, ran(*before)) == []
    after = kept_in_order(WROTE, entry("gt-images"), entry("gt-other"))
    [said] = owed(promise, ran(*after))
    assert said == (
        f"guard_is_in_place(gt-images) in {HERE} looked at what this run wrote itself: no evidence"
        " on an account"
    )
    assert owed(NO_PROMISE, ran(*kept_in_order(WROTE, entry("gt-images")))) == [
        "every check looked at what this run wrote itself: no evidence on an account"
    ]


def test_on_the_sandbox_it_counts_and_is_named(kept_in_order: Any) -> None:
    box = kept_in_order(WROTE._replace(on="sandbox"), entry("gt-images", BOX))
    promise = promised(*box)
    assert owed(promise, ran(*box)) == []
    said = "1 check looked at what this run wrote to the sandbox."
    assert said in summary(promise, ran(*box))


def test_a_portal_lock_reaches_every_team(kept_in_order: Any) -> None:
    one = kept_in_order(WROTE._replace(subject=ledger.ALL), entry("north-team"))
    assert len(owed(promised(entry("north-team")), ran(*one))) == 1


def test_a_write_counts_for_an_account_that_nobody_asked_for(
    kept_in_order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script may write through one connection, and check through another."""
    monkeypatch.setattr(ledger, "_unasked", {"of connection 1": None, "of connection 2": None})
    write = WROTE._replace(account="of connection 1")
    own, other = kept_in_order(
        write,
        entry("gt-images", HERE._replace(account="of connection 2")),
        entry("gt-images", HERE._replace(account="of connection 2", region="eu-west-1")),
    )
    assert (bool(own.own), bool(other.own)) == (True, False)


@pytest.mark.parametrize(("days", "number"), [(0, 0), (1, 1), (30_000, 1)])
def test_a_record_of_the_future_is_none(days: int, number: int) -> None:
    when = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    one = entry("gt-images")._replace(time=f"{when:%Y-%m-%dT%H:%M:%SZ}")
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    said = owed(promised(one), ran(one), since=since)
    assert len(said) == number
    assert all(each.endswith("which is in the future") for each in said)


SCRIPT = """
from gt_secure import check
from gt_secure.check.ledger import RecordedPlace, record
record("guard_is_in_place", "gt-images", "passed", RecordedPlace("111122223333", "us-east-1"))
check.promise(account="{}", region="us-east-1", guard_is_in_place={})
"""


@pytest.mark.check
@pytest.mark.parametrize(
    ("account", "subjects", "code"),
    [
        ("111122223333", ["gt-images"], 0),
        ("999988887777", ["gt-images"], 1),
        ("111122223333", ["gt-images", "gt-other"], 1),
    ],
)
def test_a_script_keeps_its_promise_or_fails(account: str, subjects: list[str], code: int) -> None:
    text = SCRIPT.format(account, subjects)
    env = {name: value for name, value in os.environ.items() if name != ledger.FILE}
    done = subprocess.run([sys.executable, "-c", text], env=env, capture_output=True, check=False)
    assert done.returncode == code, done.stderr


def test_this_process_compares_its_records() -> None:
    ledger.record(GUARD, "law-of-claims", "passed", HERE)
    check.promise(account=HERE.account, region=HERE.region, guard_is_in_place=["law-of-claims"])
    with pytest.raises(CheckFailed, match=r"in account 111122223333 \(sandbox\), us-east-1 ran"):
        check.promise(**BOX._asdict(), guard_is_in_place=["law-of-claims"])
    ledger.record(GUARD, "law-of-claims-2", "failed", HERE)
    with pytest.raises(CheckFailed, match=r"guard_is_in_place\(law-of-claims-2\) failed"):
        check.promise(guard_is_in_place=["law-of-claims-2"])


RAN = SimpleNamespace(info=SimpleNamespace(raw_cell=""))


class Shell:
    """A kernel's shell, as far as the ledger uses it."""

    kernel = object()

    def __init__(self) -> None:
        self.published: list[Any] = []
        self.events = SimpleNamespace(register=lambda *_: None)
        self.display_pub = SimpleNamespace(publish=lambda _, told: self.published.append(told))


def test_a_process_adds_its_records_to_the_file_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shell = Shell()
    monkeypatch.setenv(ledger.FILE, "")
    monkeypatch.setattr(ledger, "_pending", [])
    monkeypatch.setattr(ledger, "_read_to", 0)
    monkeypatch.setattr(ledger, "kernel_shell", lambda: shell)
    ledger.open_file()
    path = Path(os.environ[ledger.FILE])
    monkeypatch.setattr(ledger, "kernel_shell", lambda: None)  # as the process sees it
    ledger.record(GUARD, "of a process", "failed", HERE)
    with path.open("a") as file:
        file.write("no record\n[1]\n" + json.dumps(entry("of another")._asdict()) + "\n{half")
    monkeypatch.setattr(ledger, "kernel_shell", lambda: shell)
    ledger._publish(RAN)
    ledger._publish(RAN)
    [told] = shell.published
    found = [(each["subject"], each["status"]) for each in told["gt_secure"]["checks"]]
    assert found == [("of a process", "failed"), ("of another", "passed")]
    assert {each.subject for each in ledger.recorded_here([GUARD])} >= {"of another"}


def test_a_proof_records_itself_with_its_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[tuple[str, str]]()
    monkeypatch.setattr(
        proof, "recorded", lambda result, _: found.append((result.subject, result.status))
    )
    assert Proof(True).require()
    assert found == [], "the engine knows no ledger"

    def made(proved: bool | None) -> RecordedProof:
        given = {**vars(Proof(proved)), "subject": "s3://gt-images/"}
        return RecordedProof.of(given, HERE, "addresses ::/0")

    for asked in (bool(made(True)), not made(False)):
        assert asked
    assert found == [("s3://gt-images/: addresses ::/0", "passed")], "a question is no failure"
    with pytest.raises(CheckFailed):
        made(None).require()
    assert found[1:] == [("s3://gt-images/: addresses ::/0", "unknown")]


def probed(status: int, message: str = "") -> RecordedProbe:
    made = Probe(status, "worker", None, "gt-images", "a.png", 1.0, error_message=message, request_id="A",
                 error_code="AccessDenied" if message else "")  # fmt: skip
    return RecordedProbe.of(made, HERE)


def test_a_probe_records_its_answer_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[tuple[str, ...]]()
    monkeypatch.setattr(proof, "record", lambda *given: found.append(given))
    opened, refused = probed(200), probed(403, "Access Denied")
    assert repr(opened)
    assert found == [], "a look is no answer"
    assert opened.opened
    assert refused.refused
    assert not refused.opened
    said = "GET s3://gt-images/a.png from worker: "
    assert [each[:3] for each in found] == [
        ("probe", f"{said}opened", "passed"),
        *[("probe", f"{said}refused", "passed")] * 2,
    ]
    with pytest.raises(TypeError):
        assert not probed(403, "Request has expired").opened
    assert found[-1][:4] == ("probe", f"{said}unknown", "unknown", HERE)


def test_what_was_saved_or_changed_keeps_no_claim(kept_in_order: Any) -> None:
    kept_in_order()
    subject = "s3://gt-images/: addresses ::/0"
    given = {**vars(Proof(True)), "subject": "s3://gt-images/"}
    made = RecordedProof.of(given, HERE, "addresses ::/0")
    probe = probed(200)
    claims = CheckClaim("prove", subject, HERE), CheckClaim("prove", subject)
    assert [*unkept(claims, ledger.recorded_here(["prove"]))] == []
    kept_in_order()
    copies: list[Any] = [pickle.loads(pickle.dumps(made)), copy.deepcopy(made), replace(made)]
    probes = pickle.loads(pickle.dumps(probe)), replace(probe, status=403)
    assert {each.place.on for each in (*copies, *probes)} == {SAVED}
    for each in copies:
        each.require()
    assert len(ledger.recorded_here(["prove"])) == 3
    assert len([*unkept(claims, ledger.recorded_here(["prove"]))]) == 2


def test_accepted_findings_and_known_values_are_part_of_a_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = list[str]()
    monkeypatch.setattr(listings, "recorded", lambda result, _: said.append(result.subject))
    named = Acceptance("presigned-from-anywhere", "Known.", dt.date(2099, 1, 1), "gt-images")
    gt = Connection(object.__new__(Aws), accepted=(named,), context={"aws:PrincipalOrgID": "o-1"})
    words = claimed(gt.conditions)
    assert words.startswith("context aws:PrincipalOrgID o-1, accepted finding presigned-from-any")
    found = Findings((), (Checked("url-lock-off", "clean"),))
    found.wanted = words
    found.require("high")
    found[:0].require("high")
    assert said == [
        f"nothing: severity high; {words}",
        f"nothing: severity high; {words} part of the findings",
    ]
    assert [*check.guard_is_in_place._arguments((gt, "gt-images"), {})] == [words]


def test_a_text_is_what_it_holds_in_a_claim() -> None:
    class Other(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "203.0.113.0/24"

    assert claimed(Other("0.0.0.0/0")) == "0.0.0.0/0"


def test_a_promise_is_not_kept_by_skips_alone(kept_in_order: Any) -> None:
    kept_in_order(entry("gt-images is of another mode", RecordedPlace(), "skipped"))
    with pytest.raises(CheckFailed, match="every check was skipped"):
        check.promise(guard_is_in_place=["gt-images"])
    kept_in_order(
        entry("gt-images is of another mode", RecordedPlace(), "skipped"), entry("gt-other")
    )
    assert check.promise(guard_is_in_place=["gt-images", "gt-other"])


@pytest.mark.parametrize(
    ("passes_at", "looks", "status"), [(1, 1, "passed"), (3, 3, "passed"), (99, 4, "failed")]
)
def test_a_check_that_waits_records_its_last_look(
    passes_at: int,
    looks: int,
    status: str,
    kept: list[CheckResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, seen = [0.0], []

    def guard_appears(gt: Any, bucket: str) -> CheckResult:
        seen.append(bucket)
        return CheckResult("guard_appears", bucket, len(seen) >= passes_at, "")

    module = sys.modules[Check.__module__]
    monkeypatch.setattr(module, "time", SimpleNamespace(
        monotonic=lambda: clock[0], sleep=lambda s: clock.append(clock.pop() + s)
    ))  # fmt: skip
    monkeypatch.setattr(module, "CHECKS", {})
    wait = Check(guard_appears).within("3s")
    if status == "passed":
        assert wait(None, "gt-images")
    else:
        with pytest.raises(CheckFailed):
            wait(None, "gt-images")
    assert len(seen) == looks
    assert [each.status for each in kept] == [status], "the looks before are no failures"
    with pytest.raises(InvalidInput):
        Check(guard_appears).within("soon")


def test_the_account_of_one_connection_among_many_is_known(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may use more connections than are kept until a promise asks for their accounts."""
    monkeypatch.setattr(ledger, "_unasked", {})
    monkeypatch.setattr(ledger, "_session", deque())
    for _ in range(12):
        aws = connect_aws(boto3_session=account.rig.session, endpoint_url=account.rig.url)
        ledger.record("is_proved", "gt-images", "passed", ledger.recorded_place(aws))
    places = {each.place for each in ledger.recorded_here(["is_proved"])}
    assert places == {ledger.RecordedPlace(aws.account_id, aws.region, "sandbox")}
