"""The finding ``s3-endpoint-missing`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("s3-endpoint-missing", __name__)
