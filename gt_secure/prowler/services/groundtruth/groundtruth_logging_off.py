"""The finding ``logging-off`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("logging-off", __name__)
