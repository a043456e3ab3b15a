"""The finding ``url-lock-impossible`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("url-lock-impossible", __name__)
