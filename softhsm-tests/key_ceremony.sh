#!/usr/bin/env bash
# The record of making keys: token init, keygen, import-cert, change-pin and unblock with
# --transcript, each checked by "transcript verify", and by openssl.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$work"
mkdir tokens
echo "directories.tokendir = $work/tokens" >softhsm.conf
export SOFTHSM2_CONF=$work/softhsm.conf PIN=271828 SO=31415926 NEW=662607
CTL_MODULE=$(softhsm_module)
export CTL_MODULE
uri='pkcs11:token=SAST%201;object=sast'

no_secret() { # FILE
  local secret
  for secret in "$PIN" "$SO" "$NEW"; do
    if grep -qF "$secret" "$1"; then fail "a PIN is in the record $1"; fi
  done
}
# Without our programs, as doc/ceremony.md says.
openssl_agrees() { # FILE
  head -n -1 "$1" >lines
  tail -n 1 "$1" | jq -r .signature | base64 -d >signature
  openssl x509 -in sast.pem -pubkey -noout >key.pem
  openssl dgst -sha512 -verify key.pem -signature signature lines >/dev/null || fail "openssl does not verify $1"
}
steps() { # FILE
  jq -r .step "$1" | paste -sd' '
}

# ---- a token without a key cannot sign: the record says so, and counts only if that is accepted ----
expect 0 ctlclient token init --label 'SAST 1' --so-pin-source env:SO --pin-source env:PIN \
  --transcript init.record --operator 'Grace Hopper'
said '--continues init.record'
is "$(steps init.record)" 'begin modules token consent init end' 'steps of init'
is "$(jq -r 'select(.step == "init") | .token.label' init.record)" 'SAST 1' 'the token made'
expect 3 ctlclient transcript verify init.record --json
is "$(json .reason.id)" transcript-unsigned 'verdict'
expect 0 ctlclient transcript verify init.record --unsigned
said 'nobody signed it'
expect 1 ctlclient token init --label again --so-pin-source env:SO --pin-source env:PIN --transcript init.record
said 'exists already'

# ---- the new key signs the record of its making, which vouches for the one before ----
expect 0 ctlclient token keygen "$uri" --subject 'CN=SAST-1,OU=Voice,O=Example' --pin-source env:PIN \
  --transcript keygen.record --operator 'Grace Hopper' --continues init.record --json
json .sha256 >sha256
ctlclient token export-cert "$uri" -o sast.pem
is "$(steps keygen.record)" 'begin modules token login keygen end signature' 'steps of keygen'
is "$(jq -r 'select(.step == "keygen") | .certificate.sha256' keygen.record)" "$(cat sha256)" 'certificate recorded'
expect 0 ctlclient transcript verify keygen.record --cert sast.pem --continues init.record
said 'Grace Hopper'
said 'continues: init.record'
openssl_agrees keygen.record
cp init.record changed.record
sed -i 's/Grace Hopper/Mallory/' changed.record
expect 3 ctlclient transcript verify keygen.record --continues changed.record
expect 3 ctlclient transcript verify changed.record --unsigned
# A signature that was taken away is not one that never was.
head -n -1 keygen.record >cut.record
expect 3 ctlclient transcript verify cut.record --unsigned --json
is "$(json .reason.id)" transcript-unfinished 'verdict on a record without its signature'
expect 3 ctlclient transcript verify init.record --unsigned --cert sast.pem

# ---- a certificate from elsewhere; PINs ----
openssl req -x509 -nodes -days 30 -subj /CN=CA -newkey rsa:2048 -keyout ca.key -out ca.pem 2>/dev/null
expect 0 ctlclient token csr "$uri" --pin-source env:PIN -o sast.csr
openssl x509 -req -in sast.csr -days 30 -CA ca.pem -CAkey ca.key -out sast.pem 2>/dev/null
expect 0 ctlclient token import-cert 'pkcs11:token=SAST%201' sast.pem --replace --pin-source env:PIN --transcript import.record
is "$(steps import.record)" 'begin modules token login import end signature' 'steps of import-cert'
expect 0 ctlclient token change-pin "$uri" --pin-source env:PIN --new-pin-source env:NEW --transcript change.record
is "$(steps change.record)" 'begin modules token change-pin end signature' 'steps of change-pin'
expect 0 ctlclient token unblock "$uri" --so-pin-source env:SO --pin-source env:PIN --transcript unblock.record
is "$(steps unblock.record)" 'begin modules token unblock end signature' 'steps of unblock'
for record in import change unblock; do
  expect 0 ctlclient transcript verify $record.record --cert sast.pem
  openssl_agrees $record.record
done
expect 0 ctlclient token change-pin "$uri" --so --pin-source env:SO --new-pin-source env:NEW --transcript so.record
expect 0 ctlclient transcript verify so.record --unsigned

# ---- what fails is recorded, and proven by nobody ----
expect 4 ctlclient token keygen "$uri" --subject CN=x,OU=y,O=z --pin-source env:SO --transcript failed.record
is "$(jq -r 'select(.step == "login") | .error.id' failed.record)" pin-wrong 'what failed'
expect 3 ctlclient transcript verify failed.record --unsigned
expect 1 ctlclient token change-pin "$uri" --pin-source env:PIN --new-pin-source env:NEW --transcript "$work/no/folder"
expect 0 ctlclient token test "$uri" --pin-source env:PIN
expect 2 ctlclient token keygen "$uri" --subject CN=x --continues init.record
for record in *.record; do no_secret "$record"; done
