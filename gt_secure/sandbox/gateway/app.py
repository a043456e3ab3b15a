"""ASGI entry point: resolve the source of a request and its target service, then dispatch it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from urllib.parse import parse_qs

from ...base.errors import InvalidInput
from ...base.network import Source
from ..accesslog.delivery import Delivery
from ..accesslog.recorder import RequestWatch
from ..portal.worker_portal import PATH as PORTAL
from ..sagemaker.service import SageMaker
from ..trail import Trail
from ..vpc import vpc_of
from . import (
    access_points,
    auth,
    browsers,
    bucket_settings,
    conditions,
    denials,
    encryption,
    evaluator,
    policy_principals,
    query_auth as presigned,
    sent_keys,
    sigv2,
    source_mapping as addresses,
)
from .conditions import QueryFields
from .http import (
    AsgiScope,
    BodyTooLarge,
    HttpRequest,
    Receive,
    Reply,
    Send,
    json_reply,
    read_head,
    replay,
    respond,
)
from .mechanisms import FORM, SIGV2

log = logging.getLogger(__name__)

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED = frozenset(
    {"health", "iceberg", "login", "logout", "oauth2", "v20180820", "graphql", "signing-jobs"}
)
"""First parts of paths that the emulator answers before S3 although they could
be names of buckets.
"""

_OPERATIONS = {
    "sts": re.compile(".*"),
    "iam": re.compile(".*"),
    "ec2": re.compile(
        "Describe(VpcEndpoints|Vpcs|Subnets|SecurityGroups|ManagedPrefixLists)"
        "|(Create|Modify|Delete)ManagedPrefixList|GetManagedPrefixListEntries|CreateVpcEndpoint|DeleteVpcEndpoints"
    ),
    "wafv2": re.compile("(Create|Delete|Get|Update)IPSet|ListIPSets"),
}
"""Operations that a client may call; the emulator's EC2 would run containers."""
INTERNAL = "/_gt_secure/"
Handler = Callable[[HttpRequest], Awaitable[Reply]]


@dataclass(frozen=True)
class Front:
    """The ASGI application of the sandbox."""

    emulator: Callable[[AsgiScope, Receive, Send], Awaitable[None]]
    sagemaker: SageMaker
    trail: Trail
    internal: Handler
    delivery: Delivery
    events: Delivery
    vpc_port: int
    names: Collection[str] = ()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one connection: a request over HTTP, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            source = self.source(scope)
        except InvalidInput as error:
            await respond(send, json_reply(error.to_dict(), 400))
            return
        request = read_head(scope, source)
        if (foreign := browsers.foreign_host(request, self.names)) is not None:
            await respond(send, foreign, head=request.method == "HEAD")
            return
        service, internal = _service_of(request), request.path.startswith(INTERNAL)
        try:
            reply = (
                browsers.foreign_site(request, may_navigate=request.path.startswith(PORTAL))
                if internal
                else None
            )
            if reply is None:
                await request.read(receive)
            if internal:
                await respond(
                    send, reply or await self.internal(request), head=request.method == "HEAD"
                )
            elif service == "s3":
                await self._s3(scope, request, receive, send)
            else:
                await self._other(service, scope, request, receive, send)
        except BodyTooLarge as error:
            await respond(send, error_reply(service, request, "EntityTooLarge", str(error), 413))
        except ConnectionError:
            log.info("the client went away: %s %s", request.method, request.raw_path)

    def source(self, scope: AsgiScope) -> Source:
        """Return the source of a request: the named one, or that of the address and port."""
        wanted = addresses.SOURCE_HEADER.lower().encode()
        named = next(
            (value for name, value in scope.get("headers", []) if name.lower() == wanted), None
        )
        peer = str((scope.get("client") or ("127.0.0.1", 0))[0])
        if named is not None:
            source = Source.parse(named.decode("latin-1"))
        elif (scope.get("server") or ("", 0))[1] == self.vpc_port:
            source = addresses.endpoint_source(peer)
        else:
            source = addresses.public_source(peer)
        if source.endpoint is None:
            return source
        vpc = vpc_of(source.endpoint)
        if vpc is None:
            raise InvalidInput(
                f"There is no VPC endpoint {source.endpoint} in the sandbox.",
                next_step="Name one that ec2 describe-vpc-endpoints lists.",
                field=addresses.SOURCE_HEADER,
                value=source,
            )
        return Source(source.address, source.endpoint, vpc)

    async def _s3(
        self, scope: AsgiScope, request: HttpRequest, receive: Receive, send: Send
    ) -> None:
        """Authenticate, let the emulator decide and answer, and log the request either way."""
        keys = sent_keys.sent(request) | conditions.context(
            request.source, request.query, request.mechanism, s3=True, form=request.form
        )
        evaluator.unsigned_form.set(None if request.mechanisms else request.form)
        with conditions.of(keys):
            reply = await _early(request)
            watched = RequestWatch(
                self.delivery, self.events, request, browsers.with_cors(request, send)
            )
            if reply is not None:
                await respond(watched.send, reply, head=request.method == "HEAD")
            else:
                own = encryption.guarded(request, watched.send)
                explained = denials.explained(request, own)
                await self.emulator(
                    _proven(scope, request), replay(request.body, receive), explained
                )
            await watched.finish()
            self.trail.s3(request, watched.status)

    async def _other(
        self, service: str, scope: AsgiScope, request: HttpRequest, receive: Receive, send: Send
    ) -> None:
        keys = conditions.context(request.source, request.query, request.mechanism, s3=False)
        with conditions.of(keys | sent_keys.of_headers(request)):
            reply = browsers.foreign_site(request) or await self._answer(service, request)
            if reply is not None:
                await respond(send, reply)
                return
            deleted = policy_principals.about_to_delete(request) if service == "iam" else None
            answer = browsers.without_cors(send)
            await self.emulator(_mapped(scope, request), replay(request.body, receive), answer)
            if deleted is not None:
                await policy_principals.forget(*deleted)

    async def _answer(self, service: str, request: HttpRequest) -> Reply | None:
        """Answer without the emulator, or return None for a signed request that
        the emulator may see.
        """
        if request.source.is_endpoint:
            message = "This VPC endpoint serves Amazon S3 only."
            return error_reply(service, request, "UnknownOperationException", message, 400)
        if auth.is_root_key(request.access_key):
            return error_reply(service, request, auth.UNKNOWN_KEY.code, auth.UNKNOWN_KEY.message)
        if service == "sagemaker":
            return await self.sagemaker(request)
        if service == "cloudtrail":
            return await self.trail(request)
        if service in ("sts", "iam", "ec2", "wafv2"):
            fault = auth.authentication_fault(request, service)
            if fault is not None:
                return error_reply(service, request, fault.code, fault.message)
            if not _allowed(request, service):
                invalid = "The requested action is not valid for this service."
                return error_reply(service, request, "InvalidAction", invalid, 400)
            if service == "sts" and (wrong := policy_principals.wrong_path(request)) is not None:
                return error_reply(service, request, "AccessDenied", wrong)
            return None
        if service == access_points.SERVICE:
            fault = auth.authentication_fault(request, "s3")
            return (
                presigned.error(request, 403, fault.code, fault.message)
                if fault is not None
                else None
            )
        message = (
            f"The sandbox does not offer {service}; it has s3, sts, iam, sagemaker, ec2, wafv2 and"
            " cloudtrail."
        )
        return error_reply(service, request, "UnknownOperationException", message, 400)


async def _early(request: HttpRequest) -> Reply | None:
    """Answer whatever must not reach the emulator, and some things that it would get wrong;
    None for all else.
    """
    bucket = request.bucket
    exists = bool(bucket) and await bucket_settings.exists(bucket)
    if request.method == "OPTIONS":  # a browser's preflight is never signed
        return (
            None
            if exists
            else presigned.error(request, 403, "AccessForbidden", "CORSResponse: Bucket not found")
        )
    if not request.mechanisms and not (bucket and (exists or request.method in ("GET", "HEAD"))):
        return presigned.error(request, 403, "AccessDenied", "Access Denied")
    reply = await presigned.refusal(request)
    if reply is not None:
        return reply
    if not _allowed(request, "s3", exists=exists):
        return _not_there(request, exists)
    elsewhere = access_points.refusal(request, bucket)
    return elsewhere or encryption.refusal(request) or await bucket_settings.refusal(request)


def _not_there(request: HttpRequest, exists: bool) -> Reply:
    bucket = request.bucket
    if bucket and not exists and request.method != "PUT":
        message = "The specified bucket does not exist"
        return presigned.error(request, 404, "NoSuchBucket", message, BucketName=bucket)
    if bucket and not exists:
        return presigned.error(
            request,
            400,
            "InvalidBucketName",
            "The specified bucket is not valid.",
            BucketName=bucket,
        )
    message = "The specified method is not allowed against this resource."
    return presigned.error(
        request, 405, "MethodNotAllowed", message, Method=request.method, ResourceType="SERVICE"
    )


def _allowed(request: HttpRequest, service: str, *, exists: bool = False) -> bool:
    """Return True for a request that only its service answers, and that the emulator's own router
    gives to it.

    The emulator serves many services and its own control pages, some of them before it looks at any
    signature.
    """
    from ministack.app import _S3_VHOST_EXCLUDE_RE
    from ministack.core.router import detect_service

    parameters = _parameters(request)
    if service == "s3":
        bucket = request.bucket
        if not bucket:
            shape = request.path == "/" and request.method in ("GET", "HEAD")
        elif bucket in _RESERVED or not _BUCKET.fullmatch(bucket):
            shape = False
        else:
            shape = exists or request.method == "PUT"
    else:
        operation = (
            request.headers.get("x-amz-target", "").rpartition(".")[2]
            or (parameters.get("Action") or [""])[0]
        )
        shape = request.path == "/" and request.method in ("POST", "GET")
        shape = shape and _OPERATIONS[service].fullmatch(operation) is not None
    if not shape or _S3_VHOST_EXCLUDE_RE.search(request.headers.get("host", "").lower()):
        # the Host header may name a gateway, a function or a load balancer of the emulator
        return False
    return bool(
        detect_service(request.method, request.path, request.headers, parameters) == service
    )


def _parameters(request: HttpRequest) -> QueryFields:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.query
    return {
        **parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True),
        **request.query,
    }


def _service_of(request: HttpRequest) -> str:
    target = request.headers.get("x-amz-target", "")
    scope = auth.signed_scope(request)
    if access_points.PATH.fullmatch(request.path):
        return access_points.SERVICE
    if request.path != "/":
        return "s3"  # all the other services are called at the root
    if target.startswith("SageMaker."):
        return "sagemaker"
    if scope is not None:
        return scope[2]
    if target:
        return target.split(".", 1)[0].split("_")[0].lower()
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "sts" if request.method == "POST" and form else "s3"


def error_reply(
    service: str, request: HttpRequest, code: str, message: str, status: int | None = None
) -> Reply:
    """Return an error in the form of a service;
    a failed authentication has the code and the status that it gives.
    """
    from ministack.core.iam_actions import access_denied_response

    found, headers, body = access_denied_response(
        service, "", "", request.id, error_code=code, message=message, headers=request.headers
    )
    return Reply(status or found, body, headers)


def _mapped(scope: AsgiScope, request: HttpRequest) -> AsgiScope:
    """Return the scope with the mapped peer; headers stay as they are,
    because they may be signed.
    """
    return {**scope, "client": (str(request.source.address), 0)}


def _proven(scope: AsgiScope, request: HttpRequest) -> AsgiScope:
    """Return the scope of an S3 request whose signature holds,
    in a form that the emulator can check again.
    """
    mapped, mechanism = _mapped(scope, request), request.mechanism
    if mechanism is None or mechanism.kind == FORM:
        return mapped
    changed = sigv2.with_blanks_in_source(mapped) or encryption.with_key(mapped)
    if mechanism.version != SIGV2 and changed is None:
        return mapped
    return sigv2.signed_again(changed or mapped, request)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop;
    the emulator's own start would bind further ports and look for Docker.
    """
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
