"""A call of each tool for agents, on the demo data of the sandbox."""

from __future__ import annotations

from typing import Any

CALLS: dict[str, dict[str, Any]] = {
    "presigned_teams": {},
    "presigned_who_can_open": {"bucket": "gt-images", "key": "scans/", "team": "open-team"},
    "presigned_findings": {"team": "open-team", "bucket": "gt-images"},
    "presigned_explain_refusal": {
        "bucket": "gt-images",
        "key": "scans/chest-0001.png",
        "address": "198.51.100.9",
    },
    "presigned_count_hits": {"bucket": "gt-images"},
    "presigned_plan": {"addresses": "203.0.113.0/24", "team": "open-team", "bucket": "gt-images"},
}
