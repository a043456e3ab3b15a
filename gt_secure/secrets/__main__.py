"""A filter: ``python -m gt_secure.secrets < job.log`` prints the text without its secrets."""

from __future__ import annotations

import sys

from .masks import redact


def main() -> int:
    """Print what is read with its secrets masked; returns 2 if there was one."""
    text = sys.stdin.read()
    masked = redact(text)
    sys.stdout.write(masked)
    return 2 if masked != text else 0


if __name__ == "__main__":
    sys.exit(main())
