#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest, under busybox sh: visits.sh PLAN
#
#	h1 (client) 10.0.1.1 -- veth, MTU 1500 -- 10.0.1.2 (server) h2
#
# Every line of PLAN is one segment of a visit:
#	dir mode transport rps steering server_threads client_threads outstanding \
#	length_bytes response_length_bytes warmup_rpcs rpcs ring_kb
# mode is `plain` (tracer off) or `traced`. Results go to $OUT/dir/mode.*; they
# are files only, so the analysis never reads this script's output.
set -u
# shellcheck source=/dev/null
. /lib/testbed.sh

PLAN=$1
SERVER=10.0.1.2
FLOWS=32768
TOTAL=$(wc -l <"$PLAN")
server_pid=

fail() {
	echo "visits: $*"
	exit 1
}

# set_rps HOST DEV MASK FLOWS: all receive queues of one end of the link
# shellcheck disable=SC2016 # expanded by the inner shell
set_rps() {
	in_host "$1" sh -c 'for q in /sys/class/net/$1/queues/rx-*; do
			echo $2 >$q/rps_cpus && echo $3 >$q/rps_flow_cnt || exit 1
		done' sh "$2" "$3" "$4"
}

# shellcheck disable=SC2016
show_rps() {
	in_host "$1" sh -c 'for f in /sys/class/net/$1/queues/rx-*/rps_*; do
			echo "$1/${f##*/queues/} $(cat "$f")"
		done' sh "$2"
}

# steer 1|0 STRATEGY FILE: RPS and RFS, and net.homa.steering, at both hosts; FILE gets what the kernel took of the former
steer() {
	mask=0 flows=0
	if [ "$1" = 1 ]; then
		mask=$(printf '%x' $(((1 << NCPU) - 1))) flows=$FLOWS
	fi
	echo $flows >/proc/sys/net/core/rps_sock_flow_entries ||
		fail "rps_sock_flow_entries not accepted"
	set_rps h1 h1-h2 "$mask" $flows || fail "RPS not accepted at h1"
	set_rps h2 h2-h1 "$mask" $flows || fail "RPS not accepted at h2"
	for host in h1 h2; do
		in_host $host sysctl -qw net.homa.steering="$2" || fail "no strategy of steering: $2"
	done
	{
		echo "rps_sock_flow_entries $(cat /proc/sys/net/core/rps_sock_flow_entries)"
		show_rps h1 h1-h2
		show_rps h2 h2-h1
	} >"$3"
}

control() {
	echo "$*" >/proc/timetrace || fail "timetrace refused '$*'"
}

describe() {
	uname -a >"$OUT/uname.txt"
	cp /proc/cmdline /proc/cpuinfo "$OUT/"
	for f in /proc/sys/net/core/* /proc/sys/net/homa/* /proc/sys/net/ipv4/tcp_*; do
		[ -r "$f" ] && echo "${f#/proc/sys/} $(tr '\t\n' '  ' <"$f" 2>/dev/null)"
	done >"$OUT/sysctls.txt"
	for m in timetrace homa; do
		[ -d /sys/module/$m ] || continue
		echo "$m $(cat /sys/module/$m/srcversion 2>/dev/null) $(sha256sum /mod/$m.ko)"
	done >"$OUT/modules.txt"
}

# segment: one server, one client, and the trace of both when asked for
segment() {
	base=$OUT/$dir/$mode
	port=$((port + 1))
	start_in h2 rpcload server --transport "$transport" --bind $SERVER --port $port \
		--threads "$threads" --rpclog "$base.server.rpclog" \
		--json "$base.server.json" >"$base.server.log" 2>&1
	# shellcheck disable=SC2154 # set by start_in
	server_pid=$pid
	wait_for 20 grep -q READY "$base.server.log" ||
		fail "$dir: server not ready: $(cat "$base.server.log")"
	if [ "$mode" = traced ]; then
		control clear
		control on all
	fi
	in_host h1 rpcload client --transport "$transport" --server $SERVER --port $port \
		--length "$length" --response-length "$response" \
		--outstanding "$outstanding" --threads "$clients" --warmup "$warmup" \
		--count "$count" --seed $port --rpclog "$base.client.rpclog" \
		--json "$base.client.json" >"$base.client.log" 2>&1 ||
		fail "$dir: client failed: $(tail -n 3 "$base.client.log")"
	if [ "$mode" = traced ]; then
		control freeze
		ttdump "$base.ttd" || fail "$dir: ttdump failed"
		control off all
		control thaw
	fi
	kill "$server_pid"
	wait "$server_pid" || fail "$dir: server failed: $(tail -n 3 "$base.server.log")"
	server_pid=
	[ "$mode" = traced ] || rm -f "$base.server.rpclog"
}

load_modules || fail "modules do not load"
net_pair || fail "no network"
port=4000
done=0
last_dir=
while read -r dir mode transport rps steering threads clients outstanding length response \
	warmup count ring_kb; do
	if [ $done = 0 ]; then
		control size "$ring_kb"
		control off all
		describe
	fi
	if [ "$dir" != "$last_dir" ]; then
		mkdir -p "$OUT/$dir"
		steer "$rps" "$steering" "$OUT/$dir/steering.txt"
		last_dir=$dir
	fi
	segment
	done=$((done + 1))
	echo "$done $TOTAL $dir" >"$OUT/progress"
done <"$PLAN"
rm -f "$OUT/progress"
# the last packets of an RPC may still be on their way
wait_for 10 unload_modules || fail "modules do not unload"
