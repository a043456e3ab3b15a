"""The finding ``guard-drifted`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("guard-drifted", __name__)
