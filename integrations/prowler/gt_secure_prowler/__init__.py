"""Checks for Prowler of presigned URLs, under S3. Prowler finds them by entry points."""
