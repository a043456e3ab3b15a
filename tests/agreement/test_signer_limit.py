"""The signer limit over HTTP: planned, enforced, exported and undone;
what is signed in the header goes on.
"""

from __future__ import annotations

from gt_secure.restriction.model import Restriction

from .conftest import ELSEWHERE, ROLE, Box

KEY = "scans/0001.png"


def url_of(box: Box, keys: dict[str, str], method: str = "get_object") -> str:
    params = {"Bucket": "gt-images", "Key": KEY}
    return str(box.client("s3", keys).generate_presigned_url(method, Params=params, ExpiresIn=300))


def test_only_listed_signers_sign(box: Box) -> None:
    gt = box.gt
    before = gt.state(bucket="gt-images").bucket.policy.value
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    ann, bob = (box.keys(everything, name=name) for name in ("ann", "bob"))
    role = box.assume()
    caller = gt.aws.identity().arn
    listed = [
        "arn:aws:iam::111122223333:user/ann",
        ROLE,
        *([] if caller.endswith(":root") else [caller]),
    ]
    wish = Restriction(bucket="gt-images", signers=listed)
    urls = {
        "ann": url_of(box, ann),
        "bob": url_of(box, bob),
        "role": url_of(box, role),
        "root": box.presign_plain(),
    }
    put = url_of(box, bob, "put_object")
    done = gt.apply(gt.plan(wish))
    try:
        found = {name: box.fetch(url, ELSEWHERE).status for name, url in urls.items()}
        assert found == {"ann": 200, "bob": 403, "role": 200, "root": 200}
        assert box.fetch(url_of(box, bob, "head_object"), method="HEAD").status == 403
        assert box.fetch(put, method="PUT", body=b"new").status == 200, "uploads go on"
        assert (
            box.client("s3", bob).get_object(Bucket="gt-images", Key=KEY)["Body"].read() == b"new"
        )
        bob_here = box.connect(bob)
        tested = bob_here.sign("gt-images", KEY)
        said = gt.explain(gt.probe(tested, ELSEWHERE), url=tested)
        assert (said.cause, said.lock) == ("signer-limit", "signer limit")
        assert gt.export(bucket="gt-images")[0] == wish
        assert gt.plan(wish).empty
        assert gt.prove(wish).proved
    finally:
        gt.undo(done)
    assert gt.state(bucket="gt-images").bucket.policy.value == before
    assert box.fetch(urls["bob"]).status == 200
