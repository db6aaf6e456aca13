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
	in_host "$1" sysctl -q -w net.homa.timeout_ticks=2000 || return 1
	[ "$MODE" != uml-debug ] || in_host "$1" sysctl -q -w net.homa.resend_ticks=50 net.homa.resend_interval=50
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

# A whole exchange between the hosts of net_pair; fails unless all of it arrives.
exchange() {                    # exchange [CLIENT OPTION...]
	server_start h2 10.0.1.2 700 --threads 4 || return 1
	client h1 10.0.1.2 700 "$@"
	_client=$?
	server_stop || return 1
	return $_client
}
