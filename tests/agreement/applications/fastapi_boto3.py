"""Serve presigned downloads, uploads and forms with FastAPI, as many programs do."""

import json
import sys

import boto3
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.testclient import TestClient

BUCKET = sys.argv[1]
s3 = boto3.client("s3")
app = FastAPI()


@app.get("/files/{key:path}")
def download(key: str) -> RedirectResponse:
    names = {"Bucket": BUCKET, "Key": key, "ResponseContentDisposition": "attachment"}
    return RedirectResponse(s3.generate_presigned_url("get_object", Params=names, ExpiresIn=300))


@app.post("/uploads/{key:path}")
def upload(key: str) -> dict[str, object]:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
    return {"put": url, "form": s3.generate_presigned_post(BUCKET, key)}


s3.put_object(Bucket=BUCKET, Key="artifacts/a.bin", Body=b"fastapi")
client = TestClient(app, follow_redirects=False)
made = client.post("/uploads/uploads/new.bin").json()
get = client.get("/files/artifacts/a.bin").headers["location"]
print(json.dumps({"get": [get], "put": [made["put"]], "form": [made["form"]]}))
