"""The finding ``guard-old-form`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("guard-old-form", __name__)
