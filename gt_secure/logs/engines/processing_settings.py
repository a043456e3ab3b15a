"""Settings of a SageMaker Processing job that runs a question on Spark, and the estimate that a person confirms."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidInput
from ...text import count, size_text
from .processing_script import NEEDED, is_old

_FOLDER = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=-]+)*/?")
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_LONGEST_S = 5 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ProcessingEstimate:
    """Estimate of the bytes that a Processing job will read, and of the most that it can cost.

    Attributes
    ----------
    objects, bytes : int
        Log objects of the time range, with the margin for late delivery, and their bytes as stored.
    instances : int
    instance_type : str
    role : str
        The role that the job runs as.
    folder : str
        Where the job finds its question and writes its answer.
    hours : float
        After this time SageMaker stops the job.
    usd_per_hour : float or None
        The price of one instance for an hour, if it was given.
    """

    objects: int
    bytes: int
    instances: int
    instance_type: str
    role: str
    folder: str
    hours: float
    usd_per_hour: float | None = None

    @property
    def usd(self) -> float | None:
        """The most that the job can cost, in US dollars; None without a price."""
        return None if self.usd_per_hour is None else self.instances * self.hours * self.usd_per_hour

    @property
    def sentence(self) -> str:
        """The question that a person confirms."""
        most = (
            f"That is at most {self.usd:,.2f} USD at {self.usd_per_hour:g} USD per instance and hour."
            if self.usd is not None
            else "AWS bills each instance by the second."
        )
        return (
            f"A SageMaker Processing job would run Spark on {count(self.instances, 'instance')} of "
            f"{self.instance_type} for at most {self.hours:g} h. {most} It reads {size_text(self.bytes)} in "
            f"{count(self.objects, 'log object')} as {self.role}, and leaves its question and answer in "
            f"{self.folder}."
        )


@dataclass(frozen=True, kw_only=True)
class Processing:
    """Settings that run a question on Spark as a SageMaker Processing job, through the SageMaker SDK.

    Parameters
    ----------
    folder : str
        ``s3://bucket/prefix/`` for the script, the question and the answer, in a separate folder for each job.
    role : str, optional
        ARN of the role that the job runs as; the default is your own role.
    instances : int
    instance_type : str
    spark_version : str
        Version of SageMaker's Spark image, 3.5 or newer.
    image_uri : str, optional
        Another image with Spark 3.5 or newer that starts jobs as SageMaker's own does.
    sagemaker_session : Session of the SageMaker SDK, optional
        The default is the session that the connection was made from, or a new one with the connection's credentials.
    processor : PySparkProcessor, optional
        A processor that you made, for a network, keys or tags. Its role, instances, image and session are then used.
    yes : bool
        Run without asking.
    confirm : callable, optional
        Gets the :class:`ProcessingEstimate`, returns whether to run.
    usd_per_hour : float, optional
        The price of one instance in your region, for the estimate.
    timeout_s : float
        After this time SageMaker stops the job.

    Examples
    --------
    >>> from gt_secure.logs import Processing
    >>> Processing(folder="s3://gt-results/spark/", instances=4).instance_type
    'ml.m5.xlarge'
    """

    folder: str
    role: str | None = None
    instances: int = 2
    instance_type: str = "ml.m5.xlarge"
    spark_version: str = "3.5"
    image_uri: str | None = None
    sagemaker_session: Any = None
    processor: Any = None
    yes: bool = False
    confirm: Callable[[ProcessingEstimate], bool] | None = None
    usd_per_hour: float | None = None
    timeout_s: float = 3600.0

    def __post_init__(self) -> None:
        if not _FOLDER.fullmatch(self.folder):
            raise InvalidInput(
                f'"{self.folder[:80]}" is not a folder that the job can use.',
                next_step="Write s3://bucket/prefix/ with letters, digits and any of _ . = - in the prefix.",
                field="folder",
            )
        if not 1 <= self.instances <= 100:
            raise InvalidInput("A job has 1 to 100 instances.", next_step="Pass instances=2.", field="instances")
        if not _INSTANCE_TYPE.fullmatch(self.instance_type):
            raise InvalidInput(
                f'"{self.instance_type[:40]}" is not an instance type of SageMaker.',
                next_step='Pass a type such as instance_type="ml.m5.xlarge".',
                field="instance_type",
            )
        if self.image_uri is None and self.processor is None and is_old(self.spark_version):
            needed = ".".join(map(str, NEEDED))
            raise InvalidInput(
                f"The query needs functions of Spark {needed}, but the image has {self.spark_version[:20]}.",
                next_step=f"Leave the version out, or pass {needed} or newer.",
                field="spark_version",
            )
        if self.usd_per_hour is not None and self.usd_per_hour < 0:
            raise InvalidInput("The price is negative.", next_step="Leave usd_per_hour out.", field="usd_per_hour")
        if not 60 <= self.timeout_s <= _LONGEST_S:
            raise InvalidInput(
                "A job may run for 60 seconds to 5 days.",
                next_step="Pass a number of seconds, such as 3600.",
                field="timeout_s",
            )
