#!/bin/bash
# Start the demo in the background, and print its address: the port is forwarded, and the address holds the token.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
nohup .venv/bin/gt-secure demo --no-browser --port "${GT_SECURE_DEMO_PORT:-8888}" >out/demo.log 2>&1 </dev/null &
echo $! >out/demo.pid
for _ in $(seq 120); do
  grep -m 1 "JupyterLab" out/demo.log && exit 0
  kill -0 "$(cat out/demo.pid)" 2>/dev/null || break
  sleep 1
done
echo "The demo did not start; out/demo.log has the reason:" >&2
cat out/demo.log >&2
exit 1
