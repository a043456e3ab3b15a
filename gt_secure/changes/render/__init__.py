"""Renderers of a plan: text, HTML, CloudFormation and Terraform."""
