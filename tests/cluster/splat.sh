# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# One node logs what a kernel that found a bug would.
[ "$NODE" != 1 ] || echo 'WARNING: possible recursive locking detected' >/dev/kmsg
