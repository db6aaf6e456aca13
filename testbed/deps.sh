#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the Debian packages the testbed needs on this host, one a line: apt-get install $(testbed/deps.sh)
set -eu
. /etc/os-release
# Guest images, disks and result channel; kernels; modules.
printf '%s\n' busybox-static cpio iproute2 ethtool kmod e2fsprogs util-linux \
	debian-archive-keyring xz-utils zstd binutils \
	gcc make patch flex bison bc libelf-dev rsync
case ${VERSION_CODENAME:-} in
bookworm)       # libraries of the QEMU from bookworm-backports, which is unpacked and not installed
	printf '%s\n' libaio1 libbpf1 libcapstone4 libfdt1 libfuse3-3 libglib2.0-0 libgnutls30 libibverbs1 libjpeg62-turbo \
		libnuma1 libpixman-1-0 libpmem1 libpng16-16 librdmacm1 libsasl2-2 libseccomp2 libslirp0 liburing2 libvdeplug2
	;;
*) echo qemu-system-x86 pahole ;; # the kernel headers there run pahole on every module
esac
