#!/usr/bin/env bash
# Runs a cluster of three real processes on this machine, on the same ports as 'muster dev'.
#
#   scripts/cluster.sh [DIR]
#
# The nodes keep their data in DIR/n1, DIR/n2 and DIR/n3, log to DIR/n1.log and so on, and have their process ids in
# DIR/n1.pid and so on. Without DIR that is a temporary folder, which is removed at the end. A node that is killed stays
# away; the command that brings it back is printed. Ctrl-C stops all of them in an orderly way.
#
# MUSTER names another program than the one built here, MUSTER_PORT another first port than 7300.
set -euo pipefail

if (($# > 1)) || [[ ${1:-} == -* ]]; then
	echo "usage: scripts/cluster.sh [DIR]" >&2
	exit 2
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
muster=${MUSTER:-}
port=${MUSTER_PORT:-7300}
unset MUSTER MUSTER_PORT # or the nodes would take them for settings
dir=${1:-}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/muster-cluster-XXXXXX")
dir=${dir:-$scratch}
mkdir -p "$dir"
declare -A node_of command_of # by process id

# stop ends the nodes that were started here and no others, and waits until they are gone.
# shellcheck disable=SC2317 # The traps call it.
stop() {
	trap - EXIT INT TERM
	if ((${#node_of[@]} > 0)); then
		kill -TERM "${!node_of[@]}" 2>/dev/null || true
		wait "${!node_of[@]}" || true
	fi
	rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 0' INT TERM

if [[ -z $muster ]]; then
	muster=$scratch/muster
	(cd "$root" && go build -o "$muster" ./cmd/muster)
fi

join=127.0.0.1:$((port + 2)),127.0.0.1:$((port + 12)),127.0.0.1:$((port + 22))
for i in 1 2 3; do
	base=$((port - 10 + 10 * i))
	command=("$muster" server --node-id "n$i" --data-dir "$dir/n$i"
		--http-addr "127.0.0.1:$base" --peer-addr "127.0.0.1:$((base + 1))" --gossip-addr "127.0.0.1:$((base + 2))"
		--join "$join" --bootstrap-expect 3)
	# A process group of its own keeps Ctrl-C from reaching the node before this script does.
	set -m
	"${command[@]}" >>"$dir/n$i.log" 2>&1 &
	set +m
	node_of[$!]=n$i
	command_of[$!]=${command[*]}
	echo $! >"$dir/n$i.pid"
	echo "n$i  pid $!  http://127.0.0.1:$base  log $dir/n$i.log"
done
echo "Ctrl-C stops them."

while ((${#node_of[@]} > 0)); do
	status=0
	wait -n -p ended "${!node_of[@]}" || status=$?
	echo "${node_of[$ended]} has ended with status $status; the last line of its log:"
	tail -n 1 "$dir/${node_of[$ended]}.log"
	echo "bring it back with: ${command_of[$ended]}"
	unset "node_of[$ended]"
done
echo "no node is left" >&2
exit 1
