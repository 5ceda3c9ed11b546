#!/usr/bin/env bash
# ctlclient doctor: every step broken once, and all well. It never changes anything.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

cluster_up --mixed
# The cluster's own tokens, behind the simulated reader: 1 and 2 are in the list, 3 is not.
export CTL_SHIM_CONTROL=$work/control CTL_SHIM_MODULE=$CTL_MODULE CTL_MODULE=$CTL_SHIM
: >"$CTL_SHIM_CONTROL"
declare -A shim_serial=()
for n in 1 2 3; do
  expect 0 ctlclient token show "pkcs11:token=SAST%20$n" --json
  shim_serial["SAST $n"]=$(json .serial)
done
# No reader service of this machine has a say here.
export PCSCLITE_CSOCK_NAME=$work/no-pcscd

# doctor CODE STEP [ARGUMENTS]: its exit code, and the first problem ("" for none).
doctor() {
  local code=$1 step=$2
  shift 2
  expect "$code" ctlclient doctor "$@"
  if [ -n "$step" ]; then said 'first problem:'; else said 'all is well'; fi
  expect "$code" ctlclient doctor --json "$@"
  is "$(jq -r '.first_problem.step // ""' "$work/out")" "$step" "first problem of: doctor $*"
  is "$(jq -r .ok "$work/out")" "$([ "$code" -eq 0 ] && echo true || echo false)" 'ok'
  [ -z "$step" ] || [ -n "$(jq -r '.first_problem.why // ""' "$work/out")" ] || fail "no reason for $step"
  [ -z "$step" ] || [ -n "$(jq -r '.first_problem.mend // ""' "$work/out")" ] || fail "nothing mends $step"
}

state_of() { # step
  jq -r --arg step "$1" '.steps[] | select(.step == $step) | .state' "$work/out"
}

mend_has() { # text
  jq -re .first_problem.mend "$work/out" | grep -qF -- "$1" || fail "$1 is not in: $(jq -r .first_problem.mend "$work/out")"
}

# ---- all well ----
doctor 0 '' "$CTL_TOKEN_1"
is "$(jq -r '[.steps[].step] | join(" ")' "$work/out")" \
  'module reader-service usb-device token pin key certificate signature provider provider-certificate login release list token-in-list' \
  'the way'
is "$(jq -r '[.steps[] | select(.state == "ok") | .step] | length' "$work/out")" 12 'steps that are ok'
is "$(json .versions.ctlsuite)" "$(ctlclient --version | cut -d' ' -f2)" 'version of ctlsuite'
json .versions.openssl >/dev/null
json .versions.p11_kit >/dev/null
json '.modules[0].description' >/dev/null
is "$(json '.modules[0].file')" "$CTL_SHIM" 'file of the module'

# All tokens: with more than one of them no PIN is tried, on none.
doctor 0 ''
is "$(jq -r '[.steps[] | select(.step == "token") | .state] | join(" ")' "$work/out")" 'ok ok ok' 'tokens'
is "$(state_of signature | sort -u)" skipped 'signatures with one PIN and three tokens'

# Without a PIN that is said, and everything else is still looked at.
expect 0 env -u CTL_PIN_FILE ctlclient doctor "$CTL_TOKEN_1"
said 'signing was not tried'
expect 0 env -u CTL_PIN_FILE ctlclient doctor "$CTL_TOKEN_1" --json
is "$(state_of signature)" skipped 'signature without a PIN'
expect 0 env -u CTL_PIN_FILE ctlclient doctor "$CTL_TOKEN_1?pin-source=file:$CTL_PIN_FILE" --json
is "$(state_of signature)" ok 'signature with the PIN of the URI'

# ---- module ----
doctor 4 module --module "$work/nowhere.so"
is "$(state_of token)" skipped 'token without a module'
doctor 4 module --module "$CTL_PIN_FILE"
shim_set fail C_Initialize CKR_GENERAL_ERROR
doctor 4 module "$CTL_TOKEN_1"
shim_clear

# One that fails beside one that works is told, and does not matter.
expect 0 ctlclient doctor "$CTL_TOKEN_1" --module "$CTL_SHIM:$work/nowhere.so" --json
is "$(state_of module-failed)" skipped 'module that is not needed'
jq -e --arg m "$work/nowhere.so" '.steps[] | select(.step == "module-failed") | .what | contains($m)' "$work/out" >/dev/null ||
  fail 'the module that failed is not named'
[ ! -s "$work/err" ] || fail "told twice: $(cat "$work/err")"
shim_set fail C_GetTokenInfo CKR_DEVICE_ERROR
doctor 4 token
shim_clear
shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
shim_set uninitialised hidden
doctor 4 module-failed --module "$CTL_SHIM:$work/nowhere.so"
shim_clear

# ---- reader service and USB: a module that goes through pcscd, and none there ----
opensc=$(ls /usr/lib/*/opensc-pkcs11.so /usr/lib/*/pkcs11/opensc-pkcs11.so 2>/dev/null | head -1 || true)
if [ -n "$opensc" ]; then
  doctor 4 reader-service --module "$opensc"
  mend_has pcscd
  # It does not matter where the token is reached without it.
  doctor 0 '' "$CTL_TOKEN_1" --module "$CTL_SHIM:$opensc"
  is "$(state_of reader-service)" skipped 'reader service that nobody needs'
fi

# ---- token ----
doctor 4 token 'pkcs11:token=nobody'
mend_has 'ctlclient token'
doctor 4 token 'pkcs11:manufacturer=SoftHSM%20project'
shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
shim_set uninitialised hidden
doctor 4 token
is "$(state_of token-in-list)" skipped 'no token to be in the list'
shim_clear
shim_wrong_pins 'SAST 1' 15
doctor 4 token "$CTL_TOKEN_1"
mend_has 'ctlclient token unblock'
doctor 4 token
shim_wrong_pins 'SAST 1' 14
doctor 4 token "$CTL_TOKEN_1"
mend_has '--allow-final-try'
is "$(shim_counted 'SAST 1')" 14 'wrong PINs after the doctor'
shim_wrong_pins 'SAST 1' 0

# ---- PIN: one attempt ----
echo 000000 >"$work/wrong"
expect 4 ctlclient doctor "$CTL_TOKEN_1" --pin-source "file:$work/wrong" --json
is "$(json .first_problem.step)" pin 'first problem'
is "$(shim_counted 'SAST 1')" 1 'wrong PINs'
shim_wrong_pins 'SAST 1' 0
expect 4 ctlclient doctor 'pkcs11:serial=0' --pin-source "file:$work/wrong" --json
is "$(shim_counted 'SAST 1')" 0 'wrong PINs of a token that was not meant'

# ---- certificate, key, signature ----
doctor 4 certificate 'pkcs11:token=SAST%201;object=nobody'
mend_has 'ctlclient token keygen'
openssl req -x509 -nodes -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=ec -keyout "$work/ec.key" \
  -outform DER -out "$work/ec.der" 2>/dev/null
shim_set lie-cert "$work/ec.der" 'SAST 1'
doctor 4 certificate 'pkcs11:token=SAST%201'
shim_clear
# A certificate of another key: found by the signature, if not before.
openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj /CN=liar -keyout "$work/liar.key" \
  -outform DER -out "$work/liar.der" 2>/dev/null
shim_set lie-cert "$work/liar.der" 'SAST 1'
expect 4 ctlclient doctor 'pkcs11:token=SAST%201' --json
case $(json .first_problem.step) in
  key | signature) ;;
  *) fail "a certificate of another key is found as $(json .first_problem)" ;;
esac
shim_clear
shim_set sign-flip 5
doctor 4 signature "$CTL_TOKEN_1"
shim_clear
shim_set fail C_Sign CKR_DEVICE_ERROR
doctor 4 signature "$CTL_TOKEN_1"
shim_clear
shim_set remove-during C_Sign 'SAST 1'
doctor 4 signature "$CTL_TOKEN_1"
shim_clear
shim_insert 'SAST 1'
doctor 0 '' "$CTL_TOKEN_1"
pkcs11-tool --module "$CTL_SHIM_MODULE" --token-label 'SAST 3' --login --pin "$(cat "$CTL_PIN_FILE")" \
  --delete-object --type privkey --label sast >/dev/null 2>&1
doctor 4 key "$CTL_TOKEN_3"
mend_has 'ctlclient token keygen'

# ---- provider ----
expect 0 env -u CTL_PROVIDER ctlclient doctor "$CTL_TOKEN_1" --json
is "$(state_of provider)" skipped 'provider that nobody named'
is "$(state_of list)" skipped 'list of a provider that nobody named'
doctor 1 provider "$CTL_TOKEN_1" --server 127.0.0.1:9
mend_has ctlproviderd
doctor 2 provider "$CTL_TOKEN_1" --server 'not a host:x'
expect 3 env -u CTL_CA ctlclient doctor "$CTL_TOKEN_1" --json
is "$(json .first_problem.step)" provider-certificate 'first problem with a provider never met'
mend_has "$(openssl x509 -in "$CTL_CA" -fingerprint -sha256 -noout | cut -d= -f2)"
[ ! -e "$HOME/.config/ctlsuite" ] || fail 'the doctor remembered a provider'
expect 0 env -u CTL_CA ctlclient doctor "$CTL_TOKEN_1" \
  --fingerprint "$(openssl x509 -in "$CTL_CA" -fingerprint -sha256 -noout | cut -d= -f2)"
openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj "/CN=other" -keyout "$work/other.key" -out "$work/other.pem" 2>/dev/null
doctor 3 provider-certificate "$CTL_TOKEN_1" --ca "$work/other.pem"
expect 0 env -u CTL_PASSWORD_FILE ctlclient doctor "$CTL_TOKEN_1" --json
is "$(state_of login)" skipped 'login without a password'
echo wrong >"$work/password"
expect 1 ctlclient doctor "$CTL_TOKEN_1" --password-source "file:$work/password" --json
is "$(json .first_problem.step)" login 'first problem with a wrong password'
is "$(state_of release)" ok 'release, which needs no login'

# ---- the list ----
shim_clear
expect 4 ctlclient doctor 'pkcs11:token=SAST%203;object=sast' --json
is "$(state_of token-in-list)" wrong 'token that is not in the list'
expect 3 env -u CTL_PIN_FILE ctlclient doctor 'pkcs11:token=SAST%203;object=sast' --json
is "$(json .first_problem.step)" token-in-list 'first problem of a token that is not in the list'
mend_has 'ctlclient cluster add-token'

# ---- the front door ----
expect 2 ctlclient doctor --phone SEP00112233445
said 'is not the name of a phone'
expect 2 ctlclient doctor "$CTL_TOKEN_1" extra
expect 2 ctlclient doctor --ca x --fingerprint y
expect 0 ctlclient doctor --help
