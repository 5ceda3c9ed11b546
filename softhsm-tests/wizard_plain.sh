#!/usr/bin/env bash
# The wizard as numbered text: the same scenarios as in windows, and from a pipe.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"
# shellcheck source=softhsm-tests/wizard_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wizard_lib.sh"
scenarios=$CTL_SOURCE_DIR/softhsm-tests/wizard

wizard_cluster
start plain 80 24
play "$scenarios/first.steps"
shim_remove 'SAST 2'
play "$scenarios/changes.steps"
ended 0
start plain 80 24
play "$scenarios/lost.steps"
wizard_end

# No escape sequence moves the cursor of a screen reader.
if grep -q $'\033' "$work/terminal"; then fail 'plain text is not plain'; fi
if grep -qF "$shim_pin" "$work/terminal"; then fail 'the PIN was shown'; fi

# From a pipe, which ends in the middle: it is told, and nothing is changed.
expect 1 ctlclient --plain
said 'maintenance window'
printf '3\n2\n' >"$work/answers"
code=0
ctlclient --plain <"$work/answers" >"$work/out" 2>"$work/err" || code=$?
is "$code" 1 'exit code at the end of the pipe'
said 'ctlclient token unblock'
printf '4\n' >"$work/answers"
ctlclient --plain <"$work/answers" >"$work/out" 2>"$work/err"
