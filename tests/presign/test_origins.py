"""From where a probe is sent: AWS sees only the kernel, and a sandbox offers what it can simulate."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from gt_secure.base.errors import InvalidInput, Unreachable
from gt_secure.base.network import ProbeOrigin, Source
from gt_secure.presign import origin
from gt_secure.presign.origin import KERNEL, probe_origin_for, probe_origins

OFFICE = {"label": "the office", "source": "203.0.113.7", "headers": {"X-From": 7}}
VPC = {"source": "vpce-0a1b2c3d4e5f60718", "headers": {"X-From": "vpce"}}
NOWHERE: dict[str, Any] = {"label": "this machine", "source": None}
AT_OFFICE = ProbeOrigin("the office", Source.parse("203.0.113.7"), headers={"X-From": "7"})
IN_VPC = ProbeOrigin(
    "vpce-0a1b2c3d4e5f60718", Source.parse("vpce-0a1b2c3d4e5f60718"), {"X-From": "vpce"}
)  # fmt: skip
SANDBOX: Any = SimpleNamespace(is_local=True, endpoint_url="http://127.0.0.1:4566")
AWS: Any = SimpleNamespace(is_local=False, endpoint_url=None)


class Pools:
    """The pools of connections to a sandbox that answers this."""

    def __init__(self, *answers: Any, status: int = 200) -> None:
        self.answers, self.status, self.asked = [*answers], status, list[Any]()
        self.pool_classes_by_scheme = dict[str, Any]()

    def request(self, method: str, url: str, *, fields: Any, **options: Any) -> Any:
        self.asked.append((method, url, fields, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        data = answer if isinstance(answer, bytes) else json.dumps({"origins": answer}).encode()
        return SimpleNamespace(status=self.status, data=data)


def use(monkeypatch: pytest.MonkeyPatch, *answers: Any, status: int = 200) -> Pools:
    pools = Pools(*answers, status=status)
    monkeypatch.setattr(urllib3, "PoolManager", lambda: pools)
    monkeypatch.setattr(origin, "paced", lambda pools: pools)
    return pools


def test_aws_is_probed_from_the_kernel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = use(monkeypatch)
    assert probe_origins(AWS) == (KERNEL,)
    with pytest.raises(
        InvalidInput, match=r"This kernel cannot send a request from 203\.0\.113\.7\."
    ) as caught:
        probe_origin_for(AWS, "203.0.113.7")
    assert caught.value.field == "source"
    assert pools.asked == []


def test_a_sandbox_offers_its_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = use(monkeypatch, [OFFICE, VPC, NOWHERE])
    assert probe_origins(SANDBOX) == (AT_OFFICE, IN_VPC, ProbeOrigin("this machine"))
    options = {"timeout": 3.0, "retries": False}
    assert pools.asked == [("GET", "http://127.0.0.1:4566/_gt_secure/origins", None, options)]


@pytest.mark.parametrize("answer", [[], b"<html>", b"[]", b"{}", b"null"])
def test_another_server_offers_the_kernel(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, answer)
    assert probe_origins(SANDBOX) == (KERNEL,)
    use(monkeypatch, [OFFICE], status=404)
    assert probe_origins(SANDBOX) == (KERNEL,)


@pytest.mark.parametrize(
    ("source", "found"), [("203.0.113.7", AT_OFFICE), ("vpce-0a1b2c3d4e5f60718", IN_VPC)]
)
def test_an_origin_that_is_offered_is_taken(
    source: str, found: ProbeOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = use(monkeypatch, [NOWHERE, OFFICE, VPC])
    assert probe_origin_for(SANDBOX, source) == found
    assert len(pools.asked) == 1


def test_a_sandbox_is_asked_for_another_source(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = use(monkeypatch, [VPC], [OFFICE])
    assert probe_origin_for(SANDBOX, Source.parse("203.0.113.7")) == AT_OFFICE
    assert [asked[2] for asked in pools.asked] == [None, {"source": "203.0.113.7"}]


@pytest.mark.parametrize("answer", [[], [OFFICE, VPC]])
def test_what_it_cannot_simulate_is_an_error(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, [OFFICE, VPC], answer, [OFFICE, VPC])
    with pytest.raises(
        InvalidInput, match=r"The sandbox cannot simulate 198\.51\.100\.9\."
    ) as caught:
        probe_origin_for(SANDBOX, "198.51.100.9")
    assert caught.value.next_step == "Choose one of: 203.0.113.7, vpce-0a1b2c3d4e5f60718."
    assert caught.value.field == "source"


def test_no_answer_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, urllib3.exceptions.HTTPError())
    with pytest.raises(Unreachable, match=r"No answer from http://127\.0\.0\.1:4566\."):
        probe_origins(SANDBOX)
