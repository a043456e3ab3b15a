"""The exposure of a bucket of an account, whose users and roles can be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ..engine.access.exposure import Exposure
from ..engine.access.identities import Principals
from ..engine.access.key_classes import Listing
from ..engine.access.signers import Signers, signers_of
from .locks import locks_of
from .state import State


class AccountExposure(Exposure):
    """An exposure that also knows who signs.

    Parameters
    ----------
    state : State
        What was read; its locks decide.
    key, is_prefix, listing
        See :class:`Exposure`.
    read_signers : callable
        Reads into a state what decides who signs.
    """

    def __init__(
        self,
        state: State,
        key: str = "",
        *,
        is_prefix: bool = False,
        listing: Callable[[str], Listing | None] | None = None,
        read_signers: Callable[[State], State],
    ) -> None:
        super().__init__(locks_of(state), key, is_prefix=is_prefix, listing=listing)
        self._state = state
        self._read_signers = read_signers

    @cached_property
    def signers(self) -> Signers:
        """Users and roles of the account that can sign a URL; read when it is asked for.

        Without the permission to read them it is unknown who signs: ``missing`` has the reason.
        """
        state = self._read_signers(self._state)
        exposure = Exposure(locks_of(state), self.key, is_prefix=self.is_prefix, listing=self._listing)
        if state.principals.missing is not None:
            return Signers.not_read(state.principals.missing, exposure)
        return signers_of(exposure, state.principals.value or Principals(()))
