#!/usr/bin/env bash
# Functions that have no place here, and words that say a thing is unfinished. TAP for prove.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
mapfile -t files < <(git ls-files -co --exclude-standard 'harness/*.[ch]' 'providers/*.[ch]' 'cases/*.[ch]' 'reports/*.[ch]' 'proxy/*.[ch]')
say() { while IFS= read -r hit; do echo "# $hit"; bad=1; done; }
say < <(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atof|strtol|strtoul|sscanf|alloca|system|rand|localtime|gmtime|setjmp|longjmp|setlocale)\(' "${files[@]}")
# Memory comes from base.c alone.
say < <(grep -nE '\b(malloc|calloc|realloc|strdup|strndup|free)\(' "${files[@]}" | grep -v '^harness/base/base.c:')
say < <(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${files[@]}")
say < <(grep -nE '^#include <(assert|setjmp)\.h>' "${files[@]}")
# One file each sees these libraries.
say < <(grep -lE '#include <pcre2' "${files[@]}" | grep -v '^harness/base/regex.c$' | sed 's/$/ sees PCRE2/')
say < <(grep -lE '#include <csv\.h>' "${files[@]}" | grep -vE '^harness/base/csv_(read|write)\.c$' | sed 's/$/ sees libcsv/')
say < <(grep -lE '#include <yaml\.h>' "${files[@]}" | grep -vE '^harness/base/yaml' | sed 's/$/ sees libyaml/')
say < <(grep -lE '#include <sqlite3\.h>' "${files[@]}" | grep -v '^proxy/ledger/store_sqlite.c$' | sed 's/$/ sees SQLite/')
echo 1..1
[ $bad = 0 ] && echo "ok 1 - nothing banned" || echo "not ok 1 - nothing banned"
exit $bad
