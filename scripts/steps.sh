# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Progress for multi-step programs: source it, set STEPS (their number) and LOGS
# (a folder), then `step "what it does" "what to do if it fails" COMMAND...`.
# A step's output goes to a log; set SHOW=1 for steps that report by themselves.

STEP=0
START_S=$(date +%s)

elapsed() {
	local s=$(($(date +%s) - START_S))
	printf '%02d:%02d' $((s / 60)) $((s % 60))
}

# shellcheck disable=SC2153 # STEPS is set by the caller
step() {
	local what=$1 remedy=$2 log rc
	shift 2
	STEP=$((STEP + 1))
	mkdir -p "$LOGS"
	log=$LOGS/$(printf '%02d-%s.log' "$STEP" "$(tr -cs 'a-zA-Z0-9\n' '-' <<<"$what")")
	printf '[step %d/%d] %s (elapsed %s)\n' "$STEP" "$STEPS" "$what" "$(elapsed)"
	if [ -n "${SHOW:-}" ]; then
		"$@" 2>&1 | tee "$log"
		rc=${PIPESTATUS[0]}
	else
		"$@" >"$log" 2>&1
		rc=$?
	fi
	[ "$rc" -eq 0 ] && return
	if [ -z "${SHOW:-}" ]; then
		tail -n 15 "$log" | sed 's/^/    /' >&2
	fi
	printf 'FAILED after %s: %s (exit %d)\n  log: %s\n  try: %s\n' \
		"$(elapsed)" "$what" "$rc" "$log" "$remedy" >&2
	exit "$rc"
}
