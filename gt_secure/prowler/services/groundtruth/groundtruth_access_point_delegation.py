"""The finding ``access-point-delegation`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("access-point-delegation", __name__)
