"""The finding ``portal-public-beside-vpc`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("portal-public-beside-vpc", __name__)
