# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2153      # vm and the other parts set the capitals
# One guest from boot to verdict.
#
#   console.log <─ console ── guest ── $OUT ─> hostfs (UML) or raw disk (QEMU) ─> DIR
#                                      .testbed/{dmesg,findings,result}: written by PID 1, result last, with the run's nonce

mode_defaults() {               # mode_defaults MODE: sets what the command line left open
	local default_kernel kinds default_timeout
	case $1 in
	det) default_kernel=stock-6.12 kinds=stock CPUS=${CPUS:-1} default_timeout=600 ;;
	rt) default_kernel=stock-6.12 kinds="stock x86" CPUS=${CPUS:-2} default_timeout=600 ;;
	uml) default_kernel=uml-smp kinds=uml CPUS=${CPUS:-2} default_timeout=300 ;;
	uml-debug) default_kernel=uml-debug kinds=uml CPUS=${CPUS:-2} default_timeout=1800 ;;
	sim) default_kernel=sim-6.12 kinds=sim CPUS=1 MEM=${MEM:-256} ACCEL=uml default_timeout=600 ;;	# testbed/vm cluster
	*) usage_error "unknown mode '$1'; there are: det rt uml uml-debug" ;;
	esac
	KERNEL=${KERNEL:-$default_kernel}
	MEM=${MEM:-1024}
	TIMEOUT=${TIMEOUT:-$default_timeout}
	kernel_check_name "$KERNEL"
	[[ " $kinds " == *" ${KERNEL%%-*} "* ]] || usage_error "mode $1 wants a kernel of the kind ${kinds// / or }, not $KERNEL"
	[ "$1" != det ] || [ "$CPUS" = 1 ] ||
		usage_error "mode det has one CPU: several take turns there, which distorts every figure; use --mode rt"
}

# Finds everything before anything starts; sets WORK, GUEST, ACCEL, KERNEL_DIR.
guest_prepare() {               # guest_prepare MODE TASK SERIAL OUT SCRIPT ARG...
	local mode=$1 task=$2 serial=$3 out=$4 script=$5 kmods channel; shift 5
	kernel_ready "$KERNEL"
	image_base "$KERNEL" "$KERNEL_DIR"
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/homascope-vm.XXXXXX")
	on_exit "rm -rf '$WORK'"
	NONCE=$(od -An -tx8 -N8 /dev/urandom | tr -d ' ')
	kmods=$BUILD/kmod-$KERNEL
	[ "$TREE" = "$TOP" ] || kmods=$TREE/build/kmod-$KERNEL
	ls "$kmods"/*.ko >/dev/null 2>&1 || note "no modules for $KERNEL yet; testbed/vm kmods $KERNEL builds them"
	if [[ $KERNEL == uml-* ]]; then channel="hostfs:$out"; else channel=disk; fi
	image_for_run "$WORK/initrd" "$(printf 'MODE=%s\nKERNEL=%s\nNONCE=%s\nTASK=%s\nCHANNEL=%s' \
		"$mode" "$KERNEL" "$NONCE" "$task" "$(sh_quote "$channel")")" "$script" "$kmods" ${FILES[@]+"${FILES[@]}"} -- "$@"
	if [[ $KERNEL == uml-* ]]; then
		uml_command "$CPUS" "$MEM" "$KERNEL_DIR/image" "$WORK/initrd"
	else
		qemu_disk_new "$WORK/disk"
		qemu_command "$mode" "$CPUS" "$MEM" "$KERNEL_DIR/image" "$WORK/initrd" "$WORK/disk" "$serial"
	fi
}

guest_run() {                   # guest_run MODE OUT SCRIPT ARG...: exit status as docs/testbed.md says
	local mode=$1 out=$2 script=$3 started=$EPOCHREALTIME guest timer ended=""; shift 3
	mkdir -p "$out"
	out=$(realpath "$out")
	rm -rf "$out/.testbed" "$out"/{console.log,dmesg.log,guest.json}
	guest_prepare "$mode" run stdio "$out" "$script" "$@"

	guest_start
	# The emulator has races of its own while devices are set up: no word about the guest.
	if grep -q '^qemu-system.*Assertion.*failed' "$out/console.log"; then
		note "QEMU failed, once more: $(grep -m1 '^qemu-system.*Assertion' "$out/console.log")"
		qemu_disk_new "$WORK/disk"
		guest_start
	fi

	tr -d '\r' <"$out/console.log" >"$WORK/console" && mv "$WORK/console" "$out/console.log"
	[[ $KERNEL == uml-* ]] || qemu_disk_read "$WORK/disk" "$out"
	guest_verdict "$mode" "$out" "$ended" "$timer" "$started"
}

guest_start() {                 # sets guest, timer and ended of guest_run: the pids, and which of them ended first
	# A group of its own, so that all of it can be ended; and it must not outlive this program.
	setpriv --pdeathsig KILL setsid "${GUEST[@]}" </dev/null >"$out/console.log" 2>&1 &
	guest=$!
	on_exit "kill -KILL -- -$guest 2>/dev/null; wait $guest 2>/dev/null"
	sleep "$TIMEOUT" &
	timer=$!
	on_exit "kill $timer 2>/dev/null"
	# bash would report how they ended.
	wait -n -p ended "$guest" "$timer" 2>/dev/null || true
	kill -KILL -- -"$guest" "$timer" 2>/dev/null || true
	wait "$guest" "$timer" 2>/dev/null || true
}

guest_verdict() {               # guest_verdict MODE OUT ENDED-PID TIMER-PID STARTED
	local mode=$1 out=$2 ended=$3 timer=$4 started=$5 nonce="" status=null dirty=0 boot_s=null clock=unknown cpus=$CPUS result code
	read -r nonce status dirty boot_s clock cpus 2>/dev/null <"$out/.testbed/result" || true
	if [ "$nonce" != "$NONCE" ]; then
		status=null dirty=0 boot_s=null clock=unknown cpus=$CPUS
		if [ "$ended" = "$timer" ]; then
			result="hang" code=4
			note "HANG: no end after $TIMEOUT s; the guest's last words: $(tail -1 "$out/console.log")"
		else
			result="died" code=4
			note "DIED: $(grep -m1 'Kernel panic' "$out/console.log" || echo 'the guest ended without a word')"
		fi
		# QEMU's console repeats the whole kernel log at a panic; UML's ends before it could, so PID 1 saves the boot's part.
		cat "$out/.testbed/dmesg-boot" "$out/console.log" 2>/dev/null |
			grep -aE '^\[ *[0-9]+\.[0-9]+\]' | awk '!seen[$0]++' >"$out/dmesg.log" || true
	else
		mv "$out/.testbed/dmesg" "$out/dmesg.log"
		if grep -q 'Kernel panic' "$out/console.log"; then
			result="died" code=4
			note "DIED at power-off: $(grep -m1 'Kernel panic' "$out/console.log")"
		elif [ "$dirty" != 0 ]; then
			result="dmesg not clean" code=3
			note "DMESG NOT CLEAN: $(head -1 "$out/.testbed/findings") ($dirty lines; $out/dmesg.log)"
		elif [ "$status" != 0 ]; then
			result="script failed" code=1
			note "SCRIPT FAILED with status $status; last line: $(tail -1 "$out/console.log")"
		else
			result="ok" code=0
		fi
	fi
	rm -rf "$out/.testbed"
	cat >"$out/guest.json" <<-J
	{"version": 1, "mode": "$mode", "kernel": "$KERNEL", "release": "$(cat "$KERNEL_DIR/release")",
	 "kernel_package": "$(cat "$KERNEL_DIR/version")", "cpus": $cpus, "mem_mb": $MEM, "accelerator": "$ACCEL",
	 "qemu": $([ "${QEMU_VERSION:-}" ] && echo "\"$QEMU_VERSION\"" || echo null), "clock": "$clock", "boot_s": $boot_s,
	 "wall_s": $(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.2f", b - a}'),
	 "script_status": $status, "dmesg_findings": $dirty, "result": "$result", "exit_status": $code}
	J
	return $code
}

guest_shell() {                 # guest_shell MODE
	local out
	out=$(mktemp -d "${TMPDIR:-/tmp}/homascope-out.XXXXXX")
	on_exit "rm -rf '$out'"
	guest_prepare "$1" shell mon:stdio "$out" ''
	"${GUEST[@]}" || true
	stty sane 2>/dev/null || true
}
