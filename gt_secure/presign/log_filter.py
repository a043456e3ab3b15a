"""Keep presigned URLs and keys out of the debug logs of the libraries that handle them.

urllib3 logs the whole request line at DEBUG, and botocore the signature and what STS answered. In a notebook such
records land in the saved output. Records that hold a secret are dropped at the loggers that make them; others stay.
"""

from __future__ import annotations

import logging
import re

_SECRET = re.compile(
    r"X-Amz-(?:Signature|Security-Token|Credential)=|SecretAccessKey|SessionToken|secret_key|security-token|^Signature:",
    re.IGNORECASE,
)
_LOGGERS = (
    "urllib3.connectionpool",
    "urllib3.util.retry",
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.endpoint",
    "botocore.hooks",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.signers",
)


class NoSecrets(logging.Filter):
    """Drops records that hold a signature, a token or a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may be kept."""
        try:
            return _SECRET.search(record.getMessage()) is None
        except (TypeError, ValueError):
            return True  # a record that cannot be formatted says nothing


_FILTER = NoSecrets()


def keep_urls_out_of_logs() -> None:
    """Put the filter onto the loggers; doing it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
