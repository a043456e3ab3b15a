"""The address of the demo's JupyterLab behind another one's proxy."""

from __future__ import annotations

import pytest

from gt_secure.cli.lab_address import LOCAL, proxied
from gt_secure.errors import InvalidInput

HOST = "https://abc.studio.us-east-1.sagemaker.aws"


def test_on_this_machine() -> None:
    assert (LOCAL.path(7), LOCAL.address(7), LOCAL.options(7)) == ("/", "http://127.0.0.1:7/", {})


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("/jupyterlab/default", "/jupyterlab/default/proxy/absolute/7/"),
        ("/jupyterlab/default/", "/jupyterlab/default/proxy/absolute/7/"),
        ("/", "/proxy/absolute/7/"),
        ("/user/me/lab/tree/notebook.ipynb", "/user/me/proxy/absolute/7/"),
        (f"{HOST}/jupyterlab/default/lab/tree/a%20b.ipynb?reset#x", f"{HOST}/jupyterlab/default/proxy/absolute/7/"),
        (f"{HOST}/jupyterlab/default/lab", f"{HOST}/jupyterlab/default/proxy/absolute/7/"),
        (f"{HOST}/user/labrador/lab", f"{HOST}/user/labrador/proxy/absolute/7/"),
        ("http://localhost:8888", "http://localhost:8888/proxy/absolute/7/"),
    ],
)
def test_behind_a_proxy(given: str, address: str) -> None:
    place = proxied(given)
    assert place.address(7) == address
    assert str(place.options(7)["ServerApp.base_url"]) in address
    assert ("ServerApp.allow_origin" in place.options(7)) is given.startswith("http")


@pytest.mark.parametrize("given", ["", "jupyterlab", "ftp://host/lab", "//host/lab", "https://", "/a b", "/a;b", "/a'",
                                   "https://me:secret@host/lab"])  # fmt: skip
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        proxied(given)
    assert "secret" not in f"{caught.value} {caught.value.details}"
    assert caught.value.details["field"] == "base_url"
