#!/usr/bin/env bash
# Files of at most 600 lines, those of the tests too; functions of at most 60, lines of at most 100 columns. TAP for prove.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
mapfile -t files < <(git ls-files -co --exclude-standard 'harness/*.[ch]' 'providers/*.[ch]' 'cases/*.[ch]' 'reports/*.[ch]' 'proxy/*.[ch]')
mapfile -t tests < <(git ls-files -co --exclude-standard 'tests/*.[ch]' 'tests/*.py' 'tests/*.mjs' 'tests/*.sh')
awk 'FNR == 601 { printf "# %s has more than 600 lines\n", FILENAME; bad = 1; nextfile }
  END { exit bad }' "${files[@]}" "${tests[@]}" || bad=1
# A function's body runs from a line that is "{" alone to the next that is "}" alone.
awk 'FNR == 1 { open = 0 }
  /^\{$/ { open = FNR }
  /^\}$/ && open { if (FNR - open - 1 > 60) { printf "# %s:%d: a function of %d lines (at most 60)\n", FILENAME, open, FNR - open - 1; bad = 1 } open = 0 }
  END { exit bad }' "${files[@]}" || bad=1
if command -v clang-format >/dev/null; then
  clang-format --dry-run -Werror "${files[@]}" >/tmp/proviso-format.$$ 2>&1 || {
    grep -E 'error:' /tmp/proviso-format.$$ | sed 's/^/# /' | sort -t: -k2,2 -u | head -20; bad=1; }
  rm -f /tmp/proviso-format.$$
else
  echo "# clang-format is not here: formatting not checked"
fi
echo 1..1
[ $bad = 0 ] && echo "ok 1 - sizes and format" || echo "not ok 1 - sizes and format"
exit $bad
