"""The finding ``bucket-allow-session`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("bucket-allow-session", __name__)
