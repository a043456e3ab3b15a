"""The finding ``bucket-principal-deleted`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("bucket-principal-deleted", __name__)
