"""Regional IP sets of AWS WAF (WAFV2): create, update, get, list and delete."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from typing import Any

from .gateway import auth
from .gateway.http import AWS_JSON, HttpRequest, Reply, aws_json_error, json_reply, parsed_json
from .settings import account_id
from .state import Region, SandboxState

Record = dict[str, Any]
_NAME = re.compile(r"[\w-]{1,128}", re.ASCII)
_VERSIONS = {"IPV4": 4, "IPV6": 6}
MAX_ADDRESSES = 10_000


class WafError(Exception):
    """An error answer of WAF."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Waf:
    """Answers requests of WAFV2 about IP sets."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer one request."""
        auth.pin(request)
        name = request.headers.get("x-amz-target", "").rpartition(".")[2]
        scope = auth.signed_scope(request)
        region = self._state.region(scope[1] if scope else "")
        refusal = auth.authorize(request, "wafv2", f"wafv2:{name}", _resource(region, request.body))
        if refusal is not None:
            return aws_json_error(refusal.code, refusal.message)
        try:
            if name not in _OPERATIONS:
                raise WafError("UnknownOperationException", f"The sandbox offers IP sets of wafv2, not {name}.")
            answer = _OPERATIONS[name](region, _given(request.body))
        except WafError as error:
            return aws_json_error(error.code, str(error))
        if not name.startswith(("Get", "List")):
            self._state.save()
        return json_reply(answer, 200, AWS_JSON)


def _resource(region: Region, body: bytes) -> str:
    """Return the ARN of the IP set that a request names by its id; ``*`` for one that names none."""
    given = parsed_json(body)
    if not isinstance(given, dict) or not given.get("Id"):
        return "*"
    return f"arn:aws:wafv2:{region.name}:{account_id()}:regional/ipset/{given.get('Name')}/{given['Id']}"


def _given(body: bytes) -> Record:
    given = parsed_json(body)
    if not isinstance(given, dict):
        raise WafError("SerializationException", "The request body is not valid JSON.")
    if given.get("Scope") != "REGIONAL":
        raise WafError("WAFInvalidParameterException", "The sandbox has IP sets of the scope REGIONAL only.")
    return given


def _create(region: Region, given: Record) -> Record:
    name = str(given.get("Name", ""))
    if not _NAME.fullmatch(name):
        raise WafError("WAFInvalidParameterException", "The name of the IP set is not valid.")
    if name in region.ip_sets:
        raise WafError("WAFDuplicateItemException", "WAF couldn't perform the operation: the name is taken.")
    version = str(given.get("IPAddressVersion"))
    identifier = str(uuid.uuid4())
    region.ip_sets[name] = {
        "Name": name,
        "Id": identifier,
        "ARN": f"arn:aws:wafv2:{region.name}:{account_id()}:regional/ipset/{name}/{identifier}",
        "Description": str(given.get("Description", "")),
        "IPAddressVersion": version,
        "Addresses": _addresses(given, version),
        "_lock": str(uuid.uuid4()),
    }
    return {"Summary": _summary(region.ip_sets[name])}


def _get(region: Region, given: Record) -> Record:
    found = _find(region, given)
    shown = {key: value for key, value in found.items() if not key.startswith("_")}
    return {"IPSet": shown, "LockToken": found["_lock"]}


def _list(region: Region, given: Record) -> Record:
    size = given.get("Limit", 100)
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise WafError("WAFInvalidParameterException", "Limit must be between 1 and 100.")
    names = sorted(region.ip_sets)
    start = names.index(given["NextMarker"]) + 1 if given.get("NextMarker") in region.ip_sets else 0
    chosen = names[start : start + size]
    answer: Record = {"IPSets": [_summary(region.ip_sets[name]) for name in chosen]}
    if len(chosen) == size:
        answer["NextMarker"] = chosen[-1]
    return answer


def _update(region: Region, given: Record) -> Record:
    found = _current(region, given)
    found["Addresses"] = _addresses(given, found["IPAddressVersion"])
    found["_lock"] = str(uuid.uuid4())
    return {"NextLockToken": found["_lock"]}


def _delete(region: Region, given: Record) -> Record:
    del region.ip_sets[_current(region, given)["Name"]]
    return {}


def _current(region: Region, given: Record) -> Record:
    found = _find(region, given)
    if given.get("LockToken") != found["_lock"]:
        raise WafError("WAFOptimisticLockException", "The IP set changed since the lock token was read.")
    return found


def _find(region: Region, given: Record) -> Record:
    found: Record | None = region.ip_sets.get(str(given.get("Name")))
    if found is None or found["Id"] != given.get("Id"):
        raise WafError("WAFNonexistentItemException", "WAF couldn't perform the operation: there is no such IP set.")
    return found


def _addresses(given: Record, version: str) -> list[str]:
    listed = given.get("Addresses")
    if version not in _VERSIONS or not isinstance(listed, list) or len(listed) > MAX_ADDRESSES:
        raise WafError("WAFInvalidParameterException", "IPAddressVersion and at most 10,000 Addresses are required.")
    for each in listed:
        try:
            network = ipaddress.ip_network(each) if "/" in str(each) else None
        except ValueError:
            network = None
        if network is None or network.version != _VERSIONS[version] or network.prefixlen == 0:
            raise WafError("WAFInvalidParameterException", f"The address {str(each)[:60]} is not valid.")
    return [str(each) for each in listed]


def _summary(found: Record) -> Record:
    shown = {key: found[key] for key in ("Name", "Id", "ARN", "Description")}
    return {**shown, "LockToken": found["_lock"]}


_OPERATIONS: dict[str, Callable[[Region, Record], Record]] = {
    "CreateIPSet": _create,
    "DeleteIPSet": _delete,
    "GetIPSet": _get,
    "ListIPSets": _list,
    "UpdateIPSet": _update,
}
