"""Mask presigned URLs, tokens and keys in what the AWS libraries log.

At ``DEBUG`` urllib3 logs the whole request line, and botocore the headers, the signature and what STS answered. In a
notebook such records land in the saved output. The filter masks the secrets at the loggers that make the records, so
that no handler gets them, and comes with the first client.
"""

from __future__ import annotations

import logging

from ..text import redact

_LIBRARIES = ("boto3", "botocore", "s3transfer", "urllib3", "gt_secure")
_LOGGERS = (
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.hooks",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.retryhandler",
    "botocore.signers",
    "botocore.utils",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)
"""Loggers that may not exist yet; those that exist are found by their name."""


class SecretFilter(logging.Filter):
    """Masks signatures, tokens and keys in records; keeps every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record; always true."""
        try:
            text = record.getMessage()
        except Exception:
            record.msg, record.args = "(a record that cannot be formatted)", None
            return True
        masked = redact(text)
        if masked != text:
            record.msg, record.args = masked, None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


_FILTER = SecretFilter()


def install_secret_filter() -> None:
    """Put the filter onto the loggers of the AWS libraries; doing it again adds those that are new."""
    known = [name for name in list(logging.root.manager.loggerDict) if name.split(".")[0] in _LIBRARIES]
    for name in {*_LIBRARIES, *_LOGGERS, *known}:
        logging.getLogger(name).addFilter(_FILTER)
