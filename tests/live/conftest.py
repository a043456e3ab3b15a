"""The tests of a real account: refused without a confirmation, cleaned up in every case,
answers at the end.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from support.live import PREFIX, LiveRig, Refused, Room, Wanted

_rigs = pytest.StashKey[list[LiveRig]]()


def pytest_configure(config: pytest.Config) -> None:
    """Let a run that is ended remove what it made."""
    config.stash[_rigs] = []
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest) -> Iterator[LiveRig]:
    try:
        with LiveRig.on_account(Wanted.from_environment()) as rig:
            request.config.stash[_rigs].append(rig)
            yield rig
    except Refused as refusal:
        pytest.exit(f"Refused, and nothing was changed. {refusal}", returncode=3)
    if rig.left:
        pytest.fail("Remove these by hand:\n" + "\n".join(rig.left), pytrace=False)


@pytest.fixture(scope="session")
def room(rig: LiveRig) -> Room:
    """Return the bucket, and the team and the role where the account allows them."""
    room = Room(rig, rig.make_bucket("images"))
    rig.client("s3").put_object(Bucket=room.bucket, Key=room.key, Body=room.body)
    room.team, room.role = rig.make_team(), rig.make_role(room.bucket)
    return room


@pytest.fixture
def team(room: Room) -> str:
    return room.team or pytest.skip(
        "The region has no private workteam whose members a new team could have."
    )


@pytest.fixture
def role(room: Room) -> str:
    return room.role or pytest.skip("The profile may not create a role.")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for rig in config.stash[_rigs]:
        terminalreporter.section(f"answers of account {rig.account}")
        for question, answer in rig.answers.items():
            terminalreporter.write_line(f"{question}: {answer}")
        terminalreporter.write_line(
            f"left in the account: {'; '.join(rig.left) or 'nothing'} ({PREFIX}*)"
        )
