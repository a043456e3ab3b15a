"""From where a probe can be sent.

On AWS there is one origin, the kernel itself, and what address S3 sees of it is not known
beforehand. The sandbox offers several: it lists them at ``/_gt_secure/origins``, since a client
names its source to the sandbox.
"""

from __future__ import annotations

import json

from ..aws.client import Aws
from ..aws.pace import paced
from ..base.errors import InvalidInput, Unreachable
from ..base.network import ProbeOrigin, Source, SourceLike
from ..base.text import Json

KERNEL = ProbeOrigin("this kernel")
"""The notebook kernel's own network."""
_TIMEOUT_S = 3.0


def probe_origins(aws: Aws) -> tuple[ProbeOrigin, ...]:
    """List the probe origins that a connection offers; the kernel alone on AWS."""
    if not aws.is_local:
        return (KERNEL,)
    offered = [_from_api(item) for item in _ask(aws)]
    return tuple(offered) or (KERNEL,)


def probe_origin_for(aws: Aws, source: SourceLike) -> ProbeOrigin:
    """Return a probe origin whose requests S3 sees as coming from a source;
    InvalidInput where none can.
    """
    wanted = Source.parse(source)
    if not aws.is_local:
        raise InvalidInput(
            f"This kernel cannot send a request from {wanted}.",
            next_step=(
                "Open the test URL on a machine there, and find the request in the access log; or"
                " ask for the verdict, which is a prediction. Only the sandbox can simulate other"
                " sources."
            ),
            field="source",
        )
    for origin in probe_origins(aws):
        if origin.source == wanted or str(origin.source) == str(wanted):
            return origin
    answer = _ask(aws, source=str(wanted))
    if len(answer) != 1:
        raise InvalidInput(
            f"The sandbox cannot simulate {wanted}.",
            next_step="Choose one of: "
            + ", ".join(str(v.source) for v in probe_origins(aws))
            + ".",
            field="source",
        )
    return _from_api(answer[0])


def _ask(aws: Aws, **query: str) -> list[Json]:
    import urllib3

    url = f"{aws.endpoint_url}/_gt_secure/origins"
    try:
        pools = urllib3.PoolManager()
        pools.pool_classes_by_scheme = paced(pools.pool_classes_by_scheme)
        answer = pools.request("GET", url, fields=query or None, timeout=_TIMEOUT_S, retries=False)
        if answer.status != 200:
            return []  # some other server that speaks S3
        listed = json.loads(answer.data)["origins"]
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(
            f"No answer from {aws.endpoint_url}.",
            next_step=(
                "Start it again with 'gt-secure sandbox', or unset AWS_ENDPOINT_URL to use AWS."
            ),
        ) from error
    except (ValueError, KeyError, TypeError):
        return []
    return list(listed)


def _from_api(item: Json) -> ProbeOrigin:
    source = item.get("source")
    return ProbeOrigin(
        label=str(item.get("label") or source),
        source=Source.parse(source) if source else None,
        headers={str(k): str(v) for k, v in (item.get("headers") or {}).items()},
    )
