#!/usr/bin/env bash
# What the simulated reader plays, seen by an independent client (pkcs11-tool) and by ctlclient.
# What one process sees while tokens come and go is in shim/shim_*_test.c.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

shim_setup
echo 000000 >"$work/wrong"
head -c 35 /dev/urandom >"$work/data"

tool() {
  pkcs11-tool --module "$CTL_MODULE" "$@" 2>&1
}

# "0=SAST 1 1=SAST 2": which token is in which slot, as pkcs11-tool lists them.
seen() {
  tool --list-slots | awk '
    /^Slot/ { slot = $3; gsub(/[(]0x|[)]:/, "", slot) }
    /token label/ { sub(/.*: /, ""); printf "%s%s=%s", sep, slot, $0; sep = " " }'
}

# The PIN flags of a token, as pkcs11-tool says them.
pin_flags() { # LABEL
  tool --list-slots | awk -v label="$1" '
    /token label/ { sub(/.*: /, ""); mine = $0 == label }
    /token flags/ && mine' | grep -oE '(final |SO |user )*(user|SO) PIN (count low|try|locked)|final user PIN try|PIN pad present' |
    paste -sd,
}

tool_sign() { # further options
  tool --token-label 'SAST 1' --login --sign --mechanism RSA-PKCS --label sast --input-file "$work/data" \
    --output-file "$work/sig" "$@" >"$work/tool"
}

sign_verifies() {
  openssl pkeyutl -verify -certin -inkey "$work/cert1.pem" -in "$work/data" -sigfile "$work/sig" \
    -pkeyopt rsa_padding_mode:pkcs1 >/dev/null 2>&1
}

token_cert 1 >"$work/cert1.pem"
token_cert 2 | openssl x509 -outform DER -out "$work/cert2.der"

# ---- a control file that is wrong fails the test ----
expect 97 env CTL_SHIM_CONTROL= ctlclient token list
for line in 'remov SAST%201' 'fail C_Foo CKR_OK' 'fail C_Sign CKR_FOO' 'fail C_Sign' 'hang C_Sign 1 2 3' 'slot * x' \
  'slot-events los' 'new-tokens hidden'; do
  echo "$line" | shim_replace
  expect 97 ctlclient token list
  said 'ctlshim'
done
printf '# nothing\n\n' | shim_replace

# ---- coming and going ----
is "$(seen)" '0=SAST 1 1=SAST 2 2=SAST 3' 'all tokens'
shim_remove 'SAST 1' 'SAST 3'
is "$(seen)" '1=SAST 2' 'after two were pulled out'
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'no token fits'
expect 0 ctlclient token test "$CTL_TOKEN_2"
shim_set slot 'SAST 1' 7
shim_insert 'SAST 1'
is "$(seen)" '7=SAST 1 1=SAST 2' 'in again in another reader'
expect 0 ctlclient token test "$CTL_TOKEN_1" --json
is "$(json .token.slot)" 7 'slot'
shim_remove 'SAST 1' 'SAST 2'
is "$(seen)" '' 'all are out'
shim_insert 'SAST 1' 'SAST 2' 'SAST 3'
is "$(seen)" '7=SAST 1 1=SAST 2 2=SAST 3' 'all are in'
shim_clear
shim_remove "SAST 1"
shim_set slot 'SAST 2' 0
is "$(seen)" '0=SAST 2 2=SAST 3' 'another in the place of the first'
shim_clear
shim_set remove-reader serial="${shim_serial["SAST 2"]}"
is "$(seen)" '0=SAST 1 2=SAST 3' 'without its reader'
shim_clear
shim_set twin 'SAST 1' 8
is "$(seen)" '0=SAST 1 8=SAST 1 1=SAST 2 2=SAST 3' 'the same token twice'
expect 0 ctlclient token list --json
is "$(json '[.[].uri] | unique | length')" 4 'URIs that name one slot each'
shim_clear

# Tokens that another program makes show at once.
expect 0 env CTL_MODULE="$CTL_SHIM_MODULE" ctlclient token init --label 'SAST 4' \
  --so-pin-source "file:$shim_home/so-pin" --pin-source "file:$shim_home/pin" --yes
is "$(seen)" '0=SAST 1 1=SAST 2 2=SAST 3 3=SAST 4' 'with a new one'
is "$(tool --list-slots | grep -c uninitialized)" 1 'empty tokens'
shim_set uninitialised hidden
if tool --list-slots | grep -q uninitialized; then fail 'the empty token shows'; fi
shim_clear

# ---- a slot that cannot be read: it is named, and the others go on ----
shim_set fail C_GetTokenInfo CKR_DEVICE_ERROR 1
expect 0 ctlclient token list
said 'SAST 2'
grep -F warning "$work/err" | grep -F 'slot 0' | grep -F 'Simulated reader 0' | grep -F C_GetTokenInfo |
  grep -qF CKR_DEVICE_ERROR || fail "the slot is not named: $(cat "$work/err")"
shim_clear
shim_set fail C_GetTokenInfo CKR_GENERAL_ERROR
expect 4 ctlclient token list --all
said 'slot 0 (reader Simulated reader 0)'
said 'C_GetTokenInfo: the module gives no reason (CKR_GENERAL_ERROR)'
expect 4 ctlclient token test "$CTL_TOKEN_1"
said CKR_GENERAL_ERROR
expect 4 ctlclient token init --label x --serial "${shim_serial["SAST 3"]}" --pin-source "file:$shim_home/pin"
said CKR_GENERAL_ERROR
# What only the name of the reader is asked for hides no token.
shim_clear
shim_set fail C_GetSlotInfo CKR_DEVICE_ERROR
expect 0 ctlclient token list --json
is "$(json '[.[0:3][].certificates | length] | join(" ")')" '1 1 1' 'certificates'
expect 0 ctlclient token test "$CTL_TOKEN_1"
expect 4 ctlclient token test "$CTL_TOKEN_1;slot-description=x"
shim_set fail C_GetTokenInfo CKR_DEVICE_ERROR
expect 4 ctlclient token list
said 'slot 0 of the module'
shim_clear
shim_set fail C_GetSlotList CKR_FUNCTION_FAILED
expect 4 ctlclient token list
said 'C_GetSlotList'
said CKR_FUNCTION_FAILED
shim_clear
expect 0 ctlclient token list --module "$CTL_SHIM:$work/nowhere.so"
said "cannot load the PKCS#11 module $work/nowhere.so"
shim_set fail C_Initialize CKR_GENERAL_ERROR
expect 4 ctlclient token list
said "the module $CTL_SHIM does not start: C_Initialize: the module gives no reason (CKR_GENERAL_ERROR)"
shim_clear

# ---- in the middle ----
shim_set remove-during C_Sign
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'SAST 1'
said 'removed'
if tool_sign --pin "$shim_pin"; then fail 'pkcs11-tool signed without a token'; fi
# It tries a second time after C_Sign failed.
grep -q CKR_SESSION_HANDLE_INVALID "$work/tool" || fail 'pkcs11-tool still has a session'
shim_clear remove-during
shim_set remove-after C_Login 'SAST 1'
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'SAST 1'
expect 0 ctlclient token test "$CTL_TOKEN_2"
shim_clear

# ---- PINs ----
is "$(pin_flags 'SAST 1')" '' 'flags'
CTL_PIN_FILE=$work/wrong expect 4 ctlclient token test "$CTL_TOKEN_1"
is "$(pin_flags 'SAST 1')" 'user PIN count low' 'flags after a wrong PIN'
is "$(shim_counted 'SAST 1')" 1 'wrong PINs'
if tool_sign --pin 111111; then fail 'pkcs11-tool signed with a wrong PIN'; fi
is "$(shim_counted 'SAST 1')" 2 'wrong PINs of both programs'
tool_sign --pin "$shim_pin" || fail 'pkcs11-tool did not sign'
sign_verifies || fail 'the signature is wrong'
is "$(shim_counted 'SAST 1')" 0 'wrong PINs after a right one'
shim_wrong_pins 'SAST 1' 14
is "$(pin_flags 'SAST 1')" 'user PIN count low,final user PIN try' 'flags before the last try'
if tool_sign --pin 111111; then fail 'pkcs11-tool signed with a wrong PIN'; fi
grep -q CKR_PIN_INCORRECT "$work/tool" || fail 'the last wrong PIN is not called wrong'
is "$(pin_flags 'SAST 1')" 'user PIN count low,user PIN locked' 'flags after the last try'
if tool_sign --pin "$shim_pin"; then fail 'pkcs11-tool signed with a locked token'; fi
grep -q CKR_PIN_LOCKED "$work/tool" || fail 'a right PIN opens a locked token'
is "$(pin_flags 'SAST 2')" '' 'flags of another token'
tool --token-label 'SAST 1' --login --login-type so --so-pin "$shim_so_pin" --init-pin --new-pin "$shim_pin" \
  >/dev/null || fail 'the SO did not unlock it'
is "$(pin_flags 'SAST 1')" '' 'flags after the SO unlocked it'
shim_set so-pin-tries 'SAST 1' 2
for _ in 1 2; do
  tool --token-label 'SAST 1' --login --login-type so --so-pin 11111111 --init-pin --new-pin 123456 >/dev/null &&
    fail 'a wrong SO PIN was taken'
done
is "$(pin_flags 'SAST 1')" 'SO PIN count low,SO PIN locked' 'flags after wrong SO PINs'
shim_clear
shim_wrong_pins 'SAST 1' 0

# ---- PIN pad, second PIN ----
shim_set pin-pad 'SAST 1'
is "$(pin_flags 'SAST 1')" 'PIN pad present' 'flags with a pad'
if tool_sign </dev/null; then fail 'a PIN that nobody typed was taken'; fi
shim_set pin-pad-types "$shim_pin"
tool_sign </dev/null || fail 'the PIN from the pad was not taken'
sign_verifies || fail 'the signature is wrong'
expect 0 ctlclient token test "$CTL_TOKEN_1"
shim_clear
shim_set always-authenticate 'SAST 1'
tool_sign --pin "$shim_pin" || fail 'pkcs11-tool did not sign with a second PIN'
sign_verifies || fail 'the signature is wrong'
shim_clear

# ---- less than usual ----
shim_set no-mechanism CKM_SHA1_RSA_PKCS
tool --token-label 'SAST 1' --list-mechanisms >"$work/mechanisms"
grep -q 'RSA-PKCS,' "$work/mechanisms" || fail 'RSA-PKCS is not listed'
if grep -q 'SHA1-RSA-PKCS,' "$work/mechanisms"; then fail 'SHA1-RSA-PKCS is listed'; fi
expect 0 ctlclient token test "$CTL_TOKEN_1"
shim_set no-mechanism CKM_RSA_PKCS 'SAST 1'
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'SAST 1'
if tool_sign --pin "$shim_pin"; then fail 'pkcs11-tool signed without the mechanism'; fi
expect 0 ctlclient token test "$CTL_TOKEN_2"
shim_clear
shim_set delay C_Login 1500
before=$(date +%s%N)
tool_sign --pin "$shim_pin" || fail 'pkcs11-tool did not sign'
[ $(($(date +%s%N) - before)) -gt 1500000000 ] || fail 'there was no delay'
shim_clear
shim_set hang C_Login
expect 124 timeout 1 ctlclient token test "$CTL_TOKEN_1"
shim_clear

# ---- lies ----
shim_set lie-cert "$work/cert2.der" 'SAST 1'
tool --token-label 'SAST 1' --read-object --type cert --label sast --output-file "$work/lie.der" >/dev/null
same "$work/lie.der" "$work/cert2.der"
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'SAST 1'
shim_set lie-cert "$work/data"
expect 4 ctlclient token test "$CTL_TOKEN_2"
said 'SAST 2'
shim_clear
shim_set sign-flip 77
tool_sign --pin "$shim_pin" || fail 'pkcs11-tool did not sign'
if sign_verifies; then fail 'the flipped signature verifies'; fi
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'does not fit'
shim_clear
shim_set sign-length 12
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'SAST 1'
shim_clear

# A label with decoration is found by the plain one, unless it then fits twice.
shim_set label 'SAST 1' 'SAST 1 (User PIN)'
is "$(seen)" '0=SAST 1 (User PIN) 1=SAST 2 2=SAST 3 3=SAST 4' 'decorated label'
expect 0 ctlclient token test "$CTL_TOKEN_1"
shim_set label 'SAST 2' 'SAST 1 (Sign PIN)'
expect 4 ctlclient token test "$CTL_TOKEN_1"
said "${shim_serial["SAST 1"]}"
said "${shim_serial["SAST 2"]}"
shim_clear
shim_set label 'SAST 1' $'%1b[2J%00\\%ff'
shim_set serial 'SAST 1' '12 34'
expect 0 ctlclient token list
if LC_ALL=C grep -q $'\x1b' "$work/out"; then fail 'a label reached the terminal as it is'; fi
expect 0 ctlclient token list --json
uri=$(json '.[] | select(.serial == "12 34") | .uri')
expect 0 ctlclient token test "$uri"
expect 0 ctlclient token test 'pkcs11:serial=12%2034'
shim_clear
for lie in 'slot-list-length 1000000' 'slot-list-length 4294967296' 'slot-count 0' 'find-length 4294967295' \
  'attribute-length CKA_VALUE 18446744073709551615' 'attribute-length CKA_ID 100000' 'attribute-length CKA_LABEL 0' \
  'attribute-value CKA_LABEL %00%1b' 'attribute-value CKA_VALUE ""' 'find-endless' 'find-nothing 2 1'; do
  shim_clear
  echo "$lie" | shim_replace
  for command in 'token list' "token show $CTL_TOKEN_1" "token test $CTL_TOKEN_1"; do
    code=0
    # shellcheck disable=SC2086
    timeout 60 ctlclient $command >"$work/out" 2>"$work/err" </dev/null || code=$?
    case $code in
      0 | 1 | 3 | 4) ;;
      *) cat "$work/err" >&2; fail "$lie: exit code $code of $command" ;;
    esac
  done
done
