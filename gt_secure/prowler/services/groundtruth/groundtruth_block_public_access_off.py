"""The finding ``block-public-access-off`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("block-public-access-off", __name__)
