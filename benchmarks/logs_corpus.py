"""Write big access logs whose four-column counts are known, beside them.

A line is made from a template with the fields that vary put in; hostile client text, batch deletes,
copies, lifecycle rows, old and new field counts are mixed in at about the shares that published
logs show. Session tokens and host ids are random, because gzip would pack repeated ones far better
than it packs real logs.
"""

from __future__ import annotations

import pickle
import random
import shutil
import string
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import corpus

Truth = Counter[tuple[str, str, str, str]]

_ODD = [c for c in corpus.cases() if c.truth is not None and len(c.text) < 3000]
AGENTS = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/19.1"
    ),
    (
        "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux lang/python#3.12.9 md/pyimpl#CPython"
        " Botocore/1.44.8"
    ),
]
_BASE64 = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Logs:
    """The same lines in four forms, and how often each of the four columns' values occurs."""

    folder: Path
    truth: Truth
    size: int

    @property
    def rows(self) -> int:
        return sum(self.truth.values())

    one = property(lambda self: self.folder / "one.log")
    packed = property(lambda self: self.folder / "one.log.gz")
    many = property(lambda self: self.folder / "many")
    many_packed = property(lambda self: self.folder / "many.gz")


def prepare(folder: Path, size: int, files: int, forms: bool = True) -> Logs:
    """The logs in ``folder``, written if they are not there;
    without ``forms`` only the one plain file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / (f"truth-{size}-{files}.pkl" if forms else f"truth-{size}.pkl")
    if not known.exists():
        truth = write_log(folder / "one.log", size)
        logs = Logs(folder, truth, (folder / "one.log").stat().st_size)
        if forms:
            for old in (logs.many, logs.many_packed):
                shutil.rmtree(old, ignore_errors=True)
            gzip_file(logs.one)
            spread(logs.one, logs.many, files)
            pack_all(logs.many, logs.many_packed)
        known.write_bytes(pickle.dumps(truth))
    return Logs(folder, pickle.loads(known.read_bytes()), (folder / "one.log").stat().st_size)


def write_log(path: Path, size: int, seed: int = 1, addresses: int = 5_000) -> Truth:
    """Write about ``size`` bytes; returns hits by address, status, authentication type and hour."""
    rng = random.Random(seed)
    pool = [
        f"{rng.randrange(1, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
        for _ in range(addresses)
    ]
    tokens = [_noise(rng, 240) for _ in range(500)]
    hosts = [_noise(rng, 74) + "==" for _ in range(5_000)]
    templates = list(_templates())
    truth: Truth = Counter()
    done = 0
    with path.open("w", encoding="utf-8") as out:
        while done < size:
            if rng.random() < 0.01:
                odd = rng.choice(_ODD)
                assert odd.truth is not None
                fields = odd.truth
                text, hour = odd.text, f"{fields['time']:%Y-%m-%dT%H}"
                key = (
                    fields["remote_ip"] or "",
                    str(fields["http_status"] or ""),
                    fields["auth_type"] or "",
                    hour,
                )
            else:
                template, status, auth = rng.choice(templates)
                ip = pool[min(int(rng.expovariate(1) * addresses / 6), addresses - 1)]
                h, ms = rng.randrange(24), rng.randrange(3600)
                text = template.format(
                    ip=ip, h=h, m=ms // 60, s=ms % 60, id=f"{rng.getrandbits(64):016X}", k=rng.randrange(9999),
                    token=rng.choice(tokens), host=rng.choice(hosts),
                )  # fmt: skip
                key = (ip, status, auth, f"2026-11-20T{h:02d}")
            truth[key] += 1
            done += out.write(text + "\n")
    return truth


def _noise(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_BASE64, k=length))


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
        record.update(remote_ip="{ip}", request_id="{id}", key="scans/{k:04d}.png", host_id="{host}",
                      error_code="AccessDenied" if status == 403 else None)  # fmt: skip
        uri = record["request_uri"].replace("scans/0007.png", "scans/{k:04d}.png")
        record["request_uri"] = uri.replace(
            "IQoJb3JpZ2luX2VjEXAMPLETOKEN", "IQoJb3JpZ2luX2VjE{token}"
        )
        text = corpus.write(record, fields=fields).replace(
            ":09:14:07 ", ":{h:02d}:{m:02d}:{s:02d} "
        )
        yield text, str(status), "QueryString" if signed and fields >= 22 else ""


def spread(one: Path, many: Path, files: int) -> None:
    """The same lines in many files, named as S3 names log objects."""
    many.mkdir(exist_ok=True)
    each = one.stat().st_size / files
    n, number, out = 0, 0, None
    with one.open("rb") as lines:
        for line in lines:
            if out is None or n >= each * number:
                if out is not None:
                    out.close()
                second = number % 86400
                clock = f"{second // 3600:02d}-{second // 60 % 60:02d}-{second % 60:02d}"
                out = (many / f"2026-11-20-{clock}-{number:016X}").open("wb")
                number += 1
            n += out.write(line)
    if out is not None:
        out.close()


def gzip_file(path: Path) -> None:
    """``path`` with ``.gz`` beside it, as ``gzip -6`` makes it."""
    with Path(f"{path}.gz").open("wb") as out:
        subprocess.run(["gzip", "-6", "-c", str(path)], check=True, stdout=out)


def pack_all(many: Path, packed: Path) -> None:
    """Every file of a folder as gzip, in another folder."""
    import gzip

    packed.mkdir(exist_ok=True)

    def pack(name: Path) -> None:
        (packed / f"{name.name}.gz").write_bytes(gzip.compress(name.read_bytes(), 6))

    with ThreadPoolExecutor() as pool:
        list(pool.map(pack, many.iterdir()))
