"""The finding ``endpoint-policy-blocks`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("endpoint-policy-blocks", __name__)
