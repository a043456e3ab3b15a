"""The finding ``s3-endpoint-no-private-dns`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("s3-endpoint-no-private-dns", __name__)
