#!/usr/bin/env bash
# Installs what `npm run ops` and the runbook's commands need, where it is missing: Debian's prometheus (promtool comes with
# it), jq and curl. Starts no service.
set -euo pipefail

packages=()
command -v prometheus >/dev/null && command -v promtool >/dev/null || packages+=(prometheus)
command -v jq >/dev/null || packages+=(jq)
command -v curl >/dev/null || packages+=(curl)
if [ "${#packages[@]}" -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get here: install ${packages[*]} by hand, with prometheus and promtool on the PATH" >&2
    exit 1
  fi
  # Debian's packages ask this script whether they may start their service; 101 means no.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Without what is recommended, which is an exporter of the machine's own metrics, and a service again.
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
prometheus --version 2>&1 | head -n 1
