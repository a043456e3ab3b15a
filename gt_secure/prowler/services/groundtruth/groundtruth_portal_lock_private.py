"""The finding ``portal-lock-private`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("portal-lock-private", __name__)
