"""The finding ``bucket-deny-breaks-ground-truth`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("bucket-deny-breaks-ground-truth", __name__)
