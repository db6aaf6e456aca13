#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hosts are namespaces: ports are their own, and one may vanish under traffic.
#
#   h1..h4 [eth0] 10.0.1.1-4 ──veth── br0
. /tests/case.sh

same_port() {                   # the same port, served by three hosts, asked by one and by each other
	for k in 2 3 4; do
		server_start h$k 10.0.1.$k 700 || return 1
		eval "server_$k=\$server"
	done
	for k in 2 3 4; do
		client h1 10.0.1.$k 700 --count 100 --max-length 20000 >/tmp/client.$k &
		eval "client_$k=\$!"
	done
	client h2 10.0.1.3 700 --count 50 || return 1
	for k in 2 3 4; do
		eval "wait \$client_$k" || { cat /tmp/client.$k; return 1; }
		eval "server=\$server_$k"
		server_log=/tmp/server.h$k.700
		server_stop || return 1
	done
}

vanish() {                      # vanish ROLE: the namespace of that end is deleted with its traffic
	server_start h2 10.0.1.2 700 || return 1
	client h1 10.0.1.2 700 --count 1000000 --deadline 60 >/dev/null 2>&1 &
	sleep 0.5
	case $1 in server) gone=h2 kept=h1 ;; client) gone=h1 kept=h2 ;; esac
	ip netns pids "$gone" | xargs -r kill -KILL
	ip netns del "$gone"
	sleep 0.5
	ip netns pids "$kept" | xargs -r kill -KILL
	sleep 0.1
	# What is left still works.
	server_start h4 10.0.1.4 701 || return 1
	client h3 10.0.1.4 701 --count 50 || return 1
	server_stop
}

isolated() {                    # a port served in one host is closed in another
	server_start h2 10.0.1.2 700 || return 1
	client h1 10.0.1.3 700 --count 1 >/tmp/client 2>&1
	grep -q ENOTCONN /tmp/client || { cat /tmp/client; return 1; }
	server_stop
}

check load load_modules
for role in server client; do
	check "hosts_$role" net_hosts 4
	[ $role = client ] || { check same_port same_port; check isolated isolated; }
	check "${role}_namespace_vanishes" vanish $role
	net_down
done
check unload unload
