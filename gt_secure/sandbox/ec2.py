"""EC2: lookups of VPC endpoints, VPCs, subnets and security groups, and managed prefix lists."""

from __future__ import annotations

import datetime as dt
import fnmatch
import functools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from . import prefix_lists
from .ec2_parameters import Ec2Error, Record, indexed, page
from .gateway import auth
from .gateway.http import HttpRequest, Reply
from .settings import account_id
from .state import SandboxState

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"

# Operation: (answer member, id parameter, id member, error for an unknown id, state attribute, filters)
_COMMON = {"vpc-id": "VpcId"}
_OPERATIONS: dict[str, tuple[str, str, str, str, str, dict[str, str]]] = {
    "DescribeVpcEndpoints": (
        "VpcEndpoints", "VpcEndpointId", "VpcEndpointId", "InvalidVpcEndpointId.NotFound", "endpoints",
        {**_COMMON, "vpc-endpoint-id": "VpcEndpointId", "service-name": "ServiceName", "vpc-endpoint-state": "State",
         "vpc-endpoint-type": "VpcEndpointType"},
    ),
    "DescribeVpcs": (
        "Vpcs", "VpcId", "VpcId", "InvalidVpcID.NotFound", "vpcs",
        {**_COMMON, "cidr": "CidrBlock", "state": "State", "is-default": "IsDefault", "owner-id": "OwnerId"},
    ),
    "DescribeSubnets": (
        "Subnets", "SubnetId", "SubnetId", "InvalidSubnetID.NotFound", "subnets",
        {**_COMMON, "subnet-id": "SubnetId", "availability-zone": "AvailabilityZone", "cidr-block": "CidrBlock",
         "state": "State"},
    ),
    "DescribeSecurityGroups": (
        "SecurityGroups", "GroupId", "GroupId", "InvalidGroup.NotFound", "security_groups",
        {**_COMMON, "group-id": "GroupId", "group-name": "GroupName", "description": "Description"},
    ),
    "DescribeManagedPrefixLists": (
        "PrefixLists", "PrefixListId", "PrefixListId", "InvalidPrefixListID.NotFound", "prefix_lists",
        {"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"},
    ),
}  # fmt: skip


class Ec2:
    """Answers EC2 requests (query protocol, XML)."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        try:
            return Reply(200, self._answer(request).encode(), {"content-type": "text/xml;charset=UTF-8"})
        except Ec2Error as error:
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Response><Errors><Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message></Error>"
                f"</Errors><RequestID>{request.id}</RequestID></Response>"
            )
            return Reply(error.status, body.encode(), {"content-type": "text/xml;charset=UTF-8"})

    def _answer(self, request: HttpRequest) -> str:
        auth.pin(request)
        form = {**request.query, **parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)}
        parameters = {name: values[0] for name, values in form.items()}
        action = parameters.get("Action", "")
        _permit(request, action, parameters)
        scope = auth.signed_scope(request)
        region = self._state.region(scope[1] if scope else "")
        if action in prefix_lists.OPERATIONS:
            return self._written(request, action, prefix_lists.OPERATIONS[action](region, parameters))
        if action not in _OPERATIONS:
            raise Ec2Error("InvalidAction", f"The action {action} is not valid for this web service.")
        member, id_parameter, id_member, missing, attribute, filters = _OPERATIONS[action]
        records = list(getattr(region, attribute))
        records = _by_id(records, indexed(parameters, id_parameter), id_member, missing)
        records = [record for record in records if _matches(record, _filters(parameters), filters)]
        records, token = page(records, parameters)
        return self._written(request, action, {member: records, "NextToken": token})

    def _written(self, request: HttpRequest, action: str, answer: Record) -> str:
        if action.startswith(("Create", "Modify")):
            self._state.save()
        content = "".join(_xml(_model().operation_model(action).output_shape, answer))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<{action}Response xmlns="{NAMESPACE}"><requestId>{request.id}</requestId>{content}</{action}Response>'
        )


def _permit(request: HttpRequest, action: str, parameters: dict[str, str]) -> None:
    resource = "*"
    if action == "GetManagedPrefixListEntries":
        scope = auth.signed_scope(request)
        name = parameters.get("PrefixListId", "")
        resource = f"arn:aws:ec2:{scope[1] if scope else ''}:{account_id()}:prefix-list/{name}"
    refusal = auth.authorize(request, "ec2", f"ec2:{action}", resource)
    if refusal is None:
        return
    if not refusal.authentication:
        message = refusal.message.replace(" on resource: *", "")
        raise Ec2Error("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    if refusal.code == "ExpiredTokenException":
        raise Ec2Error("RequestExpired", "Request has expired.")
    raise Ec2Error("AuthFailure", "AWS was not able to validate the provided access credentials", 401)


@functools.cache
def _model() -> Any:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


def _filters(parameters: dict[str, str]) -> dict[str, list[str]]:
    names = {key.split(".")[1]: value for key, value in parameters.items() if re.match(r"Filter\.\d+\.Name$", key)}
    return {name: indexed(parameters, f"Filter.{index}.Value") for index, name in names.items()}


def _by_id(records: list[Record], wanted: list[str], member: str, missing: str) -> list[Record]:
    if not wanted:
        return records
    known = {record[member]: record for record in records}
    for item in wanted:
        if item not in known:
            raise Ec2Error(missing, f"The ID '{item}' does not exist")
    return [known[item] for item in dict.fromkeys(wanted)]


def _matches(record: Record, wanted: dict[str, list[str]], filters: dict[str, str]) -> bool:
    for name, patterns in wanted.items():
        if name.startswith("tag:"):
            values = [tag["Value"] for tag in record.get("Tags", []) if tag["Key"] == name[4:]]
        elif name == "tag-key":
            values = [tag["Key"] for tag in record.get("Tags", [])]
        elif name in filters:
            value = record.get(filters[name])
            values = [str(value).lower() if isinstance(value, bool) else str(value)]
        else:
            raise Ec2Error("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns):
            return False
    return True


def _xml(shape: Any, value: Record) -> Iterator[str]:
    """Write the members of a structure that have a value, named as EC2 names them."""
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None:
            continue
        tag = member.serialization.get("name", name)
        if member.type_name == "list":
            entries = "".join(f"<item>{_content(member.member, entry)}</item>" for entry in item)
            yield f"<{tag}>{entries}</{tag}>"
        else:
            yield f"<{tag}>{_content(member, item)}</{tag}>"


def _content(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(_xml(shape, value))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return f"{dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    return escape(str(value))
