"""The finding ``log-target-unfit`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("log-target-unfit", __name__)
