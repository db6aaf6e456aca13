#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kernel memory for messages and packets is charged to the cgroup of who has the
# socket, is limited with it, and comes back when the socket is closed. Only where
# the kernel has cgroups of memory.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

TREE=/run/cgroup                # in a host, /sys is another

mkdir -p $TREE
mount -t cgroup2 none $TREE
if ! grep -qw memory $TREE/cgroup.controllers; then
	skip cgroups "a kernel without cgroups of memory"
	exit 0
fi

prepare() { echo +memory >$TREE/cgroup.subtree_control && mkdir $TREE/client $TREE/server; }

start_member() {                # start_member GROUP HOST COMMAND: pid in $pid
	patient "$2"
	start_in "$2" sh -c "echo \$\$ >$TREE/$1/cgroup.procs && exec $3" >"/tmp/$1" 2>&1
}

stat() { awk -v name="$2" '$1 == name { print $2 }' "$TREE/$1/memory.stat"; }
event() { awk -v name="$2" '$1 == name { print $2 }' "$TREE/$1/memory.events"; }
at_least() { [ "$(stat "$1" "$2")" -ge "$3" ]; }
at_most() { [ "$(stat "$1" "$2")" -le "$3" ]; }
oom_killed() { [ "$(event client oom_kill)" -gt "$_killed" ]; }

figures() { for _group in client server; do echo "$_group: kernel $(stat $_group kernel) sock $(stat $_group sock)"; done; }

serve() {                       # its application never looks at a request
	start_member server h2 "rpc_ledger server --bind 10.0.1.2 --port 700"
	server=$pid
	wait_for 60 grep -q READY /tmp/server && kill -STOP "$server"
}

ask() {                         # ask OUTSTANDING OPTION...
	_outstanding=$1
	shift
	start_member client h1 "rpc_ledger client --server 10.0.1.2 --port 700 --count $_outstanding --outstanding $_outstanding $*"
	client=$pid
}

end() {                         # end PID
	kill -KILL "$1"
	wait "$1"
	return 0
}

# Messages are kept until they are answered, about 4 MB of them; as many packets wait as the server's socket may have.
both_charged() {
	ask 60 "$long"
	wait_for 60 at_least client kernel 2000000 && wait_for 60 at_least server sock 1500000
	_charged=$?
	figures
	return $_charged
}

no_longer() {                   # no_longer GROUP
	wait_for 60 at_most "$1" sock 0 && wait_for 60 at_most "$1" kernel 300000 && figures
}

# Nobody has more kernel memory than its cgroup, whatever SO_SNDBUF says: it is the one that pays.
limited() {                     # limited OUTSTANDING OPTION...
	_killed=$(event client oom_kill)
	echo 8M >$TREE/client/memory.max && ask "$@" || return 1
	wait_for 60 oom_killed || return 1
	wait "$client"
	echo "most: $(cat $TREE/client/memory.peak)"
	[ "$(cat $TREE/client/memory.peak)" -le $((9 << 20)) ]
}

# Packets that leave in bundles, of messages that others follow; all is done within the limits.
bundles_within() {
	echo 8M >$TREE/server/memory.max
	start_member server h2 "rpc_ledger server --bind 10.0.1.2 --port 700 --more 1"
	server=$pid
	wait_for 60 grep -q READY /tmp/server || return 1
	_bundled=$(metric h1 tx_bundled)
	start_member client h1 "rpc_ledger client --server 10.0.1.2 --port 700 --count 1000 --outstanding 64 $short"
	wait "$pid"
	_result=$?
	cat /tmp/client
	figures
	kill -TERM "$server"
	wait "$server" && [ $_result = 0 ] && [ "$(metric h1 tx_bundled)" -gt "$_bundled" ]
}

bundles_limited() {             # many at a time are too much
	_bundled=$(metric h1 tx_bundled)
	limited 8000 "$short" && [ "$(metric h1 tx_bundled)" -gt "$_bundled" ]
}

long="--long-permille 1000"
short="--max-length 1000 --more 1"
check load load_modules
check prepare prepare
check hosts net_pair
check server serve
check both_charged both_charged
# Inside one machine what waits at the server are pages of the client.
end "$client"
end "$server"
check client_uncharged no_longer client
check server_uncharged no_longer server
check server_again serve
check limited limited 500 "$long"
end "$server"
check limited_uncharged no_longer client
check bundles_within bundles_within
check server_for_bundles serve
check bundles_limited bundles_limited
end "$server"
check bundles_uncharged no_longer client
check bundles_uncharged_server no_longer server
check afterwards exchange --count 50
check groups_removed rmdir $TREE/client $TREE/server
check unload unload
umount $TREE
