"""The finding ``bucket-policy-unreadable`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("bucket-policy-unreadable", __name__)
