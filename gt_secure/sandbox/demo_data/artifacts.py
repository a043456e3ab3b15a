"""The bucket of an application in the demo: MLflow's artifacts, and the requests by its presigned URLs."""

from __future__ import annotations

import datetime as dt
import hashlib

from ..accesslog.recorder import MASK, log_time
from ..settings import REGION, account_id

BUCKET, ROLE = "ml-artifacts", "mlflow-server"
_RUN = "mlflow/1/0af31b2c4d5e6f708192a3b4c5d6e7f8/artifacts"
KEYS = tuple(f"{_RUN}/{name}" for name in ("model.pkl", "metrics.json", "confusion.png"))
_BROWSER, _SDK = "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0", "python-requests/2.34.2"
_REQUESTS = (
    *((minutes, 0, minutes % 3, f"203.0.113.{7 + minutes % 4}", _BROWSER) for minutes in range(40, 600, 35)),
    *((minutes, 0, 0, "203.0.113.30", _SDK) for minutes in (65, 185, 305)),  # a training job
    (90, 0, 0, "203.0.113.7", _BROWSER),
    (90, 200, 0, "198.51.100.9", "curl/8.14.1"),  # somebody has the URL of the line before
)
"""Minutes since a URL was signed, seconds until its use, number of the key, address and agent."""


def access_log(now: dt.datetime) -> str:
    """Return the rows of downloads that a tracking server has signed, as it would for its page and its SDK."""
    owner, rows = hashlib.sha256(account_id().encode()).hexdigest(), []
    for number, (minutes, later, index, address, agent) in enumerate(_REQUESTS):
        signed, key = now - dt.timedelta(minutes=minutes), KEYS[index]
        query = (
            f"response-content-disposition=attachment%3B%20filename%3D%22{key.rpartition('/')[2]}%22&X-Amz-Algorithm="
            f"AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F{signed:%Y%m%d}%2F{REGION}%2Fs3%2Faws4_request"
            f"&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature={MASK}"
        )
        ids = hashlib.sha256(f"{signed} {number}".encode()).hexdigest().upper()
        rows.append(
            f"{owner} {BUCKET} {log_time(signed + dt.timedelta(seconds=later))} {address} "
            f"arn:aws:sts::{account_id()}:assumed-role/{ROLE}/i-0a1b2c3d4e5f60718 {ids[:16]} REST.GET.OBJECT "
            f'{key} "GET /{key}?{query} HTTP/1.1" 200 - {len(key)} {len(key)} 9 8 "-" "{agent}" - {ids} SigV4 - '
            f"QueryString {BUCKET}.s3.{REGION}.amazonaws.com - - - {REGION}\n"
        )
    return "".join(rows)
