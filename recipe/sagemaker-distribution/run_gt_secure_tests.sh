#!/bin/bash
# gt_secure in the image: its JupyterLab extension is enabled, the demo's files are there, and a policy is decided.
set -eu
jupyter labextension list 2>&1 | grep "gt_secure" | grep "enabled" | grep "OK"
python -c "import gt_secure, gt_secure.logs, gt_secure.widgets; print(gt_secure.__version__)"
printf '{"Version": "2012-10-17", "Statement": []}' > policy.json
code=0
gt-secure prove s3://gt-images --bucket-policy policy.json --account 111122223333 --allow 203.0.113.0/24 || code=$?
test "$code" = 2  # not proved: the bucket has no guard
