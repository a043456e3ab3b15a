"""The finding ``url-lock-portal-mismatch`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("url-lock-portal-mismatch", __name__)
