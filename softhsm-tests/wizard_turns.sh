#!/usr/bin/env bash
# The wizard in windows: wrong turns on the way to the cluster, a terminal that goes away, another
# administrator who is faster, a provider that does not answer.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"
# shellcheck source=softhsm-tests/wizard_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wizard_lib.sh"
scenarios=$CTL_SOURCE_DIR/softhsm-tests/wizard
kept=$HOME/.local/state/ctlsuite/wizard.json

wizard_cluster
wizard_first_list
start newt 80 24
play "$scenarios/errors.steps"
play "$scenarios/resume.steps"
# Once the hard way, with all memory lost, and once as a closed window does it.
kill -9 "$(wizard_pid)"
is "$(stat -c %a "$kept")" 600 'rights of the file'
is "$(jq -r '.add[0].label' "$kept")" 'SAST 3' 'the token kept'
if grep -qE "PIN|password|$password" "$kept"; then fail 'there is a secret in what was kept'; fi
start newt 80 24
play - <<'STEPS'
see Go on where you stopped?
STEPS
kill -HUP "$(wizard_pid)"
ended 1
[ -e "$kept" ] || fail 'nothing was kept'
start newt 80 24
play "$scenarios/resumed.steps"
play "$scenarios/conflict.steps"
[ ! -e "$kept" ] || fail 'it was kept though it is done'

# Ctrl-C asks once, everywhere; Quit only where something would be lost.
play - <<'STEPS'
keys C-c
see Leave the wizard?
press Stay
see Security mode: mixed
row Update the trust list
see Certificate of: SAST 2
press Next
keys C-c
see What you have entered can be kept
keys C-c
STEPS
ended 0
[ -e "$kept" ] || fail 'nothing was kept'
ctlclient cluster history --json --password-source "file:$work/cluster/password" --ca "$work/cluster/ca.pem" >"$work/out"
is "$(json '.generations | length')" 3 'the number of lists'

# What cannot be read is put aside, and a second wizard does not touch the first one's.
echo '{"format": "nonsense"}' >"$kept"
start newt 80 24
play - <<'STEPS'
see maintenance window
STEPS
[ -e "$kept.unreadable" ] || fail 'the damaged file is gone'

screens_check
