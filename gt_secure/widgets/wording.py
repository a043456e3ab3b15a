"""The words of the panel: ``the field "VPC endpoints"`` for the library's ``endpoints=``."""

from __future__ import annotations

from ..wording import Wording

PANEL = Wording(
    {
        "addresses": 'the field "Allowed addresses"',
        "bound_to": 'the field "Bind to address"',
        "bucket": 'the field "Bucket"',
        "endpoints": 'the field "VPC endpoints"',
        "expires_in": 'the list "Lifetime"',
        "guard": 'the list "Bucket guard"',
        "logs": 'the field "Log location"',
        "max_age": 'the field "Refuse URLs older than"',
        "portal_lock": 'the list "Portal lock"',
        "prefix": 'the field "Key prefix"',
        "role_arn": 'the field "Signing role"',
        "signers": 'the field "Only these sign URLs"',
        "since": 'the list "Time"',
        "team": 'the list "Workteam"',
        "url_lock": 'the list "URL lock"',
    },
    values={
        "guard=None": 'Bucket guard: "No change"',
        "guard=True": 'Bucket guard: "On"',
        "max_age=None": '"Refuse URLs older than" empty',
        "portal_lock=None": 'Portal lock: "No change"',
        "portal_lock=True": 'Portal lock: "On"',
    },
    calls={"workteams": 'the list "Workteam"'},
    keeps_values=False,
)
"""Words of the panel for arguments and calls."""
