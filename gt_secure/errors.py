"""The errors that gt_secure raises: all of them are :class:`GtSecureError`."""

from .base import errors as _errors
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

__doc__ = _errors.__doc__
__all__ = [
    name
    for name, kind in vars(_errors).items()
    if isinstance(kind, type) and kind.__module__ == _errors.__name__
]
