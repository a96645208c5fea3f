#!/usr/bin/env bash
# Prints the folders of the modules within this repository, but for the product's own, that have Go files: those only
# have tools to name no packages and nothing to check.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files -co --exclude-standard '*/go.mod' | while read -r file; do
	dir=$(dirname "$file")
	if [[ -n $(git ls-files -co --exclude-standard "$dir/*.go") ]]; then
		echo "$dir"
	fi
done
