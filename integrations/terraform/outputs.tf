output "statement" {
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
