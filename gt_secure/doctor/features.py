"""Permissions of each feature: the table behind the doctor, the least-privilege policies and
docs/permissions.md.

Source: *Service Authorization Reference*, pages on Amazon SageMaker AI, Amazon S3, Amazon EC2, AWS
STS, AWS WAF V2, AWS CloudTrail and IAM Access Analyzer: which actions accept which resource, and
which accept only ``*``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from ..account.bucket import LOG_TARGET, READINGS
from ..account.state import FINDINGS
from ..base.errors import InvalidInput
from ..base.text import did_you_mean

ResourceTarget: TypeAlias = Literal[
    "*",
    "workteam",
    "workteams",
    "workforce",
    "labeling-job",
    "flow-definition",
    "evaluation-job",
    "bucket",
    "objects",
    "log-bucket",
    "log-objects",
    "role",
    "prefix-list",
    "ip-set",
    "key",
    "access-point",
]


_OF_TEAMS = frozenset(
    {"workteam", "workteams", "workforce", "labeling-job", "flow-definition", "evaluation-job"}
)


class Permission(NamedTuple):
    """One action on one kind of resource; the doctor never tries one that ``writes``."""

    action: str
    target: ResourceTarget
    writes: bool = False
    optional: bool = False

    @property
    def is_of_teams(self) -> bool:
        """True if it is about workteams and their jobs alone."""
        return self.target in _OF_TEAMS or self.action.startswith(
            ("sagemaker:", "bedrock:", "iam:PassRole")
        )


@dataclass(frozen=True)
class Feature:
    """A feature with the permissions that it needs, and a note for the administrator."""

    name: str
    title: str
    permissions: tuple[Permission, ...]
    note: str = ""

    def of_bucket(self) -> Feature | None:
        """Return the feature for a bucket without a workteam; None if only workteams have it."""
        rest = tuple(each for each in self.permissions if not each.is_of_teams)
        return replace(self, permissions=rest) if rest else None


def _optional(action: str, target: ResourceTarget = "*") -> Permission:
    """Return a permission without which the feature does less."""
    return Permission(action, target, optional=True)


_TEAM = Permission("sagemaker:DescribeWorkteam", "workteam")
_FORCES = Permission("sagemaker:ListWorkforces", "*")
_FORCE = Permission("sagemaker:DescribeWorkforce", "workforce")
_POLICY = Permission("s3:GetBucketPolicy", "bucket")
_TEAMS = (
    Permission("sagemaker:ListWorkteams", "*"),
    Permission("sagemaker:ListSubscribedWorkteams", "*"),
)
_ENDPOINTS = (
    Permission("ec2:DescribeVpcEndpoints", "*"),
    _optional("ec2:DescribeVpcs"),
)
_TRAIL = Permission("cloudtrail:LookupEvents", "*")
_SETTINGS = tuple(
    Permission(each.action, "bucket")
    for part, each in READINGS.items()
    if f"bucket.{part}" in FINDINGS and part != "access_points"  # these are listed by account
)
# HeadBucket reports the region of a bucket even where it is refused, so s3:ListBucket is optional
# there.
_LIST = _optional("s3:ListBucket", "bucket")
_JOBS = (
    _optional("sagemaker:ListLabelingJobsForWorkteam", "workteam"),
    _optional("sagemaker:DescribeLabelingJob", "labeling-job"),
)
_ORGANIZATION = tuple(
    _optional(f"organizations:{call}")
    for call in ("DescribeOrganization", "ListParents", "ListPoliciesForTarget", "DescribePolicy")
)

_ALL = (
    Feature("teams", "see workteams, locks and jobs", (*_TEAMS, _TEAM, _FORCES, _FORCE, *_JOBS)),
    Feature(
        "endpoints",
        "choose VPC endpoints",
        _ENDPOINTS,
    ),
    Feature(
        "url-lock",
        "set the URL lock",
        (_TEAM, _FORCES, _FORCE, Permission("sagemaker:UpdateWorkteam", "workteam", writes=True)),
    ),
    Feature(
        "portal-lock",
        "set the portal lock",
        (_FORCES, _FORCE, Permission("sagemaker:UpdateWorkforce", "workforce", writes=True)),
    ),
    Feature(
        "guard",
        "set and undo the bucket guard",
        (
            _POLICY,
            Permission("s3:PutBucketPolicy", "bucket", writes=True),
            Permission("s3:DeleteBucketPolicy", "bucket", writes=True),
            _LIST,
            _TRAIL._replace(optional=True),  # who else has written at the moment of a change
        ),
        "Whoever can write a bucket's policy can grant themselves everything in that bucket: grant"
        " it to few. A plan and an answer who can open also read what teams, signers and findings"
        " read, s3:GetBucketTagging included, and say what they could not read.",
    ),
    Feature(
        "sign",
        "sign a test URL, bound to an address",
        (
            Permission("sts:AssumeRole", "role", writes=True),
            Permission("s3:GetObject", "objects"),
            # With it the caller's own role is found with its path.
            _optional("iam:GetRole", "role"),
            _LIST,
        ),
    ),
    Feature(
        "render",
        "have Ground Truth sign a test URL",
        (
            Permission("sagemaker:RenderUiTemplate", "*"),
            Permission("iam:PassRole", "role", writes=True),
        ),
        "Limit iam:PassRole to the service with the condition iam:PassedToService:"
        " sagemaker.amazonaws.com.",
    ),
    Feature(
        "hits",
        "read hits from the access log",
        (
            Permission("s3:GetBucketLogging", "bucket"),
            Permission("s3:ListBucket", "log-bucket"),
            Permission("s3:GetObject", "log-objects"),
        ),
        "Logs and objects that a KMS key encrypts need kms:Decrypt on that key. Logs in Athena need"
        " athena:GetTableMetadata, athena:StartQueryExecution, athena:GetQueryExecution,"
        " athena:GetQueryResults and athena:StopQueryExecution on the workgroup, with what the"
        " query itself reads and writes.",
    ),
    Feature(
        "prefix-lists",
        "allow managed prefix lists",
        (
            Permission("ec2:DescribeManagedPrefixLists", "*"),
            Permission("ec2:GetManagedPrefixListEntries", "prefix-list"),
        ),
    ),
    Feature(
        "ip-sets",
        "allow IP sets of WAF",
        (Permission("wafv2:ListIPSets", "*"), Permission("wafv2:GetIPSet", "ip-set")),
    ),
    Feature(
        "signers",
        "list who can sign URLs",
        (
            Permission("iam:GetAccountAuthorizationDetails", "*"),
            _optional("iam:ListRoles"),
            _optional("s3:GetEncryptionConfiguration", "bucket"),
            _optional("kms:GetKeyPolicy", "key"),
            _optional("s3:ListAccessPoints"),
            _optional("s3:GetAccessPoint"),
            _optional("s3:GetAccessPointPolicy", "access-point"),
            _optional("s3:GetAccountPublicAccessBlock"),
            *_ORGANIZATION,
        ),
    ),
    Feature("history", "show who changed the locks", (_TRAIL, _TEAM._replace(optional=True))),
    Feature(
        "findings",
        "find weaknesses of a restriction",
        (
            _TEAM,
            _FORCES,
            _FORCE,
            *_TEAMS,
            # Every team that uses the bucket has a row: their jobs are looked at, too.
            _optional("sagemaker:ListLabelingJobsForWorkteam", "workteams"),
            _optional("sagemaker:DescribeLabelingJob", "labeling-job"),
            *_ENDPOINTS,
            *_SETTINGS,
            _LIST,
            _optional("s3:ListAccessPoints"),
            _optional("s3:GetAccountPublicAccessBlock"),
            _optional("s3:GetBucketPolicyStatus", "bucket"),
            _optional("s3:GetBucketRequestPayment", "bucket"),
            _optional("s3:GetObjectAcl", "objects"),
            # task templates and input manifests
            _optional("s3:GetObject", "objects"),
            _optional("s3:ListBucket", "log-bucket"),
            *(_optional(READINGS[part].action, "log-bucket") for part in LOG_TARGET),
            _optional("s3:ListAllMyBuckets"),  # a report of buckets with a tag
            _optional("s3:GetBucketTagging", "bucket"),
            _optional("sagemaker:ListFlowDefinitions"),
            _optional("sagemaker:DescribeFlowDefinition", "flow-definition"),
            _optional("bedrock:ListEvaluationJobs"),
            _optional("bedrock:GetEvaluationJob", "evaluation-job"),
            *_ORGANIZATION,
        ),
        "s3:GetObject reads the page template, input manifest and label list of each labeling job"
        " that waits for workers, to find links that grant_read_access did not pass. No image is"
        " read.",
    ),
)

FEATURES: dict[str, Feature] = {feature.name: feature for feature in _ALL}


def choose(names: Iterable[str]) -> list[Feature]:
    """Return features by name, in the order of the table; no name means all of them."""
    wanted = list(names)
    for name in wanted:
        if name not in FEATURES:
            raise InvalidInput(
                f"Unknown feature '{str(name)[:40]}'.",
                next_step=did_you_mean(str(name), FEATURES),
                field="feature",
            )
    return [feature for name, feature in FEATURES.items() if not wanted or name in wanted]
