# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Hosts of a test are network namespaces of the guest.
#
#   net_pair          h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2         fd00:1::1, fd00:1::2
#
#   net_hosts N       hK [eth0] 10.0.1.K ──veth── [pK] br0, in the guest's own namespace; fd00:1::K

NET_MTU=${NET_MTU:-1500}

in_host() {                     # in_host h1 CMD...: a program, not a shell function
	_host=$1
	shift
	/bin/ip netns exec "$_host" "$@"
}

# In the background; the pid to wait for or to kill is in $pid ($! after `in_host … &` is a shell's).
start_in() {                    # start_in h1 CMD...
	/bin/ip netns exec "$@" &
	# shellcheck disable=SC2034
	pid=$!
}

# No duplicate address detection: addresses are usable at once. Without a link-local one
# a router cannot look for its neighbours for up to two seconds.
host_add() {                    # host_add NAME: without links
	/bin/ip netns add "$1" || return 1
	[ ! -d /proc/sys/net/ipv6 ] ||
		in_host "$1" sysctl -q -w net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 || return 1
	in_host "$1" /bin/ip link set lo up
}

_host_address() {               # _host_address HOST DEVICE K
	in_host "$1" /bin/ip addr add "10.0.1.$3/24" dev "$2" &&
		in_host "$1" /bin/ip addr add "fd00:1::$(printf %x "$3")/64" dev "$2" &&
		in_host "$1" /bin/ip link set "$2" mtu "$NET_MTU" up
}

net_pair() {
	host_add h1 && host_add h2 &&
		/bin/ip link add h1-h2 netns h1 type veth peer name h2-h1 netns h2 &&
		_host_address h1 h1-h2 1 && _host_address h2 h2-h1 2 &&
		wait_for 5 in_host h1 ping -c1 -W1 10.0.1.2
}

net_hosts() {                   # net_hosts N
	if [ "$1" -lt 2 ] || [ "$1" -gt 250 ]; then say "net_hosts: want 2 to 250 hosts, not $1"; return 1; fi
	/bin/ip link add br0 type bridge && /bin/ip link set br0 mtu "$NET_MTU" up || return 1
	_k=1
	while [ "$_k" -le "$1" ]; do
		host_add "h$_k" && /bin/ip link add "p$_k" type veth peer name eth0 netns "h$_k" &&
			/bin/ip link set "p$_k" mtu "$NET_MTU" master br0 up && _host_address "h$_k" eth0 "$_k" || return 1
		_k=$((_k + 1))
	done
	wait_for 10 in_host h1 ping -c1 -W1 "10.0.1.$1"
}

_ports_gone() { ! ls -d /sys/class/net/p[0-9]*; }

# Namespaces die in the background: returns when the names of their devices are free again.
net_down() {                    # removes the hosts of net_pair or net_hosts
	for _host in $(/bin/ip netns list | cut -d' ' -f1); do /bin/ip netns del "$_host"; done
	[ ! -d /sys/class/net/br0 ] || /bin/ip link del br0
	wait_for 120 _ports_gone
}
