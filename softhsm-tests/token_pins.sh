#!/usr/bin/env bash
# PINs: where they come from, what the counter allows, changing and unblocking them, PIN pads, keys
# that ask again. On simulated readers (shim.sh), with pkcs11-tool as the second opinion.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

shim_setup
unset CTL_PIN_FILE CTL_ASKPASS SSH_ASKPASS
export PIN=$shim_pin SO=$shim_so_pin WRONG=000000 NEW=662607 NEXT=1380649
pin_file=$shim_home/pin
uri=$CTL_TOKEN_1

state_is() { # LABEL STATE
  ctlclient token list --json >"$work/list" 2>/dev/null
  is "$(jq -r --arg l "$1" '.[] | select(.label == $l) | .pin' "$work/list")" "$2" "state of the PIN of $1"
}

# pkcs11-tool logs in with this PIN.
logs_in() { # LABEL PIN
  pkcs11-tool --module "$CTL_MODULE" --token-label "$1" --login --pin "$2" --list-objects --type privkey \
    >"$work/out" 2>&1 && grep -q 'Private Key' "$work/out"
}

never_shown() {
  local pin
  for pin in "$PIN" "$SO" "$NEW" "$NEXT"; do
    if grep -qF "$pin" "$work/out" "$work/err"; then fail "a PIN was shown: $(cat "$work/out" "$work/err")"; fi
  done
}

# ---- sources ----
expect 0 ctlclient token test "$uri" --pin-source env:PIN
never_shown
expect 0 ctlclient token test "$uri" --pin-source "file:$pin_file"
exec 7<<<"$PIN"
expect 0 ctlclient token test "$uri" --pin-source fd:7
exec 7<&-
for source in "file:$pin_file" "file://$pin_file" "file://localhost$pin_file" "$pin_file" env:PIN; do
  expect 0 ctlclient token test "$uri?pin-source=$source" --pin-source env:WRONG
done
expect 2 ctlclient token test "$uri?pin-source=%7Ccat%20$pin_file"
said 'a command, which is not run'
expect 2 ctlclient token test "$uri?pin-source=$PIN"
never_shown
CTL_PIN_FILE=$pin_file expect 0 ctlclient token test "$uri"
state_is 'SAST 1' ok

# A PIN in the URI: used, and warned of; never repeated in a message.
expect 0 ctlclient token test "$uri?pin-value=$PIN"
said 'pin-value'
said 'history'
never_shown
expect 4 ctlclient token test "pkcs11:token=nobody?pin-value=$PIN"
never_shown
code=0
ctlclient token test "pkcs11:token=nobody?pin-value=$PIN&pin-value=$NEW" >"$work/out" 2>"$work/err" || code=$?
[ "$code" -ne 0 ] || fail 'two PINs are taken'
never_shown
expect 2 ctlclient token test "$uri?pin-value=$PIN&pin-source=env:PIN"
never_shown

# ... nor is it to be seen by who looks at the running program.
printf '#!/bin/sh\ntr "\\0" " " </proc/$PPID/cmdline >%q\necho %s\n' "$work/cmdline" "$SO" >"$work/peek"
chmod +x "$work/peek"
expect 0 ctlclient token unblock "$uri?pin-value=$PIN" --so-pin-source "askpass:$work/peek" --pin-source env:PIN
grep -q 'pin-value=\*\*' "$work/cmdline" || fail "what others see: $(cat "$work/cmdline")"
if grep -qF "$PIN" "$work/cmdline"; then fail 'others see the PIN'; fi

# An askpass program.
cat >"$work/askpass" <<EOA
#!/bin/sh
echo "\$1" >"$work/asked"
ls -l /proc/\$\$/fd >"$work/descriptors"
cat "$pin_file"
EOA
chmod +x "$work/askpass"
expect 0 ctlclient token test "$uri" --pin-source "askpass:$work/askpass"
grep -q 'PIN of the token SAST 1 (serial .*), to sign a test' "$work/asked" || fail "asked: $(cat "$work/asked")"
CTL_ASKPASS=$work/askpass expect 0 ctlclient token test "$uri" --pin-source askpass
SSH_ASKPASS=$work/askpass expect 0 ctlclient token test "$uri" --pin-source askpass
CTL_ASKPASS=$work/askpass expect 0 setsid --wait ctlclient token test "$uri"
expect 2 ctlclient token test "$uri" --pin-source askpass
printf '#!/bin/sh\nexit 1\n' >"$work/cancel"
chmod +x "$work/cancel"
expect 1 ctlclient token test "$uri" --pin-source "askpass:$work/cancel"
said 'cancelled'
expect 1 ctlclient token test "$uri" --pin-source askpass:/nonexistent
state_is 'SAST 1' ok

# ---- the counter ----
expect 4 ctlclient token test "$uri" --pin-source env:WRONG
said 'the PIN is wrong'
said 'locks itself after a few more'
is "$(shim_counted 'SAST 1')" 1 'wrong PINs after one try with a wrong PIN'
expect 0 ctlclient token test "$uri" --pin-source env:PIN
said 'warning: a wrong PIN was given'
state_is 'SAST 1' ok

shim_set pin-tries 'SAST 1' 3
shim_wrong_pins 'SAST 1' 2
state_is 'SAST 1' final-try
expect 4 ctlclient token test "$uri" --pin-source env:PIN
said 'no PIN was tried'
said '--allow-final-try'
is "$(shim_counted 'SAST 1')" 2 'wrong PINs after a refusal'
expect 0 ctlclient token test "$uri" --pin-source env:PIN --allow-final-try
said 'if this PIN is wrong the token SAST 1 locks itself'
shim_wrong_pins 'SAST 1' 2
expect 4 ctlclient token test "$uri" --pin-source env:WRONG --allow-final-try
said 'is locked'
said "ctlclient token unblock 'pkcs11:serial=${shim_serial['SAST 1']};token=SAST%201'"
state_is 'SAST 1' locked
expect 4 ctlclient token test "$uri" --pin-source env:PIN --allow-final-try
said 'is locked'

# ---- unblock ----
expect 4 ctlclient token unblock "$uri" --so-pin-source env:WRONG --pin-source env:NEW
said 'with the SO PIN'
state_is 'SAST 1' locked
printf 12 >"$work/short"
expect 3 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source "file:$work/short"
said '4 to 255 characters'
state_is 'SAST 1' locked
expect 0 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:NEW
said 'has a new PIN'
never_shown
state_is 'SAST 1' ok
logs_in 'SAST 1' "$NEW" || fail 'the new PIN does not hold'
expect 0 ctlclient token test "$uri" --pin-source env:NEW

# The SO PIN has a counter, too.
shim_set so-pin-tries 'SAST 1' 3
shim_wrong_pins 'SAST 1' 0 2
expect 4 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:NEW
said 'if the next SO PIN is wrong'
expect 4 ctlclient token change-pin --so "$uri" --pin-source env:SO --new-pin-source env:NEW
said 'if the next SO PIN is wrong'
expect 4 ctlclient token init --label gone --serial "${shim_serial['SAST 1']}" --yes --so-pin-source env:SO --pin-source env:PIN
said 'if the next SO PIN is wrong'
expect 0 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:NEXT --allow-final-try
said 'if this SO PIN is wrong'
shim_wrong_pins 'SAST 1' 0 3
expect 4 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:NEW --allow-final-try
said 'the SO PIN of the token SAST 1'
said "maker's tool"
# A wrong one is told with what its counter says now; what is on the token stays.
init_with() { # SO PIN
  SO=$1 expect 4 ctlclient token init --label gone --serial "${shim_serial['SAST 1']}" --yes --so-pin-source env:SO \
    --pin-source env:PIN
}
for said_of in '0 a few more' '1 the next wrong PIN locks'; do
  shim_wrong_pins 'SAST 1' 0 "${said_of%% *}"
  init_with "$NEW"
  said 'cannot initialise the token SAST 1'
  said CKR_PIN_INCORRECT
  said "${said_of#* }"
done
shim_wrong_pins 'SAST 1' 0 2
SO=$NEW expect 4 ctlclient token init --label gone --serial "${shim_serial['SAST 1']}" --yes --so-pin-source env:SO \
  --pin-source env:PIN --allow-final-try
said 'the SO PIN of the token SAST 1'
said 'is locked'
shim_wrong_pins 'SAST 1' 0 0
expect 0 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:PIN

# ---- change-pin ----
shim_clear pin-tries
expect 0 ctlclient token change-pin "$uri" --pin-source env:PIN --new-pin-source env:NEW
said 'the PIN of the token SAST 1'
never_shown
logs_in 'SAST 1' "$NEW" || fail 'the new PIN does not hold'
if logs_in 'SAST 1' "$PIN"; then fail 'the old PIN still holds'; fi
expect 4 ctlclient token change-pin "$uri" --pin-source env:WRONG --new-pin-source env:PIN
said 'the PIN is wrong'
expect 3 ctlclient token change-pin "$uri" --pin-source env:NEW --new-pin-source env:NEW
said 'is the old one'
expect 3 ctlclient token change-pin "$uri" --pin-source env:NEW --new-pin-source "file:$work/short"
said '4 to 255 characters'
expect 0 ctlclient token test "$uri" --pin-source env:NEW
shim_set fail C_SetPIN CKR_PIN_TOO_WEAK
expect 4 ctlclient token change-pin "$uri" --pin-source env:NEW --new-pin-source env:PIN
said 'did not take the new PIN'
said 'still holds'
shim_clear fail
for weak in Cisco123:'everybody knows' 00000000:'over and over' 12345678:'in order' \
  "${shim_serial['SAST 1']}:read off"; do
  echo "${weak%%:*}" >"$work/weak"
  expect 0 ctlclient token change-pin "$uri" --pin-source env:NEW --new-pin-source "file:$work/weak"
  said "${weak#*:}"
  expect 0 ctlclient token change-pin "$uri" --pin-source "file:$work/weak" --new-pin-source env:NEW
done
expect 0 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:PIN
expect 0 ctlclient token change-pin --so "$uri" --pin-source env:SO --new-pin-source env:NEXT
said 'the SO PIN of the token'
expect 4 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:PIN
expect 0 ctlclient token unblock "$uri" --so-pin-source env:NEXT --pin-source env:PIN
expect 0 ctlclient token change-pin --so "$uri" --pin-source env:NEXT --new-pin-source env:SO
expect 0 ctlclient token change-pin --tips
said 'birthday'
expect 0 ctlclient token change-pin "$uri" --tips
said '4 to 255 characters'
expect 2 ctlclient token change-pin

# ---- typed ----
asked 'PIN of the token SAST 1' "$PIN" 'New PIN of the token SAST 1, 4 to 255 characters' "$NEW" \
  'The same again' "$NEW" -- ctlclient token change-pin "$uri"
is "$code" 0 'exit code of a change that was typed'
never_shown
asked 'SO PIN of the token SAST 1' "$SO" 'New PIN' "$PIN" 'The same again' "$PIN" -- ctlclient token unblock "$uri"
is "$code" 0 'exit code of unblocking that was typed'
asked 'PIN of the token SAST 1' "$PIN" 'New PIN' "$NEW" 'The same again' "$NEXT" -- ctlclient token change-pin "$uri"
is "$code" 4 'exit code with two different entries'
said 'differ'
expect 0 ctlclient token test "$uri" --pin-source env:PIN

# Wrong once, the counter says nothing of it: a person is asked again. With the counter low: not.
shim_set fail C_Login CKR_PIN_INCORRECT 1
asked 'PIN of the token SAST 1' typo 'once more (2 of 3)' "$PIN" -- ctlclient token test "$uri"
is "$code" 0 'exit code after a second entry'
shim_clear fail
shim_set fail C_Login CKR_PIN_INCORRECT
asked 'PIN of the token SAST 1' one '(2 of 3)' two '(3 of 3)' three -- ctlclient token test "$uri"
is "$code" 4 'exit code after three wrong ones'
expect 4 ctlclient token test "$uri" --pin-source env:PIN
if grep -q 'once more' "$work/err"; then fail 'a PIN that no person typed was asked for again'; fi
shim_clear fail
asked 'PIN of the token SAST 1' "$WRONG" -- ctlclient token test "$uri"
is "$code" 4 'exit code after a wrong one that was counted'
is "$(shim_counted 'SAST 1')" 1 'wrong PINs'
asked '[a wrong PIN was given before]' "$PIN" -- ctlclient token test "$uri"
is "$code" 0 'exit code with the counter low'
shim_wrong_pins 'SAST 1' 14
asked '[LAST TRY: a wrong PIN locks the token]' "$PIN" -- ctlclient token test "$uri" --allow-final-try
is "$code" 0 'exit code of the last try'

# ---- a PIN pad ----
shim_set pin-pad 'SAST 2'
shim_set pin-pad-types "$PIN"
expect 0 ctlclient token test "$CTL_TOKEN_2"
said 'Enter the PIN of the token SAST 2'
shim_set pin-pad-types-new "$NEW"
expect 0 ctlclient token change-pin "$CTL_TOKEN_2"
said 'on the reader'
shim_set pin-pad-types-so "$SO"
shim_clear pin-pad-types-new
shim_set pin-pad-types-new "$PIN"
expect 0 ctlclient token unblock "$CTL_TOKEN_2"
expect 0 ctlclient token test "$CTL_TOKEN_2"
shim_clear pin-pad-types
expect 4 ctlclient token test "$CTL_TOKEN_2"
said 'cancelled'
shim_clear pin-pad

# ---- a key that asks each time ----
shim_set always-authenticate 'SAST 3'
expect 0 ctlclient token test "$CTL_TOKEN_3" --pin-source env:PIN --json
is "$(json '.key.always_authenticate and .signed.sha512')" true 'signed by a key that asks again'
said 'asks for the PIN again before each signature: the one given is used again'
never_shown
exec 7<<<"$PIN"
expect 0 ctlclient token test "$CTL_TOKEN_3" --pin-source fd:7
exec 7<&-
asked 'to sign a certificate request' "$PIN" 'once more: its key asks' "$PIN" -- \
  ctlclient token csr "$CTL_TOKEN_3" -o "$work/asks.csr"
is "$code" 0 'exit code of a request by a key that asks again'
openssl req -in "$work/asks.csr" -verify -noout 2>/dev/null || fail 'the request is not signed by its key'
asked 'to sign a certificate request' "$PIN" 'once more: its key asks' "$WRONG" -- \
  ctlclient token csr "$CTL_TOKEN_3" -o "$work/none.csr"
is "$code" 4 'exit code with a wrong PIN the second time'
[ ! -e "$work/none.csr" ] || fail 'a request without a signature was written'
is "$(shim_counted 'SAST 3')" 1 'wrong PINs after one at the second question'
shim_set pin-pad 'SAST 3'
shim_set pin-pad-types "$PIN"
expect 0 ctlclient token test "$CTL_TOKEN_3"
said 'on its reader once more'
