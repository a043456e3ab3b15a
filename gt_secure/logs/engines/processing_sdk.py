"""PySparkProcessor of the SageMaker SDK, of version 2 or 3: made from settings, or passed by the user."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...aws.client import Aws, aws_errors
from ...errors import InvalidInput, MissingExtra
from .processing_settings import Processing

_PROCESSORS = ("sagemaker.spark.processing", "sagemaker.core.spark.processing")
_SESSIONS = ("sagemaker.session", "sagemaker.core.helper.session_helper")
_NEWER_IMAGES = {"3.5": "3.3"}
"""A Spark version that older SDKs (2.245, in SageMaker Distribution 3.9) do not list, and one that they list."""
_DAY_S = 24 * 3600.0
"""SageMaker stops a job after this time where the processor sets no limit."""


@dataclass(frozen=True)
class Processor:
    """A PySparkProcessor, and what it will run on.

    Attributes
    ----------
    sdk : PySparkProcessor
    role, instance_type : str
    instances : int
    timeout_s : float
        After this time SageMaker stops the job.
    """

    sdk: Any
    role: str
    instances: int
    instance_type: str
    timeout_s: float

    @property
    def client(self) -> Any:
        """The SageMaker client that the SDK sends the job with."""
        return self.sdk.sagemaker_session.sagemaker_client

    def start(self, script: str, arguments: list[str], job: str) -> None:
        """Start the job, and do not wait for it.

        Raises
        ------
        AccessDenied
            Without ``sagemaker:CreateProcessingJob`` or ``iam:PassRole``.
        InvalidInput
            If the SDK refuses the settings.
        """
        try:
            with aws_errors("sagemaker:CreateProcessingJob", f"processing-job/{job}"):
                self.sdk.run(submit_app=script, arguments=arguments, job_name=job, wait=False, logs=False)
        except (ValueError, TypeError) as error:
            raise _refused(error) from error


def processor_of(aws: Aws, settings: Processing) -> Processor:
    """Return the processor of the settings.

    Raises
    ------
    MissingExtra
        Without the SageMaker SDK.
    InvalidInput
        If the SDK has no image for the settings, no role is known, or the session would not run a job on AWS.
    """
    if settings.processor is not None:
        return _given(settings.processor)
    role = settings.role or aws.own_role()
    if role is None:
        raise InvalidInput(
            "You are a user, not a role, so the job has no role to run as.",
            next_step="Pass role='arn:aws:iam::111122223333:role/NAME', a role that SageMaker may assume.",
            field="role",
        )
    kind = _imported(_PROCESSORS, "PySparkProcessor")
    session = _session(aws, settings)
    make = partial(
        kind, role=role, instance_count=settings.instances, instance_type=settings.instance_type,
        max_runtime_in_seconds=int(settings.timeout_s), base_job_name="gt-secure", sagemaker_session=session,
    )  # fmt: skip
    version = settings.spark_version
    try:
        sdk = make(image_uri=settings.image_uri) if settings.image_uri else _of_version(make, version)
    except (ValueError, TypeError) as error:
        raise _refused(error) from error
    return Processor(sdk, role, settings.instances, settings.instance_type, settings.timeout_s)


def _of_version(make: Callable[..., Any], version: str) -> Any:
    """Make a processor on SageMaker's image of a Spark version, also where the SDK is older than that image."""
    try:
        return make(framework_version=version)
    except ValueError:
        older = _NEWER_IMAGES.get(version)
        if older is None:
            raise
        # The images of all versions are in one repository; only the tag tells them apart.
        repository, found, tag = str(make(framework_version=older).image_uri).rpartition(":")
        if not found or not tag.startswith(older):
            raise
        return make(image_uri=f"{repository}:{version}{tag.removeprefix(older)}")


def _given(sdk: Any) -> Processor:
    names = ("run", "role", "instance_count", "instance_type", "sagemaker_session")
    if not all(hasattr(sdk, name) for name in names):
        raise InvalidInput(
            f"{type(sdk).__name__} is not a PySparkProcessor.",
            next_step="Pass a PySparkProcessor of the SageMaker SDK, or leave it out.",
            field="processor",
        )
    _check_session(sdk.sagemaker_session)
    limit = getattr(sdk, "max_runtime_in_seconds", None)
    return Processor(sdk, str(sdk.role), int(sdk.instance_count), str(sdk.instance_type), float(limit or _DAY_S))


def _session(aws: Aws, settings: Processing) -> Any:
    session = settings.sagemaker_session or aws.sdk_session
    if session is None:
        kind = _imported(_SESSIONS, "Session")
        return kind(boto_session=aws.boto_session, sagemaker_client=aws.client("sagemaker"))
    _check_session(session)
    return session


def _check_session(session: Any) -> None:
    """Refuse a session that collects steps or runs jobs in local containers."""
    kind = type(session).__name__
    if kind == "PipelineSession" or getattr(session, "local_mode", False):
        raise InvalidInput(
            f"A {kind} does not run jobs on SageMaker.",
            next_step="Pass a plain session of the SDK, as in Processing(sagemaker_session=Session()).",
            field="sagemaker_session",
        )


def _imported(modules: tuple[str, ...], name: str) -> Any:
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):  # version 3 has a package of the old name that lacks the class
            continue
    raise MissingExtra(
        "A Processing job needs the SageMaker SDK, which is not installed.",
        next_step='pip install "gt_secure[sagemaker]"',
    )


def _refused(error: Exception) -> InvalidInput:
    text = " ".join(str(error).split())[:300]
    return InvalidInput(
        f"The SageMaker SDK refuses the settings of the job: {text}",
        next_step="Pass another instance_type= or image_uri=.",
        field="processing",
    )
