# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Kernels. Whatever the kind, kernel_dir's directory holds
#   image     what QEMU or the host starts      release   uname -r inside
#   version   Debian package version            modules/  lib/modules/RELEASE, stock kernels only
# and kernel_make_args says how kbuild is run against it.

KERNELS="stock-7.2 stock-6.12 stock-6.1 uml-smp uml-debug sim-6.12 sim-debug x86-kasan x86-kcsan"

kernel_check_name() {
	[[ " $KERNELS " == *" $1 "* ]] || usage_error "unknown kernel '$1'; there are: $KERNELS"
}

# Makes the kernel ready if it is not, sets KERNEL_DIR.
kernel_ready() {                # kernel_ready NAME
	kernel_check_name "$1"
	case $1 in
	stock-*) stock_ready "$1" ;;
	*) source_ready "$1" ;;
	esac
}

kernel_make_args() {            # kernel_make_args NAME DIR: sets MAKE
	case $1 in
	stock-*) MAKE=(make -C "$2/headers") ;;
	*) MAKE=(make -C "$2/src" O="$2/build" "ARCH=$(source_arch "$1")") ;;
	esac
}

# --- Debian's own kernels, unpacked and not installed

stock_suite() {
	case $1:$(debian_release) in
	stock-6.1:*) echo bookworm ;;
	stock-6.12:bookworm) echo bookworm-backports ;;
	stock-6.12:*) echo trixie ;;
	stock-7.2:*) echo sid ;;
	esac
}

stock_packages() {              # stock_packages SERIES: newest cloud kernel of that series and what building needs
	local series=$1 headers release
	headers=$(apt-cache "${APT_OPTS[@]}" pkgnames linux-headers- |
		grep -E "^linux-headers-${series//./\\.}[.0-9+a-z~-]*-cloud-amd64\$" | sort -V | tail -1)
	[ -n "$headers" ] || die "the mirror has no $series cloud kernel any more; it offers: $(
		apt-cache "${APT_OPTS[@]}" pkgnames linux-headers- | grep -E '[0-9]-cloud-amd64$' | tr '\n' ' ')"
	release=${headers#linux-headers-}
	echo "$headers"
	apt-cache "${APT_OPTS[@]}" depends "$headers" | grep -oE 'linux-(headers-[^ ]*-common|kbuild-[^ ]*)' | sort -u
	if apt-cache "${APT_OPTS[@]}" show "linux-binary-$release" >/dev/null 2>&1; then
		printf '%s\n' "linux-binary-$release" "linux-modules-$release"
	else
		echo "linux-image-$release"
	fi
	# Its build tools want the C library of their own suite.
	[ "$series" != 7.2 ] || echo libc6
}

# What only compilers newer than Debian 12's can do. Structures and calling conventions do not depend on it.
STOCK_NEW_COMPILER="CC_HAS_ASSUME CC_HAS_COUNTED_BY CC_HAS_COUNTED_BY_PTR CC_HAS_MULTIDIMENSIONAL_NONSTRING
	CC_HAS_MIN_FUNCTION_ALIGNMENT CC_HAS_NAMED_AS_FIXED_SANITIZERS"

# Lets modules be built here for a kernel of a newer suite: with this host's compiler, and tools that bring their C library.
stock_adapt() {                 # stock_adapt DIR HEADERS, which will be $KERNEL_DIR
	local dir=$1 headers=$1/$2 libs=$KERNEL_DIR/usr/lib/x86_64-linux-gnu tool real option
	for tool in "$dir"/usr/lib/linux-kbuild-*/{scripts/{basic/fixdep,mod/modpost},tools/objtool/objtool}; do
		for real in "$tool" "$tool".real-{x86,lsb-64}; do      # the first only chooses between those of several targets
			[ ! -e "$real" ] || mv "$real" "$tool.elf"
		done
		printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$libs/ld-linux-x86-64.so.2" "$libs" "$KERNEL_DIR${tool#"$dir"}.elf" >"$tool"
		chmod 755 "$tool"
	done
	sed -i 's/gcc-[0-9]*$/gcc/' "$headers/.kernelvariables"
	for option in $STOCK_NEW_COMPILER; do
		sed -i "/^CONFIG_$option=/d" "$headers/include/config/auto.conf"
		sed -i "/^#define CONFIG_$option /d" "$headers/include/generated/autoconf.h"
	done
	rm -f "$headers/vmlinux"        # for type information of modules, which pahole would have to write
}

stock_ready() {
	local name=$1 tmp deb headers modules bzimage
	KERNEL_DIR=$BUILD/kernels/$name
	[ -f "$KERNEL_DIR/version" ] && [ -z "${UPDATE:-}" ] && return
	with_lock "$BUILD/kernels/.lock-$name" "kernel $name"
	[ -f "$KERNEL_DIR/version" ] && [ -z "${UPDATE:-}" ] && { unlock; return; }
	need zstd zstd
	fetch_debs "$name" "$(stock_suite "$name")" stock_packages "${name#stock-}"
	tmp=$KERNEL_DIR.partial
	rm -rf "$tmp"
	mkdir -p "$tmp"
	for deb in "$DEBS_DIR"/*.deb; do dpkg -x "$deb" "$tmp"; done
	headers=$(cd "$tmp" && echo usr/src/linux-headers-*-cloud-amd64)
	# The package's Makefile and links name /usr/src; point them here.
	sed -i "s#/usr/src#$KERNEL_DIR/usr/src#g" "$tmp/$headers/Makefile"
	[ ! -e "$tmp/usr/lib/x86_64-linux-gnu/libc.so.6" ] || stock_adapt "$tmp" "$headers"
	ln -s "$headers" "$tmp/headers"
	echo "${headers#usr/src/linux-headers-}" >"$tmp/release"
	modules=lib/modules/$(cat "$tmp/release")
	[ -d "$tmp/$modules" ] || modules=usr/$modules
	ln -s "$modules" "$tmp/modules"
	bzimage=$(find "$tmp" -name 'vmlinuz*' | head -1)
	[ -n "$bzimage" ] || die "no vmlinuz in the packages of $name ($DEBS_DIR)"
	extract_elf "$bzimage" "$tmp/image"
	deb_version "$(find "$DEBS_DIR" -name 'linux-headers-*-cloud-*.deb')" >"$tmp/version"
	rm -rf "$KERNEL_DIR"
	mv "$tmp" "$KERNEL_DIR"
	unlock
}

# QEMU enters an ELF image directly; unpacking the bzImage inside the guest would cost seconds of every boot.
extract_elf() {                 # extract_elf BZIMAGE OUT
	local offset
	for offset in $(LC_ALL=C grep -obUaP '\x28\xb5\x2f\xfd' "$1" | head -5 | cut -d: -f1); do
		tail -c +$((offset + 1)) "$1" | zstd -dqc >"$2" 2>/dev/null || true   # trailing bytes are not zstd's
		readelf -h "$2" >/dev/null 2>&1 && return
	done
	for offset in $(LC_ALL=C grep -obUaP '\xfd7zXZ\x00' "$1" | head -5 | cut -d: -f1); do
		tail -c +$((offset + 1)) "$1" | xz -dqc --single-stream >"$2" 2>/dev/null || true
		readelf -h "$2" >/dev/null 2>&1 && return
	done
	cp "$1" "$2"            # an unknown compression still boots, only slower
}

# --- Built from Debian's linux-source: User-Mode Linux, and x86 for what that cannot do

SOURCE_RECIPE=1                 # count up when source_build or source_prune changes what they leave

source_fragments() {            # later ones win
	local name fragments
	case $1 in
	sim-debug) fragments="sim debug sim-debug" ;;
	sim-*) fragments=sim ;;
	uml-smp) fragments="guest uml-smp" ;;
	uml-debug) fragments="guest uml-smp debug uml-debug" ;;
	x86-kasan) fragments="guest x86 debug x86-kasan" ;;
	x86-kcsan) fragments="guest x86 x86-kcsan" ;;
	esac
	for name in $fragments; do echo "$TOP/configs/kernels/$name.config"; done
}

source_arch() {
	case $1 in
	x86-*) echo x86 ;;
	*) echo um ;;
	esac
}

source_patches() {
	case $1 in
	sim-debug) echo "$TOP"/configs/kernels/{sim,sim-debug}.patch ;;
	sim-*) echo "$TOP"/configs/kernels/{sim,sim-speed}.patch ;;
	uml-debug) echo "$TOP/configs/kernels/uml-debug.patch" ;;
	esac
}

# Options without which the kernel is not what its name says; others may vanish in newer sources.
source_required() {
	case $1 in
	sim-*)
		echo "UML_TIME_TRAVEL_SUPPORT VIRTIO_UML VIRTIO_NET MODULES NET_NS VETH HOSTFS"
		[ "$1" != sim-debug ] || echo "KASAN PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_OBJECTS FRAME_POINTER DEBUG_KMEMLEAK"
		;;
	uml-debug) echo "SMP MODULES NET_NS VETH HOSTFS KASAN PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP FRAME_POINTER DEBUG_KMEMLEAK UBSAN
		GCOV_KERNEL FAILSLAB FAIL_PAGE_ALLOC FAULT_INJECTION_USERCOPY FAULT_INJECTION_STACKTRACE_FILTER" ;;
	x86-kasan) echo "SMP MODULES NET_NS VETH VIRTIO_BLK PVH KASAN PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_OBJECTS" ;;
	x86-kcsan) echo "SMP MODULES NET_NS VETH VIRTIO_BLK PVH KCSAN_STRICT KCSAN_WEAK_MEMORY" ;;
	*) echo "SMP MODULES NET_NS VETH HOSTFS" ;;
	esac
}

source_hash() {                 # recipe, compiler and configuration, not the source version
	# shellcheck disable=SC2046
	{ echo "recipe $SOURCE_RECIPE gcc $(gcc -dumpversion)"; cat $(source_fragments "$1") $(source_patches "$1"); } | sha256sum | cut -c1-12
}

# UML's SMP needs sid's source. It excludes virtual time, whose runs do not repeat in newer sources: the sim kernels stay
# with a stable series, and so does x86, whose emulated guests want the stock kernel's.
source_series() {
	case $1 in
	sim-debug | x86-*) echo 6.12 ;;
	sim-*) echo "${1#sim-}" ;;
	esac
}

source_package() {              # source_package [SERIES]
	if [ "${1:-}" ]; then echo "linux-source-$1"; return; fi
	apt-cache "${APT_OPTS[@]}" depends linux-source | grep -oE 'linux-source-[0-9.]+' | head -1 | grep . ||
		die "the mirror offers no linux-source package"
}

# A finished build of this configuration is good whatever point release it came from: newer sources are fetched only
# when asked for (--update) or when there is none.
source_cached() {               # sets KERNEL_DIR
	KERNEL_DIR=$(find "$CACHE/kernels" -maxdepth 1 -name "$1-*-$(source_hash "$1")" 2>/dev/null | sort -V | tail -1)
	[ -n "$KERNEL_DIR" ]
}

# The kernel's own scripts that check sources are not in the header packages.
kernel_scripts() {
	local dir=$CACHE/scripts tmp
	if [ ! -d "$dir" ]; then
		with_lock "$CACHE/.lock-scripts" "the kernel's scripts"
		if [ ! -d "$dir" ]; then
			fetch_debs linux-source-6.12 "$(stock_suite stock-6.12)" source_package 6.12
			tmp=$(mktemp -d "$CACHE/.scripts.XXXXXX")
			on_exit "rm -rf '$tmp'"
			dpkg-deb --fsys-tarfile "$DEBS_DIR"/linux-source-*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
				tar -xJ -C "$tmp" --strip-components=1 --wildcards 'linux-source-*/scripts' || die "cannot unpack the kernel's scripts"
			mv "$tmp/scripts" "$dir"
		fi
		unlock
	fi
	echo "$dir"
}

source_ready() {
	local name=$1 version deb series
	series=$(source_series "$name")
	[ -z "${UPDATE:-}" ] && source_cached "$name" && return
	with_lock "$CACHE/kernels/.lock-$name" "kernel $name"
	[ -z "${UPDATE:-}" ] && source_cached "$name" && { unlock; return; }
	if [ "$series" ]; then
		fetch_debs "linux-source-$series" "$(stock_suite "stock-$series")" source_package "$series"
	else
		fetch_debs linux-source sid source_package
	fi
	deb=$(echo "$DEBS_DIR"/linux-source-*.deb)
	version=$(deb_version "$deb")
	KERNEL_DIR=$CACHE/kernels/$name-$version-$(source_hash "$name")
	[ -d "$KERNEL_DIR" ] || source_build "$name" "$version" "$deb"
	unlock
}

source_build() {                # source_build NAME VERSION DEB: into KERNEL_DIR
	local name=$1 version=$2 deb=$3 tmp log started=$SECONDS jobs missing option patch image
	need flex flex; need bison bison; need bc bc; need gcc gcc; need patch patch
	log=$CACHE/kernels/$name-$version.log
	jobs=${JOBS:-$(nproc)}
	tmp=$(mktemp -d "$CACHE/kernels/.build-$name.XXXXXX")
	on_exit "rm -rf '$tmp'"
	note "building kernel $name from linux-source $version with $jobs jobs (once; 10-30 CPU minutes; log: $log)"
	mkdir -p "$tmp/src" "$tmp/build"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$tmp/src" --strip-components=1 || die "cannot unpack $deb"
	for patch in $(source_patches "$name"); do
		patch -d "$tmp/src" -p1 -s --no-backup-if-mismatch <"$patch" || die "$patch does not fit linux-source $version"
	done
	# shellcheck disable=SC2046
	cat $(source_fragments "$name") >"$tmp/fragment"
	kernel_make_args "$name" "$tmp"
	if ! "${MAKE[@]}" KCONFIG_ALLCONFIG="$tmp/fragment" allnoconfig >"$log" 2>&1; then
		tail -3 "$log" >&2
		die "configuring kernel $name failed; log: $log"
	fi
	for option in $(source_required "$name"); do
		grep -q "^CONFIG_$option=y" "$tmp/build/.config" || die "linux-source $version does not grant CONFIG_$option, which $name needs"
	done
	missing=$(grep -oE '^CONFIG_[A-Z0-9_]+=.*' "$tmp/fragment" | tac | sort -t= -k1,1 -us | grep -vxFf "$tmp/build/.config" | tr '\n' ' ') || true
	[ -z "$missing" ] || note "this kernel version does not grant: $missing"
	echo "$missing" >"$tmp/not-granted"

	image=$([ "$(source_arch "$name")" = um ] && echo linux || echo vmlinux)
	setpriv --pdeathsig TERM setsid "${MAKE[@]}" -j"$jobs" "$image" modules >>"$log" 2>&1 &
	local pid=$!
	on_exit "kill -- -$pid 2>/dev/null; wait $pid 2>/dev/null"
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		(((SECONDS - started) % 30)) || note "$name: $(grep -c '^  CC' "$log") objects compiled, $((SECONDS - started)) s"
	done
	if ! wait $pid; then
		grep -E 'error|Error' "$log" | head -3 >&2
		die "building kernel $name failed; log: $log"
	fi
	cp "$tmp/build/$image" "$tmp/image"
	echo "$version" >"$tmp/version"
	cp "$tmp/build/include/config/kernel.release" "$tmp/release"
	source_prune "$tmp"
	# The output tree's Makefile and link name the source tree by its absolute path.
	sed -i "s#$tmp#$KERNEL_DIR#g" "$tmp/build/Makefile"
	ln -sfn "$KERNEL_DIR/src" "$tmp/build/source"
	mv "$tmp" "$KERNEL_DIR"
	note "kernel $name ready after $((SECONDS - started)) s: $KERNEL_DIR"
}

# The cluster's kernel has no TCP CUBIC, and another configuration would mean another kernel: it becomes a module.
cubic_ready() {                 # cubic_ready NAME: sets CUBIC, the module's file beside the ready kernel NAME
	local tmp series
	CUBIC=$KERNEL_DIR/cubic/tcp_cubic.ko
	[ ! -f "$CUBIC" ] || return 0
	series=$(source_series "$1")
	with_lock "$CACHE/kernels/.lock-cubic-$1" "tcp_cubic of $1"
	if [ ! -f "$CUBIC" ]; then
		fetch_debs "linux-source-$series" "$(stock_suite "stock-$series")" source_package "$series"
		tmp=$(mktemp -d "$KERNEL_DIR/.cubic.XXXXXX")
		on_exit "rm -rf '$tmp'"
		dpkg-deb --fsys-tarfile "$DEBS_DIR"/linux-source-*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			tar -xJ -C "$tmp" --strip-components=3 --wildcards 'linux-source-*/net/ipv4/tcp_cubic.c' || die "cannot unpack tcp_cubic.c"
		echo 'obj-m := tcp_cubic.o' >"$tmp/Kbuild"
		kernel_make_args "$1" "$KERNEL_DIR"
		"${MAKE[@]}" -s M="$tmp" modules >"$tmp/make.log" 2>&1 || { cat "$tmp/make.log" >&2; die "tcp_cubic does not build for $1"; }
		mv "$tmp" "${CUBIC%/*}"
	fi
	unlock
}

# Modules need the Makefiles, scripts and headers of the source tree and the generated part of the build tree.
source_prune() {                # source_prune DIR
	local keep
	for keep in "$1"/src/*/; do
		case $(basename "$keep") in
		arch | include | scripts) ;;
		*) rm -rf "$keep" ;;
		esac
	done
	find "$1/src/arch" -mindepth 1 -maxdepth 1 ! -name um ! -name x86 ! -name Kconfig -exec rm -rf {} +
	find "$1/build" \( -name '*.a' -o -name 'vmlinux*' ! -name vmlinux.symvers ! -name '*.lds' \) -type f -delete
	find "$1/build" -name '*.o' ! -path '*/scripts/*' -delete
	rm -f "$1/build/linux"
}
