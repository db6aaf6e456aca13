# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2054     # run.sh reads what is set here; the commas belong to UML
# Guests as User-Mode Linux processes: native speed, real time, ready in a fraction of a second.

uml_command() {                 # uml_command CPUS MEM IMAGE INITRD: sets GUEST and ACCEL, guest console on stdin/stdout
	local cpus=$1 mem=$2 image=$3 initrd=$4 free_mb options=()
	mkdir -p "$WORK/home"
	# UML keeps guest memory in a file: on /dev/shm, or beside the run where that is too small.
	free_mb=$(df -m --output=avail /dev/shm 2>/dev/null | tail -1) || free_mb=0
	export TMPDIR=$WORK
	[ "${free_mb:-0}" -le "$mem" ] || TMPDIR=/dev/shm
	ACCEL=uml
	# kmemleak looks for pointers where they are no references: in the image's memory, even if its own list of all objects
	# lies there after boot, and in SLUB's arrays of free objects, where those that were handed out stay for a while; caches
	# that are checked have none.
	[ "$KERNEL" != uml-debug ] || options=(retain_initrd slab_debug=F)
	# Without setarch -R the kernel's own addresses change from run to run.
	GUEST=(env "HOME=$WORK/home" setarch -R "$image" "mem=${mem}M" "ncpus=$cpus" "initrd=$initrd" "umid=hs$$" "uml_dir=$WORK/home/"
		${options[@]+"${options[@]}"} seccomp=on con=null con0=fd:0,fd:1 noreboot panic=-1 panic_on_warn=1 panic_print=32 panic_console_replay loglevel=5
		log_buf_len=4M printk.time=1 kunit.enable=1)
}
