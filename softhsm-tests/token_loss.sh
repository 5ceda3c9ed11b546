#!/usr/bin/env bash
# A token that is pulled out at the worst moment while a list is signed: before the PIN, between PIN
# and signature, in the middle of it; put in again, elsewhere, or another one in its place.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

# No reader service but what a test says.
export PCSCLITE_CSOCK_NAME=$work/no-pcscd

at_exit() {
  [ -z "${signer:-}" ] || kill "$signer" 2>/dev/null || true
}

shim_setup
openssl req -x509 -nodes -days 30 -subj /CN=pub -newkey rsa:2048 -keyout "$work/pub.key" -out "$work/pub.pem" 2>/dev/null
list=$work/list.tlv
for i in 1 2 3; do
  CTL_MODULE=$CTL_SHIM_MODULE token_cert "$i" >"$work/token$i.pem"
done
create=(ctlclient ctl create -o "$list" --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --sast "$work/token2.pem"
  --server "role=ccm+tftp,host=pub,ip=192.0.2.1,cert=$work/pub.pem" --yes)

# start OPTIONS: signs in the background.
start() {
  rm -f "$list"
  : >"$work/trace"
  shim_set trace "$work/trace"
  "${create[@]}" "$@" >"$work/out" 2>"$work/err" </dev/null &
  signer=$!
}

seen() { # TEXT, [FILE]
  local _
  for _ in $(seq 300); do
    grep -qF -- "$1" "${2:-$work/err}" && return
    sleep 0.1
  done
  cat "${2:-$work/err}" >&2
  fail "not said in 30 s: $1"
}

ended() { # CODE
  local code=0
  wait "$signer" || code=$?
  signer=
  [ "$code" -eq "$1" ] || { cat "$work/err" >&2; fail "exit code $code instead of $1"; }
}

calls() { # FUNCTION
  grep -cx "$1" "$work/trace" || true
}

signed_by() { # NUMBER
  expect 0 ctlclient ctl verify "$list"
  openssl_verifies "$list" sha1 256 "$work/token$1.pem" || fail "the list is not signed by token $1"
}

not_signed() {
  [ ! -e "$list" ] || fail 'there is a list'
}

# When it goes, and what the module says then.
losses=('remove-during C_Login' 'remove-after C_Login' 'remove-during C_SignInit' 'remove-during C_Sign'
  'remove-during C_FindObjects')

# ---- nobody is there to put it in again ----
for loss in "${losses[@]}"; do
  # shellcheck disable=SC2086
  shim_set $loss 'SAST 1'
  start
  ended 4
  not_signed
  said 'SAST 1'
  said '--wait'
  shim_clear
done
is "$(shim_counted 'SAST 1')" 0 'wrong PINs counted'

# ---- somebody is: whatever the module says of the loss ----
put_in_again() { # LOSS ANSWER LOGINS
  # shellcheck disable=SC2086
  shim_set $1 'SAST 1'
  shim_set removed-answer "$2"
  start --wait 60
  seen "Put the token SAST 1 (serial ${shim_serial[SAST 1]}) in again"
  not_signed
  shim_insert 'SAST 1'
  ended 0
  said 'is here again'
  signed_by 1
  is "$(calls C_Login)" "$3" "logins with $1, $2"
  shim_clear
}
put_in_again 'remove-during C_FindObjects' CKR_DEVICE_REMOVED 1
put_in_again 'remove-during C_Login' CKR_DEVICE_REMOVED 2
put_in_again 'remove-after C_Login' CKR_SESSION_HANDLE_INVALID 2
put_in_again 'remove-after C_Login' CKR_GENERAL_ERROR 2
put_in_again 'remove-during C_SignInit' CKR_DEVICE_ERROR 2
put_in_again 'remove-during C_Sign' CKR_DEVICE_REMOVED 2

# ---- it comes back in another slot, and as two ----
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
seen 'Put the token SAST 1'
shim_set slot 'SAST 1' 7
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
seen 'Put the token SAST 1'
shim_set twin 'SAST 1' 8
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- another one in its place is named, and not used ----
shim_remove 'SAST 3'
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
seen 'Put the token SAST 1'
shim_set slot 'SAST 3' 0
shim_insert 'SAST 3'
seen "This is the token SAST 3 (serial ${shim_serial[SAST 3]}), not SAST 1 (serial ${shim_serial[SAST 1]}): it is not used"
not_signed
shim_remove 'SAST 3'
seen 'the token SAST 3'
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- it does not come back ----
shim_set remove-during C_Sign 'SAST 1'
start --wait 1
ended 4
said 'not put in again within 1 s'
not_signed
shim_clear

# ---- it was out and is in again before anybody looked: the login is gone ----
shim_set delay C_Login 3000
start --wait 60
seen C_Login "$work/trace"
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- lost twice: a PIN from a file is not given a third time ----
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
seen 'Put the token SAST 1'
shim_set remove-after C_Login 'SAST 1'
shim_insert 'SAST 1'
ended 4
not_signed
is "$(calls C_Login)" 2 'logins of a token lost twice'
shim_clear

# ---- a PIN that was refused is not tried again, whatever happens ----
echo 000000 >"$work/wrong"
shim_set remove-after C_GetTokenInfo 'SAST 1' 1000
CTL_PIN_FILE=$work/wrong start --wait 60
ended 4
said 'the PIN is wrong'
is "$(calls C_Login)" 1 'logins with a wrong PIN'
is "$(shim_counted 'SAST 1')" 1 'wrong PINs counted'
shim_clear
shim_wrong_pins 'SAST 1' 0

# ---- a token that is not there at the start ----
shim_remove 'SAST 1'
start
ended 4
said 'no token fits'
start --wait 60
seen 'Put it in'
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_remove 'SAST 1'
start --wait 1
ended 4
said 'not put in within 1 s'
shim_clear

# One reader for several tokens: each is asked for when it is needed.
shim_remove 'SAST 2'
rm -f "$list"
"${create[@]/#"$work/token2.pem"/"$CTL_TOKEN_2"}" --wait 60 >"$work/out" 2>"$work/err" </dev/null &
signer=$!
seen 'no token fits pkcs11:token=SAST%202'
shim_remove 'SAST 1'
shim_insert 'SAST 2'
seen 'Put the token SAST 1'
shim_remove 'SAST 2'
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- a module that hangs ----
for function in C_Login C_Sign C_GetSlotList; do
  shim_set hang "$function"
  start --token-timeout 2 --wait 60
  ended 4
  said 'has not answered for 2 s'
  said libctlshim.so
  not_signed
  shim_clear
done
shim_set hang C_Sign
env --default-signal=INT "${create[@]}" >"$work/out" 2>"$work/err" </dev/null &
signer=$!
: >"$work/trace"
shim_set trace "$work/trace"
sleep 3
kill -INT "$signer"
ended 130
not_signed
shim_clear

# ---- on a terminal: the PIN is asked for again ----
shim_set remove-during C_Sign 'SAST 1'
rm -f "$list"
mkfifo "$work/keys"
: >"$work/screen"
unset CTL_PIN_FILE
script -qefc "$(printf '%q ' "${create[@]}")" /dev/null <"$work/keys" >"$work/screen" 2>&1 &
signer=$!
exec 8>"$work/keys"
seen 'PIN of the token SAST 1' "$work/screen"
echo "$shim_pin" >&8
seen 'Put the token SAST 1' "$work/screen"
is "$(grep -oF 'PIN of the token' "$work/screen" | wc -l)" 1 'PIN prompts before the token is back'
shim_insert 'SAST 1'
for _ in $(seq 300); do
  [ "$(grep -oF 'PIN of the token' "$work/screen" | wc -l)" -lt 2 ] || break
  sleep 0.1
done
echo "$shim_pin" >&8
ended 0
exec 8>&-
if grep -qF "$shim_pin" "$work/screen"; then fail 'the PIN was echoed'; fi
signed_by 1
