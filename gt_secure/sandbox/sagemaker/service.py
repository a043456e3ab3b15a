"""The SageMaker endpoint: target, signature, validation, permission, operation,
answer, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ...base.errors import GtSecureError
from ..gateway import auth
from ..gateway.http import AWS_JSON, HttpRequest, Reply, aws_json_error, json_reply, parsed_json
from ..state import Record, Region, SandboxState
from ..trail import Trail
from . import jobs, model, templates, workforces, workteams
from .model import ApiError, validation

Operation = Callable[[Region, Record], Record]
_PREFIX = "SageMaker."

OPERATIONS: dict[str, Operation] = {
    "ListWorkteams": workteams.list_workteams,
    "ListSubscribedWorkteams": workteams.list_subscribed,
    "DescribeWorkteam": workteams.describe,
    "CreateWorkteam": workteams.create,
    "UpdateWorkteam": workteams.update,
    "DeleteWorkteam": workteams.delete,
    "ListWorkforces": workforces.list_workforces,
    "DescribeWorkforce": workforces.describe,
    "CreateWorkforce": workforces.create,
    "UpdateWorkforce": workforces.update,
    "DeleteWorkforce": workforces.delete,
    "ListLabelingJobs": jobs.list_jobs,
    "ListLabelingJobsForWorkteam": jobs.list_for_workteam,
    "DescribeLabelingJob": jobs.describe,
    "CreateLabelingJob": jobs.create,
    "StopLabelingJob": jobs.stop,
    "CreateFlowDefinition": jobs.create_flow,
    "DescribeFlowDefinition": jobs.describe_flow,
    "ListFlowDefinitions": jobs.list_flows,
    "DeleteFlowDefinition": jobs.delete_flow,
}
_KINDS = {
    "Workteam": (workteams.KIND, "WorkteamName"),
    "Workforce": (workforces.KIND, "WorkforceName"),
    "LabelingJob": (jobs.JOB, "LabelingJobName"),
    "FlowDefinition": (jobs.FLOW, "FlowDefinitionName"),
}
"""Start of the ARN of a resource, and the member that names it,
by the end of the operations on a single one.
"""
RENDER = "RenderUiTemplate"
_PASS_ROLE = frozenset({"CreateLabelingJob", "CreateFlowDefinition", RENDER})

_UNPROVEN = frozenset(
    {
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
"""Errors of calls that nobody is known to have made: CloudTrail has no management event of them."""


class SageMaker:
    """Answers SageMaker requests (JSON 1.1)."""

    def __init__(self, state: SandboxState, trail: Trail, endpoint_url: str) -> None:
        self._state = state
        self._trail = trail
        self._endpoint_url = endpoint_url

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer a call of SageMaker, and record it in the trail."""
        error_code = ""
        try:
            reply = json_reply(await self._answer(request), 200, AWS_JSON)
        except ApiError as error:
            error_code = error.code
            reply = aws_json_error(error_code, error.message)
        if error_code not in _UNPROVEN:
            name = request.headers.get("x-amz-target", "").removeprefix(_PREFIX)
            self._trail.sagemaker(request, name, parsed_json(request.body), error_code)
        reply.headers["x-amzn-requestid"] = request.long_id
        return reply

    async def _answer(self, request: HttpRequest) -> Record:
        name = request.headers.get("x-amz-target", "").removeprefix(_PREFIX)
        if name not in OPERATIONS and name != RENDER:
            problem = f"SageMaker has no operation {name}."
            if name in model.operation_names():
                offered = ", ".join(sorted([*OPERATIONS, RENDER]))
                problem = f"The sandbox does not offer sagemaker:{name}; it has {offered}."
            raise ApiError("UnknownOperationException", problem)
        region = self._state.region(auth.signed_region(request))
        body = parsed_json(request.body)
        if body is None:
            raise ApiError("SerializationException", "The request body is not valid JSON.")
        _permit(request, f"sagemaker:{name}", _resource(name, region, body))
        valid = model.check(name, body)
        if name in _PASS_ROLE:
            _permit(
                request,
                "iam:PassRole",
                valid["RoleArn"],
                {"iam:PassedToService": "sagemaker.amazonaws.com"},
            )
        if name == RENDER:
            return model.shape_answer(name, await _render(valid, self._endpoint_url))
        answer = OPERATIONS[name](region, valid)
        if name == "CreateLabelingJob":
            await jobs.start(region.jobs[valid["LabelingJobName"]])
        return model.shape_answer(name, answer)


async def _render(body: Record, endpoint_url: str) -> Record:
    """Answer RenderUiTemplate: the URLs are signed by the role and carry no
    constraint of a workteam.
    """
    role = body["RoleArn"]
    if "UiTemplate" not in body:
        raise validation("The sandbox stores no templates: UiTemplate must be given.")
    try:
        task = json.loads(body["Task"]["Input"])
    except (ValueError, RecursionError) as error:
        raise validation("Task.Input must be a JSON document.") from error
    if not isinstance(task, dict):
        raise validation("Task.Input must be a JSON object.")
    try:
        page = await templates.page_of(body["UiTemplate"]["Content"], task, role, endpoint_url, {})
    except GtSecureError as error:
        raise validation(
            f"Could not assume role {role}. Please ensure that the role exists and allows principal"
            " 'sagemaker.amazonaws.com' to assume the role."
        ) from error
    return {"RenderedContent": page.text, "Errors": list(page.errors)}


def _resource(name: str, region: Region, body: Any) -> str:
    """The ARN that a permission is asked for (Service Authorization Reference,
    *Amazon SageMaker*).
    """
    given = body if isinstance(body, dict) else {}
    if name == "ListLabelingJobsForWorkteam":
        return str(given.get("WorkteamArn", "*"))
    kind = next((kind for end, kind in _KINDS.items() if name.endswith(end)), None)
    return "*" if kind is None else region.arn(kind[0], str(given.get(kind[1], "")))


def _permit(
    request: HttpRequest, action: str, resource: str, keys: dict[str, str] | None = None
) -> None:
    refusal = auth.authorize(request, "sagemaker", action, resource, keys)
    if refusal is not None:
        raise ApiError(refusal.code, refusal.message)
