"""The main job on a real account: restrict, probe, undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import AccessDenied
from support.live import NOBODY, Room

pytestmark = pytest.mark.live


def has_policy(room: Room) -> bool:
    return room.rig.gt.state(bucket=room.bucket).bucket.policy.value is not None


def status(room: Room) -> int:
    return room.rig.fetch(room.presigned()).status


def apply(room: Room, restriction: Restriction, journal: Path) -> Any:
    plan = room.rig.gt.plan(restriction)
    return room.rig.gt.apply(plan, confirm=[blocker.code for blocker in plan.asks])


def test_the_guard_refuses_presigned_urls_and_undo_takes_it_away(
    room: Room, tmp_path: Path
) -> None:
    assert status(room) == 200
    done = apply(room, Restriction(addresses=NOBODY, bucket=room.bucket), tmp_path)
    assert done.outcome == "applied"
    assert room.rig.until_true(lambda: status(room) == 403), "the guard is in force"
    s3 = room.rig.client("s3")
    assert s3.get_object(Bucket=room.bucket, Key=room.key)["Body"].read() == room.body, (
        "header signatures still work"
    )
    assert room.rig.gt.undo(done).outcome == "undone"
    assert room.rig.until_true(lambda: status(room) == 200)
    assert not has_policy(room)


def test_the_url_lock_is_written_and_undone(room: Room, team: str, tmp_path: Path) -> None:
    before = room.rig.gt.workteam(team).url_lock
    done = apply(room, Restriction(team, url_lock="SourceIp"), tmp_path)
    assert done.outcome == "applied"
    assert room.rig.gt.workteam(team).url_lock.mode == "SourceIp"
    assert room.rig.gt.undo(done).outcome == "undone"
    assert room.rig.gt.workteam(team).url_lock.mode == before.mode


def test_a_bound_url_is_refused_elsewhere(room: Room, role: str) -> None:
    gt, rig = room.rig.gt, room.rig

    def probe(bound_to: str | None) -> int:
        try:
            url = gt.sign(room.bucket, room.key, role_arn=role, bound_to=bound_to)
        except AccessDenied:  # a new role takes some seconds before it can be assumed
            return 0
        return rig.fetch(url.reveal()).status

    assert rig.until_true(lambda: probe(None) == 200), "unbound, it opens"
    assert probe("198.51.100.1") == 403


def test_what_the_account_shows(room: Room, team: str) -> None:
    assert team in [each.name for each in room.rig.gt.workteams()]
    assert room.rig.gt.state(bucket=room.bucket).bucket.name == room.bucket
    assert list(room.rig.gt.keys(room.bucket)) == [room.key]
