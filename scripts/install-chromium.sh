#!/usr/bin/env bash
# Installs on Debian the browser that the tests of the inspector's page drive: chromium, where there is none.
set -euo pipefail

if [ -z "${CHROMIUM:-}" ] && ! command -v chromium >/dev/null; then
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get here: install Chromium by hand, and name its executable in CHROMIUM" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
"${CHROMIUM:-chromium}" --version 2>/dev/null
