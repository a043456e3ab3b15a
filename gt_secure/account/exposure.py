"""The exposure of a bucket of an account, whose users and roles can be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ..aws.client import Aws
from ..engine.access.exposure import Exposure
from ..engine.access.identities import Principals
from ..engine.access.locks import EffectiveLocks
from ..engine.access.one_signer import locks_for_signer
from ..engine.access.signers import Signers, signers_of
from .locks import locks_of
from .principals import read_principals
from .state import State


class AccountExposure(Exposure):
    """An exposure that also knows who signs.

    Parameters
    ----------
    locks, key, **scope
        See :class:`Exposure`.
    read_signers : callable
        Returns the state of the locks, with what decides who signs.
    """

    def __init__(
        self, locks: EffectiveLocks, key: str, read_signers: Callable[[], State], **scope: Any
    ) -> None:
        super().__init__(locks, key, **scope)
        self._read_signers = read_signers

    @cached_property
    def signers(self) -> Signers:
        """Users and roles of the account that can sign a URL; read when it is asked for.

        Without the permission to read them it is unknown who signs: ``missing`` has the reason.
        """
        state = self._read_signers()
        exposure, people = (
            Exposure(locks_of(state), self.key, is_prefix=self.is_prefix),
            state.principals,
        )
        return signers_of(exposure, people.missing or people.value or Principals(()))


def locks_as(aws: Aws, state: State, signer: str | None) -> EffectiveLocks:
    """Return the locks of a state, for every signer or for one whose own policies are read;
    raises InvalidInput for what is not one.
    """
    locks = locks_of(state)
    if signer is None:
        return locks
    people = read_principals(aws)
    return locks_for_signer(locks, signer, people.missing or people.value)
