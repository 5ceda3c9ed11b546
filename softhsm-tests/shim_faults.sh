#!/usr/bin/env bash
# Every PKCS#11 function that ctlclient calls fails in several ways, always and once, and the token
# is pulled out during and after every one: no crash, an exit code that is true, a message that
# names the token, and nothing half-made: no file that is not a whole, valid list, and no key
# without its certificate. By default each command meets one failure of each function, and the token
# is pulled out in each function of a signature; with CTL_ALL_FAULTS=1 (scripts/reliability) all that
# is written here, which takes a while under the sanitizers.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

shim_setup
mkdir "$work/lists"
openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj /CN=pub/O=Test -keyout "$work/pub.key" \
  -out "$work/pub.pem" 2>/dev/null

ctlclient token csr "$CTL_TOKEN_2" -o "$work/2.csr" 2>/dev/null
for n in 0 1; do
  openssl x509 -req -in "$work/2.csr" -days $((30 + n)) -CA "$work/pub.pem" -CAkey "$work/pub.key" -out "$work/issued$n.pem" 2>/dev/null
  openssl x509 -in "$work/issued$n.pem" -outform DER -out "$work/issued$n.der"
done
issued=0
echo 662607 >"$work/new-pin"

# ---- the commands ----
list() { ctlclient token list; }
show() { ctlclient token show "$CTL_TOKEN_1"; }
try() { ctlclient token test "$CTL_TOKEN_1"; }
create() {
  ctlclient ctl create -o "$work/lists/new.tlv" --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" \
    --sast "$CTL_TOKEN_2" --server "role=ccm+tftp,host=pub,ip=192.0.2.10,cert=$work/pub.pem"
}
keygen() { ctlclient token keygen 'pkcs11:token=SAST%203;object=more' --bits 1024 --subject CN=more,OU=x,O=y; }
init() {
  ctlclient token init --serial "${shim_serial["SAST 3"]}" --label 'SAST 3' --yes \
    --so-pin-source "file:$shim_home/so-pin" --pin-source "file:$shim_home/pin"
}
request() { ctlclient token csr "$CTL_TOKEN_1" -o "$work/lists/new.csr"; }
import() { ctlclient token import-cert "$CTL_TOKEN_2" "$work/issued$issued.pem" --replace; }
change() { ctlclient token change-pin "$CTL_TOKEN_1" --new-pin-source "file:$work/new-pin"; }
unblock() { ctlclient token unblock "$CTL_TOKEN_1" --so-pin-source "file:$shim_home/so-pin" --pin-source "file:$shim_home/pin"; }

# Without these a command cannot have done its work.
start='C_GetFunctionList C_Initialize C_GetSlotList'
look="$start C_GetTokenInfo C_OpenSession C_FindObjectsInit C_FindObjects"
sign="$look C_GetAttributeValue C_Login C_SignInit C_Sign"
declare -A needs=(
  [list]="$start C_GetTokenInfo" [show]=$look [try]=$sign [create]=$sign
  [keygen]="$sign C_GenerateKeyPair C_CreateObject" [init]="$start C_InitToken C_OpenSession C_Login C_InitPIN"
  [request]=$sign [import]="$look C_GetAttributeValue C_Login C_CreateObject C_DestroyObject"
  [change]="$start C_GetTokenInfo C_OpenSession C_SetPIN" [unblock]="$start C_GetTokenInfo C_OpenSession C_Login C_InitPIN"
)

# ---- what has to be true afterwards ----
complain() {
  cat "$work/out" "$work/err" >&2
  fail "$what: $1"
}

# The message names a token by label, URI or serial number; before one is known, the module.
names_it() { # FUNCTION
  local token="SAST( |%20)[123]|${shim_serial["SAST 3"]}"
  case " $start " in
    *" $1 "*) grep -qF libctlshim "$work/err"; return ;;
  esac
  [ "$1" != C_GetTokenInfo ] || token+="|slot [0-9]+ .*libctlshim"
  grep -qE "$token" "$work/err"
}

# check_file COMMAND: it accepts what was written; after a failure nothing is there.
check_file() {
  if [ "$code" -eq 0 ]; then
    "$@" >/dev/null 2>&1 || complain 'what was written is not valid'
  elif [ -n "$(ls -A "$work/lists")" ]; then
    complain "left over: $(ls -A "$work/lists")"
  fi
  rm -rf "$work/lists"
  mkdir "$work/lists"
}

check_create() { check_file "$CTL_BIN/ctlclient" ctl verify "$work/lists/new.tlv"; }

check_request() { check_file openssl req -in "$work/lists/new.csr" -verify -noout; }

# The key always has a certificate: the new one, as it says. Next time the other one is stored.
check_import() {
  pkcs11-tool --module "$CTL_SHIM_MODULE" --token-label 'SAST 2' --read-object --type cert --label sast >"$work/object" 2>/dev/null ||
    complain 'the certificate is gone'
  if cmp -s "$work/object" "$work/issued$issued.der"; then
    issued=$((1 - issued))
  elif [ "$code" -eq 0 ] || ! cmp -s "$work/object" "$work/issued$((1 - issued)).der"; then
    complain 'it holds another certificate than it says'
  fi
}

# One of both PINs is right: the one that the exit code says. Puts the old one back.
check_change() {
  local pin=$shim_pin
  [ "$code" -ne 0 ] || pin=$(cat "$work/new-pin")
  pkcs11-tool --module "$CTL_SHIM_MODULE" --token-label 'SAST 1' --login --pin "$pin" --change-pin --new-pin "$shim_pin" \
    >/dev/null 2>&1 || complain 'the PIN is another than it says'
}

check_try() {
  [ "$code" -ne 0 ] || grep -qF 'can sign CTLs' "$work/out" || complain 'exit code 0 without a verdict'
}

# All of the new key or nothing, as it says, unless the token refused to let it be removed again.
check_keygen() { # FUNCTION
  local tool=(pkcs11-tool --module "$CTL_SHIM_MODULE" --token-label 'SAST 3' --login --pin "$shim_pin")
  local want=$((code == 0 ? 3 : 0)) made type
  "${tool[@]}" --list-objects >"$work/objects" 2>/dev/null
  made=$(grep -c 'label: *more' "$work/objects" || true)
  [ "$1" = C_DestroyObject ] || [ "$made" -eq "$want" ] || complain "a half-made key: $(cat "$work/objects")"
  [ "$made" -gt 0 ] || return 0
  for type in privkey pubkey cert; do
    "${tool[@]}" --delete-object --type $type --label more >/dev/null 2>&1 || true
  done
}

# run COMMAND FUNCTION LINE: with this line in the control file. What was found goes to code.
run() {
  what="$1 with \"$3\""
  shim_replace <<<"$3"
  code=0
  "$1" >"$work/out" 2>"$work/err" </dev/null || code=$?
  case $code in
    0) ;;
    1 | 4) names_it "$2" || complain "exit code $code, and no token is named" ;;
    *) complain "exit code $code" ;;
  esac
  if declare -F "check_$1" >/dev/null; then
    "check_$1" "$2"
  fi
}

# run_failing COMMAND FUNCTION CKR
run_failing() {
  run "$1" "$2" "fail $2 $3"
  case " ${needs[$1]} " in
    *" $2 "*) [ "$code" -eq 4 ] || complain "exit code $code, but it cannot have worked" ;;
  esac
}

# ---- which functions there are ----
declare -A called=()
find_called() { # COMMAND
  rm -f "$work/trace"
  run "$1" C_Sign "trace $work/trace"
  [ "$code" -eq 0 ] || complain "exit code $code without any fault"
  called[$1]=$(sort -u "$work/trace")
}
for command in list show try create keygen init request import change unblock; do
  find_called "$command"
done
# p11-kit answers C_CloseAllSessions by itself; the others belong to rarer turns of events, and to commands
# with tests of their own.
find "$CTL_SOURCE_DIR/pkcs11" -name '*.c' ! -name '*_test.c' -exec grep -ohE 'fn->C_[A-Za-z]+' {} + |
  cut -c5- | sort -u >"$work/known"
printf '%s\n' "${called[@]}" C_CloseAllSessions C_GetSessionInfo C_GetSlotInfo C_SetAttributeValue \
  C_WaitForSlotEvent | sort -u | comm -13 - "$work/known" >"$work/missed"
[ ! -s "$work/missed" ] || fail "functions that no command here calls: $(cat "$work/missed")"

# ---- failures that stay ----
everything() {
  [ -n "${CTL_ALL_FAULTS:-}" ]
}
few=CKR_DEVICE_ERROR all=CKR_GENERAL_ERROR
if everything; then
  few='CKR_DEVICE_ERROR CKR_GENERAL_ERROR'
  all='CKR_DEVICE_ERROR CKR_DEVICE_REMOVED CKR_FUNCTION_FAILED CKR_GENERAL_ERROR CKR_HOST_MEMORY'
fi
declare -A answers=([list]=$few [show]=$few [try]=$all [create]=$all)
for command in list show try create; do
  for f in ${called[$command]}; do
    for rv in ${answers[$command]}; do
      run_failing $command "$f" "$rv"
    done
  done
done

# ---- once, sooner or later; and the token pulled out ----
for f in ${called[create]}; do
  run create "$f" "remove-during $f SAST%201"
  everything || continue
  for skip in 1 3; do
    run try "$f" "fail $f CKR_DEVICE_ERROR 1 $skip"
    run create "$f" "fail $f CKR_GENERAL_ERROR 1 $skip"
  done
  run create "$f" "remove-after $f SAST%201"
  run create "$f" "remove-during $f SAST%202"
  run create "$f" "remove-after $f SAST%202"
  run try "$f" "remove-during $f * 2"
  run try "$f" "remove-after $f * 2"
done
shim_replace </dev/null
is "$(shim_counted 'SAST 1')" 0 'wrong PINs'

# ---- keys, PINs, tokens ----
for command in keygen request import change unblock init; do
  for f in $(printf '%s\n' "${called[$command]}" C_DestroyObject | sort -u); do
    run_failing $command "$f" CKR_DEVICE_ERROR
    everything || continue
    run $command "$f" "fail $f CKR_FUNCTION_FAILED 1"
  done
done
# What came back from all that.
run init C_InitToken ''
is "$code" 0 'exit code of init without any fault'
printf 'fail C_CreateObject CKR_DEVICE_MEMORY\nfail C_DestroyObject CKR_GENERAL_ERROR\n' >"$work/two"
run keygen C_DestroyObject "$(cat "$work/two")"
[ "$code" -eq 4 ] || complain "exit code $code, but there is no certificate"

run create C_Sign ''
is "$code" 0 'exit code without any fault'
