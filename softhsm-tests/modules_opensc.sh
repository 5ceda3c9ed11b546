#!/usr/bin/env bash
# OpenSC with a real pcscd: two PIV cards in a virtual reader (vsmartcard-vpcd), played by piv_card.
. "$(dirname "${BASH_SOURCE[0]}")/modules_lib.sh"

need_pcscd
cd "$work"
export CTL_MODULE=opensc-pkcs11.so
card_make one "SAST 1"
card_make two "SAST 2"
export PIN=$CARD_PIN WRONG=111111
export CTL_PIN_FILE=$work/pin
echo "$PIN" >"$CTL_PIN_FILE"

# ---- no reader service, no card ----
expect 0 ctlclient token list --json
is "$(json length)" 0 "tokens without pcscd"
expect 4 ctlclient token test 'pkcs11:token=SAST%201'
first_problem() { # STEP
  expect 4 ctlclient doctor --json
  is "$(json '[.steps[] | select(.state == "wrong")][0].step')" "$1" "the first problem that doctor names"
}
first_problem reader-service
pcscd_start
expect 0 ctlclient token list --json
is "$(json length)" 0 "tokens without a card"
first_problem token

# ---- one card ----
card_in one 0
expect 0 ctlclient token list --json
is "$(json length)" 1 "tokens with one card"
is "$(json '.[0].label')" "SAST 1" "label"
is "$(json '.[0].pin')" ok "state of the PIN"
is "$(json '.[0].software | not')" true "not a software token"
is "$(json '.[0].certificates | length')" 2 "certificates on the card"
serial1=$(json '.[0].serial')
key1=$(json '.[0].certificates[] | select(.id == "01") | .uri')
signing1=$(json '.[0].certificates[] | select(.id == "02") | .uri')
expect 0 ctlclient token test "$key1"
said "this token can sign CTLs"
expect 0 ctlclient token test "$key1" --json
is "$(json '[.signed.sha1, .signed.sha512, .key.sensitive, .key.private, .can_sign] | all')" true "facts"
is "$(json .key.bits)" 2048 "bits"
same <(openssl x509 -inform DER -in one/9a.der -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f) \
  <(json '.token.certificates[0].sha256')
expect 4 ctlclient token test 'pkcs11:token=SAST%201'
said "Certificate for Digital Signature"

# The key in slot 9c wants the PIN before each signature.
expect 0 ctlclient token test "$signing1" --json
is "$(json '[.signed.sha1, .signed.sha512, .key.always_authenticate, .can_sign] | all')" true "facts of 9c"

# ---- two cards at once ----
card_in two 1
expect 0 ctlclient token list --json
is "$(json length)" 2 "tokens with two cards"
serial2=$(json '.[] | select(.label == "SAST 2") | .serial')
key2=$(json '.[] | select(.label == "SAST 2") | .certificates[] | select(.id == "01") | .uri')
expect 4 ctlclient token test 'pkcs11:manufacturer=piv_II'
said "$serial1"
said "$serial2"

# ---- a list signed by a card ----
for name in ccm capf; do
  openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj "/O=Test/OU=Voice/CN=$name" -keyout $name.key -out $name.pem 2>/dev/null
done
servers=(--server role=ccm+tftp,host=pub,ip=192.0.2.10,cert=ccm.pem --server role=capf,host=pub,ip=192.0.2.10,cert=capf.pem)
openssl x509 -inform DER -in one/9a.der -out one.pem
openssl x509 -inform DER -in two/9a.der -out two.pem
expect 0 ctlclient ctl create -o 1.tlv --signer "$key1" --sast "$key1" --sast "$key2" "${servers[@]}"
openssl_verifies 1.tlv sha1 256 one.pem || fail "openssl does not verify the card's signature"
expect 0 ctlclient ctl update -i 1.tlv -o 2.tlv --digest sha512 --signer "$key2"
openssl_verifies 2.tlv sha512 256 two.pem || fail "openssl does not verify the other card's signature"
expect 0 ctlclient ctl verify 2.tlv --previous 1.tlv

# ---- a card taken out, and put into another reader ----
card_out two
expect 4 ctlclient token test "$key2"
said "no token fits"
card_out one
expect 4 ctlclient token wait --timeout 1 "$key1"
start wait ctlclient token wait --timeout 60 "$key1"
card_in one 1
wait "${pids[wait]}" || fail "the card was not seen: $(cat wait.log)"
unset "pids[wait]"
expect 0 ctlclient token test "$key1" --json
is "$(json .can_sign)" true "verdict after the card has moved"
expect 0 ctlclient ctl update -i 2.tlv -o 3.tlv --signer "$key1"
openssl_verifies 3.tlv sha512 256 one.pem || fail "openssl does not verify the signature after the card has moved"

# ---- wrong PINs: this card locks itself after three ----
refused() { # text
  expect 4 ctlclient ctl update -i 2.tlv -o no.tlv --signer "$key1" "${@:2}"
  said "$1"
  [ ! -e no.tlv ] || fail "a list was written without a signature"
}
pin_is() {
  expect 0 ctlclient token show "$key1" --json
  is "$(json .pin)" "$1" "state of the PIN"
}
refused "the PIN is wrong" --pin-source env:WRONG
refused "the next wrong PIN locks the token" --pin-source env:WRONG
pin_is final-try
refused "no PIN was tried" --pin-source env:PIN
pin_is final-try
expect 0 ctlclient token test "$key1" --allow-final-try
pin_is ok
refused "the PIN is wrong" --pin-source env:WRONG
refused "the PIN is wrong" --pin-source env:WRONG
refused "locked" --pin-source env:WRONG --allow-final-try
pin_is locked
refused "locked" --pin-source env:PIN --allow-final-try
said 'pkcs15-tool --unblock-pin --auth-id 01'
PUK=$CARD_PUK expect 4 ctlclient token unblock "$key1" --so-pin-source env:PUK --pin-source env:PIN
said 'pkcs15-tool --unblock-pin --auth-id 01'

# ---- unlocked with OpenSC's own tool, as doc/tokens.md says ----
pkcs15-tool --unblock-pin --auth-id 01 --puk "$CARD_PUK" --new-pin 918273 >/dev/null 2>&1
pin_is ok
export NEW=918273 NEWER=645342
expect 0 ctlclient token test "$key1" --pin-source env:NEW
expect 0 ctlclient token change-pin "$key1" --pin-source env:NEW --new-pin-source env:NEWER
refused "the PIN is wrong" --pin-source env:NEW
expect 0 ctlclient ctl update -i 2.tlv -o 4.tlv --signer "$key1" --pin-source env:NEWER
