#!/bin/bash
# Lifecycle configuration of SageMaker Studio (JupyterLab apps): install gt_secure whenever the app starts.
#
# Set WHEEL below, and attach it to a domain, a user profile or a space (docs/how-to/install.md has the commands). It needs no
# package index and changes no other package. It never stops the app from starting: whatever fails is written to the log,
# ~/.gt-secure-on-start.log and the app's log in CloudWatch, and the script ends with 0.

WHEEL="${GT_SECURE_WHEEL:-s3://my-bucket/wheels/gt_secure-0.4.0-py3-none-any.whl}"  # or a path, on EFS for example
SHA256="${GT_SECURE_SHA256:-}"      # digest of the wheel, from make wheel; empty: it is not compared
SECONDS_AT_MOST="${GT_SECURE_SECONDS:-120}"  # for each step; Studio gives a lifecycle configuration five minutes

LOG="${HOME:-/tmp}/.gt-secure-on-start.log"
touch "$LOG" 2>/dev/null || LOG=/dev/null

say() {
  printf '%s gt_secure on-start: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" | tee -a "$LOG"
}

# Runs a step; its output goes to the log. Signals, time-outs and missing programs are failures like any other.
step() {
  (timeout --kill-after=5 "$SECONDS_AT_MOST" "$@"; exit $?) >>"$LOG" 2>&1
}

# Runs a step of Python in our own empty folder: Python imports modules from the folder where it starts.
python_step() {
  (cd "$folder" && step python3 "$@")
}

fetch() {
  case "$WHEEL" in
    s3://*)
      # boto3 is in every image; the command line of AWS is not.
      python_step -c '
import sys, boto3
bucket, _, key = sys.argv[1][len("s3://"):].partition("/")
boto3.client("s3").download_file(bucket, key, sys.argv[2])' "$WHEEL" "$1"
      ;;
    *) step cp -- "$WHEEL" "$1" ;;
  esac
}

main() {
  local folder wheel found
  say "start: $WHEEL"
  folder="$(mktemp -d)" || { say "failed: no folder for temporary files"; return; }
  wheel="$folder/${WHEEL##*/}"
  if ! fetch "$wheel"; then
    say "failed: the wheel was not fetched; does the role have s3:GetObject, and the VPC an endpoint for S3?"
  elif found="$(sha256sum "$wheel" | cut -d ' ' -f 1)"; [ -n "$SHA256" ] && [ "$found" != "$SHA256" ]; then
    say "failed: the wheel has the digest $found, not $SHA256; it is not installed"
  elif ! python_step -m pip install --no-deps --no-index --no-input --disable-pip-version-check --quiet "$wheel"; then
    say "failed: pip could not install the wheel"
  elif ! python_step -c 'import gt_secure; print("gt_secure", gt_secure.__version__)'; then
    say "failed: gt_secure is installed but cannot be imported"
  else
    say "installed: ${WHEEL##*/}; reload JupyterLab if it is open already"
  fi
  rm -rf "$folder"
}

main
exit 0
