"""The demo: who may do what, and what is there, in an empty sandbox."""

from __future__ import annotations

import json
import time
from typing import Any

from .. import emulator, vpc
from ..sagemaker import workteams
from ..sagemaker.jobs import LABELED
from ..sagemaker.workforces import arn
from ..settings import (
    ADMIN_USER,
    REGION,
    ROLE_NAME,
    SWEEP_ROLE_NAME,
    VPC_ID,
    Settings,
    account_id,
    role_arn,
)
from ..state import Region, SandboxState
from . import images as pictures

IMAGES, LOGS, LOG_PREFIX = "gt-images", "gt-logs", "s3/"
PICTURES = 12
WORKFORCE = "private-workforce"
USER_POOL = f"{REGION}_Gt5ecure1"
JOB = "chest-scans"
TEMPLATE_KEY = "templates/bounding-box.liquid.html"
_DAY_S = 86_400.0

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <crowd-bounding-box name="annotatedResult" header="Mark every nodule" labels="['Nodule']"
                      src="{{ task.input.taskObject | grant_read_access }}">
    <full-instructions header="How to mark">Draw one box around each round spot in a lung.</full-instructions>
    <short-instructions>One box for each nodule.</short-instructions>
  </crowd-bounding-box>
</crowd-form>
"""


async def administrator(state: SandboxState) -> None:
    """Make the IAM user whose keys the sandbox hands out; a user, because policies do not bind the root."""
    if state.credentials:
        return
    await administrator_user()
    answer = (await emulator.query_call("iam", "CreateAccessKey", UserName=ADMIN_USER)).decode()
    state.credentials = {
        "access_key": answer.split("<AccessKeyId>")[1].split("<")[0],
        "secret_key": answer.split("<SecretAccessKey>")[1].split("<")[0],
    }
    state.save()


async def administrator_user() -> None:
    """Make the administrator without keys."""
    await emulator.query_call("iam", "CreateUser", UserName=ADMIN_USER)
    everything = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    await emulator.query_call(
        "iam", "PutUserPolicy", UserName=ADMIN_USER, PolicyName="administrator", PolicyDocument=everything
    )


async def demo(state: SandboxState, settings: Settings) -> None:
    """Fill an empty sandbox; does nothing when there is a workforce already."""
    region = state.region(REGION)
    if settings.seed != "demo" or region.workforces or region.workteams:
        return
    await _role()
    await _sweep_role()
    vpc.seed()
    _teams(region)
    await _buckets()
    _job(region)
    state.save()


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


async def _role() -> None:
    trust = _policy(
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {
            "Effect": "Allow",
            "Principal": {"AWS": [role_arn(), f"arn:aws:iam::{account_id()}:user/{ADMIN_USER}"]},
            "Action": "sts:AssumeRole",
        },
    )
    images = f"arn:aws:s3:::{IMAGES}"
    rights = _policy(
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": f"{images}/*",
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": images},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn()},
    )
    await emulator.query_call("iam", "CreateRole", RoleName=ROLE_NAME, AssumeRolePolicyDocument=trust)
    await emulator.query_call("iam", "PutRolePolicy", RoleName=ROLE_NAME, PolicyName="labeling", PolicyDocument=rights)


async def _sweep_role() -> None:
    """Make the read-only role of a sweep, for the administrator."""
    trust = _policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id()}:user/{ADMIN_USER}"},
            "Action": "sts:AssumeRole",
        }
    )
    actions = ["sagemaker:List*", "sagemaker:Describe*", "s3:Get*", "s3:List*", "ec2:Describe*", "kms:GetKeyPolicy"]
    rights = _policy(
        {"Effect": "Allow", "Action": actions, "Resource": "*"},
        {"Effect": "Deny", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"},
    )
    await emulator.query_call("iam", "CreateRole", RoleName=SWEEP_ROLE_NAME, AssumeRolePolicyDocument=trust)
    await emulator.query_call(
        "iam", "PutRolePolicy", RoleName=SWEEP_ROLE_NAME, PolicyName="sweep", PolicyDocument=rights
    )


def _teams(region: Region) -> None:
    created = time.time() - 60 * _DAY_S
    network = {"VpcId": VPC_ID, "Subnets": list(vpc.SUBNET_IDS), "SecurityGroupIds": [vpc.GROUP_ID]}
    portal = "vpce-0b1c2d3e4f5061728"
    region.workforces[WORKFORCE] = {
        "WorkforceName": WORKFORCE,
        "WorkforceArn": arn(region, WORKFORCE),
        "CreateDate": created,
        "LastUpdatedDate": created,
        "SourceIpConfig": {"Cidrs": []},
        "Status": "Active",
        "IpAddressType": "ipv4",
        "SubDomain": f"gtsecure01.labeling.{REGION}.sagemaker.aws",
        "CognitoConfig": {"UserPool": USER_POOL, "ClientId": "3k9example7client1id"},
        "WorkforceVpcConfig": {**network, "VpcEndpointId": portal},
    }
    vpc.add_portal_endpoint(REGION, portal, network)
    for name, description, source_ip, vpc_source_ip in (
        ("open-team", "General annotators; image URLs work from anywhere", "Disabled", "Disabled"),
        ("radiology-team", "Radiologists; image URLs work from the worker's address only", "Enabled", "Disabled"),
        ("vpc-team", "Annotators inside the VPC; image URLs work through the S3 endpoint", "Disabled", "Enabled"),
    ):
        region.workteams[name] = _team(region, name, description, source_ip, vpc_source_ip, created)
    region.subscribed = [
        {
            "WorkteamArn": f"arn:aws:sagemaker:{REGION}:{account_id()}:workteam/vendor-crowd/imaging-annotators",
            "MarketplaceTitle": "Medical imaging annotation",
            "SellerName": "Imaging Annotators Ltd",
            "MarketplaceDescription": "Vendor workforce for bounding boxes on medical images",
            "ListingId": "prod-4k3example2id",
        }
    ]


def _team(region: Region, name: str, description: str, source_ip: str, vpc_source_ip: str, created: float) -> Any:
    group = {"UserPool": USER_POOL, "UserGroup": name, "ClientId": "3k9example7client1id"}
    return {
        "WorkteamName": name,
        "WorkteamArn": workteams.arn(region, name),
        "Description": description,
        "MemberDefinitions": [{"CognitoMemberDefinition": group}],
        "WorkforceArn": region.workforces[WORKFORCE]["WorkforceArn"],
        "SubDomain": region.workforces[WORKFORCE]["SubDomain"],
        "CreateDate": created,
        "LastUpdatedDate": created,
        "NotificationConfiguration": {},
        "WorkerAccessConfiguration": {
            "S3Presign": {"IamPolicyConstraints": {"SourceIp": source_ip, "VpcSourceIp": vpc_source_ip}}
        },
    }


async def _buckets() -> None:
    for bucket in (LOGS, IMAGES):
        await _put(f"/{bucket}")
    await _put(f"/{LOGS}", "policy", log_policy().encode())
    cors = (
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
        "<ExposeHeader>Access-Control-Allow-Origin</ExposeHeader></CORSRule></CORSConfiguration>"
    )
    await _put(f"/{IMAGES}", "cors", cors.encode())
    for number in range(1, PICTURES + 1):
        await _put(f"/{IMAGES}/scans/{number:04d}.png", body=pictures.scan(number), kind="image/png")
    manifest = "".join(
        json.dumps({"source-ref": f"s3://{IMAGES}/scans/{number:04d}.png"}) + "\n" for number in range(1, PICTURES + 1)
    )
    await _put(f"/{IMAGES}/manifests/chest-scans.manifest", body=manifest.encode(), kind="application/x-ndjson")
    await _put(f"/{IMAGES}/{TEMPLATE_KEY}", body=TEMPLATE.encode(), kind="text/html")
    logging = (
        '<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LoggingEnabled>'
        f"<TargetBucket>{LOGS}</TargetBucket><TargetPrefix>{LOG_PREFIX}</TargetPrefix>"
        "</LoggingEnabled></BucketLoggingStatus>"
    )
    await _put(f"/{IMAGES}", "logging", logging.encode())


async def _put(path: str, subresource: str = "", body: bytes = b"", kind: str = "application/xml") -> None:
    query = {subresource: [""]} if subresource else {}
    status, _, answer = await emulator.s3("PUT", path, query=query, headers={"content-type": kind}, body=body)
    if status >= 300:
        raise RuntimeError(f"seeding {path} failed: {status} {answer[:200]!r}")


def log_policy(bucket: str = LOGS, prefix: str = LOG_PREFIX) -> str:
    """Return the bucket policy that lets S3 deliver access logs (S3 User Guide, *Enabling server access logging*)."""
    return _policy(
        {
            "Sid": "S3ServerAccessLogsPolicy",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/{prefix}*",
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{IMAGES}"},
                "StringEquals": {"aws:SourceAccount": account_id()},
            },
        }
    )


def _job(region: Region) -> None:
    started = time.time() - 2 * _DAY_S
    lambdas = "arn:aws:lambda:us-east-1:432418664414:function"
    region.jobs[JOB] = {
        "LabelingJobName": JOB,
        "LabelingJobArn": f"arn:aws:sagemaker:{REGION}:{account_id()}:labeling-job/{JOB}",
        "JobReferenceCode": "7f3a91c25d",
        "LabelingJobStatus": "InProgress",
        "LabelCounters": {
            "TotalLabeled": 4,
            "HumanLabeled": 4,
            "MachineLabeled": 0,
            "FailedNonRetryableError": 0,
            "Unlabeled": PICTURES - 4,
        },
        LABELED: [f"s3://{IMAGES}/scans/{number:04d}.png" for number in range(1, 5)],
        "CreationTime": started,
        "LastModifiedTime": started + 3600,
        "LabelAttributeName": "nodules",
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{IMAGES}/manifests/chest-scans.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": f"s3://{IMAGES}/output/"},
        "LabelingJobOutput": {"OutputDatasetS3Uri": f"s3://{IMAGES}/output/{JOB}/manifests/output/output.manifest"},
        "RoleArn": role_arn(),
        "HumanTaskConfig": {
            "WorkteamArn": region.workteams["radiology-team"]["WorkteamArn"],
            "UiConfig": {"UiTemplateS3Uri": f"s3://{IMAGES}/{TEMPLATE_KEY}"},
            "PreHumanTaskLambdaArn": f"{lambdas}:PRE-BoundingBox",
            "TaskTitle": "Mark nodules on chest scans",
            "TaskDescription": "Draw a box around each nodule.",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 3600,
            "TaskAvailabilityLifetimeInSeconds": 864_000,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{lambdas}:ACS-BoundingBox"},
        },
        "Tags": [],
    }
