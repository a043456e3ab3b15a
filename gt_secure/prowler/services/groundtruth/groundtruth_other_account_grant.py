"""The finding ``other-account-grant`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("other-account-grant", __name__)
