"""The exposure of a bucket of an account, whose users and roles can be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ..engine.access.exposure import Exposure
from ..engine.access.identities import Principals
from ..engine.access.key_classes import Listing
from ..engine.access.locks import EffectiveLocks
from ..engine.access.signers import Signers, signers_of


class AccountExposure(Exposure):
    """An exposure that also knows who signs.

    Parameters
    ----------
    locks, key, is_prefix, listing
        See :class:`Exposure`.
    principals : callable
        Reads the users and roles of the account.
    """

    def __init__(
        self,
        locks: EffectiveLocks,
        key: str = "",
        *,
        is_prefix: bool = False,
        listing: Callable[[str], Listing | None] | None = None,
        principals: Callable[[], Principals],
    ) -> None:
        super().__init__(locks, key, is_prefix=is_prefix, listing=listing)
        self._principals = principals

    @cached_property
    def signers(self) -> Signers:
        """Users and roles of the account that can sign a URL; read when it is asked for.

        Raises AccessDenied without the permission to read them.
        """
        return signers_of(self, self._principals())
