"""The finding ``template-without-grant`` as a check for Prowler. Written by tools/make_prowler.py."""

from ...plugin import check_of

__getattr__ = check_of("template-without-grant", __name__)
