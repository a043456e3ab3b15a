"""The finding ``ipv4-only`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("ipv4-only", __name__)
