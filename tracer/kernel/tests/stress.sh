#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in a guest: records from threads, softirqs and hard interrupts on all
# CPUs at once, with rings from one block up, while recording is read,
# frozen, stopped and resized; every record must be accounted for.
# Needs tt_stress.ko, ttdump, live_check and stress_check in $TOOLS (default /bin).
set -eu

TOOLS=${TOOLS:-/bin}
MODULES=${MODULES:-/mod}
OUT=${OUT:-/tmp}
load="seconds=${1:-2}"
P=/proc/timetrace

# A failed run leaves nothing behind that keeps the tracer loaded.
trap 'rmmod tt_stress timetrace 2>/dev/null || :' EXIT

# run NAME SIZE_KIB OTHERS COMMAND...: COMMAND disturbs while the stress runs,
# OTHERS more records come of it than the CALIBRATION when recording begins.
CALIBRATION=65
run() {
	name=$1 size=$2 others=$((CALIBRATION + $3))
	shift 3
	echo "== $name: $size KiB a CPU"
	insmod "$MODULES/timetrace.ko" "size_kib=$size"
	# shellcheck disable=SC2086 # several parameters
	insmod "$TOOLS/tt_stress.ko" $load
	"$@"
	before=
	while now=$(cat /proc/tt_stress) && [ "$now" != "$before" ]; do
		before=$now
		sleep 1
	done
	"$TOOLS/ttdump" "$OUT/stress.ttd"
	cat /proc/tt_stress >"$OUT/stress.counts"
	"$TOOLS/stress_check" "$OUT/stress.ttd" "$OUT/stress.counts" $others
	if rmmod timetrace 2>/dev/null; then
		echo "timetrace could be unloaded while in use" >&2
		exit 1
	fi
	rmmod tt_stress
	rmmod timetrace
}

# Two readers at a time; ttdump fails on any record that is not accounted for.
readers() {
	for _ in 1 2 3 4 5; do
		"$TOOLS/ttdump" "$OUT/live.ttd" &
		"$TOOLS/ttdump" --info >/dev/null
		head -c 5000 $P >/dev/null
		wait $!
	done
}

# Two readers of the rings' memory.
mapped() {
	"$TOOLS/live_check" 1 latest &
	"$TOOLS/live_check" 1
	wait $!
}

freezes() {
	echo freeze >$P
	cat $P >/dev/null
	echo thaw >$P
	echo freeze >$P
	"$TOOLS/ttdump" "$OUT/live.ttd"
	echo thaw >$P
}

stops() {
	echo mode stop >$P
	"$TOOLS/ttdump" "$OUT/live.ttd"
	echo mode overwrite >$P
	"$TOOLS/ttdump" "$OUT/live.ttd"
}

run undisturbed 4096 0 true
run one-block 4 0 readers
run wrapping 64 0 readers
run mapped 64 0 mapped
run frozen 64 $((4 * CALIBRATION)) freezes
run stopped 64 0 stops
# Modules whose events come and go, and the cursors of the rings with them:
# all the while records come, and those of the moment of a move are lost.
flapping() {
	for _ in 1 2 3 4 5; do
		insmod "$MODULES/homa.ko"
		echo mark comes >$P
		rmmod homa
		"$TOOLS/ttdump" "$OUT/live.ttd"
	done
	echo 0 >/sys/module/tt_stress/parameters/seconds
}

load="seconds=600 burst=5 pause_us=1000"
run flapping 64 5 flapping
if "$TOOLS/ttdump" --info "$OUT/stress.ttd" | grep 'frozen 0,'; then
	echo "the rings were not moved under load" >&2
	exit 1
fi
echo "stress: all accounted for"
