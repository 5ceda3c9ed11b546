#!/usr/bin/env bash
# ctlclient token wait: tokens that come and go while it looks, a module that hangs, Ctrl-C, and how
# little it costs.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

# No reader service but what a test says.
export PCSCLITE_CSOCK_NAME=$work/no-pcscd

at_exit() {
  kill ${waiter:-} ${other:-} 2>/dev/null || true
}

# start_wait ARGUMENTS: token wait in the background, once it has said that it waits. Ctrl-C, which
# a shell keeps from what runs in the background, is let through again.
start_wait() {
  env --default-signal=INT ctlclient token wait "$@" >"$work/out" 2>"$work/err" </dev/null &
  waiter=$!
  until_said 'Ctrl-C ends it'
}

ended() { # CODE
  local code=0
  wait "$waiter" || code=$?
  waiter=
  [ "$code" -eq "$1" ] || { cat "$work/err" >&2; fail "exit code $code instead of $1"; }
}

not_said() {
  if grep -qF -- "$1" "$work/out" "$work/err"; then fail "said: $1"; fi
}

shim_setup
export CTL_TOKEN_TIMEOUT=60

# ---- it is there already ----
expect 0 ctlclient token wait "$CTL_TOKEN_1" --json
is "$(json length)" 1 'number of tokens'
is "$(json '.[0].serial')" "${shim_serial[SAST 1]}" 'serial number'
is "$(json '.[0].certificates | length')" 1 'certificates'
not_said 'Ctrl-C'
expect 0 ctlclient token wait --timeout 0
said 'SAST 2'

# ---- it is put in, after another one ----
shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
start_wait "$CTL_TOKEN_1"
shim_insert 'SAST 2'
until_said "the token SAST 2 (serial ${shim_serial[SAST 2]}"
shim_remove 'SAST 2'
until_said "the token SAST 2 (serial ${shim_serial[SAST 2]}) was pulled out"
shim_insert 'SAST 2'
until_said 'is here again'
nap 2 # it looks whether that is the one; if the right one came meanwhile, it would say no more
shim_insert 'SAST 1'
ended 0
said 'it is not the only one'
said "pkcs11:serial=${shim_serial[SAST 1]}"
grep -q '^SAST 1 ' "$work/out" || fail 'the token is not listed'
if grep -q '^SAST 2 ' "$work/out"; then fail 'another token is listed'; fi

# ---- any, two at once ----
shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
start_wait --json
shim_insert 'SAST 1' 'SAST 3'
ended 0
is "$(jq -r 'map(.label) | sort | join(",")' "$work/out")" 'SAST 1,SAST 3' 'tokens'

# ---- two that fit are refused, and named ----
shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
start_wait 'pkcs11:manufacturer=SoftHSM%20project'
shim_insert 'SAST 1' 'SAST 2'
ended 4
said "${shim_serial[SAST 1]}"
said "${shim_serial[SAST 2]}"
shim_insert 'SAST 3'

# ---- it is pulled out ----
start_wait --removed "$CTL_TOKEN_2" --json
shim_remove 'SAST 3'
until_said 'SAST 3'
shim_remove 'SAST 2'
ended 0
is "$(json '.[0].serial')" "${shim_serial[SAST 2]}" 'serial number of the token pulled out'
expect 0 ctlclient token wait --removed "$CTL_TOKEN_2" --json
is "$(json length)" 0 'tokens that were not here'
expect 4 ctlclient token wait --removed "$CTL_TOKEN_1" --timeout 1
said 'waited 1 s in vain'
expect 4 ctlclient token wait "$CTL_TOKEN_2" --timeout 1
shim_insert 'SAST 2' 'SAST 3'

# ---- a reader that appears later; without slot events; with a module that sees new tokens only
# when it is started ----
for rule in '' 'slot-events none' 'slot-events lost' 'new-tokens after-initialize'; do
  # shellcheck disable=SC2086
  [ -z "$rule" ] || shim_set $rule
  shim_remove 'SAST 2'
  shim_set remove-reader 'SAST 2'
  start_wait "$CTL_TOKEN_2"
  shim_clear remove-reader
  shim_insert 'SAST 2'
  ended 0
  shim_clear
done

# ---- one that SoftHSM makes meanwhile, and one that it deletes ----
start_wait --module "$CTL_SHIM_MODULE" 'pkcs11:token=Late'
softhsm2-util --init-token --free --label Late --so-pin 12345678 --pin 1234 >/dev/null
ended 0
start_wait --module "$CTL_SHIM_MODULE" --removed 'pkcs11:token=Late'
softhsm2-util --delete-token --token Late >/dev/null 2>&1
ended 0

# ---- trouble ----
start_wait 'pkcs11:token=nobody'
shim_set fail C_GetSlotList CKR_DEVICE_ERROR
until_said 'is in trouble'
until_said "the token SAST 1 (serial ${shim_serial[SAST 1]}) was pulled out"
shim_clear fail
until_said 'works again'
shim_set fail C_GetTokenInfo CKR_TOKEN_NOT_RECOGNIZED
until_said 'its module cannot read'
shim_clear fail
kill -INT "$waiter"
ended 1
expect 2 ctlclient token wait SAST
expect 2 ctlclient token wait "$CTL_TOKEN_1" more
expect 2 ctlclient token wait --timeout soon
expect 2 ctlclient token wait --token-timeout 0
expect 2 env CTL_TOKEN_TIMEOUT=never ctlclient token wait
expect 4 ctlclient token wait --module "$work/none.so"

# ---- a module that hangs ----
shim_set hang C_GetSlotList
expect 4 ctlclient token wait --token-timeout 1
said 'has not answered for 1 s'
said libctlshim.so
expect 4 env CTL_TOKEN_TIMEOUT=1 ctlclient token list
said 'list its tokens'
shim_clear
start_wait 'pkcs11:token=nobody'
: >"$work/trace"
shim_replace <<<"trace $work/trace
hang C_GetSlotList"
until_said C_GetSlotList "$work/trace"
before=$SECONDS
kill -INT "$waiter"
ended 1
[ $((SECONDS - before)) -lt 20 ] || fail 'Ctrl-C took long with a module that hangs'
shim_clear

# ---- Ctrl-C: at once, and the module is told ----
: >"$work/trace"
shim_set trace "$work/trace"
start_wait 'pkcs11:token=nobody'
before=$SECONDS
kill -INT "$waiter"
ended 1
[ $((SECONDS - before)) -lt 10 ] || fail 'Ctrl-C took long'
said interrupted
is "$(tail -1 "$work/trace")" C_Finalize 'last call'
shim_clear

# ---- the reader service ----
for opensc in /usr/lib/*/opensc-pkcs11.so /usr/lib/*/pkcs11/opensc-pkcs11.so; do
  [ -e "$opensc" ] || continue
  expect 4 ctlclient token wait --module "$opensc" --timeout 0
  said 'is pcscd running?'
  said 'systemctl start pcscd'
  break
done

# ---- under one per cent of a core ----
ticks() { # PID
  awk '{print $14 + $15}' "/proc/$1/stat"
}
if ! sanitized; then
  start_wait --module "$CTL_SHIM_MODULE" 'pkcs11:token=nobody'
  other=$waiter
  start_wait 'pkcs11:token=nobody'
  nap 1
  before=$(ticks "$waiter") other_before=$(ticks "$other")
  nap 10
  used=$(($(ticks "$waiter") - before)) other_used=$(($(ticks "$other") - other_before))
  kill -INT "$other"
  wait "$other" || true
  kill -INT "$waiter"
  ended 1
  most=$((10 * $(getconf CLK_TCK) / 100))
  [ "$used" -le "$most" ] || fail "$used ticks in 10 s with $CTL_SHIM"
  [ "$other_used" -le "$most" ] || fail "$other_used ticks in 10 s with $CTL_SHIM_MODULE"
fi
