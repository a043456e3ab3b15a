"""The finding ``canonical-user-grant`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("canonical-user-grant", __name__)
