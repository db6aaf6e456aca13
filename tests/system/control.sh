#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the one who administers a host sees and decides: the list of sockets and
# RPCs, freezing the recorder of other hosts, limits, neighbours.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

refused() { ! "$@" 2>/dev/null; }
setting() { in_host "$1" sysctl -qw "net.homa.$2"; }

busy() {                        # an endless load, with a server that shows its ledger at the end
	server_start h2 10.0.1.2 700 && patient h1 || return 1
	start_in h1 rpc_ledger client --server 10.0.1.2 --port 700 --count 1000000 --outstanding 8 --deadline 600 >/tmp/load 2>&1
	load=$pid
	wait_for 30 busy_now
}
busy_now() { [ "$(metric h1 client_responses_done)" -gt 10 ]; }

idle() {
	kill -TERM "$load"
	wait "$load"
	server_stop
}

dump_shows_sockets() {
	in_host h1 cat /proc/net/homa >/tmp/dump1 && in_host h2 cat /proc/net/homa >/tmp/dump2 || return 1
	head -n 5 /tmp/dump1 /tmp/dump2
	grep -q '^socket port=[3-6][0-9]* family=ipv4 uid=0 inode=[1-9][0-9]* server=0 rpcs=[0-9]' /tmp/dump1 &&
		grep -q '^socket port=700 .* server=1 .* region=[1-9]' /tmp/dump2
}

dump_shows_rpcs() {             # which are short: look until there are some
	wait_for 30 rpcs_in h1 'rpc id=[0-9]*[02468] role=client state=[a-z]* peer=10.0.1.2 peer_port=700 tx_length=[1-9]' &&
		wait_for 30 rpcs_in h2 'rpc id=[0-9]*[13579] role=server state=[a-z_]* peer=10.0.1.1 peer_port=[3-6]'
}
rpcs_in() { in_host "$1" grep -m 1 "^$2" /proc/net/homa; }

dump_in_pieces() {              # whatever the size of the reads, while sockets come and go
	for size in 1 7 100 5000; do
		in_host h1 dd bs=$size count=20000 if=/proc/net/homa 2>/dev/null | grep -v '^#\|^socket port=\|^rpc id=' && return 1
	done
	return 0
}

dump_left_half_way() {               # a reader that stops half-way holds nothing up
	in_host h1 sh -c 'exec 3</proc/net/homa; read -r line <&3; sleep 1'
}

freeze_lists() {
	for bad in x 10.0.0.0/33 fd00::/129 10.0.0.1/ 10.0.0.0/x "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4 5.5.5.5 6.6.6.6 7.7.7.7 8.8.8.8 9.9.9.9"; do
		refused setting h2 freeze_peers="$bad" || { echo "accepted: $bad"; return 1; }
	done
	[ -z "$(in_host h2 sysctl -n net.homa.freeze_peers)" ] || return 1
	setting h2 freeze_peers="192.168.0.0/16,fd00:7::/64 10.9.9.9" || return 1
	[ "$(in_host h2 sysctl -n net.homa.freeze_peers)" = "192.168.0.0/16 fd00:7::/64 10.9.9.9/32" ]
}

thaw() { echo thaw >/proc/timetrace; }
marks=0
frozen() {                      # no new record comes; a line holds eight letters of a mark
	marks=$((marks + 1))
	echo "mark no_$marks." >/proc/timetrace
	refused grep -q "no_$marks\." /proc/timetrace
}

freeze_here() {
	setting h1 action=3 && wait_for 10 frozen && grep -q 'homa: as' /proc/timetrace && thaw &&
		[ "$(metric h1 packets_sent_FREEZE)" = 0 ]
}

freeze_without_privilege() {
	in_host h1 abi_test --only freeze_without_privilege 10.0.1.1 && refused frozen
}

freeze_not_allowed() {
	before=$(metric h2 drop_NOT_ALLOWED)
	setting h1 action=7 && wait_for 10 frozen && thaw && [ "$(metric h1 packets_sent_FREEZE)" -ge 1 ] || return 1
	wait_for 10 refused_one && [ "$(metric h2 freezes)" = 0 ]
}
refused_one() { [ "$(metric h2 drop_NOT_ALLOWED)" -gt "$before" ]; }

freeze_allowed() {
	setting h2 freeze_peers=10.0.1.0/24 && setting h1 action=7 && wait_for 10 honoured && thaw
}
honoured() { [ "$(metric h2 freezes)" = 1 ]; }

# The recorder's trigger tells the peers, too. Both hosts have the same recorder here, which is busy with it already.
triggered() {
	before=$(metric h1 packets_sent_FREEZE)
	echo captures 1 >/proc/timetrace && echo peers on >/proc/timetrace &&
		echo trigger event sched_switch >/proc/timetrace && wait_for 10 told || return 1
	echo peers off >/proc/timetrace && wait_for 10 test -e /proc/timetrace_captures/0.ttd && ttdump --info /proc/timetrace_captures/0.ttd >/tmp/info
	grep '^# capture' /tmp/info && echo captures 1 >/proc/timetrace && echo thaw >/proc/timetrace
}
told() { [ "$(metric h1 packets_sent_FREEZE)" -gt "$before" ]; }

actions_unknown() {
	for bad in 0 1 2 4 5 6 8 9 10 12345 x; do refused setting h1 action=$bad || { echo "accepted: $bad"; return 1; }; done
	[ "$(in_host h1 sysctl -n net.homa.action)" = 0 ]
}

# The neighbour's entry is probed after a second without a sign of life, and then nobody answers.
forgetful() {
	in_host h1 sysctl -qw net.ipv4.neigh.h1-h2.base_reachable_time_ms=1000 net.ipv4.neigh.h1-h2.delay_first_probe_time=1 &&
		in_host h1 ip neigh flush dev h1-h2
}
deaf() { in_host h2 sysctl -qw net.ipv4.conf.all.arp_ignore=8; }
neighbour_confirmed() {
	done_before=$(metric h1 client_responses_done)
	sleep 8
	in_host h1 ip neigh show dev h1-h2
	kill -0 "$load" && in_host h1 ip neigh show dev h1-h2 | grep -q '10.0.1.2.*\(REACHABLE\|DELAY\|STALE\)' &&
		[ "$(metric h1 client_responses_done)" -gt "$done_before" ]
}

server_limit() {                # requests beyond it wait for their turn
	setting h2 max_server_rpcs=2 || return 1
	refused_before=$(metric h2 server_cant_create_rpcs)
	exchange --count 300 --outstanding 16 --deadline 240 || return 1
	setting h2 max_server_rpcs=65536
	[ "$(metric h2 server_cant_create_rpcs)" -gt "$refused_before" ]
}

check load load_modules
check hosts net_pair
check forgetful forgetful
echo size 64 >/proc/timetrace    # read often
check busy busy
check dump_shows_sockets dump_shows_sockets
check dump_shows_rpcs dump_shows_rpcs
check dump_in_pieces dump_in_pieces
check dump_left_half_way dump_left_half_way
check freeze_lists freeze_lists
check freeze_here freeze_here
check freeze_without_privilege freeze_without_privilege
check freeze_not_allowed freeze_not_allowed
check freeze_allowed freeze_allowed
check triggered triggered
check actions_unknown actions_unknown
check deaf deaf
check neighbour_confirmed neighbour_confirmed
check idle idle
check hearing in_host h2 sysctl -qw net.ipv4.conf.all.arp_ignore=0
check server_limit server_limit
check unload unload
