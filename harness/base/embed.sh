#!/usr/bin/env bash
# Prints a C file that holds the given data files by .incbin, and a table of them
# (struct embedded_file in harness/base/embedded.h), sorted as given.
set -eu
echo '/* Made by the build from the data files; do not edit. */'
echo '#include "harness/base/embedded.h"'
n=0
for file in "$@"; do
  printf '__asm__(".section .rodata\\n.global embedded_%d\\nembedded_%d:\\n.incbin \\"%s\\"\\n.global embedded_%d_end\\nembedded_%d_end:\\n.byte 0\\n.previous\\n");\n' \
    "$n" "$n" "$file" "$n" "$n"
  printf 'extern const char embedded_%d[], embedded_%d_end[];\n' "$n" "$n"
  n=$((n + 1))
done
echo 'const struct embedded_file embedded_files[] = {'
n=0
for file in "$@"; do
  printf '\t{"%s", embedded_%d, embedded_%d_end},\n' "$file" "$n" "$n"
  n=$((n + 1))
done
echo '	{NULL, NULL, NULL},'
echo '};'
