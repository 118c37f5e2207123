#!/usr/bin/env bash
# Man pages are clean mdoc, name exactly the options that --help lists, and proviso(1) tells the commands
# as --help does and names every other page. TAP for prove.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
binary=${PROVISO:-.build/release/proviso}
for page in harness/cli/man/*.[157]; do
  mandoc -T lint -W warning "$page" >/tmp/proviso-lint.$$ 2>&1 || { sed 's/^/# /' /tmp/proviso-lint.$$; bad=1; }
done
rm -f /tmp/proviso-lint.$$
for page in harness/cli/man/*.[157]; do
  name=${page##*/}; section=${name##*.}; name=${name%.*}
  [ "$name.$section" = proviso.1 ] || grep -qE "^\.(It )?Xr $name $section\b" harness/cli/man/proviso.1 ||
    { echo "# proviso.1 does not name $name($section)"; bad=1; }
done
if [ -x "$binary" ]; then
  for page in harness/cli/man/proviso-*.1; do
    command=${page##*/proviso-}; command=${command%.1}
    listed=$("$binary" "$command" --help | grep -oE '^ +(-[a-zA-Z], +| +)--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u)
    told=$(grep -E '^\.It Fl' "$page" | grep -oE -- '-[a-z][a-z-]+' | sed 's/^/-/' | sort -u)
    if [ "$listed" != "$told" ]; then
      echo "# $page and \`proviso $command --help\` differ:"
      diff <(echo "$listed") <(echo "$told") | sed 's/^/#   /'
      bad=1
    fi
  done
  listed=$("$binary" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)$/\1: \2/p')
  told=$(sed -n '/^\.It Xr proviso-[a-z]* 1$/{s/^.*proviso-\([a-z]*\) 1$/\1/;N;s/\n/: /;p}' harness/cli/man/proviso.1)
  bash harness/cli/settings_manual.sh check "$binary" >/tmp/proviso-keys.$$ 2>&1 || {
    echo "# proviso.yaml.5 does not tell the settings as the program does; \`make manual\` writes them:"
    sed 's/^/#   /' /tmp/proviso-keys.$$; bad=1; }
  rm -f /tmp/proviso-keys.$$
  if [ -z "$listed" ] || [ "$listed" != "$told" ]; then
    echo "# proviso.1 and \`proviso --help\` differ on the commands:"
    diff <(echo "$listed") <(echo "$told") | sed 's/^/#   /'
    bad=1
  fi
else
  echo "# $binary is not built: options and commands not compared"
fi
echo 1..1
[ $bad = 0 ] && echo "ok 1 - manuals" || echo "not ok 1 - manuals"
exit $bad
