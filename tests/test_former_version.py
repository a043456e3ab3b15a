"""What version 0.3.0 wrote is still read, or refused with the command that writes it anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import InvalidInput
from gt_secure.changes import Journal
from gt_secure.changes.history import wishes_of
from gt_secure.check.promise import promise_of, unkept
from gt_secure.check.spec import load_check_file
from gt_secure.engine.policies.bucket_guard import find_guard
from gt_secure.engine.policies.signer_limit import find_signer_limit
from gt_secure.findings.accepted import read_accepted
from gt_secure.restriction.files import load_restriction

FORMER = Path(__file__).parent / "data" / "written-by-0.3.0"
SIGNERS = (
    "arn:aws:iam::111122223333:role/GroundTruthExecution",
    "arn:aws:iam::111122223333:user/sandbox-admin",
)


def _is_the_restriction(restriction: Restriction) -> None:
    assert (restriction.bucket, restriction.prefix, restriction.team) == (
        "gt-images",
        "scans/",
        "open-team",
    )
    assert [str(each) for each in restriction.addresses] == ["203.0.113.0/24"]
    assert (restriction.age_limit, restriction.signers) == ("12h", SIGNERS)
    assert restriction.facts == {"aws:PrincipalTag/stage": "test"}


def test_a_restriction_file() -> None:
    _is_the_restriction(load_restriction(FORMER / "restriction.yaml"))


def test_the_statements_of_a_policy() -> None:
    policy = (FORMER / "bucket-policy.json").read_text(encoding="utf-8")
    guard, limit = find_guard(policy), find_signer_limit(policy)
    assert guard is not None
    assert (guard.prefix, guard.age_limit_s, guard.drifted) == ("scans/", 12 * 3600, False)
    assert limit is not None
    assert (limit.signers, limit.drifted) == (SIGNERS, False)


def test_a_journal(tmp_path: Path) -> None:
    journal = Journal(shutil.copytree(FORMER / "journal", tmp_path / "journal"))
    [record] = journal
    assert (record.status, record.account_id) == ("applied", "111122223333")
    assert journal.verify() == {record.id: ()}
    [(_, restriction)] = wishes_of(journal, "111122223333", "us-east-1")
    _is_the_restriction(restriction)
    [use] = (
        (FORMER / "journal" / "test-urls" / "uses.ndjson").read_text(encoding="utf-8").splitlines()
    )
    assert journal.test_urls.is_ours(json.loads(use)["marker"])


def test_accepted_findings() -> None:
    codes = [each.finding for each in read_accepted(FORMER / "accepted.json")]
    assert codes == ["portal-public-beside-vpc", "url-lock-one-path"]


def test_a_promise_and_a_check_file() -> None:
    book = json.loads((FORMER / "promise.ipynb").read_text(encoding="utf-8"))
    [owed] = [each for each in unkept(book, promise_of(book)) if "0.3.0" in each]
    assert "gt-secure check no-code-cell-skipped --write --path" in owed
    [spec] = load_check_file(FORMER / "checks.json").specs
    assert (spec.check, spec.arguments["bucket"]) == ("guard_is_in_place", "gt-images")


def test_a_former_field_and_its_name_now_together_are_an_error() -> None:
    former = load_restriction(FORMER / "restriction.yaml").to_dict()
    text = (FORMER / "restriction.yaml").read_text(encoding="utf-8")
    [name] = [line.partition(":")[0] for line in text.splitlines() if line.endswith(": 12h")]
    with pytest.raises(InvalidInput, match=rf"has .age_limit. and .{name}., its former name"):
        Restriction.from_dict({**former, name: "1h"})
