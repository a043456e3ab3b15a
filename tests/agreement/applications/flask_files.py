"""Upload by the file manager of Flask-Admin, list,
and print where its download link redirects to.
"""

import io
import json
import sys

import boto3
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.fileadmin.s3 import S3FileAdmin

app = Flask("files")
app.secret_key = "test"
Admin(app).add_view(
    S3FileAdmin(bucket_name=sys.argv[1], s3_client=boto3.client("s3"), name="Files")
)
with app.test_client() as browser:
    sent = browser.post(
        "/admin/s3fileadmin/upload/", data={"upload": (io.BytesIO(b"flask"), f"{sys.argv[2]}.txt")}
    )
    assert sent.status_code == 302, sent.status_code
    assert f"{sys.argv[2]}.txt".encode() in browser.get("/admin/s3fileadmin/").data
    print(
        json.dumps(
            {
                "get": [
                    browser.get(f"/admin/s3fileadmin/download/{sys.argv[2]}.txt").headers[
                        "Location"
                    ]
                ]
            }
        )
    )
