#!/usr/bin/env bash
# A file includes only from its own layer and those below. Prints each breach; TAP for prove.
set -u
cd "$(dirname "$0")/../.." || exit 1
# layer: what it may include, besides itself
declare -A allowed=(
  [harness/base]=""
  [providers]="harness/base"
  [cases]="harness/base providers"
  [harness/run]="harness/base providers cases"
  [reports]="harness/base providers cases harness/run"
  [proxy]="harness/base providers cases harness/run"
  [harness/cli]="harness/base providers cases harness/run reports proxy"
)
# Of the providers, cases may know only what a request, a reply, an exchange and a simulated answer are.
cases_may="providers/chat.h providers/wire/exchange.h providers/price/price.h providers/reply/wire_rule.h providers/sim/sim.h"
bad=0
layer_of() {
  case $1 in
    harness/base/*) echo harness/base ;;
    harness/run/*) echo harness/run ;;
    harness/cli/*) echo harness/cli ;;
    *) echo "${1%%/*}" ;;
  esac
}
while IFS=: read -r file line text; do
  header=${text#*\"}; header=${header%%\"*}
  case $header in embedded_*) continue ;; esac
  if [ ! -f "$header" ]; then
    echo "# $file:$line: includes \"$header\", which is not written from the repository's root"
    bad=1; continue
  fi
  from=$(layer_of "$file"); to=$(layer_of "$header")
  [ "$from" = "$to" ] && continue
  case " ${allowed[$from]} " in
    *" $to "*) ;;
    *) echo "# $file:$line: $from may not include $to ($header)"; bad=1 ;;
  esac
  if [ "$from" = cases ] && [ "$to" = providers ]; then
    case " $cases_may " in
      *" $header "*) ;;
      *) echo "# $file:$line: cases may include of providers only $cases_may"; bad=1 ;;
    esac
  fi
done < <(git ls-files -co --exclude-standard 'harness/*.[ch]' 'providers/*.[ch]' 'cases/*.[ch]' 'reports/*.[ch]' 'proxy/*.[ch]' | xargs grep -nE '^#include "')
echo 1..1
[ $bad = 0 ] && echo "ok 1 - includes go one way" || echo "not ok 1 - includes go one way"
exit $bad
