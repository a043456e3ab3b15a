"""Checks for Prowler, one for each finding code. Prowler finds them by entry points."""
