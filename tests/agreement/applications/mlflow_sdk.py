"""Log, list and fetch artifacts with MLflow's SDK,
and print what worked and what the server hands out to browsers.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import from_source  # noqa: F401 - a training job somewhere
import mlflow
import requests

folder = Path(tempfile.mkdtemp())
small, large = folder / f"{sys.argv[2]}.txt", folder / f"{sys.argv[2]}.bin"
small.write_text("ten bytes.")
# over MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE, as the test sets it
large.write_bytes(b"x" * 6 * 2**20)
server = os.environ["SERVER"]
mlflow.set_tracking_uri(server)
client = mlflow.MlflowClient()
run = client.create_run("0").info.run_id
works = {}


def attempt(name, work):
    try:
        works[name] = bool(work() or True)
    except Exception as error:
        works[name] = False
        print(name, type(error).__name__, error, file=sys.stderr)


attempt("upload", lambda: client.log_artifact(run, str(small)))
attempt("large upload", lambda: client.log_artifact(run, str(large)))
attempt("list", lambda: client.list_artifacts(run)[0].path)
attempt("download", lambda: client.download_artifacts(run, small.name, str(folder)))
assert not works["download"] or (folder / small.name).read_text() == "ten bytes."
made = {"get": [], "put": []}
# what the page asks for its download button
if client.get_run(run).info.artifact_uri.startswith("s3:"):
    for kind, path in (("get", "download"), ("put", "upload")):
        asked = {"run_id": run, "path": small.name}
        answer = requests.post(
            f"{server}/api/2.0/mlflow/artifacts/presigned-{path}-url", json=asked, timeout=60
        )
        answer.raise_for_status()
        made[kind].append(
            {"url": answer.json()["presigned_url"], "headers": answer.json().get("headers", {})}
        )
else:
    root = client.get_run(run).info.artifact_uri.partition(":/")[2].lstrip("/")
    answer = requests.get(
        f"{server}/api/2.0/mlflow-artifacts/presigned/{root}/{small.name}", timeout=60
    )
    answer.raise_for_status()
    made["get"].append({"url": answer.json()["url"], "headers": {}})
print(json.dumps({**made, "works": works}))
