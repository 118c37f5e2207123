#!/usr/bin/env bash
# The section ALL KEYS of proviso.yaml(5), from what the program itself says of its settings.
#   settings_manual.sh write PROVISO: puts it into the page; settings_manual.sh check PROVISO: exit 1 with the difference.
set -eu
program=$(realpath "$2")
cd "$(dirname "$0")/man"
page=proviso.yaml.5
made=$(mktemp)
trap 'rm -f "$made"' EXIT
begin='.\" --- made by settings_manual.sh from `proviso validate --keys` ---'
end='.\" --- up to here ---'
{
  sed "/^\\.\\\\\" --- made by settings_manual/,\$d" $page
  printf '%s\n.Sh ALL KEYS\n.Bl -tag -width Ds -compact\n' "$begin"
  "$program" validate --keys | awk '
    /^ / { sub(/^ +/, ""); gsub(/[.] /, ".\n"); print; next }
    { takes = ""; required = sub(/ \(required\)$/, "")
      if (i = index($0, ": ")) { takes = substr($0, i + 2); $0 = substr($0, 1, i - 1) }
      line = ".It Cm " $0
      if (takes != "") line = line " Ns No : " takes
      if (required) line = line " , required"
      print line }'
  printf '.El\n%s\n' "$end"
  sed "1,/^\\.\\\\\" --- up to here/d" $page
} > "$made"
case $1 in
  write) cat "$made" > $page ;;
  check) diff -u $page "$made" ;;
esac
