#!/usr/bin/env bash
# Each file begins with what it is for, what README.md points to is there, and no fuzzer lacks its dictionary
# (`make fuzz` stops at one that does) or its corpus. TAP for prove.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
mapfile -t files < <(git ls-files -co --exclude-standard 'harness/*.[ch]' 'providers/*.[ch]' 'cases/*.[ch]' 'reports/*.[ch]' 'proxy/*.[ch]' \
  'tests/*.[ch]' 'tests/*.py' 'tests/*.sh' 'tests/*.mjs' '.debian/*.sh' 'harness/*.sh' 'cases/core/*.yaml' 'cases/quality/*.yaml' \
  'providers/catalog/*.yaml' 'proxy/examples/*.yaml' Makefile)
for file in "${files[@]}"; do [ -s "$file" ] || { echo "# $file is empty"; bad=1; }; done
# The first line that is neither empty nor the name of an interpreter.
awk '
    function judge() { if (file != "" && head !~ opening) { printf "# %s does not begin with what it is for: %s\n", file, substr(head, 1, 60); bad = 1 } }
    FNR == 1 { judge(); file = FILENAME; head = ""
      opening = file ~ /\.(c|h|mjs)$/ ? "^(/\\*|//)" : file ~ /\.py$/ ? "^(\"\"\"|# )" : "^#" }
    head == "" && $0 != "" && !/^#!/ { head = $0 }
    head != "" { nextfile }
    END { judge(); exit bad }' "${files[@]}" || bad=1
# `harness/base/`, `providers/chat.h`, `tests/study/STUDY.md`; `decode*` stands for several.
while IFS= read -r path; do
  compgen -G "$path" >/dev/null || compgen -G "harness/cli/man/$path" >/dev/null || { echo "# README.md points to $path, which is not there"; bad=1; }
done < <(grep -oE '`\.?[a-z_*-]+(/[A-Za-z_.*-]+)+/?`|`proviso[a-z.-]*\.[157]`' README.md | tr -d '`' | sort -u)
for fuzzer in tests/fuzz/fuzz_*.c; do
  name=$(basename "$fuzzer" .c) name=${name#fuzz_}
  [ -s "tests/fuzz/$name.dict" ] && [ -d "tests/fuzz/corpus/$name" ] || { echo "# $fuzzer has no tests/fuzz/$name.dict or no corpus"; bad=1; }
done
echo 1..1
[ $bad = 0 ] && echo "ok 1 - heads and tour" || echo "not ok 1 - heads and tour"
exit $bad
