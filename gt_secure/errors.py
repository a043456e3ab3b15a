"""The errors that gt_secure raises: all of them are :class:`GtSecureError`."""

from .base.errors import (
    AccessDenied as AccessDenied,
    Conflict as Conflict,
    CredentialsError as CredentialsError,
    GtSecureError as GtSecureError,
    InvalidInput as InvalidInput,
    LogError as LogError,
    MissingExtra as MissingExtra,
    NotFound as NotFound,
    PolicyError as PolicyError,
    Throttled as Throttled,
    Unreachable as Unreachable,
    Unsupported as Unsupported,
)
