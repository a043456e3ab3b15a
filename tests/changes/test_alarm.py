"""The alarm for presigned requests from elsewhere, on what the trail of the sandbox records."""

from __future__ import annotations

import gzip
import json

from gt_secure.base.allowed import Allowed
from gt_secure.engine.policies.event_patterns import event_patterns
from support.box import BUCKET, ELSEWHERE, OFFICE, VPCE, Box
from support.event_bus import bus_event, matches


def test_the_records_of_real_requests_are_told_apart() -> None:
    """Presigned requests over HTTP, and what the trail of the sandbox makes of them."""
    sources = {OFFICE: False, ELSEWHERE: True, f"10.0.3.4 via {VPCE}": False, "2001:db8::1": True}
    with Box.running(log_delay_s=60) as box:
        for number, source in enumerate(sources):
            s3 = box.client("s3")
            url = s3.generate_presigned_url(
                "get_object", Params={"Bucket": BUCKET, "Key": f"scans/000{number + 1}.png"}
            )
            assert box.fetch(url, source).status == 200
            box.client("s3", source=source).get_object(Bucket=BUCKET, Key="scans/0001.png")
        box.flush()
        records = []
        for each in s3.list_objects_v2(Bucket="gt-logs")["Contents"]:
            if "CloudTrail/" in each["Key"]:
                body = s3.get_object(Bucket="gt-logs", Key=each["Key"])["Body"].read()
                records += json.loads(gzip.decompress(body))["Records"]
    patterns = [*event_patterns(BUCKET, "", Allowed.of(["203.0.113.0/24", VPCE]))]
    told = {
        each["sourceIPAddress"]
        for each in records
        if any(matches(pattern, bus_event(each)) for pattern in patterns)
    }
    assert len(records) >= 2 * len(sources)
    assert told == {source for source, is_told in sources.items() if is_told}
