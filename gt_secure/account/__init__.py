"""The current state of an account, as far as restrictions are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.lazy import attach

if TYPE_CHECKING:
    from .bucket import Bucket as Bucket
    from .bucket_access import (
        BucketAccess as BucketAccess,
        access_to as access_to,
        access_under as access_under,
    )
    from .export import current_restriction as current_restriction
    from .exposure import AccountExposure as AccountExposure, locks_as as locks_as
    from .key_listing import listing_of as listing_of
    from .lists import ranges_and_lists as ranges_and_lists, with_lists as with_lists
    from .locks import locks_of as locks_of
    from .newest_log import newest_sightings as newest_sightings
    from .reader import (
        read_bucket as read_bucket,
        read_state as read_state,
        with_signers as with_signers,
    )
    from .sightings import Sightings as Sightings, with_whereabouts as with_whereabouts
    from .state import (
        EVERYTHING as EVERYTHING,
        FINDINGS as FINDINGS,
        LOCKS as LOCKS,
        OTHERS as OTHERS,
        State as State,
    )
    from .whose_urls import owners_of as owners_of


__all__, __getattr__, __dir__ = attach(__name__)
