variable "bucket" {
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
