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

# start OPTIONS: signs in the background. begin COMMAND: anything else.
start() {
  rm -f "$list"
  begin "${create[@]}" "$@"
}

begin() {
  : >"$work/trace"
  shim_set trace "$work/trace"
  "$@" >"$work/out" 2>"$work/err" </dev/null &
  signer=$!
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
  start --wait 60 --pin-source fd:7 7<"$shim_home/pin"
  until_said "Put the token SAST 1 (serial ${shim_serial[SAST 1]}) in again"
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

# ---- what else a token is used for ----
# lost CODE LOSS COMMAND: it is pulled out in the midst of the command, and put in again.
lost() {
  local code=$1 loss=$2
  shift 2
  # shellcheck disable=SC2086
  shim_set ${loss/ TOKEN/ serial=${shim_serial[SAST 3]}}
  begin "$@" --wait 60
  until_said "Put the token SAST 3 (serial ${shim_serial[SAST 3]}) in again"
  shim_insert 'SAST 3'
  ended "$code"
  shim_clear
}
objects_are() { # LABEL PRIVATE PUBLIC CERTIFICATES
  pkcs11-tool --module "$CTL_SHIM_MODULE" --token-label 'SAST 3' --login --pin "$shim_pin" --list-objects 2>/dev/null |
    awk '/ Object/ {type = $1} /label:/ {print type, $2}' >"$work/objects"
  is "$(grep -c "^Private $1$" "$work/objects" || true) $(grep -c "^Public $1$" "$work/objects" || true) $(grep -c "^Certificate $1$" "$work/objects" || true)" \
    "$2 $3 $4" "objects named $1"
}
new_key() { # LABEL
  echo ctlclient token keygen "pkcs11:token=SAST%203;object=$1" --bits 1024 --subject CN="$1",OU=x,O=y
}
# Reading the facts of its key: no fact is made up.
shim_set trace "$work/all"
: >"$work/all"
expect 0 ctlclient token test "$CTL_TOKEN_3" --json
jq -S .key "$work/out" >"$work/facts"
shim_clear
before=$(awk '/^C_SignInit$/ {exit} /^C_GetAttributeValue$/ {n++} END {print n}' "$work/all")
lost 0 "remove-during C_GetAttributeValue TOKEN $((before - 5))" ctlclient token test "$CTL_TOKEN_3" --json
jq -S .key "$work/out" | cmp -s - "$work/facts" || fail "other facts of the key: $(cat "$work/out")"
# A key that was half made is made anew.
# shellcheck disable=SC2046
{
  lost 0 'remove-during C_GenerateKeyPair TOKEN' $(new_key a)
  lost 0 'remove-during C_CreateObject TOKEN' $(new_key b)
}
objects_are a 1 1 1
objects_are b 1 1 1
# Nobody is there to put it in again: what is left is told, and finds its way.
shim_set remove-during C_CreateObject 'SAST 3'
# shellcheck disable=SC2046
expect 4 $(new_key d)
said 'import-cert'
shim_clear
objects_are d 1 1 0
# shellcheck disable=SC2046
expect 4 $(new_key d)
said 'without a certificate'
expect 0 ctlclient token csr 'pkcs11:token=SAST%203;object=d' --subject CN=d,OU=x,O=y -o "$work/d.csr"
openssl x509 -req -in "$work/d.csr" -days 30 -CA "$work/pub.pem" -CAkey "$work/pub.key" -out "$work/d.pem" 2>/dev/null
lost 0 'remove-after C_CreateObject TOKEN' ctlclient token import-cert 'pkcs11:token=SAST%203' "$work/d.pem"
objects_are d 1 1 1
# A PIN: which one holds then is not known, and neither is tried.
echo 662607 >"$work/new-pin"
shim_set remove-during C_SetPIN 'SAST 3'
expect 4 ctlclient token change-pin "$CTL_TOKEN_3" --new-pin-source "file:$work/new-pin"
said 'whether the new PIN holds is not known'
shim_clear

# ---- it comes back in another slot, and as two ----
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
until_said 'Put the token SAST 1'
shim_set slot 'SAST 1' 7
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
until_said 'Put the token SAST 1'
shim_set twin 'SAST 1' 8
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- another one in its place is named, and not used ----
shim_remove 'SAST 3'
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
until_said 'Put the token SAST 1'
shim_set slot 'SAST 3' 0
shim_insert 'SAST 3'
until_said "This is the token SAST 3 (serial ${shim_serial[SAST 3]}), not SAST 1 (serial ${shim_serial[SAST 1]}): it is not used"
not_signed
shim_remove 'SAST 3'
until_said 'the token SAST 3'
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
shim_set delay C_Login 2000
start --wait 60
until_said C_Login "$work/trace"
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- lost twice: a PIN from a file is not given a third time ----
shim_set remove-during C_Sign 'SAST 1'
start --wait 60
until_said 'Put the token SAST 1'
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
until_said 'Put it in'
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
until_said 'no token fits pkcs11:token=SAST%202'
shim_remove 'SAST 1'
shim_insert 'SAST 2'
until_said 'Put the token SAST 1'
shim_remove 'SAST 2'
shim_insert 'SAST 1'
ended 0
signed_by 1
shim_clear

# ---- a module that hangs ----
for function in C_Sign C_GetSlotList; do
  shim_set hang "$function"
  start --token-timeout 1 --wait 60
  ended 4
  said 'has not answered for 1 s'
  said libctlshim.so
  not_signed
  shim_clear
done
shim_set hang C_Sign
begin env --default-signal=INT "${create[@]}"
until_said C_Sign "$work/trace"
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
until_said 'PIN of the token SAST 1' "$work/screen"
echo "$shim_pin" >&8
until_said 'Put the token SAST 1' "$work/screen"
is "$(grep -oF 'PIN of the token' "$work/screen" | wc -l)" 1 'PIN prompts before the token is back'
shim_insert 'SAST 1'
until_said 'is here again' "$work/screen"
for _ in $(seq 600); do
  [ "$(grep -oF 'PIN of the token' "$work/screen" | wc -l)" -lt 2 ] || break
  nap 0.1
done
echo "$shim_pin" >&8
ended 0
exec 8>&-
if grep -qF "$shim_pin" "$work/screen"; then fail 'the PIN was echoed'; fi
signed_by 1
