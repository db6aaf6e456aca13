# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Guest side of the module benchmark: one server per transport, clients of all arms in turns.
#   module.sh ROUNDS ARM...    an arm is KIND:TRANSPORT:LENGTH:RESPONSE:OUTSTANDING:BATCH:WARMUP:COUNT
# Leaves $OUT/<round>-<kind>-<transport>.json for every visit.
# shellcheck source=/dev/null
. /lib/testbed.sh
set -u
rounds=$1
shift

port=4000                       # of all transports: one RPC at a time
many_port=4001                  # many RPCs at a time: TCP serves all connections with one thread there
batch_port=4002                 # the same, and a call takes as many of them as there are
start_server() {                # start_server PORT TRANSPORT [OPTION]...
	_port=$1
	shift
	start_in h2 rpcload server --transport "$@" --bind 10.0.1.2 --port "$_port" >"/tmp/server.$1.$_port" 2>&1
	# shellcheck disable=SC2154 # set by start_in
	servers="$servers $pid"
	wait_for 20 grep -q READY "/tmp/server.$1.$_port" || fail "$1 server: $(cat "/tmp/server.$1.$_port")"
}

steering() {
	for _host in h1 h2; do in_host $_host sysctl -qw net.homa.steering="$1" || fail "no strategy $1"; done
}

visit() {                       # visit ROUND KIND TRANSPORT LENGTH RESPONSE OUTSTANDING BATCH WARMUP COUNT
	_port=$port
	[ "$6" = 1 ] || _port=$many_port
	[ "$7" = 1 ] || _port=$batch_port
	case $2 in steering_*) steering "${2#steering_}" ;; esac
	in_host h1 rpcload client --transport "$3" --server 10.0.1.2 --port "$_port" --length "$4" --response-length "$5" \
		--outstanding "$6" --batch "$7" --warmup "$8" --count "$9" --verify --json "$OUT/$1-$2-$3.json" >/tmp/client 2>&1 ||
		fail "round $1, $2, $3: $(tail -n 2 /tmp/client)"
	case $2 in steering_*) steering kernel ;; esac
}

load_modules || fail "modules do not load"
tracing_off() {
	[ ! -w /proc/timetrace ] || echo "off all" >/proc/timetrace || fail "tracing cannot be switched off"
}
tracing_off
net_pair || fail "no network"
servers=
start_server $port homa
start_server $many_port homa
start_server $port tcp --per-connection
start_server $many_port tcp
start_server $batch_port homa --batch 64
start_server $batch_port tcp --batch 64
start_server $port udp

stop_servers() {
	for pid in $servers; do
		kill "$pid"
		wait "$pid" || fail "a server failed: $(cat /tmp/server.*)"
	done
	servers=
}

round=0
while [ $round -lt "$rounds" ]; do
	for arm in "$@"; do
		# shellcheck disable=SC2046 # the fields of the arm
		visit $round $(echo "$arm" | tr : ' ')
	done
	round=$((round + 1))
	say "round $round of $rounds"
	# The other way round next time, so that no arm always follows the same one.
	reversed=
	for arm in "$@"; do reversed="$arm $reversed"; done
	# shellcheck disable=SC2086
	set -- $reversed
done

stop_servers

# Builds of homa.ko in turns: all that measures is off, without delay points, without trace points either.
round=0 builds="all delays probes"
while [ $round -lt "$rounds" ]; do
	reversed=
	for build in $builds; do
		ko=/bin/homa-$build.ko
		[ "$build" != all ] || ko=/mod/homa.ko
		rmmod homa || fail "homa.ko does not unload"
		insmod "$ko" || fail "$ko does not load"
		tracing_off
		start_server $port homa
		visit $round "build_$build" homa 100 100 1 1 100 300
		stop_servers
		reversed="$build $reversed"
	done
	builds=$reversed round=$((round + 1))
done
net_down
unload_modules || fail "modules do not unload"
