#!/bin/sh
# Look for inputs that break what reads them: 10 minutes, or tools/fuzz.sh lines url --seconds 3600. Linux; after make lint or test.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/.venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$root/requirements/fuzz.txt"
cd "$root/tests"
exec "$root/.venv/bin/python" -m support.fuzzing "$@"
