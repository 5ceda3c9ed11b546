#!/usr/bin/env bash
# ctlclient token list, show, init, keygen, test, on a SoftHSM of our own: exit codes, JSON, where
# PINs come from, and the result looked at with programs that are not ours.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

module=$(softhsm_module)
mkdir "$work/hsm"
cat >"$work/softhsm2.conf" <<EOF
directories.tokendir = $work/hsm
objectstore.backend = file
log.level = ERROR
EOF
export SOFTHSM2_CONF=$work/softhsm2.conf CTL_MODULE=$module
export SO=31415926 PIN=271828 WRONG=000000
echo "$PIN" >"$work/pin"

# ---- an empty SoftHSM ----
expect 0 ctlclient token list
said 'no token found'
expect 0 ctlclient token list --json
is "$(json length)" 0 'number of tokens'
expect 0 ctlclient token list --all
said 'not initialised'
expect 4 ctlclient token show 'pkcs11:token=SAST%201'
said 'no token fits'
expect 4 ctlclient token list --module "$work/pin"
said 'cannot load the PKCS#11 module'

# What to do first is said, and leads on (the last step: a test that it can sign).
expect 4 env PCSCLITE_CSOCK_NAME="$work/no-pcscd" ctlclient doctor --json
is "$(json .first_problem.step)" token 'first problem with an empty slot'
json .first_problem.mend | grep -qF 'ctlclient token init --label' || fail "no way out: $(cat "$work/out")"

# ---- init ----
expect 2 ctlclient token init --so-pin-source env:SO --pin-source env:PIN
expect 2 ctlclient token init --label 123456789012345678901234567890123 --so-pin-source env:SO --pin-source env:PIN
said '32 bytes'
expect 2 ctlclient token init --label x --serial 1 --slot 2 --so-pin-source env:SO --pin-source env:PIN
expect 2 ctlclient token init --label x --so-pin-source env:SO --pin-source "$PIN"
if grep -qF "$PIN" "$work/out" "$work/err"; then fail 'a PIN given by mistake was shown'; fi
expect 1 ctlclient token init --label x --so-pin-source env:NOT_SET --pin-source env:PIN
expect 4 ctlclient token init --label x --slot 4711 --so-pin-source env:SO --pin-source env:PIN
expect 0 ctlclient token list --json
is "$(json length)" 0 'number of tokens after failures'

expect 0 ctlclient token init --label 'SAST 1' --so-pin-source env:SO --pin-source "file:$work/pin" --json
serial1=$(json .serial)
is "$(json .label)" 'SAST 1' 'label'
is "$(json .software)" true 'software'
asked 'New SO PIN' "$SO" 'The same again' "$SO" 'New PIN' "$PIN" 'The same again' nonsense -- \
  ctlclient token init --label 'Zürich ☎'
is "$code" 4 'exit code with two different entries'
said 'differ'
exec 7<<<"$PIN"
expect 0 ctlclient token init --label 'Zürich ☎' --so-pin-source env:SO --pin-source fd:7 --json
exec 7<&-
uri2=$(json .uri)
is "$(json .label)" 'Zürich ☎' 'label'
pkcs11-tool --module "$module" --list-token-slots 2>/dev/null >"$work/slots"
grep -qF "$serial1" "$work/slots" || fail 'pkcs11-tool does not see the token'

# ---- keygen ----
uri1='pkcs11:token=SAST%201'
expect 2 ctlclient token keygen "$uri1" --pin-source env:PIN
expect 2 ctlclient token keygen "$uri1" --subject 'O=nobody' --pin-source env:PIN
expect 2 ctlclient token keygen "$uri1" --subject 'CN=x' --bits 3072 --pin-source env:PIN
said 'no code'
expect 2 ctlclient token keygen "$uri1" --subject 'CN=x' --bits 2k --pin-source env:PIN
expect 2 ctlclient token keygen "$uri1?pin-value=$PIN&pin-source=env:PIN" --subject 'CN=x'
if grep -qF "$PIN" "$work/out" "$work/err"; then fail 'a PIN in a URI was shown'; fi
expect 4 ctlclient token keygen "$uri1" --subject 'CN=x' --pin-source env:WRONG
said 'the PIN is wrong'
# Nobody to ask: a session without a terminal.
expect 2 setsid --wait ctlclient token keygen "$uri1" --subject 'CN=x'
said 'no terminal'
said '--pin-source'

expect 0 ctlclient token keygen "$uri1;object=sast" --subject 'CN=SAST-1,OU=Voice,O=Ex\, Ample' \
  --days 365 --pin-source env:PIN --json
is "$(json .label)" sast 'label of the key'
is "$(json .subject)" 'CN=SAST-1,OU=Voice,O=Ex\, Ample' 'subject'
is "$(json .key)" 'RSA 2048' 'kind of key'
object=$(json .uri)
sha256=$(json .sha256)
cert_serial=$(json .serial)
expect 4 ctlclient token keygen "$uri1" --subject 'CN=x' --pin-source env:PIN
said 'holds a key or certificate sast already'
CTL_PIN_FILE=$work/pin expect 0 ctlclient token keygen "$uri2" --subject 'CN=SAST-2' --bits 1024
said 'weak'
said 'the subject has no O='

# ---- what others find ----
tool=(pkcs11-tool --module "$module" --token-label 'SAST 1')
"${tool[@]}" --read-object --type cert --label sast --output-file "$work/cert.der" >/dev/null 2>&1
openssl x509 -inform DER -in "$work/cert.der" -out "$work/cert.pem"
is "$(openssl x509 -in "$work/cert.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)" \
  "$sha256" 'fingerprint'
is "$(openssl x509 -in "$work/cert.pem" -noout -serial | cut -d= -f2 | tr A-F a-f)" "$cert_serial" 'serial number'
is "$(openssl x509 -in "$work/cert.pem" -noout -subject -nameopt RFC2253)" \
  'subject=CN=SAST-1,OU=Voice,O=Ex\, Ample' 'subject by openssl'
openssl verify -check_ss_sig -CAfile "$work/cert.pem" "$work/cert.pem" >/dev/null 2>&1 ||
  fail 'the certificate does not verify itself'
openssl x509 -in "$work/cert.pem" -noout -text >"$work/text"
for line in 'Version: 3' 'CA:FALSE' 'Digital Signature, Non Repudiation' 'sha256WithRSAEncryption'; do
  grep -qF "$line" "$work/text" || fail "not in the certificate: $line"
done
openssl x509 -in "$work/cert.pem" -noout -checkend $((364 * 86400)) >/dev/null || fail 'valid for too short a time'
if openssl x509 -in "$work/cert.pem" -noout -checkend $((366 * 86400)) >/dev/null; then fail 'valid for too long'; fi
"${tool[@]}" --login --pin "$PIN" --list-objects --type privkey 2>/dev/null >"$work/objects"
grep -q 'Access:.*sensitive.*never extractable' "$work/objects" || fail "the key may leave the token: $(cat "$work/objects")"
id=$("${tool[@]}" --list-objects --type cert 2>/dev/null | awk '$1 == "ID:" {print $2}')
grep -qF "$id" "$work/objects" || fail 'key and certificate have different ids'

# ---- list, show ----
expect 4 ctlclient token test "$object" --pin-source env:WRONG
expect 0 ctlclient token list
said 'SAST 1'
said "'$object'"
expect 0 ctlclient token list --json
is "$(json length)" 2 'number of tokens'
is "$(json '.[] | select(.label == "SAST 1") | .serial')" "$serial1" 'serial number of the token'
is "$(json '.[] | select(.label == "SAST 1") | .pin')" count-low 'state of the PIN after a wrong one'
is "$(json '.[] | select(.label == "SAST 1") | .certificates[0].uri')" "$object" 'URI of the certificate'
expect 0 ctlclient token show "$object" --json
is "$(json '.certificates[0].sha256')" "$sha256" 'fingerprint in show'
expect 0 ctlclient token show "pkcs11:serial=$serial1"
said 'SAST-1'
expect 4 ctlclient token show 'pkcs11:manufacturer=SoftHSM%20project'
said "$serial1"
expect 2 ctlclient token show 'SAST 1'
expect 2 ctlclient token show

# ---- test ----
expect 0 ctlclient token test "$object" --pin-source env:PIN
said 'this token can sign CTLs'
said 'software token'
expect 0 ctlclient token test "$object?pin-source=file:$work/pin" --json
is "$(json .can_sign)" true 'verdict'
is "$(json '[.signed.sha1, .signed.sha512, .key.sensitive, .key.never_extractable] | all')" true 'facts'
is "$(json '.key.extractable or .key.always_authenticate | not')" true 'more facts'
expect 4 ctlclient token test "$object" --pin-source env:WRONG
expect 0 ctlclient token test "$object" --pin-source env:PIN
said 'a wrong PIN was given'
expect 4 ctlclient token test "$uri1;object=other" --pin-source env:PIN

asked 'PIN of the token SAST 1' "$PIN" -- ctlclient token test "$object"
is "$code" 0 'exit code with the PIN typed in'
if grep -qF "$PIN" "$work/out"; then fail 'the PIN was echoed'; fi
asked 'PIN of the token SAST 1' "$WRONG" -- ctlclient token test "$object"
is "$code" 4 'exit code with a wrong PIN typed in'

# p11-kit's modules, SoftHSM among them, see the same token.
if [ -e /usr/share/p11-kit/modules/softhsm2.module ]; then
  # Whatever else is installed here may leak.
  expect 0 env -u CTL_MODULE ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" ctlclient token list --json
  is "$(json '[.[] | select(.label == "SAST 1")] | length')" 1 'tokens SAST 1 through p11-kit'
fi

# A size the format has no code for.
"${tool[@]}" --login --pin "$PIN" --keypairgen --key-type rsa:3072 --label big --id 77 >/dev/null 2>&1
openssl req -x509 -newkey rsa:3072 -nodes -subj /CN=big -keyout "$work/big.key" -outform DER -out "$work/big.der" 2>/dev/null
"${tool[@]}" --login --pin "$PIN" --write-object "$work/big.der" --type cert --label big --id 77 >/dev/null 2>&1
expect 3 ctlclient token test "$uri1;object=big" --pin-source env:PIN
said 'no code'
expect 3 ctlclient token test "$uri1;object=big" --pin-source env:PIN --json
is "$(json '.can_sign | not')" true 'verdict on 3072 bits'

# Without its private key.
"${tool[@]}" --login --pin "$PIN" --delete-object --type privkey --id "$id" >/dev/null 2>&1
expect 4 ctlclient token test "$object" --pin-source env:PIN
said 'not its private key'

# ---- init again ----
asked 'Initialise it?' n -- ctlclient token init --label other --serial "$serial1"
is "$code" 1 'exit code of a cancelled init'
said 'SAST-1'
expect 4 ctlclient token init --label other --serial "$serial1" --so-pin-source env:WRONG --pin-source env:PIN
expect 0 ctlclient token show "$uri1" --json
expect 0 ctlclient token init --label 'SAST 9' --serial "$serial1" --so-pin-source env:SO --pin-source env:PIN --yes
said 'will be lost'
expect 4 ctlclient token show "$uri1"
expect 0 ctlclient token show 'pkcs11:token=SAST%209' --json
is "$(json '.certificates | length')" 0 'certificates after init'

# ---- the front door ----
expect 2 ctlclient token
expect 2 ctlclient token lst
expect 2 ctlclient token list extra
expect 0 ctlclient token --help
for c in list show init keygen test; do
  expect 0 ctlclient token $c --help
done
