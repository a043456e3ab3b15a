"""The regions of a sweep.

Source: AWS Account Management Reference Guide, *Enable or disable AWS Regions in your account*: the regions that are
enabled in every account. Others are named one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import InvalidInput

DEFAULT_REGIONS: Mapping[str, tuple[str, ...]] = {
    "aws": (
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ap-south-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-north-1",
        "sa-east-1",
    ),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
}
"""The regions that ``all`` stands for, by partition."""


def parse_regions(given: str | Iterable[str], partition: str = "aws") -> tuple[str, ...]:
    """Return regions, each once: ``all``, a list with commas, or several names; ``all,ap-east-1`` adds one.

    Raises
    ------
    InvalidInput
        For something that is not a region of the partition, or none at all.
    """
    words = given.split(",") if isinstance(given, str) else [part for word in given for part in word.split(",")]
    names: list[str] = []
    for word in (word.strip().lower() for word in words if word.strip()):
        names += DEFAULT_REGIONS.get(partition, ()) if word == "all" else [_checked(word, partition)]
    if not names:
        raise InvalidInput("No region is given.", next_step="Write all, or us-east-1,eu-west-1.", field="regions")
    return tuple(dict.fromkeys(names))


def _checked(name: str, partition: str) -> str:
    from boto3.session import Session
    from botocore.utils import validate_region_name

    try:
        validate_region_name(name)
        where = Session().get_partition_for_region(name)
    except Exception as error:
        raise _bad(f"'{name[:40]}' is not an AWS region.", "Write a region such as us-east-1, or all.") from error
    if where != partition:
        raise _bad(f"{name} is in the partition {where}.", f"Name regions of {partition}: a role serves one partition.")
    return name


def _bad(message: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field="regions")
