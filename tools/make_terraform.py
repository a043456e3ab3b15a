"""Write the Terraform module of the guard in ``integrations/terraform`` from what gt_secure writes.

The statement is that of ``build_guard``. Its values become the variables of the module.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gt_secure.engine.policies.bucket_guard import (  # noqa: E402
    GUARD_SID,
    MAX_BUCKET_POLICY,
    build_guard,
)

FOLDER = ROOT / "integrations" / "terraform"
BUCKET, RANGE, ENDPOINT, VPC = "BUCKET", "192.0.2.0/32", "vpce-0123456789abcdef0", "vpc-01234567"
EXPRESSIONS = {
    json.dumps([RANGE]): "var.addresses",
    json.dumps([ENDPOINT]): '[for each in var.endpoints : each if startswith(each, "vpce-")]',
    json.dumps([VPC]): '[for each in var.endpoints : each if startswith(each, "vpc-")]',
}
"""The expression that stands in the module for a value of the example."""
VARIABLES = """variable "bucket" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$", var.bucket))
    error_message = "Write the name of the bucket, without s3://."
  }
}

variable "prefix" {
  description = "Start of the keys to protect. Empty: the whole bucket."
  type        = string
  default     = ""
}

variable "addresses" {
  description = "Ranges from which presigned URLs work, such as 203.0.113.0/24."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.addresses : can(cidrhost(each, 0)) && !endswith(each, "/0")])
    error_message = "Write each range with its mask, such as 203.0.113.7/32. A mask of 0 lists anyone."
  }
}

variable "endpoints" {
  description = "VPC endpoints (vpce-...) and VPCs (vpc-...) from which presigned URLs work."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.endpoints : can(regex("^vpce?-[0-9a-f]{8,17}$", each))])
    error_message = "Write ids such as vpce-0123456789abcdef0 or vpc-0123456789abcdef0."
  }
}

variable "reads_only" {
  description = "Let uploads by presigned URL and form work from anywhere."
  type        = bool
  default     = false
}

variable "partition" {
  description = "Partition of AWS: aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
}
"""


def written(value: Any, indent: str) -> str:
    """Return a value as HCL; an object leaves out the members whose list is empty."""
    if (text := json.dumps(value)) in EXPRESSIONS:
        return EXPRESSIONS[text]
    if not isinstance(value, dict):
        return text
    more = indent + "  "
    rows = [f"{more}{json.dumps(key)} = {written(each, more)}\n" for key, each in value.items()]
    members = f"{{\n{''.join(rows)}{indent}}}"
    return f"{{ for key, each in {members} : key => each if length(each) > 0 }}"


def main_text() -> str:
    """Return the text of ``main.tf``."""
    allowed = [RANGE, ENDPOINT, VPC]
    every = build_guard(BUCKET, allowed)
    part = build_guard(BUCKET, allowed, prefix="PREFIX", reads=True)
    [bucket, objects] = [each.replace(f"aws:s3:::{BUCKET}", "") for each in every["Resource"]]
    assert (bucket, objects) == ("arn:", "arn:/*")
    assert part["Resource"] == f"arn:aws:s3:::{BUCKET}/PREFIX*"
    assert {**every, "Resource": ""} == {
        **{name: each for name, each in part.items() if name != "NotAction"},
        "Action": every["Action"],
        "Resource": "",
    }
    condition = written(every["Condition"], "    ")
    return f"""# Written by tools/make_terraform.py: do not edit.
terraform {{
  required_version = ">= 1.5"
}}

locals {{
  bucket_arn = "arn:${{var.partition}}:s3:::${{var.bucket}}"

  # A policy takes *, ? and $ of a prefix literally only when they are written so.
  prefix = replace(replace(replace(var.prefix, "$${{", "$${{$}}{{"), "*", "$${{*}}"), "?", "$${{?}}")

  action = {{ for key, each in {{
    "Action"    = var.reads_only ? "" : {json.dumps(every["Action"])}
    "NotAction" = var.reads_only ? {json.dumps(part["NotAction"])} : ""
  }} : key => each if length(each) > 0 }}

  statement = merge(local.action, {{
    "Sid"       = {json.dumps(GUARD_SID)}
    "Effect"    = {json.dumps(every["Effect"])}
    "Principal" = {json.dumps(every["Principal"])}
    "Resource" = (
      var.prefix == "" ? [local.bucket_arn, "${{local.bucket_arn}}/*"] : ["${{local.bucket_arn}}/${{local.prefix}}*"]
    )
    "Condition" = {condition}
  }})
}}

check "guard" {{
  assert {{
    condition     = length(jsonencode(local.statement)) < {MAX_BUCKET_POLICY}
    error_message = "S3 accepts bucket policies of at most {MAX_BUCKET_POLICY} bytes."
  }}
}}
"""


OUTPUTS = """output "statement" {
  description = "The statement, to add to the statements of a policy."
  value       = local.statement

  precondition {
    condition     = length(var.addresses) + length(var.endpoints) > 0
    error_message = "List at least one range or endpoint: an empty guard refuses every presigned URL."
  }
}

output "json" {
  description = "A policy document with the statement, for source_policy_documents of aws_iam_policy_document."
  value       = jsonencode({ Version = "2012-10-17", Statement = [local.statement] })
}
"""


def files() -> dict[str, str]:
    """Return the text of each written file by its name."""
    return {"main.tf": main_text(), "variables.tf": VARIABLES, "outputs.tf": OUTPUTS}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
