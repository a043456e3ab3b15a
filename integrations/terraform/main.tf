# Written by tools/make_terraform.py: do not edit.
terraform {
  required_version = ">= 1.5"
}

locals {
  bucket_arn = "arn:${var.partition}:s3:::${var.bucket}"

  # A policy takes *, ? and $ of a prefix literally only when they are written so.
  prefix = replace(replace(replace(var.prefix, "$${", "$${$}{"), "*", "$${*}"), "?", "$${?}")

  action = { for key, each in {
    "Action"    = var.reads_only ? "" : "s3:*"
    "NotAction" = var.reads_only ? "s3:PutObject" : ""
  } : key => each if length(each) > 0 }

  statement = merge(local.action, {
    "Sid"       = "GtSecurePresignGuard"
    "Effect"    = "Deny"
    "Principal" = "*"
    "Resource" = (
      var.prefix == "" ? [local.bucket_arn, "${local.bucket_arn}/*"] : ["${local.bucket_arn}/${local.prefix}*"]
    )
    "Condition" = { for key, each in {
      "StringEquals" = { for key, each in {
        "s3:authType" = ["REST-QUERY-STRING", "POST"]
      } : key => each if length(each) > 0 }
      "BoolIfExists" = { for key, each in {
        "aws:ViaAWSService" = "false"
      } : key => each if length(each) > 0 }
      "NotIpAddressIfExists" = { for key, each in {
        "aws:SourceIp" = var.addresses
      } : key => each if length(each) > 0 }
      "StringNotEqualsIfExists" = { for key, each in {
        "aws:SourceVpce" = [for each in var.endpoints : each if startswith(each, "vpce-")]
        "aws:SourceVpc" = [for each in var.endpoints : each if startswith(each, "vpc-")]
      } : key => each if length(each) > 0 }
    } : key => each if length(each) > 0 }
  })
}

check "guard" {
  assert {
    condition     = length(jsonencode(local.statement)) < 20480
    error_message = "S3 accepts bucket policies of at most 20480 bytes."
  }
}
