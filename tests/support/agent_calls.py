"""A call of each tool for agents, on the demo data of the sandbox."""

from __future__ import annotations

from typing import Any

CALLS: dict[str, dict[str, Any]] = {
    "ground_truth_teams": {},
    "ground_truth_who_can_open": {"bucket": "gt-images", "key": "scans/", "team": "open-team"},
    "ground_truth_findings": {"team": "open-team", "bucket": "gt-images"},
    "ground_truth_explain_refusal": {"bucket": "gt-images", "key": "scans/chest-0001.png", "address": "198.51.100.9"},
    "ground_truth_count_hits": {"bucket": "gt-images"},
    "ground_truth_plan": {"addresses": "203.0.113.0/24", "team": "open-team", "bucket": "gt-images"},
}
