"""Errors as SageMaker answers them."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer: its code, its message and its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ApiError:
    """The request is well-formed but wrong."""
    return ApiError("ValidationException", message)


def conflict(message: str) -> ApiError:
    """Something else is changing the resource."""
    return ApiError("ConflictException", message)


def in_use(message: str) -> ApiError:
    """The name is taken, or the resource is needed by another one."""
    return ApiError("ResourceInUse", message)


def limit(message: str) -> ApiError:
    """A quota is reached."""
    return ApiError("ResourceLimitExceeded", message)


def not_found(message: str) -> ApiError:
    """The resource is not there, for the operations that model this error."""
    return ApiError("ResourceNotFound", message)
