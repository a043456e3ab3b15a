"""Renderers of a plan: text, HTML, AWS CLI and Terraform."""
