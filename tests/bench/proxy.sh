#!/usr/bin/env bash
# Gets the proxies that ours is compared with, then measures (proxy_bench.py): `make bench ONLY=proxy`.
# nginx, HAProxy and wrk are Debian's, unpacked into .build and not installed: nothing starts on its own.
# BENCH_PEERS=0 leaves the Portkey gateway out, the one that npm brings.
set -eu
cd "$(dirname "$0")/../.."
portkey=1.15.2
peers=$PWD/.build/peers-proxy
root=$peers/root
export BUILD=${BUILD:-.build/release}
export PATH=$PATH:/usr/sbin:$root/usr/sbin:$root/usr/bin
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$root/usr/lib/$(gcc -print-multiarch)
mkdir -p "$peers/packages/partial" "$root"

fetch() { # Debian packages and what they need that is not here
  apt-get -qq -y --no-install-recommends --download-only -o Debug::NoLocking=1 \
    -o Dir::Cache::archives="$peers/packages" install "$@" >"$peers/apt.log" 2>&1
}

missing=""
command -v nginx >/dev/null || missing="$missing nginx"
command -v haproxy >/dev/null || missing="$missing haproxy"
command -v wrk >/dev/null || missing="$missing wrk"
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || { echo "wanted:$missing" >&2; exit 1; }
  # shellcheck disable=SC2086
  fetch $missing || { bash tests/deps.sh build && { [ "$(id -u)" != 0 ] || apt-get -qq update; } && fetch $missing; } ||
    { tail -n 20 "$peers/apt.log" >&2; exit 1; }
  for package in "$peers"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
fi

if [ "${BENCH_PEERS:-1}" = 0 ]; then
  echo "BENCH_PEERS=0: the Portkey gateway is left out."
elif [ "$(cat "$peers/installed" 2>/dev/null)" != "$portkey" ]; then
  echo "Installing @portkey-ai/gateway@$portkey by npm into .build/peers-proxy."
  echo '{"name": "proviso-bench-proxies", "private": true}' > "$peers/package.json"
  if npm install --prefix "$peers" --ignore-scripts --no-audit --no-fund --loglevel=error --save-exact \
    "@portkey-ai/gateway@$portkey" >"$peers/npm.log" 2>&1; then
    echo "$portkey" > "$peers/installed"
  else
    tail -n 20 "$peers/npm.log" >&2
    echo "No Portkey gateway: its rows are not measured." >&2
  fi
fi
exec /usr/bin/python3 tests/bench/proxy_bench.py "$@"
