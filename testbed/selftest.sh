#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the testbed itself: every verdict is provoked. selftest.sh [MODE], default uml.
set -u
vm=$(dirname "$0")/vm
mode=${1:-uml}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() {                       # check WHAT CMD...
	local what=$1; shift
	if "$@"; then
		passed=$((passed + 1)); echo "ok      $what"
	else
		failed=$((failed + 1)); echo "FAILED  $what"
		[ ! -f "$work/err" ] || tail -3 "$work/err"
	fi
}

# guest STATUS NAME [OPTION]... with the script on stdin: runs it, true if vm exits with STATUS
guest() {
	local want=$1 name=$2 got=0; shift 2
	cat >"$work/$name.sh"
	"$vm" run --mode "$mode" --out "$work/$name" "$@" "$work/$name.sh" 'one word' "it's" >"$work/err" 2>&1 || got=$?
	[ $got = "$want" ] || { echo "exit status $got, expected $want" >>"$work/err"; false; }
}

usage() {                       # usage ARG...: refused with one line and without a trace
	local got=0
	"$vm" "$@" >"$work/err" 2>&1 || got=$?
	[ $got = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] && [ ! -e "$work/none" ]
}

check 'success' guest 0 success --file "$(command -v readelf)":/bin/readelf <<'S'
[ "$#" = 2 ] && [ "$1" = 'one word' ] && [ "$2" = "it's" ] || exit 9
[ "$MODE" ] && [ "$NCPU" = "$(nproc)" ] && [ "$KREL" = "$(uname -r)" ] || exit 8
readelf --version | grep -q GNU || exit 7       # a dynamic program brings its libraries
mkdir "$OUT/sub" && echo content >"$OUT/sub/file" && dd if=/dev/zero of="$OUT/big" bs=1M count=8
S
check 'results come back' grep -qx content "$work/success/sub/file"
check 'large files come back whole' [ "$(stat -c %s "$work/success/big" 2>/dev/null)" = 8388608 ]
check 'guest.json is JSON and says ok' /usr/bin/python3 -c \
	'import json, sys; g = json.load(open(sys.argv[1])); sys.exit(g["result"] != "ok" or g["boot_s"] <= 0 or g["script_status"] != 0)' \
	"$work/success/guest.json"
check 'dmesg.log comes back' grep -q 'Linux version' "$work/success/dmesg.log"

check 'pair of hosts' guest 0 pair <<'S'
net_pair || exit 1
in_host h1 ping -c1 10.0.1.2 && in_host h2 ping -6 -c1 fd00:1::1 || exit 1
start_in h2 sleep 1000
kill "$pid" && ! wait "$pid"
S
check 'five hosts on a bridge' guest 0 hosts <<'S'
net_hosts 5 || exit 1
in_host h5 ping -c1 10.0.1.2 && in_host h2 ping -c1 -6 fd00:1::4 && net_down && ! ip netns list | grep .
S
check 'queue disciplines are there' guest 0 qdisc <<'S'
net_pair || exit 1
for q in "netem delay 1ms" "tbf rate 10mbit burst 20k latency 10ms" prio fq; do
	in_host h1 tc qdisc replace dev h1-h2 root $q || exit 1
done
S
check 'failing script: 1' guest 1 fails <<'S'
echo kept >$OUT/kept
exit 3
S
check 'its files come back' grep -qx kept "$work/fails/kept"
check 'WARNING in dmesg: 3' guest 3 warning <<'S'
echo 'WARNING: possible circular locking dependency detected' >/dev/kmsg
S
check 'a warning outranks a failing script: 3' guest 3 warning2 <<'S'
echo 'BUG: sleeping function called from invalid context' >/dev/kmsg; exit 1
S
check 'panic: 4' guest 4 panic <<'S'
echo kept >$OUT/kept; sync_out
echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger
S
check 'files survive a panic' grep -qx kept "$work/panic/kept"
check 'the panic is in dmesg.log' grep -q 'Kernel panic' "$work/panic/dmesg.log"
check 'so is what came before it' grep -q 'Linux version' "$work/panic/dmesg.log"
check 'power-off without marker: 4' guest 4 poweroff <<'S'
poweroff -f
S
check 'forged marker: 4' guest 4 forged <<'S'
echo "0123456789abcdef 0 0 1.0 tsc 1" >$OUT/.testbed/result; sync_out; poweroff -f
S
hang_timeout=20; [ "$mode" != uml-debug ] || hang_timeout=200
check 'hang: 4' guest 4 hang --timeout $hang_timeout <<'S'
echo kept >$OUT/kept; sync_out; echo last words
while :; do :; done
S
check 'files survive a hang' grep -qx kept "$work/hang/kept"
check 'the last words are told' grep -q 'last words' "$work/err"

for signal in TERM KILL; do
	echo 'echo started; while :; do :; done' >"$work/endless.sh"
	TMPDIR=$work "$vm" run --mode "$mode" --out "$work/end$signal" "$work/endless.sh" >"$work/err" 2>&1 &
	runner=$!
	for _ in $(seq 600); do grep -qs started "$work/end$signal/console.log" && break; sleep 0.2; done
	kill -$signal $runner
	wait $runner 2>/dev/null
	for _ in $(seq 50); do pgrep -f "initrd[= ]$work/homascope-vm" >/dev/null || break; sleep 0.1; done
	check "SIG$signal ends the guest" [ -z "$(pgrep -f "initrd[= ]$work/homascope-vm")" ]
	[ $signal = KILL ] || check 'and leaves no temporary files' [ -z "$(ls -d "$work"/homascope-vm.* 2>/dev/null)" ]
done

check 'usage: unknown mode' usage run --mode warp --out "$work/none" "$work/hang.sh"
check 'usage: unknown kernel' usage kernel stock-5.4
check 'usage: kernel of another kind' usage run --mode det --kernel uml-smp --out "$work/none" "$work/hang.sh"
check 'usage: two CPUs in det' usage run --mode det --cpus 2 --out "$work/none" "$work/hang.sh"
check 'usage: no --out' usage run "$work/hang.sh"
check 'usage: no such script' usage run --out "$work/none" "$work/missing.sh"
check 'usage: no such file' usage run --out "$work/none" --file "$work/missing:/x" "$work/hang.sh"
check 'usage: no number' usage run --out "$work/none" --timeout soon "$work/hang.sh"
check 'usage: unknown option' usage run --fast
check 'usage: unknown command' usage fly
check 'usage: a shell without a terminal' usage shell --mode "$mode" </dev/null

echo "$passed passed, $failed failed"
[ $failed = 0 ]
