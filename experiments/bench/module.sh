# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Guest side of the module benchmark: one server per transport, clients of all arms in turns.
#   module.sh ROUNDS ARM...    an arm is TRANSPORT:LENGTH:RESPONSE:WARMUP:COUNT
# Leaves $OUT/<round>-<transport>-<length>.json for every visit.
# shellcheck source=/dev/null
. /lib/testbed.sh
set -u
rounds=$1
shift

port=4000                       # of all transports
start_server() {                # start_server TRANSPORT [OPTION]...
	start_in h2 rpcload server --transport "$@" --bind 10.0.1.2 --port $port >"/tmp/server.$1" 2>&1
	# shellcheck disable=SC2154 # set by start_in
	servers="$servers $pid"
	wait_for 20 grep -q READY "/tmp/server.$1" || fail "$1 server: $(cat "/tmp/server.$1")"
}

visit() {                       # visit ROUND TRANSPORT LENGTH RESPONSE WARMUP COUNT
	in_host h1 rpcload client --transport "$2" --server 10.0.1.2 --port $port --length "$3" --response-length "$4" \
		--warmup "$5" --count "$6" --verify --json "$OUT/$1-$2-$3.json" >/tmp/client 2>&1 ||
		fail "round $1, $2, $3 bytes: $(tail -n 2 /tmp/client)"
}

load_modules || fail "modules do not load"
if [ -w /proc/timetrace ]; then echo "off all" >/proc/timetrace || fail "tracing cannot be switched off"; fi
net_pair || fail "no network"
servers=
start_server homa
start_server tcp --per-connection
start_server udp

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

for pid in $servers; do
	kill "$pid"
	wait "$pid" || fail "a server failed: $(cat /tmp/server.*)"
done
net_down
unload_modules || fail "modules do not unload"
