#!/usr/bin/env bash
# Packs the program that is in BUILD into BUILD/proviso_VERSION-REVISION_ARCH.deb with dpkg-deb.
# The same source makes the same bytes, wherever and whenever: times are SOURCE_DATE_EPOCH or the changelog's.
# usage: build.sh BUILD VERSION REVISION
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC
umask 022
build=$1 version=$2-$3
told=$(dpkg-parsechangelog -l .debian/changelog -S Version)
[ "${told%-*}" = "$2" ] || { echo "the changelog tells of $told, the Makefile of $2" >&2; exit 1; }
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -l .debian/changelog -S Timestamp)}
architecture=$(dpkg --print-architecture)
root=$build/root
rm -rf "$root"
make --no-print-directory -s install BUILD="$build" DESTDIR="$root" PREFIX=/usr ZSH_FOLDER=/usr/share/zsh/vendor-completions \
  OPTIMISE="-O2 -ffile-prefix-map=$PWD=."

# As Debian has it: stripped, manuals compressed, units in /lib, the licence as copyright.
strip --strip-all --remove-section=.comment --remove-section=.note "$root/usr/bin/proviso"
find "$root/usr/share/man" -type f -exec gzip -9n {} +
install -d "$root/lib" && mv "$root/usr/lib/systemd" "$root/lib/"
documents=$root/usr/share/doc/proviso
rm "$documents/LICENSE"
awk -v holder="$(sed -n 's/^Copyright (c) //p' LICENSE)" '
  /@HOLDER@/ { sub(/@HOLDER@/, holder) }
  /@LICENSE@/ { while ((getline line < "LICENSE") > 0) if (line !~ /^(MIT License|Copyright .*)$/ && (line != "" || begun)) { begun = 1; print line == "" ? " ." : " " line } next }
  { print }' .debian/copyright > "$documents/copyright"
sed "1s/([^)]*)/($version)/" .debian/changelog | gzip -9n > "$documents/changelog.Debian.gz"
install -m 644 .debian/README.Debian "$documents/"
install -D -m 600 .debian/environment "$root/etc/proviso/environment"
install -D -m 644 .debian/lintian-overrides "$root/usr/share/lintian/overrides/proviso"

install -d "$root/DEBIAN"
echo /etc/proviso/environment > "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 .debian/$script "$root/DEBIAN/"; done
# dpkg-shlibdeps wants a source package's control file to be there.
install -d "$build/shlibs/debian" && printf 'Source: proviso\n\nPackage: proviso\nArchitecture: any\n' > "$build/shlibs/debian/control"
program=$(realpath "$root/usr/bin/proviso")
shlibs=$(cd "$build/shlibs" && dpkg-shlibdeps -O --warnings=0 "$program" | sed 's/^shlibs:Depends=//')
[ -n "$shlibs" ] || { echo "dpkg-shlibdeps told nothing" >&2; exit 1; }
# Summed by files, not by blocks: the same on every file system.
size=$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" -e "s/@SHLIBS@/$shlibs/" \
  .debian/control > "$root/DEBIAN/control"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
package=$build/proviso_${version}_$architecture.deb
dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$root" "$package" >/dev/null
echo "$package"
