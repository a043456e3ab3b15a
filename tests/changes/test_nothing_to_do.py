"""Nothing to apply, undo or resume: each says so, and is no error. A file limit, no locks:
what is certain is said.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from gt_secure.aws.client import connect_aws
from gt_secure.base.errors import GtSecureError, Unsupported
from gt_secure.changes import Journal
from gt_secure.changes.plan import plan
from gt_secure.changes.undo import interrupted, resume, undo
from gt_secure.connection import Connection
from gt_secure.logs.engines.duckdb_store import Store
from gt_secure.restriction.model import Restriction
from support.account import BUCKET, FOREIGN, TEAM, Account
from support.consents import AGREED, apply_agreed as apply
from support.faults import in_child

WANTED = Restriction(TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET)


def test_an_empty_plan_is_applied_and_undone(account: Account) -> None:
    first = apply(account.aws, plan(account.aws, WANTED), journal=account.journal)
    after = account.look()
    gt = Connection(account.aws, account.journal)
    done = gt.apply(gt.plan(WANTED), confirm=AGREED)
    assert (done.outcome, done.id) == ("nothing to do", "")
    back = gt.undo(done)
    assert back.outcome == "nothing to do"
    assert back.notes
    assert account.look() == after  # the change before it is not undone in its place
    again = gt.plan_undo(gt.undo(first))
    assert gt.apply(again, confirm=AGREED).outcome == "undone"


def test_nothing_is_interrupted(account: Account) -> None:
    assert interrupted(account.aws, journal=account.journal) is None
    done = resume(account.aws, journal=account.journal)
    assert done.outcome == "nothing to do"
    assert "interrupted" in done.to_text()
    change = apply(account.aws, plan(account.aws, WANTED), journal=account.journal)
    assert resume(account.aws, change.id, journal=account.journal).outcome == "nothing to do"
    assert resume(account.aws, journal=account.journal).outcome == "nothing to do"


def test_a_newer_record_is_refused_with_a_sentence(account: Account) -> None:
    where = {
        "account": account.aws.account_id,
        "region": account.aws.region,
        "caller": "x",
        "kind": "apply",
    }
    newer = account.journal.begin(where | {"changes": [{"kind": "nope", "target": "t"}]}).id
    with pytest.raises(Unsupported, match="newer version"):
        undo(account.aws, newer, journal=account.journal)
    assert (
        apply(account.aws, plan(account.aws, WANTED), journal=account.journal).outcome == "applied"
    )
    assert undo(account.aws, journal=account.journal).outcome == "undone"


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97, 0.999])
def test_a_file_limit_leaves_an_account_that_the_journal_and_the_error_agree_on(
    account: Account, tmp_path: Path, share: float
) -> None:
    """A limit on the size of files is a full disk at a place that the test chooses."""
    wanted = plan(account.aws, WANTED)
    before = account.look()
    done = apply(account.aws, wanted, journal=Journal(tmp_path / "whole"))
    after = account.look()
    size = (tmp_path / "whole" / f"{done.id}.jsonl").stat().st_size
    account.reset(FOREIGN)
    aws = connect_aws(
        boto3_session=account.rig.session_of(), endpoint_url=account.sandbox.endpoint_url
    )
    journal = tmp_path / "limited"

    def work() -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), resource.RLIM_INFINITY))
        try:
            result = apply(aws, wanted, journal=Journal(journal))
        except GtSecureError as error:
            return str(error), error.details.get("applied", {}).get("outcome")
        finally:
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
        return result.outcome, result.notes

    _, ((how, answer), _, _) = in_child(work, wire=None, pipe=tmp_path / "pipe")
    assert how == "returned", answer
    status = list(Journal(journal))[-1].status if list(Journal(journal)) else "none"
    now = account.look()
    if answer[0] == "applied":
        assert (now, status) == (after, "applied")
    else:
        assert "cannot be written" in answer[0]
        assert now == before
        assert status in {"none", "rolled-back", "unfinished"}


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_changes_nothing(
    account: Account, tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_handle: object, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    before, wanted = account.look(), plan(account.aws, WANTED)
    monkeypatch.setattr(fcntl, "flock", flock)
    calls = (
        lambda: apply(account.aws, wanted, journal=account.journal),
        lambda: undo(account.aws, journal=account.journal),
        lambda: resume(account.aws, journal=account.journal),
    )
    for call in calls:
        with pytest.raises(GtSecureError, match="cannot lock files") as caught:
            call()
        assert "Nothing was changed" in caught.value.next_step
    assert (account.look(), len(account.journal)) == (before, 0)
    with contextlib.closing(Store()) as store:
        assert store.query("SELECT 1") == [(1,)]
    assert not store.folder.exists()
