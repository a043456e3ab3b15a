"""boto3: one operation, given as a word with bucket, key, file and target."""

import sys
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig

operation, bucket, key, file, target = sys.argv[1:]
s3 = boto3.client("s3")
thing = {"Bucket": bucket, "Key": key}


def paged():
    """Count keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(len(page["Contents"]) for page in pages)


def lock():
    """Turn the URL lock of a team on."""
    limits = {"SourceIp": "Enabled", "VpcSourceIp": "Disabled"}
    access = {"S3Presign": {"IamPolicyConstraints": limits}}
    return boto3.client("sagemaker").update_workteam(
        WorkteamName=key, WorkerAccessConfiguration=access
    )


parts = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
tags = {"TagSet": [{"Key": "colour", "Value": "blue"}]}
calls = {
    "list_buckets": lambda: [each["Name"] for each in s3.list_buckets()["Buckets"]],
    "put": lambda: s3.upload_file(file, bucket, key),
    "get": lambda: s3.download_file(bucket, key, file),
    "head": lambda: s3.head_object(**thing),
    "presigned_get": lambda: s3.generate_presigned_url("get_object", Params=thing),
    "multipart": lambda: s3.upload_file(file, bucket, key, Config=parts),
    "copy": lambda: s3.copy(thing, bucket, target),
    "range": lambda: Path(file).write_bytes(
        s3.get_object(**thing, Range="bytes=3-9")["Body"].read()
    ),
    "tags": lambda: s3.put_object_tagging(**thing, Tagging=tags),
    "delete": lambda: s3.delete_object(**thing),
    "paging": paged,
    "wrong_region": lambda: s3.get_object(**thing),
    "list_teams": lambda: boto3.client("sagemaker").list_workteams(),
    "update_team": lock,
}
print(calls[operation]())
