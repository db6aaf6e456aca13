#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pacers: each delivers, holds long messages back on a slow link, and can be
# changed, as can the speed and the device, while messages wait.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

setting() { in_host "$1" sysctl -qw "net.homa.$2"; }
is() { [ "$(in_host h1 sysctl -n "net.homa.$1")" = "$2" ]; }
refused() {                     # refused NAME VALUE: an error, and nothing changes
	_before=$(in_host h1 sysctl -n "net.homa.$1")
	! setting h1 "$1=$2" 2>/dev/null && is "$1" "$_before"
}
grows() {                       # grows METRIC CMD...: CMD succeeds and h1 has counted
	_metric=$1 _before=$(metric h1 "$1")
	shift
	"$@" && [ "$(metric h1 "$_metric")" -gt "$_before" ]
}
stays() {                       # stays METRIC CMD...
	_metric=$1 _before=$(metric h1 "$1")
	shift
	"$@" && [ "$(metric h1 "$_metric")" = "$_before" ]
}

long() { exchange --count "$(scaled 40 10)" --max-length 400000 --long-permille 1000 --outstanding 6; }
mixed() { exchange --count "$(scaled 100 30)" --max-length 60000 --outstanding 8; }
with_pacer() { setting h1 pacer="$1" && setting h2 pacer="$1" && is pacer "$1"; }

busy() {                        # an endless load of long messages
	server_start h2 10.0.1.2 700 --threads 4 && patient h1 || return 1
	start_in h1 rpc_ledger client --server 10.0.1.2 --port 700 --count 1000000 --outstanding 12 --long-permille 500 \
		--max-length 300000 --deadline 600 >/tmp/load 2>&1
	load=$pid
	wait_for 30 waiting
}
waiting() { [ "$(metric h1 pacer_deferrals)" -gt "$((deferrals + 10))" ]; }
goes_on() {                     # answers still come
	_done=$(metric h1 client_responses_done)
	wait_for 60 more_than "$((_done + 5))"
}
more_than() { [ "$(metric h1 client_responses_done)" -gt "$1" ]; }
oldest_sent() { [ "$(metric h1 pacer_fifo_bytes)" -gt "$no_share" ]; }
switching() {                   # strategies and speeds, each with progress
	for _pacer in $pacers; do
		with_pacer "$_pacer" && goes_on || { echo "no progress with $_pacer"; return 1; }
	done
	for _mbps in 0 10000 "$slow_mbps"; do
		setting h1 link_mbps=$_mbps && goes_on || { echo "no progress at $_mbps"; return 1; }
	done
}
# shellcheck disable=SC2016 # expanded in the host
quickly() {                     # every strategy after every other, no time to settle in between
	in_host h1 sh -c 'for a; do for b; do
			echo "$a" >/proc/sys/net/homa/pacer && echo "$b" >/proc/sys/net/homa/pacer || exit 1
		done; done' - $pacers && goes_on
}
idle() {                        # all that was answered was answered right
	kill -TERM "$load"
	wait "$load"
	cat /tmp/load
	server_stop
}
device_goes() {                 # with messages waiting for it
	setting h1 link_mbps=1 && setting h1 pacer="${pacers%% *}" && deferrals=$(metric h1 pacer_deferrals) && busy || return 1
	in_host h1 ip link del h1-h2
	kill -TERM "$load"
	wait "$load"
	server_stop
}

check load load_modules
check hosts net_pair
pacers=$(in_host h1 sysctl -n net.homa.available_pacers)
deferrals=0
echo "pacers: $pacers"
check default is pacer "${pacers%% *}"
check unknown refused pacer nonsense
check too_long refused pacer aaaaaaaaaaaaaaaaaaaaaaaaaaaa
check negative_speed refused link_mbps -1
check no_usage refused max_link_usage 4
check share_too_large refused pacer_fifo_fraction 501
# So slow that a queue grows on a busy host and on a debug kernel, too.
slow_mbps=$(scaled 100 20)
# The speed veth tells is nobody's.
check veth_not_paced stays pacer_deferrals mixed
check slow_link setting h1 link_mbps="$slow_mbps"
check slow_link_h2 setting h2 link_mbps="$slow_mbps"
for pacer in $pacers; do
	check "$pacer" with_pacer "$pacer"
	if [ "$pacer" = none ]; then
		check none_holds_nothing stays pacer_deferrals long
	else
		check "${pacer}_holds_back" grows pacer_releases long
	fi
done
check counts_waiting [ "$(metric h1 nic_backlog_cycles)" -gt 0 ]
check default_again with_pacer "${pacers%% *}"
check oldest_share_off setting h1 pacer_fifo_fraction=0
no_share=$(metric h1 pacer_fifo_bytes)
check load_waits busy
check no_share [ "$(metric h1 pacer_fifo_bytes)" = "$no_share" ]
check oldest_share setting h1 pacer_fifo_fraction=200
check with_share wait_for 60 oldest_sent
check switching switching
check switching_quickly quickly
check load_ends idle
check device_goes device_goes
check unload unload
