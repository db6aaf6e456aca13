# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2054     # run.sh reads what is set here; the commas belong to QEMU
# Guests in QEMU: deterministic (one vCPU, time counted in instructions) and real time.

# QEMU 7.2 mis-emulates cmpxchg16b under kernels from 6.12 on; Debian 12 has QEMU 10 in its backports.
QEMU_OLDEST=10

qemu_packages() { echo qemu-system-x86 qemu-system-common qemu-system-data seabios; }

qemu_ready() {                  # sets QEMU, QEMU_VERSION
	local binary dir=$BUILD/qemu tmp deb missing
	if [ "$(debian_release)" = bookworm ]; then
		if [ ! -f "$dir/complete" ]; then
			with_lock "$BUILD/.lock-qemu" QEMU
			fetch_debs qemu bookworm-backports qemu_packages
			tmp=$dir.partial
			rm -rf "$tmp" "$dir"
			mkdir -p "$tmp"
			for deb in "$DEBS_DIR"/*.deb; do dpkg -x "$deb" "$tmp"; done
			touch "$tmp/complete"
			mv "$tmp" "$dir"
			unlock
		fi
		binary=$dir/usr/bin/qemu-system-x86_64
		QEMU=("$binary" -L "$dir/usr/share/qemu" -L "$dir/usr/share/seabios")
	else
		need qemu-system-x86_64 qemu-system-x86
		binary=$(command -v qemu-system-x86_64)
		QEMU=("$binary")
	fi
	missing=$(ldd "$binary" | awk '/not found/ {print $1}' | tr '\n' ' ')
	[ -z "$missing" ] || die "QEMU lacks libraries: $missing; install them with: make deps (or apt-get install \$(testbed/deps.sh))"
	QEMU_VERSION=$("$binary" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1)
	[ "${QEMU_VERSION%%.*}" -ge $QEMU_OLDEST ] || die "QEMU $QEMU_VERSION is too old (need $QEMU_OLDEST): it crashes kernels from 6.12 on"
}

QEMU_APPEND="console=ttyS0 panic=-1 panic_on_warn=1 panic_print=32 panic_console_replay loglevel=5 log_buf_len=4M tsc=reliable no_timer_check cryptomgr.notests mitigations=off"

QEMU_MACHINE=(-nodefaults -no-user-config -display none -no-reboot)

qemu_command() {                # qemu_command MODE CPUS MEM IMAGE INITRD DISK SERIAL: sets GUEST and ACCEL
	local mode=$1 cpus=$2 mem=$3 image=$4 initrd=$5 disk=$6 serial=$7 append tsc_khz
	append=$QEMU_APPEND
	qemu_ready
	GUEST=("${QEMU[@]}" "${QEMU_MACHINE[@]}" -smp "$cpus" -m "$mem" -kernel "$image" -initrd "$initrd" -serial "$serial"
		-drive "if=none,id=out,format=raw,cache=unsafe,file=$disk")
	if [ "$mode" = det ]; then
		# Nothing in it may depend on the host: one instruction is one nanosecond, idle time is skipped.
		# microvm starts an ELF kernel without firmware detours and has no PCI to enumerate.
		ACCEL=tcg,icount
		GUEST+=(-machine "microvm,acpi=on,rtc=on" -bios qboot.rom -device "virtio-blk-device,drive=out"
			-accel tcg,thread=single -icount "shift=0,sleep=off" -rtc "clock=vm,base=2026-01-01" -seed 42 -cpu qemu64)
		append+=" nokaslr norandmaps randomize_kstack_offset=off random.trust_cpu=off"
	else
		# microvm's only reference clock, the PIT, is too coarse to calibrate against on a loaded host; q35 has better ones.
		GUEST+=(-machine q35 -device "virtio-blk-pci,drive=out")
		if qemu_kvm_works "$image" "$initrd"; then
			ACCEL=kvm
			GUEST+=(-accel kvm -cpu host)
		else
			ACCEL=tcg,multi
			GUEST+=(-accel "tcg,thread=multi" -cpu max)
			# Its time stamp counter is the host's, which a busy host keeps it from measuring.
			tsc_khz=$("$TESTBED/tsc_khz.py")
			[ -z "$tsc_khz" ] || append+=" tsc_early_khz=$tsc_khz"
		fi
	fi
	# KCSAN counts its reports as warnings; most are not ours: see guest/init.
	[[ $KERNEL != x86-kcsan ]] || append+=" panic_on_warn=0"
	GUEST+=(-append "$append")
}

# /dev/kvm may exist and yet hang every guest: only a boot tells. One verdict for each boot of the host.
qemu_kvm_works() {              # qemu_kvm_works IMAGE INITRD
	local verdict_file=$CACHE/kvm-probe boot_id verdict
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	boot_id=$(cat /proc/sys/kernel/random/boot_id)
	if ! grep -qs "^$boot_id $QEMU_VERSION " "$verdict_file"; then
		verdict=fails
		timeout -k 1 10 "${QEMU[@]}" "${QEMU_MACHINE[@]}" -machine q35 -accel kvm -cpu host -smp 1 -m 512 -serial stdio -kernel "$1" -initrd "$2" \
			-append "console=ttyS0 quiet panic=-1 rdinit=/probe" </dev/null 2>/dev/null | grep -q PROBE-OK && verdict=works
		mkdir -p "$CACHE"
		echo "$boot_id $QEMU_VERSION $verdict" >"$verdict_file"
		note "KVM $verdict on this host (probe boot)"
	fi
	grep -q ' works$' "$verdict_file"
}

# Results travel on a raw disk with a file system of its own: what the guest has synced is there even if it dies.
qemu_disk_new() {               # qemu_disk_new FILE
	need mke2fs e2fsprogs
	truncate -s 4G "$1"
	mke2fs -q -F -t ext2 -b 4096 -m 0 -E root_owner=0:0 "$1"
}

qemu_disk_read() {              # qemu_disk_read FILE DIR
	e2fsck -fy "$1" >/dev/null 2>&1 || true         # a crashed guest has not unmounted it
	debugfs -R "rdump / \"$2\"" "$1" >/dev/null 2>&1 || note "cannot read all results from the guest's disk"
	rm -rf "$2/lost+found"
}
