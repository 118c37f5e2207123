#!/usr/bin/env bash
# What a user of the package gets: builds it twice in two folders and compares, then installs, runs, upgrades,
# removes and purges it in a fresh root file system (debootstrap). Needs root and a Debian mirror. TAP.
# usage: check.sh    MIRROR and RELEASE say what to bootstrap from; KEEP=1 leaves the root file system.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "check-deb makes a root file system: run it as root" >&2; exit 2; }
. /etc/os-release
release=${RELEASE:-${VERSION_CODENAME:-bookworm}}
mirror=${MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d "${TMPDIR:-/tmp}/proviso-deb.XXXXXX")
root=$work/root
trap '[ -n "${KEEP:-}" ] && echo "# left: $work" || rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
count=0 bad=0

# holds TEXT COMMAND...: one line of TAP; what the command says is shown where it fails.
holds() {
  local text=$1; shift
  count=$((count + 1))
  if "$@" >"$work/said" 2>&1; then echo "ok $count - $text"
  else echo "not ok $count - $text"; sed 's/^/# /' "$work/said" | tail -n 30; bad=1; fi
}
in_root() { chroot "$root" "$@"; }
as_user() { chroot --userspec=proviso:proviso "$root" env HOME=/tmp TERM=dumb sh -c "cd /var/lib/proviso && $1"; }
fails() { ! "$@"; }

# --- reproducible: another folder, another time, another umask ---------------------------------------

copy() { mkdir -p "$1" && git ls-files -co --exclude-standard -z | xargs -0 cp --parents -P -t "$1"; }
copy "$work/one" && copy "$work/another/folder/two"
make -s -C "$work/one" deb >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; exit 1; }
(umask 077; make -s -C "$work/another/folder/two" deb >"$work/build.log" 2>&1) || { tail -n 20 "$work/build.log" >&2; exit 1; }
package=$(echo "$work"/one/.build/deb/proviso_*.deb)
holds "two builds in different folders are the same bytes" cmp "$package" "$work"/another/folder/two/.build/deb/proviso_*.deb
make -s -C "$work/one" deb DEB_REVISION=2 >/dev/null
newer=$(ls "$work"/one/.build/deb/proviso_*-2_*.deb)
holds "lintian finds nothing" lintian --allow-root --fail-on error,warning "$package"

# --- a fresh system ----------------------------------------------------------------------------------

debootstrap --variant=minbase --include=systemd-standalone-sysusers "$release" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
  { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$package" "$newer" "$root/root/"
# What it depends on comes first, so that what is left after a purge is told apart from that.
depends=$(dpkg-deb -f "$package" Depends | sed -e 's/([^)]*)//g' -e 's/|[^,]*//g' -e 's/, systemd *$//' -e 's/,/ /g')
holds "the mirror has what it depends on" in_root apt-get install -y -qq --no-install-recommends $depends
everything() { (cd "$root" && find . -path ./proc -prune -o -path ./tmp -prune -o -path ./var/lib/dpkg -prune -o -path ./var/cache -prune -o \
  -path ./var/log -prune -o -path ./var/lib/apt -prune -o -type f -printf '%P %m %U\n' -o -type d -printf '%P/ %m %U\n' -o -printf '%P@\n' |
  grep -vE '^etc/(passwd|group|shadow|gshadow|subuid|subgid)-? |^etc/$' | sort); }
everything > "$work/before"

holds "it installs" in_root apt-get install -y -qq --no-install-recommends "/root/${package##*/}"
holds "nothing is missing or broken" sh -c "chroot '$root' apt-get check && test -z \"\$(chroot '$root' dpkg --audit)\""
holds "every file is as it was packed" in_root dpkg --verify proviso
holds "every library is found" sh -c "! chroot '$root' ldd /usr/bin/proviso | grep 'not found'"
holds "the version is the package's" sh -c "test \"\$(chroot '$root' proviso --version)\" = 'proviso $(dpkg-deb -f "$package" Version | sed 's/-.*//')'"
holds "its user is there and cannot log in" sh -c "chroot '$root' getent passwd proviso | grep -E '^proviso:.*:/var/lib/proviso:.*nologin'"
holds "its folder is its own" sh -c "test \"\$(chroot '$root' stat -c '%a %U' /var/lib/proviso)\" = '700 proviso'"
holds "variables that may be keys are root's alone" sh -c "test \"\$(chroot '$root' stat -c '%a %U' /etc/proviso/environment)\" = '600 root'"
holds "the whole story runs" as_user "proviso demo"
holds "a key is made and listed" as_user "printf 'version: 1\nproviders: {lab: {base_url: \"http://127.0.0.1:9/v1\", models: {m: {}}}}\nkeys: {store: proviso.db}\n' > c.yaml &&
  proviso key create --config c.yaml --name first && proviso key list --config c.yaml | grep first"
for page in "$root"/usr/share/doc/proviso/examples/*.yaml; do
  holds "the example ${page##*/} reads well" in_root proviso validate "/usr/share/doc/proviso/examples/${page##*/}"
done
holds "bash completes" in_root bash -c '. /usr/share/bash-completion/completions/proviso; COMP_WORDS=(proviso key cr); COMP_CWORD=2; _proviso; test "${COMPREPLY[*]}" = create'
holds "the manual is there, compressed" sh -c "gzip -dc '$root/usr/share/man/man1/proviso.1.gz' | mandoc -T lint -W error"
sed "s#^ExecStart=#&$root#" "$root/lib/systemd/system/proviso.service" > "$work/proviso.service"
holds "the unit runs what is there" sh -c "grep -q '^ExecStart=$root/usr/bin/proviso proxy' '$work/proviso.service' && systemd-analyze verify --man=no '$work/proviso.service'"

# --- upgrade, remove, purge --------------------------------------------------------------------------

echo 'OPENAI_API_KEY=mine' >> "$root/etc/proviso/environment"
echo 'version: 1' > "$root/etc/proviso/proviso.yaml"
holds "a newer one installs over it without a question" in_root apt-get install -y -qq --no-install-recommends "/root/${newer##*/}"
holds "it is the newer one" sh -c "chroot '$root' dpkg-query -W -f '\${Version}' proviso | grep -e '-2\$'"
holds "the owner's changes are kept" grep -q mine "$root/etc/proviso/environment"
holds "keys made before hold" as_user "proviso key list --config c.yaml | grep first"
holds "it is removed" in_root apt-get remove -y -qq proviso
holds "the program is gone" fails in_root sh -c 'command -v proviso'
holds "config and ledger stay" test -f "$root/etc/proviso/environment" -a -f "$root/etc/proviso/proviso.yaml" -a -f "$root/var/lib/proviso/proviso.db"
holds "it is purged" in_root apt-get purge -y -qq proviso
holds "what the owner wrote into /etc/proviso stays" test -f "$root/etc/proviso/proviso.yaml" -a ! -e "$root/etc/proviso/environment"
holds "installed again and purged again, with nothing of the owner's" sh -c "rm -r '$root/etc/proviso' &&
  chroot '$root' dpkg -i '/root/${newer##*/}' && chroot '$root' dpkg --purge proviso"
everything > "$work/after"
holds "nothing else is left" diff "$work/before" "$work/after"

echo "1..$count"
[ $bad = 0 ]
