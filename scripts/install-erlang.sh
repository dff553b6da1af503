#!/usr/bin/env bash
# Installs on Debian what the benchmark's peer in Erlang needs: the emulator and the compiler, without the applications.
set -euo pipefail

command -v erlc > /dev/null && exit 0
apt-get update
apt-get install --yes --no-install-recommends erlang-base
