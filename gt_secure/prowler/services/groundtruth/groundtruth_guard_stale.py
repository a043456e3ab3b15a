"""The finding ``guard-stale`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("guard-stale", __name__)
