#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The programs of docs/examples.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

serve() {
	start_in h2 echo_server 700 >/tmp/server 2>&1
	server=$pid
	wait_for 10 grep -q READY /tmp/server
}

echoes() {
	in_host h1 echo_client 10.0.1.2 700 one two "$1" >/tmp/client || return 1
	sort /tmp/client >/tmp/sorted
	printf '%s: %s\n' one one two two "$1" "$1" | sort | cmp - /tmp/sorted
}

nobody() {                      # the error is that of the RPC, in words
	in_host h1 echo_client 10.0.1.2 701 hello >/tmp/client
	[ $? = 1 ] && grep -q '^hello: Transport endpoint is not connected$' /tmp/client
}

stop() {
	kill "$server"
	wait "$server"
	[ $? = 143 ]            # ended by the signal, not before
}

check load load_modules
check hosts net_pair
check server serve
check short echoes x
check long echoes "$(head -c 100000 /dev/zero | tr '\0' y)"
check nobody nobody
check misuse sh -c '! echo_server 0 2>/dev/null'
check server_ends stop
check unload unload
