#!/usr/bin/env bash
# Fuzzes every target in the tree, one after the other, for the time given (10s where none is).
#
# An input that fails is left in the package's testdata/fuzz, where go test finds it from then on: commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

for file in $(grep -rl --include='*_test.go' '^func Fuzz' .); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "== $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-10s}" "$(dirname "$file")"
	done
done
