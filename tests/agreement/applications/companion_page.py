"""Ask Uppy Companion for what a page needs to upload: a form for a small file,
the URL of a part for a large one.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

server = os.environ["SERVER"]


def ask(path, data=None):
    headers = {"Content-Type": "application/json", "Origin": "http://page.example"}
    body = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(
        urllib.request.Request(server + path, body, headers), timeout=60
    ) as answer:
        return json.load(answer)


name = f"{sys.argv[2]}.bin"
form = ask(f"/s3/params?filename={name}&type=application/octet-stream")
assert form["method"].upper() == "POST", form
made = ask("/s3/multipart", {"filename": name, "type": "application/octet-stream", "metadata": {}})
key = urllib.parse.urlencode({"key": made["key"]})
part = ask(f"/s3/multipart/{urllib.parse.quote(made['uploadId'], safe='')}/1?{key}")
print(
    json.dumps(
        {
            "get": [],
            "put": [{"url": part["url"]}],
            "form": [{"url": form["url"], "fields": form["fields"]}],
        }
    )
)
