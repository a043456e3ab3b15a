"""Write and read with cloudpathlib, which signs in the header,
and print the URL that it hands out.
"""

import json
import sys

from cloudpathlib import S3Path

path = S3Path(f"s3://{sys.argv[1]}/reports/a.txt")
path.write_text("cloudpathlib")
assert path.read_text() == "cloudpathlib"
print(json.dumps({"get": [path.as_url(presign=True, expire_seconds=600)]}))
