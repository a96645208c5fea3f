#!/usr/bin/env bash
# Runs a cluster of three real processes on this machine, on the same ports as 'muster dev'.
#
#   scripts/cluster.sh [DIR]
#
# The nodes keep their data in DIR/n1, DIR/n2 and DIR/n3 and log to DIR/n1.log and so on. Without DIR that is a temporary
# folder, which is removed at the end. Ctrl-C stops the nodes in an orderly way. MUSTER names another program than the one built here.
set -euo pipefail

if (($# > 1)) || [[ ${1:-} == -* ]]; then
	echo "usage: scripts/cluster.sh [DIR]" >&2
	exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
muster=${MUSTER:-}
dir=${1:-}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/muster-cluster-XXXXXX")
dir=${dir:-$scratch}
mkdir -p "$dir"
pids=()

# stop ends the nodes that were started here and no others, and waits until they are gone.
# shellcheck disable=SC2317 # The traps call it.
stop() {
	trap - EXIT INT TERM
	if ((${#pids[@]} > 0)); then
		kill -TERM "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" || true
	fi
	rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 0' INT TERM

if [[ -z $muster ]]; then
	muster=$scratch/muster
	(cd "$root" && go build -o "$muster" ./cmd/muster)
fi

join=127.0.0.1:7302,127.0.0.1:7312,127.0.0.1:7322
for i in 1 2 3; do
	base=$((7290 + 10 * i))
	# A process group of its own keeps Ctrl-C from reaching the node before this script does.
	set -m
	"$muster" server \
		--node-id "n$i" \
		--data-dir "$dir/n$i" \
		--http-addr "127.0.0.1:$base" \
		--peer-addr "127.0.0.1:$((base + 1))" \
		--gossip-addr "127.0.0.1:$((base + 2))" \
		--join "$join" \
		--bootstrap-expect 3 \
		>>"$dir/n$i.log" 2>&1 &
	set +m
	pids+=($!)
	echo "n$i  pid $!  http://127.0.0.1:$base  log $dir/n$i.log"
done

echo "Ctrl-C stops them."
# The first node that ends by itself ends the cluster, and its log says why.
status=0
wait -n "${pids[@]}" || status=$?
echo "a node has ended by itself with status $status; the last lines of the logs:" >&2
tail -n 3 "$dir"/n*.log >&2
exit 1
