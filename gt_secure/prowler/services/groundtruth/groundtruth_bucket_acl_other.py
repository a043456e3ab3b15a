"""The finding ``bucket-acl-other`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("bucket-acl-other", __name__)
