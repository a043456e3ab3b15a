"""Write big access logs whose four-column counts are known, beside them.

A line is made from a template with the fields that vary put in; hostile client text, batch deletes, copies, lifecycle
rows, old and new field counts are mixed in at about the shares that published logs show.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "logs"))

import corpus

_ODD = [c for c in corpus.cases() if c.truth is not None and len(c.text) < 3000]
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1",
    "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux lang/python#3.12.9 md/pyimpl#CPython Botocore/1.44.8",
]
_TOKEN = "IQoJb3JpZ2luX2VjE" + "x" * 240


def write_log(path: Path, size: int, seed: int = 1, addresses: int = 5_000) -> Counter[tuple[str, str, str, str]]:
    """Write about ``size`` bytes; returns hits by address, status, authentication type and hour."""
    rng = random.Random(seed)
    pool = [
        f"{rng.randrange(1, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
        for _ in range(addresses)
    ]
    templates = list(_templates())
    truth: Counter[tuple[str, str, str, str]] = Counter()
    done = 0
    with path.open("w", encoding="utf-8") as out:
        while done < size:
            if rng.random() < 0.01:
                odd = rng.choice(_ODD)
                assert odd.truth is not None
                fields = odd.truth
                text, hour = odd.text, f"{fields['time']:%Y-%m-%dT%H}"
                key = (fields["remote_ip"] or "", str(fields["http_status"] or ""), fields["auth_type"] or "", hour)
            else:
                template, status, auth = rng.choice(templates)
                ip = pool[min(int(rng.expovariate(1) * addresses / 6), addresses - 1)]
                h, ms = rng.randrange(24), rng.randrange(3600)
                text = template.format(
                    ip=ip, h=h, m=ms // 60, s=ms % 60, id=f"{rng.getrandbits(64):016X}", k=rng.randrange(9999)
                )
                key = (ip, status, auth, f"2026-11-20T{h:02d}")
            truth[key] += 1
            done += out.write(text + "\n")
    return truth


def _templates():
    for n, (signed, status, fields) in enumerate(
        [
            (True, 200, 27),
            (True, 200, 26),
            (True, 403, 27),
            (False, 200, 27),
            (False, 206, 24),
            (False, 304, 18),
            (True, 200, 27),
        ]
    ):
        record = {
            **corpus.BASE,
            **(corpus.PRESIGNED if signed else {}),
            "http_status": status,
            "user_agent": AGENTS[n % 3],
        }
        record.update(remote_ip="{ip}", request_id="{id}", key="scans/{k:04d}.png",
                      error_code="AccessDenied" if status == 403 else None)  # fmt: skip
        uri = record["request_uri"].replace("scans/0007.png", "scans/{k:04d}.png")
        record["request_uri"] = uri.replace("IQoJb3JpZ2luX2VjEXAMPLETOKEN", _TOKEN)
        text = corpus.write(record, fields=fields).replace(":09:14:07 ", ":{h:02d}:{m:02d}:{s:02d} ")
        yield text, str(status), "QueryString" if signed and fields >= 22 else ""
