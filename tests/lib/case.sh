# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What a system test script needs besides the guest library: cases that are
# counted, and an RPC server to talk to. Sourced first by every script.
#
#   ok NAME            not_ok NAME WHY            skip NAME WHY
#   check NAME CMD...  ok if CMD succeeds; its output goes to the log

. /lib/testbed.sh

: "${CASES:=$OUT/cases}"        # one line a case, read by tests/run

ok() { echo "ok $1" | tee -a "$CASES"; }

not_ok() {
	_name=$1
	shift
	echo "not ok $_name: $*" | tee -a "$CASES"
}

skip() {
	_name=$1
	shift
	echo "skip $_name: $*" | tee -a "$CASES"
}

check() {
	_name=$1
	shift
	echo "-- $_name: $*"
	if "$@"; then ok "$_name"; else not_ok "$_name" "status $? of: $*"; fi
}

# Instruction-counting and debug kernels are one to two magnitudes slower.
scaled() {                      # scaled FAST SLOW
	case $MODE in uml) echo "$1" ;; *) echo "$2" ;; esac
}

unload() { unload_modules; }

# A guest may stand still for longer than an RPC would wait, and debug kernels are slow.
patient() {                     # patient HOST
	in_host "$1" sysctl -q -w net.homa.timeout_ticks="${patience:-2000}" || return 1
	case $KERNEL in
	uml-debug | x86-*)
		in_host "$1" sysctl -q -w net.homa.resend_ticks=50 net.homa.resend_interval=50 net.homa.resend_idle_usecs=10000
		;;
	esac
}

server_start() {                # server_start HOST ADDRESS PORT [OPTION...]: pid in $server
	_host=$1 _address=$2 _port=$3
	shift 3
	server_log=/tmp/server.$_host.$_port
	patient "$_host"
	start_in "$_host" rpc_ledger server --bind "$_address" --port "$_port" "$@" >"$server_log" 2>&1
	server=$pid
	wait_for "$(scaled 10 60)" grep -q READY "$server_log"
}

server_stop() {                 # server_stop: prints its ledger, status as the server's
	kill -TERM "$server"
	wait "$server"
	_status=$?
	cat "$server_log"
	return $_status
}

client() {                      # client HOST ADDRESS PORT [OPTION...]
	_host=$1 _address=$2 _port=$3
	shift 3
	patient "$_host"
	in_host "$_host" rpc_ledger client --server "$_address" --port "$_port" "$@"
}

metric() {                      # metric HOST NAME: the sum of a counter over all CPUs
	in_host "$1" awk -v name="$2" '$1 == name { sum += $2 } END { print sum + 0 }' /proc/net/homa_metrics
}

# Kilobytes the kernel and programs use. Pages in the CPUs' lists are free, too, which MemFree does not know.
# KASAN and lockdep keep each way by which something was ever called; the longer a test, the more there are.
memory_in_use() {
	_depot=/sys/kernel/debug/stackdepot/stats
	[ -e $_depot ] || mount -t debugfs none /sys/kernel/debug 2>/dev/null
	[ -e $_depot ] || _depot=
	awk '/^(MemFree|Buffers|Cached|SReclaimable):/ { free += $2 } /^MemTotal:/ { total = $2 }
		$1 == "count:" { free += 4 * $2 } $1 == "persistent_bytes:" { free += $2 / 1024 }
		END { print int(total - free) }' /proc/meminfo /proc/zoneinfo $_depot
}

# The same beside files; Homa frees what is large, and peers, a little later.
memory_used() {
	echo 3 >/proc/sys/vm/drop_caches
	memory_in_use
}

no_more_than() { [ "$(memory_used)" -le "$1" ]; }

# What memory_used said before, give or take 8 MiB. KASAN keeps freed objects, up to a 32nd of memory.
memory_is_back() {              # memory_is_back KILOBYTES
	_slack=8192
	case $KERNEL in
	uml-debug | x86-kasan) _slack=$((_slack + $(awk '/^MemTotal:/ { print int($2 / 32) }' /proc/meminfo))) ;;
	esac
	_before=$1
	wait_for 30 no_more_than $((_before + _slack))
	_result=$?
	echo "$_before kB were used before, $(memory_used) kB now; $_slack kB more are well"
	return $_result
}

# Homa sockets that are left in any host.
sockets_left() {
	{ grep '^HOMA' /proc/net/protocols
	for _host in $(/bin/ip netns list | cut -d' ' -f1); do in_host "$_host" grep '^HOMA' /proc/net/protocols; done
	} | awk '{ n += $3 } END { print n + 0 }'
}

no_sockets() { [ "$(sockets_left)" = 0 ]; }

# To packet_test, which plays all other hosts. Nobody answers ARP: every frame for the other side is taken there.
#   [host] 10.0.1.2, fd00:1::2 ──veth── [raw]
raw_cable() {                   # raw_cable [MTU]
	ip link add host mtu "${1:-1500}" type veth peer name raw mtu "${1:-1500}" &&
		ip link set host arp off && ip link set raw arp off &&
		sysctl -qw net.ipv6.conf.raw.disable_ipv6=1 &&
		ip addr add 10.0.1.2/24 dev host && ip addr add fd00:1::2/64 dev host nodad &&
		ip link set raw up && ip link set host up &&
		ip route add 10.64.0.0/16 dev host      # more hosts
}

# A whole exchange between the hosts of net_pair; fails unless all of it arrives.
exchange() {                    # exchange [CLIENT OPTION...]
	server_start h2 10.0.1.2 700 --threads 4 || return 1
	client h1 10.0.1.2 700 "$@"
	_client=$?
	server_stop || return 1
	return $_client
}
