#!/usr/bin/env bash
# Each claim of .github/SECURITY.md names tests, and each test that it names exists. TAP for prove.
# usage: check_claims.sh [FILE]
set -u
cd "$(dirname "$0")/../.." || exit 1
file=${1:-.github/SECURITY.md}
bad=0
# A claim is an item of a list: its lines up to the next empty one or the next item, on one line.
claims=$(awk '/^- / { if (claim != "") print claim; claim = $0; next } /^$/ { if (claim != "") print claim; claim = ""; next }
  claim != "" { claim = claim " " $0 } END { if (claim != "") print claim }' "$file")
[ "$(grep -c . <<<"$claims")" -ge 10 ] || { echo "# $file makes hardly a claim"; bad=1; }
while IFS= read -r claim; do
  names=$(grep -oE '`test_[a-zA-Z0-9_]+\.(c|py)::[a-zA-Z0-9_]+`' <<<"$claim" | tr -d '`')
  [ -n "$names" ] || { echo "# a claim without a test: ${claim:0:90}"; bad=1; continue; }
  for name in $names; do
    test=${name#*::}
    case ${name%%::*} in
      *.c) grep -qE "^START_TEST\($test\)" tests/unit/*/"${name%%::*}" 2>/dev/null &&
             grep -qE "tcase_add(_loop)?_test\(.*\b$test\b" tests/unit/*/"${name%%::*}" ;;
      *.py) grep -qE "^def $test\(" "tests/e2e/${name%%::*}" 2>/dev/null ;;
    esac || { echo "# there is no $name, by which is claimed: ${claim:0:70}"; bad=1; }
  done
done <<<"$claims"
echo 1..1
[ $bad = 0 ] && echo "ok 1 - claims and their tests" || echo "not ok 1 - claims and their tests"
exit $bad
