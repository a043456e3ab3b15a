"""ARNs of role sessions: that of a session from its role's,
and that of the role from a session's.
"""

from __future__ import annotations


def role_of_session(arn: str) -> str | None:
    """Return the ARN of the role behind a role session, without the role's path:
    a session's ARN has none.
    """
    head, _, tail = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{tail.split('/')[0]}" if tail else None


def session_of_role(arn: str, session: str) -> str:
    """Return the ARN of a session of a role; its path is left out, as STS does."""
    head, _, name = arn.partition(":role/")
    return f"{head.replace(':iam:', ':sts:')}:assumed-role/{name.rpartition('/')[2]}/{session}"
