"""ARNs, written with the partition of their region."""

from __future__ import annotations

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Return the partition of a region: ``aws``, ``aws-cn``, ``aws-us-gov`` and so on."""
    return next(
        (partition for start, partition in _PARTITIONS.items() if region.startswith(start)), "aws"
    )


def client_partition(client: object) -> str:
    """Return the partition of the region of a boto3 client."""
    region = getattr(getattr(client, "meta", None), "region_name", None)
    return partition_of(region if isinstance(region, str) else "")


def caller_name(arn: str) -> str:
    """Return who an ARN of IAM or STS names, with the account and without what all of them share.

    Examples
    --------
    >>> caller_name("arn:aws:iam::111122223333:user/anna")
    '111122223333:user/anna'
    """
    service, _, name = arn.partition("::")
    return name if service.endswith((":iam", ":sts")) else arn


def workgroup_arn(partition: str, name: str) -> str:
    """Return the pattern for an Athena workgroup of any region and account."""
    return f"arn:{partition}:athena:*:*:workgroup/{name}"


def bucket_arn(partition: str, bucket: str, key: str = "") -> str:
    """Return the ARN of a bucket, or of one of its keys."""
    return f"arn:{partition}:s3:::{bucket}{f'/{key}' if key else ''}"
