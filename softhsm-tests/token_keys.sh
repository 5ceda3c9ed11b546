#!/usr/bin/env bash
# Keys and their certificates: requests, certificates from elsewhere, a token authority in a file and
# on a token, what "token test" reports; certificates and names as nobody wants them; several
# modules. openssl and pkcs11-tool say whether it is right.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"

shim_setup
export PIN=$shim_pin SO=$shim_so_pin WRONG=000000
soft=$CTL_SHIM_MODULE
uri=pkcs11:token=SAST%201

tool() { # LABEL options, logged in
  local label=$1
  shift
  pkcs11-tool --module "$CTL_MODULE" --token-label "$label" --login --pin "$PIN" "$@" 2>&1
}

read_cert() { # LABEL OBJECT FILE
  pkcs11-tool --module "$CTL_MODULE" --token-label "$1" --read-object --type cert --label "$2" 2>/dev/null |
    openssl x509 -inform DER -out "$3"
}

holds() { # LABEL TYPE OBJECT: how many objects of that type and label the token has
  tool "$1" --list-objects --type "$2" | grep -c "^  label: *$3\$" || true
}

# An authority in files: NAME days extensions.
openssl_ca() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" -days "$2" \
    -subj "/O=Example/OU=Voice/CN=$1" -addext "$3" 2>/dev/null
}

certified_by() { # CA CERT
  openssl verify -partial_chain -x509_strict -CAfile "$1" "$2" >"$work/verify" 2>&1 || fail "$(cat "$work/verify")"
}

openssl_ca site 3650 keyUsage=critical,keyCertSign,cRLSign
openssl_ca other 3650 keyUsage=critical,keyCertSign,cRLSign

# ---- requests ----
expect 0 ctlclient token csr "$CTL_TOKEN_1" -o "$work/one.csr"
said "ctlclient token import-cert"
openssl req -in "$work/one.csr" -verify -noout >"$work/verify" 2>&1 || fail "$(cat "$work/verify")"
is "$(openssl req -in "$work/one.csr" -noout -subject -nameopt RFC2253)" \
  'subject=CN=SAST 1,OU=Voice,O=ctlsuite tests' 'subject of the request'
openssl req -in "$work/one.csr" -noout -text | grep -q 'sha256WithRSAEncryption' || fail 'not signed with SHA-256'
read_cert 'SAST 1' sast "$work/one.pem"
openssl x509 -in "$work/one.pem" -pubkey -noout >"$work/one.pub"
openssl req -in "$work/one.csr" -pubkey -noout >"$work/request.pub"
same "$work/one.pub" "$work/request.pub"
expect 0 ctlclient token csr "$CTL_TOKEN_1" --subject 'CN=Other,OU=Voice,O=Ex\, Ample'
openssl req -in "$work/out" -verify -noout -subject -nameopt RFC2253 >"$work/verify" 2>&1
grep -qF 'subject=CN=Other,OU=Voice,O=Ex\, Ample' "$work/verify" || fail "$(cat "$work/verify")"
expect 2 ctlclient token csr "$CTL_TOKEN_1" --subject 'O=nobody'
expect 2 ctlclient token csr
expect 4 ctlclient token csr "$uri;object=none"
said 'no private RSA key named none'
said "${shim_serial['SAST 1']}"

# A key that has no certificate.
tool 'SAST 1' --keypairgen --key-type rsa:2048 --label bare --id b0 >"$work/log" || fail "$(cat "$work/log")"
expect 4 ctlclient token test "$uri;object=bare"
said 'holds no certificate named bare'
said "${shim_serial['SAST 1']}"
expect 2 ctlclient token csr "$uri;object=bare"
said 'no certificate to take the subject from'
expect 4 ctlclient token csr "$uri" --subject 'CN=x'
said '2 keys that may be meant'
said 'id=%B0'
expect 0 ctlclient token csr "$uri;id=%B0" --subject 'CN=Bare,OU=Voice,O=Example' -o "$work/bare.csr"
openssl req -in "$work/bare.csr" -verify -noout 2>/dev/null || fail 'the request of the bare key is not right'

# ---- certificates from elsewhere ----
certify() { # REQUEST CERTIFICATE days
  openssl x509 -req -in "$1" -CA "$work/site.pem" -CAkey "$work/site.key" -CAcreateserial -days "$3" -out "$2" 2>/dev/null
}
certify "$work/bare.csr" "$work/bare.pem" 30
expect 0 ctlclient token import-cert "$uri" "$work/bare.pem" --json
is "$(json .label)" bare 'label of the certificate'
is "$(json .id)" b0 'CKA_ID of the certificate'
is "$(json .sha256)" "$(openssl x509 -in "$work/bare.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)" \
  'fingerprint of the certificate'
read_cert 'SAST 1' bare "$work/read.pem"
same <(openssl x509 -in "$work/bare.pem" -outform DER | sha256sum) <(openssl x509 -in "$work/read.pem" -outform DER | sha256sum)
expect 0 ctlclient token test "$uri;object=bare"
said 'this token can sign CTLs'
expect 0 ctlclient token import-cert "$uri" "$work/bare.pem"
is "$(holds 'SAST 1' cert bare)" 1 'certificates after the same one twice'

certify "$work/bare.csr" "$work/newer.pem" 60
openssl x509 -in "$work/newer.pem" -outform DER -out "$work/newer.der"
expect 4 ctlclient token import-cert "$uri" "$work/newer.der"
said 'for this key already'
said '--replace'
said "${shim_serial['SAST 1']}"
expect 0 ctlclient token import-cert "$uri" "$work/newer.der" --replace
said '1 older certificate'
read_cert 'SAST 1' bare "$work/read.pem"
same <(openssl x509 -in "$work/newer.pem" -outform DER | sha256sum) <(openssl x509 -in "$work/read.pem" -outform DER | sha256sum)

expect 4 ctlclient token import-cert pkcs11:token=SAST%202 "$work/bare.pem"
said 'private key is not on the token SAST 2'
expect 2 ctlclient token import-cert "$CTL_TOKEN_1;id=%01" "$work/bare.pem"
said 'another key'
expect 1 ctlclient token import-cert "$uri" "$shim_home/pin"
expect 1 ctlclient token import-cert "$uri" /nonexistent
expect 2 ctlclient token import-cert "$uri"
shim_set fail C_CreateObject CKR_DEVICE_MEMORY
expect 4 ctlclient token import-cert "$uri" "$work/bare.pem" --replace
said 'is full'
shim_clear fail
read_cert 'SAST 1' bare "$work/read.pem"

# Five certificates for one key, of one name: refused, whatever they are asked for.
for i in 1 2 3 4; do
  certify "$work/bare.csr" "$work/five.pem" $((90 + i))
  openssl x509 -in "$work/five.pem" -outform DER -out "$work/five.der"
  tool 'SAST 1' --write-object "$work/five.der" --type cert --label bare --id b0 >"$work/log" || fail "$(cat "$work/log")"
done
expect 0 ctlclient token list
expect 4 ctlclient token test "$uri;object=bare"
said '5 certificates that may be meant'
said "${shim_serial['SAST 1']}"
said 'no URI can tell them apart'
expect 0 ctlclient token test "$CTL_TOKEN_1"
expect 0 ctlclient token import-cert "$uri" "$work/newer.pem" --replace
said '4 older certificates'
is "$(holds 'SAST 1' cert bare)" 1 'certificates after --replace'
expect 0 ctlclient token test "$uri;object=bare"

# ---- a site's own authority, its key in a file ----
expect 0 ctlclient token keygen "$uri" --label by-file --subject 'CN=By File,OU=Voice,O=Example' --days 365 \
  --ca "$work/site.pem" --ca-key "$work/site.key" --json
is "$(json .issuer)" 'CN=site,OU=Voice,O=Example' 'issuer'
read_cert 'SAST 1' by-file "$work/by-file.pem"
certified_by "$work/site.pem" "$work/by-file.pem"
openssl x509 -in "$work/by-file.pem" -noout -text >"$work/text"
for line in 'CA:FALSE' 'Digital Signature, Non Repudiation' 'Subject Key Identifier' 'Authority Key Identifier'; do
  grep -qF "$line" "$work/text" || fail "not in the certificate: $line"
done
expect 0 ctlclient token test "$uri;object=by-file"

openssl rsa -aes256 -passout pass:secret -in "$work/site.key" -out "$work/locked.key" 2>/dev/null
export CA_PASS=secret CA_WRONG=wrong
expect 0 ctlclient token keygen "$uri" --label by-locked --subject 'CN=By Locked,OU=Voice,O=Example' \
  --ca "$work/site.pem" --ca-key "$work/locked.key" --ca-pin-source env:CA_PASS
expect 1 ctlclient token keygen "$uri" --label no-1 --subject 'CN=x' --ca "$work/site.pem" --ca-key "$work/locked.key" \
  --ca-pin-source env:CA_WRONG
said 'does not open'
expect 2 setsid --wait ctlclient token keygen "$uri" --label no-2 --subject 'CN=x' --ca "$work/site.pem" --ca-key "$work/locked.key"
said '--ca-pin-source'
if grep -qE 'secret|wrong' "$work/out"; then fail 'a passphrase was shown'; fi

# What is no authority, or not this one.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/leaf.key" -out "$work/leaf.pem" -subj /CN=leaf \
  -addext basicConstraints=critical,CA:FALSE 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/unusable.key" -out "$work/unusable.pem" -subj /CN=unusable \
  -addext keyUsage=critical,digitalSignature 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ec.key" -out "$work/ec.pem" -subj /CN=ec 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/old.key" -out "$work/old.pem" -subj /CN=old -days -1 2>/dev/null || true
refused_ca() { # CERT KEY TEXT
  expect 3 ctlclient token keygen "$uri" --label never --subject 'CN=x' --ca "$work/$1.pem" --ca-key "$work/$2.key"
  said "$3"
}
refused_ca leaf leaf 'not the certificate of an authority'
refused_ca unusable unusable 'not the certificate of an authority'
refused_ca ec ec 'no RSA key'
refused_ca site other 'does not belong to the authority'
if [ -s "$work/old.pem" ]; then refused_ca old old 'has expired'; fi
expect 1 ctlclient token keygen "$uri" --label never --subject 'CN=x' --ca "$work/site.pem" --ca-key "$work/site.pem"
expect 1 ctlclient token keygen "$uri" --label never --subject 'CN=x' --ca /nonexistent --ca-key "$work/site.key"
expect 2 ctlclient token keygen "$uri" --subject 'CN=x' --ca "$work/site.pem"
expect 2 ctlclient token keygen "$uri" --subject 'CN=x' --authority --ca "$work/site.pem" --ca-key "$work/site.key"
is "$(holds 'SAST 1' privkey never)" 0 'keys left over'

# No certificate outlives its authority.
openssl_ca brief 10 keyUsage=critical,keyCertSign
expect 0 ctlclient token keygen "$uri;object=another" --label brief --subject 'CN=Brief' --ca "$work/brief.pem" --ca-key "$work/brief.key" --json
json .uri | grep -q ';object=brief' || fail "shown as another: $(cat "$work/out")"
is "$(json .not_after)" "$(date -u -d "$(openssl x509 -in "$work/brief.pem" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)" \
  'end of a certificate of an authority that ends soon'

# ---- the authority on a token ----
expect 0 ctlclient token keygen pkcs11:token=SAST%202 --authority --subject 'CN=Token Authority,OU=Voice,O=Example' --json
is "$(json .label)" authority 'label of the authority'
read_cert 'SAST 2' authority "$work/authority.pem"
openssl x509 -in "$work/authority.pem" -noout -text >"$work/text"
for line in 'CA:TRUE, pathlen:0' 'Certificate Sign, CRL Sign'; do
  grep -qF "$line" "$work/text" || fail "not in the authority's certificate: $line"
done
export CA_PIN=602214
# It is changed, even if nobody signs the record of it.
shim_set fail C_Sign CKR_FUNCTION_FAILED
expect 4 ctlclient token change-pin "$CTL_TOKEN_2" --new-pin-source env:CA_PIN --transcript "$work/change.record"
said 'the PIN of the token SAST 2'
said 'was changed'
shim_clear fail
ca_key='pkcs11:token=SAST%202;object=authority'
expect 4 ctlclient token keygen pkcs11:token=SAST%203 --label certified --subject 'CN=C' \
  --ca "$work/authority.pem" --ca-key "$ca_key" --ca-pin-source env:WRONG
said 'SAST 2'
is "$(holds 'SAST 3' privkey certified)" 0 'keys left over'
expect 0 ctlclient token keygen pkcs11:token=SAST%203 --label certified --subject 'CN=Certified,OU=Voice,O=Example' \
  --ca "$work/authority.pem" --ca-key "$ca_key" --ca-pin-source env:CA_PIN
read_cert 'SAST 3' certified "$work/certified.pem"
certified_by "$work/authority.pem" "$work/certified.pem"
expect 0 ctlclient token test 'pkcs11:token=SAST%203;object=certified'
expect 0 ctlclient token keygen pkcs11:token=SAST%203 --label by-uri --subject 'CN=By URI,OU=Voice,O=Example' \
  --ca "$ca_key" --ca-key "$ca_key" --ca-pin-source env:CA_PIN
read_cert 'SAST 3' by-uri "$work/by-uri.pem"
certified_by "$work/authority.pem" "$work/by-uri.pem"
# Its PIN is never taken from where the other token's comes from.
asked 'PIN of the token SAST 2' "$CA_PIN" -- ctlclient token keygen pkcs11:token=SAST%203 --label asked \
  --subject 'CN=Asked,OU=Voice,O=Example' --ca "$work/authority.pem" --ca-key "$ca_key"
is "$code" 0 'exit code with the PIN of the authority typed'
shim_set remove-during C_Sign 'SAST 2'
expect 4 ctlclient token keygen pkcs11:token=SAST%203 --label unsigned --subject 'CN=x' \
  --ca "$work/authority.pem" --ca-key "$ca_key" --ca-pin-source env:CA_PIN
said 'SAST 2'
if grep -qF 'SAST%203' "$work/err"; then fail "the wrong token is asked for: $(cat "$work/err")"; fi
shim_clear remove-during
is "$(holds 'SAST 3' privkey unsigned)" 0 'keys left over when the authority does not sign'
expect 4 ctlclient token keygen pkcs11:token=SAST%203 --label stranger --subject 'CN=x' \
  --ca "$work/site.pem" --ca-key "$ca_key" --ca-pin-source env:CA_PIN
is "$(holds 'SAST 3' privkey stranger)" 0 "keys left over when the authority's key is not there"

# ---- test ----
expect 0 ctlclient token test "$CTL_TOKEN_1" --json
is "$(json '[.key.sensitive, .key.private, .key.never_extractable, .key.local, .key.sign, .key.fits_certificate, .valid_now, .software] | all')" \
  true 'facts'
pkcs11-tool --module "$CTL_MODULE" --token-label 'SAST 1' --list-mechanisms 2>/dev/null >"$work/mechanisms"
range=$(sed -n 's/^ *RSA-PKCS, keySize={\([0-9]*,[0-9]*\)}.*/\1/p' "$work/mechanisms")
is "$(json '.mechanisms.CKM_RSA_PKCS | "\(.min),\(.max)"')" "$range" 'key sizes of CKM_RSA_PKCS'
shim_set no-mechanism CKM_SHA512_RSA_PKCS
expect 0 ctlclient token test "$CTL_TOKEN_1"
grep -qE 'CKM_SHA512_RSA_PKCS +no' "$work/out" || fail 'a mechanism that is missing is not named'
said 'belongs to the certificate'
shim_set no-mechanism CKM_RSA_PKCS
expect 4 ctlclient token test "$CTL_TOKEN_1"
said 'does not offer CKM_RSA_PKCS'
shim_clear no-mechanism
expect 0 ctlclient token keygen "$uri" --label weak --subject 'CN=Weak,OU=Voice,O=Example' --bits 1024
said 'weak'
expect 0 ctlclient token test "$uri;object=weak"
said 'the key is weak'

# ---- bad input ----
head -c 700 /dev/urandom >"$work/garbage"
openssl x509 -in "$work/one.pem" -outform DER | head -c 400 >"$work/cut"
{ openssl x509 -in "$work/one.pem" -outform DER; echo more; } >"$work/longer"
: >"$work/empty"
for f in garbage cut longer empty; do
  shim_set lie-cert "$work/$f" 'SAST 1'
  expect 0 ctlclient token list
  expect 4 ctlclient token test "$CTL_TOKEN_1"
  said 'SAST 1'
  said "${shim_serial['SAST 1']}"
  shim_clear lie-cert
done
# The certificate of another token.
openssl x509 -in "$work/certified.pem" -outform DER -out "$work/certified.der"
shim_set lie-cert "$work/certified.der" 'SAST 1'
expect 4 ctlclient token test "$CTL_TOKEN_1"
shim_clear lie-cert

# Serial numbers and labels with anything in them are found by the URI that the list shows.
names() { # KEY TEXT
  shim_set "$1" 'SAST 1' "$2"
  expect 0 ctlclient token list --json
  jq -r '.[].uri' "$work/out" >"$work/uris"
  is "$(sort -u "$work/uris" | wc -l)" 3 "different URIs with $1 $2"
  while read -r u; do
    expect 0 ctlclient token show "$u" --json
    is "$(json .uri)" "$u" "URI shown for $u"
  done <"$work/uris"
  shim_clear "$1"
}
names serial '00 11 22'
names serial '  lead'
names serial '%20'
names serial '%ff%fe%00a'
names serial "${shim_serial['SAST 2']}"
names label 'SAST%202'
names label '%1b[2J%0a;?&#%25%00%ff'
names label '%20'

# ---- modules ----
CTL_MODULE=$soft
cp "$soft" "$work/libsecond.so"
expect 0 ctlclient token list --module /nonexistent.so --module "$soft" --json
is "$(json length)" 3 'tokens with one module that does not load'
said 'cannot load the PKCS#11 module /nonexistent.so'
expect 0 ctlclient token list --module "$shim_home/pin" --module "$soft"
said "$shim_home/pin"
expect 4 ctlclient token list --module /nonexistent.so --module /nonexistent2.so
said /nonexistent.so
said /nonexistent2.so
expect 0 ctlclient token list --module "$soft" --module "$soft" --json
is "$(json length)" 3 'tokens with the same module twice'
CTL_MODULE=/nonexistent.so:$soft expect 0 ctlclient token list --json
is "$(json length)" 3 'tokens with two modules in CTL_MODULE'
expect 0 ctlclient token list --module "$soft" --module "$work/libsecond.so" --json
is "$(json length)" 6 'tokens in two modules'
is "$(jq -r '.[].uri' "$work/out" | sort -u | wc -l)" 6 'different URIs for tokens in two modules'
expect 4 ctlclient token show "$uri" --module "$soft" --module "$work/libsecond.so"
said '2 tokens fit'
second=$(sed -n "s/.* or '\(pkcs11:.*\)'$/\1/p" "$work/err")
first=$(sed -n "s/.*name one: '\(pkcs11:[^']*\)' or .*/\1/p" "$work/err")
for u in "$first" "$second"; do
  expect 0 ctlclient token show "$u" --module "$soft" --module "$work/libsecond.so" --json
  is "$(json .uri)" "$u" "URI shown for $u"
done
expect 0 ctlclient token show "$uri?module-path=$work/libsecond.so" --json
said libsecond
expect 0 ctlclient token show "$uri?module-name=second" --module "$soft" --module "$work/libsecond.so" --json
said libsecond
expect 0 ctlclient token test "$CTL_TOKEN_1?module-path=$work/libsecond.so&pin-source=env:PIN"
expect 4 ctlclient token show "$uri?module-path=/nonexistent.so"
said /nonexistent.so
expect 2 ctlclient token show "$uri?module-path=libsecond.so"
expect 4 ctlclient token show "$uri?module-name=other"
said 'no token fits'
