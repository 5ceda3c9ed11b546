#!/usr/bin/env bash
# scripts/cluster keeps its promises: what "env" holds, up and down, nothing left running.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed
for name in CTL_PROVIDER CTL_TFTP CTL_CA CTL_USER CTL_PASSWORD_FILE SOFTHSM2_CONF CTL_MODULE CTL_TOKEN_1 \
  CTL_TOKEN_2 CTL_TOKEN_3 CTL_PIN_FILE CTL_BIN; do
  [ -n "${!name:-}" ] || fail "$name is not in env"
  env | grep -q "^$name=" || fail "$name is not exported"
done
expect 0 ctlclient cluster status --json
is "$(json .security_mode)" mixed "mode after --mixed"
expect 0 ctlclient token list --json
is "$(json 'map(.label) | sort | join(",")')" "SAST 1,SAST 2,SAST 3" "tokens"
pids=$(cat "$work"/cluster/node1/*.pid)
expect 1 "$CTL_SOURCE_DIR/scripts/cluster" up "$work/cluster"
expect 0 "$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster"
for pid in $pids; do
  # An ended process that nobody has waited for yet has no command line any more.
  ! tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q . || fail "process $pid still runs after down"
done
[ ! -e "$work/cluster/env" ] || fail "env is still there after down"
expect 2 "$CTL_SOURCE_DIR/scripts/cluster" up
expect 2 "$CTL_SOURCE_DIR/scripts/cluster" sideways "$work/cluster"
