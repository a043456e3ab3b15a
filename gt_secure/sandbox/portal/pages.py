"""Pages of the sandbox under ``/_gt_secure/``: health, origins, log delivery, reset,
the worker portal.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from ...base.errors import InvalidInput
from ...base.network import Source
from ...base.text import Json, members
from ..accesslog.delivery import Delivery
from ..control import RESET, SIGNING_NAME
from ..gateway import auth, source_mapping as addresses
from ..gateway.http import HttpRequest, Reply, json_reply
from ..settings import OTHER_S3_ENDPOINT_ID, S3_ENDPOINT_ID
from ..vpc import vpc_of
from .worker_portal import PATH as PORTAL, PortalApp

PLACES = (
    ("office", "203.0.113.7"),
    ("office, another desk", "203.0.113.42"),
    ("elsewhere", "198.51.100.9"),
    ("notebook kernel", "192.0.2.10"),
    ("VPC, through the S3 endpoint", f"10.0.3.4 via {S3_ENDPOINT_ID}"),
    ("another machine of the VPC", f"10.0.7.9 via {S3_ENDPOINT_ID}"),
    ("office over IPv6", "2001:db8:113::7"),
    ("the same address in another VPC", f"10.0.3.4 via {OTHER_S3_ENDPOINT_ID}"),
)


@dataclass(frozen=True)
class Pages:
    """Routes the sandbox's own pages."""

    portal: PortalApp
    delivery: Delivery
    events: Delivery
    reset: Callable[[], Awaitable[None]]

    async def __call__(self, request: HttpRequest) -> Reply:
        """Answer a request to the worker portal."""
        path = request.path.rstrip("/")
        if path == PORTAL or path.startswith(PORTAL + "/"):
            return _only(request, "GET", "HEAD", "POST") or await self.portal(request)
        if path == "/_gt_secure/health":
            return _only(request, "GET", "HEAD") or json_reply(
                {"status": "ok", "source": str(request.source)}
            )
        if path == "/_gt_secure/origins":
            return _only(request, "GET", "HEAD") or self._origins(
                (request.query.get("source") or [""])[0]
            )
        if path == "/_gt_secure/flush-logs":
            return _only(request, "POST") or await self._flush()
        if path == RESET:
            return _only(request, "POST") or await self._reset_by_owner(request)
        return json_reply({"error": "NotFound", "message": f"The sandbox has no page {path}."}, 404)

    async def _flush(self) -> Reply:
        """Deliver access logs and data events now; the answer is about the access logs."""
        await self.events.flush()
        return json_reply(asdict(await self.delivery.flush()))

    async def _reset_by_owner(self, request: HttpRequest) -> Reply:
        """Reset the sandbox if its administrator asks, or a user with its permission."""
        refusal = auth.authentication_fault(
            request, SIGNING_NAME
        ) or contextvars.copy_context().run(
            auth.authorize, request, SIGNING_NAME, "sandbox:Reset", "*"
        )
        if refusal is not None:
            return json_reply({"error": refusal.code, "message": refusal.message}, 403)
        await self.reset()
        return json_reply({"status": "ok"})

    def _origins(self, source: str) -> Reply:
        """All places, or the one that was asked for;
        an endpoint that the sandbox does not have is none.
        """
        if not source:
            return json_reply({"origins": self._listed(*PLACES)})
        try:
            where = Source.parse(source)
            if where.endpoint is not None and vpc_of(where.endpoint) is None:
                return json_reply({"origins": []})
            return json_reply({"origins": self._listed((str(where), source))})
        except InvalidInput as error:
            return json_reply(error.to_dict(), 400)

    def _listed(self, *places: tuple[str, str]) -> list[Json]:
        found = [addresses.origin(source, label) for label, source in places]
        return [{**members(each, "label", "headers"), "source": str(each.source)} for each in found]


def _only(request: HttpRequest, *methods: str) -> Reply | None:
    if request.method in methods:
        return None
    reply = json_reply(
        {"error": "MethodNotAllowed", "message": f"Use {' or '.join(methods)}."}, 405
    )
    reply.headers["allow"] = ", ".join(methods)
    return reply
