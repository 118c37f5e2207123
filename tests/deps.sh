#!/usr/bin/env bash
# Installs the Debian packages that are missing, or says the line to run.
# usage: deps.sh build | test | bench | analyse | package | package-check
set -eu
build="gcc libc6-dev pkg-config libcurl4-openssl-dev libpcre2-dev libcsv-dev libuv1-dev libyaml-dev libssl-dev libutf8proc-dev zlib1g-dev libsqlite3-dev"
test="$build clang clang-format libclang-rt-14-dev check perl python3 python3-pytest python3-pytest-xdist python3-yaml mandoc procps curl git nodejs npm systemd zsh fish"
bench="$test libjansson4"
analyse="$test cppcheck valgrind"
package="$build dpkg-dev binutils"
package_check="$package debootstrap lintian git mandoc systemd procps"
case ${1:-build} in
  build) wanted=$build ;;
  test) wanted=$test ;;
  bench) wanted=$bench ;;
  analyse) wanted=$analyse ;;
  package) wanted=$package ;;
  package-check) wanted=$package_check ;;
  *) echo "usage: deps.sh build|test|bench|analyse|package|package-check" >&2; exit 2 ;;
esac
if ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian; the packages wanted are, by their Debian names: $wanted" >&2
  exit 0
fi
missing=""
for package in $wanted; do
  # A tool that is there without its package (a Node.js from elsewhere) will do.
  case $package in
    nodejs) command -v node >/dev/null && continue ;;
    npm) command -v npm >/dev/null && continue ;;
  esac
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "As root, run: apt-get install$missing" >&2; exit 1; }
  sudo=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
install() { $sudo apt-get install -y -qq --no-install-recommends $missing >.build/apt.log 2>&1; }
mkdir -p .build
# A list that is not there yet, or too old to fetch from, is fetched anew.
install || { $sudo apt-get update -qq >/dev/null && install; } || { tail -20 .build/apt.log >&2; exit 1; }
