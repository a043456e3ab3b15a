#!/bin/sh
# Spark needs Java 17 or newer: where there is none and this is root on Debian, install it.
set -eu
command -v java >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Java (once)..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jre-headless >/dev/null
  exit 0
fi
echo "Spark needs Java 17 or newer: install the package default-jre-headless of your system." >&2
exit 1
