"""The entrance: finds out where a request comes from and which service it is for, and passes it on."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from xml.sax.saxutils import escape

from ...errors import InvalidInput
from ...network import Source
from ..accesslog.recorder import Recorder
from ..ec2 import Ec2
from ..sagemaker.service import SageMaker
from ..settings import REGION
from ..state import State
from . import (
    auth,
    bucket_settings,
    conditions,
    cors,
    denials,
    sts_limits,
)
from . import (
    query_auth as presigned,
)
from . import (
    source_mapping as addresses,
)
from .http import (
    BodyTooLarge,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    json_reply,
    read_body,
    read_head,
    replay,
    respond,
)

log = logging.getLogger(__name__)

INTERNAL = "/_gt_secure/"
Handler = Callable[[Request], Awaitable[Reply]]
_HIDDEN = re.compile(r"^/_(ministack|localstack|aws|cognito|ses)\b|^/_ministack", re.IGNORECASE)


class Front:
    """The ASGI application of the sandbox.

    Parameters
    ----------
    emulator : ASGI application
        Serves S3, STS and IAM.
    state : State
        Resources of SageMaker and EC2.
    sagemaker, ec2, internal
        The sandbox's own services and its pages under ``/_gt_secure/``.
    recorder : Recorder
        Writes the server access log.
    vpc_port : int
        Port of the listener that plays the S3 VPC endpoint.
    """

    def __init__(
        self,
        emulator: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        state: State,
        sagemaker: SageMaker,
        ec2: Ec2,
        internal: Handler,
        recorder: Recorder,
        vpc_port: int,
    ) -> None:
        self._emulator = emulator
        self._state = state
        self._sagemaker = sagemaker
        self._ec2 = ec2
        self._internal = internal
        self._recorder = recorder
        self._vpc_port = vpc_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            source = self.source(scope)
        except InvalidInput as error:
            await respond(send, json_reply(error.to_dict(), 400))
            return
        request = read_head(scope, source)
        if request.path.startswith(INTERNAL):
            await self._page(request, receive, send)
            return
        service = service_of(request)
        try:
            if service == "s3":
                await self._s3(scope, request, receive, send)
            else:
                await self._other(service, scope, request, receive, send)
        except BodyTooLarge as error:
            await respond(send, error_reply(service, request, 413, "EntityTooLarge", str(error)))

    async def _page(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            request.body = await read_body(receive)
            await respond(send, await self._internal(request), head=request.method == "HEAD")
        except ConnectionError:
            log.info("the client went away: %s", request.path)

    def source(self, scope: Scope) -> Source:
        """Say where a connection comes from, with the VPC of its endpoint.

        Raises
        ------
        InvalidInput
            If the source header cannot be read or names an endpoint that does not exist.
        """
        wanted = addresses.SOURCE_HEADER.lower().encode()
        named = next((value for name, value in scope.get("headers", []) if name.lower() == wanted), None)
        peer = str((scope.get("client") or ("127.0.0.1", 0))[0])
        if named is not None:
            source = Source.parse(named.decode("latin-1"))
        elif (scope.get("server") or ("", 0))[1] == self._vpc_port:
            source = addresses.endpoint_source(peer)
        else:
            source = addresses.public_source(peer)
        if source.endpoint is None:
            return source
        vpc = self._state.region(REGION).vpc_of(source.endpoint)
        if vpc is None:
            raise InvalidInput(
                f"There is no VPC endpoint {source.endpoint} in the sandbox.",
                next_step="Name one that ec2 describe-vpc-endpoints lists.",
                field=addresses.SOURCE_HEADER,
                value=source,
            )
        return Source(source.address, source.endpoint, vpc)

    async def _s3(self, scope: Scope, request: Request, receive: Receive, send: Send) -> None:
        """Authenticate, let the emulator decide and answer, and log the request either way."""
        token = conditions.use(conditions.context(request.source, request.headers, request.query, s3=True))
        try:
            request.body = await read_body(receive)
            reply = await _early(request)
            watched = self._recorder.watch(request, cors.allowed(request, send))
            if reply is not None:
                await respond(watched.send, reply, head=request.method == "HEAD")
            else:
                explained = denials.explained(request, watched.send)
                await self._emulator(_mapped(scope, request), replay(request.body, receive), explained)
            await watched.finish()
        except ConnectionError:
            log.info("the client went away: %s %s", request.method, request.raw_path)
        finally:
            conditions.reset(token)

    async def _other(self, service: str, scope: Scope, request: Request, receive: Receive, send: Send) -> None:
        token = conditions.use(conditions.context(request.source, request.headers, request.query, s3=False))
        try:
            request.body = await read_body(receive)
            key = (auth.signed_scope(request) or ("", "", ""))[0]
            if request.source.is_endpoint:
                message = "This VPC endpoint serves Amazon S3 only."
                await respond(send, error_reply(service, request, 400, "UnknownOperationException", message))
            elif auth.is_root_key(key):
                message = "The security token included in the request is invalid."
                await respond(
                    send, error_reply(service, request, 403, _UNKNOWN_KEY.get(service, _DEFAULT_KEY), message)
                )
            elif service == "sagemaker":
                await respond(send, await self._sagemaker(request))
            elif service == "ec2":
                await respond(send, await self._ec2(request))
            elif service == "sts" and (fault := await sts_limits.fault(request)) is not None:
                await respond(send, error_reply(service, request, 400, "ValidationError", fault))
            elif service == "sts" and (refusal := await sts_limits.wrong_path(request)) is not None:
                await respond(send, error_reply(service, request, 403, "AccessDenied", refusal))
            elif service in ("sts", "iam"):
                await self._emulator(_mapped(scope, request), replay(request.body, receive), send)
            else:
                message = f"The sandbox does not offer {service}; it has s3, sts, iam, sagemaker and ec2."
                await respond(send, error_reply(service, request, 400, "UnknownOperationException", message))
        except ConnectionError:
            log.info("the client went away: %s", service)
        finally:
            conditions.reset(token)


async def _early(request: Request) -> Reply | None:
    """What is answered without the emulator: its own pages are hidden, and some things it would get wrong."""
    if _HIDDEN.match(request.path):
        return presigned.error(request, 404, "NoSuchBucket", "The specified bucket does not exist")
    if request.method == "OPTIONS":
        return None  # a browser's preflight is never signed
    if auth.is_anonymous(request) and not await bucket_settings.is_open_to_anonymous(request):
        return presigned.error(request, 403, "AccessDenied", "Access Denied")
    return await presigned.refusal(request) or await bucket_settings.refusal(request)


_DEFAULT_KEY = "UnrecognizedClientException"
_UNKNOWN_KEY = {"sts": "InvalidClientTokenId", "iam": "InvalidClientTokenId", "ec2": "AuthFailure"}


def service_of(request: Request) -> str:
    """Tell for which service a request is, from its target, its signature, or else its form."""
    target = request.headers.get("x-amz-target", "")
    scope = auth.signed_scope(request)
    if target.startswith("SageMaker."):
        return "sagemaker"
    if scope is not None:
        return scope[2]
    if target:
        return target.split(".", 1)[0].split("_")[0].lower()
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if request.method == "POST" and request.path == "/" and form:
        return "sts"
    return "s3"


def error_reply(service: str, request: Request, status: int, code: str, message: str) -> Reply:
    """Return an error in the protocol that the client of a service reads."""
    if service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{request.id}</RequestID></Response>"
        )
        return Reply(status, body.encode(), {"content-type": "text/xml"})
    if service in ("sts", "iam") or request.headers.get("content-type", "").startswith("application/x-www-form"):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            f"<RequestId>{request.id}</RequestId></ErrorResponse>"
        )
        return Reply(status, body.encode(), {"content-type": "text/xml"})
    return json_reply({"__type": code, "message": message}, status, "application/x-amz-json-1.1")


def _mapped(scope: Scope, request: Request) -> Scope:
    """Return the scope with the mapped peer; headers stay as they are, because they may be signed."""
    return {**scope, "client": (str(request.source.address), 0)}


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; the emulator's own start would bind further ports and look for Docker."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
