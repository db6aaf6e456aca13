#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Settings: bounds, what is derived from them, and the priority levels packets
# get on the wire.
#
#   h1 [h1-h2 prio] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

get() { in_host "$1" cat "/proc/sys/net/homa/$2" | tr '\t' ' '; }
set_() { in_host "$1" sh -c 'echo "$2" >"/proc/sys/net/homa/$1" 2>/dev/null' -- "$2" "$3"; }
is() { [ "$(get "$1" "$2")" = "$3" ] || { get "$1" "$2"; return 1; }; }

refused() {                     # refused NAME VALUE: an error, and nothing changes
	before=$(get h1 "$1")
	! set_ h1 "$1" "$2" && is h1 "$1" "$before"
}

count_levels() {                # one filter of h1's device for each value of the three upper bits
	in_host h1 tc qdisc del dev h1-h2 root 2>/dev/null  # with the counters of its filters
	in_host h1 tc qdisc add dev h1-h2 root handle 1: prio || return 1
	for _level in 0 1 2 3 4 5 6 7; do
		in_host h1 tc filter add dev h1-h2 parent 1: protocol ip prio $((_level + 1)) u32 \
			match ip protocol 146 0xff match ip tos $((_level << 5)) 0xe0 action ok || return 1
	done
}

sent_at() {                     # sent_at LEVEL: packets of h1
	in_host h1 tc -s filter show dev h1-h2 parent 1: prio $(($1 + 1)) | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p' | head -1
}

only_at() {                     # only_at "LEVEL..." CLIENT-OPTION...: h1's packets have these levels and no others
	_wanted=" $1 "
	shift
	count_levels && exchange "$@" || return 1
	for _level in 0 1 2 3 4 5 6 7; do
		_sent=$(sent_at $_level)
		echo "level $_level: $_sent packets"
		case $_wanted in
		*" $_level "*) [ "$_sent" -gt 0 ] || return 1 ;;
		*) [ "$_sent" = 0 ] || return 1 ;;
		esac
	done
}

interval() { set_ h2 cutoff_interval_msecs "$1" && is h2 cutoff_interval_msecs "$1"; }
top_cutoff() { get h2 unsched_cutoffs | cut -d' ' -f8; }
changed_to() {                  # changed_to LEAST MOST: h2 has chosen cutoffs of its own, the top one so long
	_changes=$(metric h2 cutoff_changes)
	_top=$(top_cutoff)
	echo "changes $_changes, version $(get h2 cutoff_version), top cutoff $_top"
	[ "$_changes" -gt "$changes" ] && [ "$_top" -ge "$1" ] && [ "$_top" -le "$2" ]
}
follows() {                     # follows LEAST MOST CMD...: that is what these messages lead to
	_least=$1 _most=$2
	changes=$(metric h2 cutoff_changes)
	shift 2
	"$@" && wait_for 20 changed_to "$_least" "$_most"
}
ask() {                         # ask CLIENT-OPTION...: h2, with rpcload
	start_in h2 rpcload server --transport homa --bind 10.0.1.2 --port 701 >/tmp/rpcload 2>&1
	wait_for 20 grep -q READY /tmp/rpcload || return 1
	_rpcload=$pid
	in_host h1 rpcload client --transport homa --server 10.0.1.2 --port 701 --timeout 60 "$@"
	_sent=$?
	kill "$_rpcload"
	wait "$_rpcload" && return $_sent
}
megabytes() { ask --length 1000000 --response-length 100 --warmup 0 --count 5; }
limited() {                     # limited COUNT: so many of 50 requests ask for little without grants, and all get it
	_asked=$(metric h1 incast_requests) _got=$(metric h2 incast_responses)
	ask --length 100 --response-length 20000 --outstanding 20 --count 50 --verify || return 1
	_asked=$(($(metric h1 incast_requests) - _asked)) _got=$(($(metric h2 incast_responses) - _got))
	echo "$_asked requests, $_got responses"
	[ "$_asked" = "$1" ] && [ "$_got" = "$1" ]
}
stays_at() {                    # stays_at VERSION CMD...: and half a second later
	_version=$1
	shift
	"$@" && sleep 0.5 && is h2 cutoff_version "$_version"
}

told() { [ "$(metric h2 packets_sent_CUTOFFS)" -gt "$1" ] && [ "$(metric h1 packets_rcvd_CUTOFFS)" -gt "$1" ]; }

check load load_modules
check hosts net_pair
check default_cutoffs is h1 unsched_cutoffs "2147483647 0 0 0 1000000 15000 2800 200"
check default_max_sched_prio is h1 max_sched_prio 3
check default_version is h1 cutoff_version 1
check exchange exchange --count 20 --max-length 1000
check told told 0
# Control packets and those up to 200 bytes have the highest level.
check short_highest only_at 7 --count 20 --max-length 200
check map set_ h1 priority_map "0 1 2 3 4 5 6 2"
check mapped only_at 2 --count 20 --max-length 200
check map_back set_ h1 priority_map "0 1 2 3 4 5 6 7"

before=$(metric h1 packets_rcvd_CUTOFFS)
check server_cutoffs set_ h2 unsched_cutoffs "0 0 0 0 0 1000000 0 0"
check new_version is h2 cutoff_version 2
check new_max_sched_prio is h2 max_sched_prio 4
check told_again exchange --count 5 --max-length 100
check heard_again told "$before"
check unscheduled_at_5 only_at "5 7" --count 20 --max-length 1000

# From here on h2 chooses by what it receives, as long as nobody writes.
check no_interval refused cutoff_interval_msecs -1
check fixed stays_at 2 exchange --count "$(scaled 50 10)"
check interval interval 100
check follows_short follows 64 192 exchange --count "$(scaled 100 20)" --max-length 200
# Nearly all bytes are granted: one level is left for the others.
check follows_long follows 1000000 1000000 megabytes
check all_scheduled is h2 max_sched_prio 6
check told_chosen exchange --count 5 --max-length 100
check unscheduled_at_7 only_at 7 --count 20 --max-length 1000
check seven_levels set_ h2 num_priorities 7
check seven_chosen wait_for 20 is h2 unsched_cutoffs "2147483647 0 0 0 0 0 1000000 0"
check seven_max_sched is h2 max_sched_prio 5
check written set_ h2 unsched_cutoffs "0 0 0 0 0 1000000 0 0"
check written_stops is h2 cutoff_interval_msecs 0
version=$(get h2 cutoff_version)
check written_stays stays_at "$version" exchange --count "$(scaled 50 10)" --max-length 200

# All but the first 8 find 8 others that wait: an answer makes room for the next request only.
check threshold set_ h1 incast_threshold 8
check many_due limited 42
check no_threshold set_ h1 incast_threshold 0
check no_limit limited 0
check limit_too_small refused incast_unsched_bytes 0
check limit_too_large refused incast_unsched_bytes 65536

check two_levels set_ h2 num_priorities 2
check two_levels_cutoffs is h2 unsched_cutoffs "2147483647 0 0 0 0 0 0 0"
check two_levels_max_sched is h2 max_sched_prio 0
check two_levels_exchange exchange --count "$(scaled 50 10)"

check too_many_levels refused num_priorities 9
check no_levels refused num_priorities 0
check level_too_high refused priority_map "0 1 2 3 4 5 6 8"
check negative_cutoff refused unsched_cutoffs "0 0 0 0 0 0 0 -1"
check version_read_only refused cutoff_version 7
check share_too_large refused grant_fifo_fraction 501
check no_order refused grant_order nonsense
check order set_ h1 grant_order fifo
check order_exchange exchange --count "$(scaled 50 10)" --outstanding 10
check round_robin set_ h1 grant_order rr
check round_robin_h2 set_ h2 grant_order rr
check round_robin_exchange exchange --count "$(scaled 50 10)" --outstanding 10
check unload unload
