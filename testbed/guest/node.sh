# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Runs in each node of a cluster instead of the job, and brings up what the job may rely on:
#
#   $NODE, $NODES     0..NODES-1, and how many
#   eth0              10.0.0.(NODE+1)/24, fd00::(NODE+1)/64; the other nodes' link-layer addresses are known
#   /shared           a directory all nodes see
#   sleep_until S     until S seconds (with fraction) after this node booted, where faults of the topology are to meet the job
#   other_addresses   of all nodes but this one, with commas
#   barrier NAME [NODE...]    waits until all nodes, or these, have come here; polls in virtual time

export NODE NODES

node_address() { echo "10.0.0.$(($1 + 1))"; }

other_addresses() {
	for _node in $(seq 0 $((NODES - 1))); do [ "$_node" = "$NODE" ] || node_address "$_node"; done | tr '\n' ',' | sed 's/,$//'
}

barrier() {
	_name=$1
	shift
	: >"/shared/$_name.$NODE"
	[ $# -gt 0 ] || set -- $(seq 0 $((NODES - 1)))
	for _node in "$@"; do
		# Each node at times of its own: nodes that run at the same instant take turns with every nanosecond.
		until [ -e "/shared/$_name.$_node" ]; do sleep "0.010$(printf %03d "$NODE")"; done
	done
}

sleep_until() {
	read -r _now _ </proc/uptime
	sleep "$(echo "$1 $_now" | awk '{ d = $1 - $2; print(d > 0 ? d : 0) }')"
}

# The kernel's own clock discipline makes its clocks run faster; adjtimex counts in 2^-16 ppm.
drift() {                       # drift PPM
	[ "$1" = 0 ] || adjtimex -q -f "$(echo "$1" | awk '{printf "%d", $1 * 65536}')" || fail "cannot set the clock's drift"
}

# One ip process for all of it: starting a process costs far more wall time than anything the network does.
node_up() {
	{
		echo "link set eth0 up"
		echo "addr add $(node_address "$NODE")/24 dev eth0"
		echo "addr add fd00::$(printf %x $((NODE + 1)))/64 dev eth0 nodad"
		_node=0
		while [ "$_node" -lt "$NODES" ]; do
			_mac=$(printf '02:00:00:00:00:%02x' "$_node")
			if [ "$_node" != "$NODE" ]; then
				echo "neigh add $(node_address $_node) lladdr $_mac dev eth0 nud permanent"
				echo "neigh add fd00::$(printf %x $((_node + 1))) lladdr $_mac dev eth0 nud permanent"
			fi
			_node=$((_node + 1))
		done
	} >/tmp/node_up
	ip -batch /tmp/node_up
}

mkdir -p /shared
# Without a directory hostfs would be the whole host.
[ "${SHARED:-}" ] || fail "SHARED is not set"
mount -t hostfs -o "$SHARED" hostfs /shared || fail "cannot mount $SHARED"
node_up || fail "cannot set up eth0"
drift "$(echo "$DRIFTS" | cut -d' ' -f$((NODE + 1)))"
barrier node_up
# shellcheck disable=SC1091
. /testbed/job
