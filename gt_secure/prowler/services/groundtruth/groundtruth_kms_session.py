"""The finding ``kms-session`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("kms-session", __name__)
