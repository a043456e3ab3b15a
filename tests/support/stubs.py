"""Answers that a test gives to clients of AWS, by service."""

from __future__ import annotations

from botocore.stub import Stubber

from gt_secure.aws.client import Aws


class Stubs(dict[str, Stubber]):
    """The stub of each service, and the client factory whose clients they answer."""

    aws: Aws
