"""Keep presigned URLs, tokens and keys out of the logs of the AWS libraries, at the loggers that
make the records.

At ``DEBUG`` urllib3 logs the whole request line, and botocore the headers, the signature and the
response of STS.
"""

from __future__ import annotations

import logging

from ..secrets import holds_secret, redact

LEFT_OUT = "(the text of this record is left out: it holds a signature, a token or a key)"
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
    """Replaces the text of records that hold signatures, tokens or keys; keeps every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask secrets in a record and in its traceback; every record is kept."""
        try:
            text = record.getMessage()
        except Exception:
            record.msg, record.args = "(a record that cannot be formatted)", None
            return True
        if holds_secret(text):
            record.msg, record.args = LEFT_OUT, None
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


_FILTER = SecretFilter()


def install_secret_filter() -> None:
    """Install the filter on the loggers of the AWS libraries; another call adds new loggers."""
    known = [
        name for name in list(logging.root.manager.loggerDict) if name.split(".")[0] in _LIBRARIES
    ]
    for name in {*_LIBRARIES, *_LOGGERS, *known}:
        logging.getLogger(name).addFilter(_FILTER)
