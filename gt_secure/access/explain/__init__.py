"""Explanation of a refusal: S3's answer beside the policies that were read."""
