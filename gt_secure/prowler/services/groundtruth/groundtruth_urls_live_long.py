"""The finding ``urls-live-long`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("urls-live-long", __name__)
