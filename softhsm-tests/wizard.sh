#!/usr/bin/env bash
# The wizard in windows: a cluster's first list, typed on a terminal of 80x24 with one token after
# another; phones take it; no PIN is left in the wizard's memory.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"
# shellcheck source=softhsm-tests/wizard_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wizard_lib.sh"
scenarios=$CTL_SOURCE_DIR/softhsm-tests/wizard

wizard_cluster

# Without a terminal it says so.
expect 2 ctlclient
said 'needs a terminal'
expect 2 ctlclient --server x
expect 0 ctlclient wizard --help
said 'plain'
expect 0 ctlclient --help
said 'wizard'

# in_memory TEXT: the wizard's memory holds it. The simulated reader, which plays the world outside,
# does not count.
in_memory() {
  local code=0
  memory_search "$(wizard_pid)" "$1" "$(basename "$CTL_SHIM")" >/dev/null || code=$?
  [ "$code" -ne 2 ] || { echo "the memory of a process may not be searched here" >&2; exit 77; }
  return "$code"
}

start newt 80 24
play "$scenarios/first.steps"
# The search finds what is there: the name of a token, and the PIN of a token while it is typed.
in_memory 'SAST 2' || fail 'the search finds nothing'
if in_memory "$shim_pin"; then fail "the PIN is still in the wizard's memory"; fi
play - <<'STEPS'
row Update the trust list
see Certificate of: SAST 2
press Next
press Sign
press Sign
see PIN of the token SAST 2
run tm send-keys -l "$shim_pin"
see ******
run in_memory "$shim_pin"
keys Escape
see Is this what you want to sign?
STEPS
if in_memory "$shim_pin"; then fail "a PIN that was taken back is still in the wizard's memory"; fi
play - <<'STEPS'
keys C-c
see Leave the wizard?
press Leave, forget it
STEPS
ended 0
# Nothing was left behind, and no secret at any time.
[ ! -e "$HOME/.local/state/ctlsuite/wizard.json" ] || fail 'the session was kept'
if grep -rqF "$shim_pin" "$work/terminal" "$shots" "$HOME/.local"; then fail 'the PIN was shown or kept'; fi
if grep -rqF "$password" "$work/terminal" "$shots" "$HOME/.local"; then fail 'the password was shown or kept'; fi

expect 0 ctlclient cluster status --json --password-source "file:$work/cluster/password"
is "$(json .security_mode)" mixed 'the mode'
is "$(json .tokens)" 2 'the number of tokens'
expect 0 ctlphone boot SEP001122334455 --state "$work/phone" --json
is "$(json .result)" installed 'a phone'

screens_check
