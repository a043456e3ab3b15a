"""A running sandbox from its seed: filled when it starts, and again when its owner resets it."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import emulator
from .accesslog.delivery import Delivery
from .demo_data import resources as seed
from .settings import Settings, account_id
from .state import SandboxState
from .trail import Trail


class Lifecycle:
    """Everything that a sandbox holds.

    Parameters
    ----------
    settings : Settings
        How it runs.
    state : SandboxState
        Resources of SageMaker.
    delivery : Delivery
        Rows of access logs that are not delivered yet.
    trail : Trail
        CloudTrail's event history.
    journal : Path
        Folder of the journal that clients of this sandbox use.
    """

    def __init__(
        self, settings: Settings, state: SandboxState, delivery: Delivery, trail: Trail, journal: Path
    ) -> None:
        self._settings = settings
        self._state = state
        self._delivery = delivery
        self._trail = trail
        self._journal = journal

    async def fill(self) -> None:
        """Make the administrator and the demo, where they are missing."""
        await seed.administrator(self._state)
        await seed.demo(self._state, self._settings)
        self._save()

    async def reset(self) -> None:
        """Forget everything and fill it again; the administrator keeps the keys."""
        from ministack.services import ec2, iam, s3, sts, waf

        key = self._state.credentials["access_key"]
        record = iam._access_keys.get_scoped(account_id(), None, key)
        for service in (s3, sts, iam, ec2, waf):
            service.reset()
        self._state.regions.clear()
        self._delivery.clear()
        self._trail.clear()
        _clear(self._journal)
        if self._settings.state_dir is not None:
            _clear(emulator.objects_folder(self._settings.state_dir))
        await seed.administrator_user()
        iam._access_keys[key] = record
        await seed.demo(self._state, self._settings)
        self._save()

    def _save(self) -> None:
        self._state.save()
        if self._settings.state_dir is not None:
            emulator.save()


def _clear(folder: Path) -> None:
    """Delete what is in a folder, if there is one; links are deleted, not followed."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
