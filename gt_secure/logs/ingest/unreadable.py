"""What is shown of a line that could not be read: no secret, and what is wrong with it."""

from __future__ import annotations

import re


def why_unreadable(text: str) -> str:
    """What is wrong with a line, as far as its beginning tells."""
    if len(text) < 160 and text.count('"') % 2 == 0 and " [" not in text:
        return "no access-log record"
    if " [" in text[:200]:
        return "cut or malformed record"
    return "no access-log record"


def mask_sample(text: str) -> str:
    """The beginning of a bad line without tokens, signatures and key ids."""
    text = re.sub(
        r"(?i)((?:X-Amz-(?:Security-Token|Credential|Signature)|AWSAccessKeyId|Signature)(?:=|%(?:25)*3D))[^& \"]*",
        r"\1***",
        text,
    )
    return re.sub(r"(AKIA|ASIA)[A-Z0-9]{12,}", r"\1***", text)
