#!/usr/bin/env bash
# Whose key signs phones' certificates: one on a token, and that of a third party.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/capf_lib.sh"

cluster_up --mixed
make_maker
capf trust "$work/maker.pem"
conf=$work/cluster/node1/ctlsuite.conf

# Two phones with certificates of the authority as it is made.
A=SEP000000000A01
phone $A string install rsa:2048 123456
enroll 0 $A --auth-string 123456
L=SEP000000000B02
make_mic $L
phone $L lsc install ec:p384
enroll 0 $L

# ---- a token signs, in a reader where it can be pulled out

export CTL_SHIM_CONTROL=$work/control CTL_SHIM_MODULE=$CTL_MODULE
: >"$CTL_SHIM_CONTROL"
key="pkcs11:token=SAST%203;object=sast?module-path=$CTL_TEST_BIN/libctlshim.so&pin-source=file:$CTL_PIN_FILE"
expect 2 ctladmin capf authority -c "$conf"
sed "/^capf {/a\\  key = \"${key//&/\\&}\"" "$conf" >"$work/token.conf"
stop 1 ctlcapfd
cp "$conf" "$work/file.conf"
cp "$work/token.conf" "$conf"
expect 1 ctlcapfd -c "$conf"
said 'capf authority'
expect 3 ctladmin capf authority -c "$conf" --certificate "$work/$A/lsc.pem"
token_cert 3 >"$work/no-authority.pem"
expect 3 ctladmin capf authority -c "$conf" --certificate "$work/no-authority.pem"
expect 0 ctladmin capf authority -c "$conf"
expect 0 ctladmin capf authority -c "$conf" --certificate "$state/keys/capf-issuer.crt"
start 1 ctlcapfd

issued_by_token() { # name
  openssl verify -partial_chain -CAfile "$state/keys/capf-issuer.crt" "$work/$1/lsc.pem" >/dev/null ||
    fail "the LSC of $1 is not the token's"
}
H=SEP000000001001
phone $H string install rsa:2048 31337
enroll 0 $H --auth-string 31337
issued_by_token $H
becomes $H "install successful"
# LSCs of both count as proofs.
for _ in 1 2; do
  capf set $L install ec:p256
  enroll 0 $L
  is "$(json '.steps[] | select(.step == "proves") | .text')" "itself with its LSC" "proof"
  issued_by_token $L
done
capf revoke "$(capf issued $L | awk '$2 == "current" {print $1}')"
crl_of_token() {
  openssl crl -inform DER -in "$state/capf/capf.crl" -CAfile "$state/keys/capf-issuer.crt" -noout -text \
    >"$work/out" 2>"$work/verified" && grep -q 'verify OK' "$work/verified" && grep -q 'Serial Number' "$work/out"
}
eventually 60 "the CRL is the token's" crl_of_token

# It is pulled out, and put in again.
capf set $H install rsa:2048 31338
echo 'remove SAST%203' >"$work/control.new" && mv "$work/control.new" "$CTL_SHIM_CONTROL"
enroll 3 $H --auth-string 31338
becomes $H "install pending"
capf show $H >"$work/out"
said 'the operation stays pending'
: >"$work/control.new" && mv "$work/control.new" "$CTL_SHIM_CONTROL"
enroll 0 $H --auth-string 31338
issued_by_token $H
for text in 'does not sign' 'is back'; do
  grep -q "the .*authority's key .*$text" "$work/cluster/node1/ctlcapfd.log" || fail "the log does not say: $text"
done

# ---- a third-party authority, by another program

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 \
  -subj "/O=Third party/CN=Phone CA" 2>/dev/null
expect 3 ctladmin capf csr authority -c "$conf" "$work/$A/lsc.pem"
expect 0 ctladmin capf csr authority -c "$conf" "$work/ca.pem"
E=SEP000000002001
phone $E string install rsa:2048 1234
asks() {
  capf set $E install - 1234
  ctlphone enroll $E --state "$work/$E" --auth-string 1234 --retries 0 >"$work/out" 2>&1 || true
  ctladmin capf csr list -c "$conf" | grep -q "^$E .*waits for a certificate"
}
# The service hears of it by and by.
eventually 20 "the key waits" asks
becomes $E "install pending"
expect 0 ctladmin capf explain $E
said 'third-party authority'
expect 0 ctladmin capf csr export -c "$conf" "$work/csr"
made_by_ca() { # file, name, further options of openssl
  local to=$1 name=$2
  shift 2
  openssl x509 -req -in "$work/csr/$name.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 20 \
    "$@" -out "$to" 2>/dev/null || fail "openssl did not make $to"
}
mkdir "$work/back"
made_by_ca "$work/back/wrong-key.pem" $E -copy_extensions copy
openssl req -new -key "$work/ca.key" -subj /CN=SEP000000002002 -out "$work/csr/other.csr" 2>/dev/null
made_by_ca "$work/back/wrong-name.pem" other -force_pubkey "$work/csr/$E.pub"
openssl x509 -new -subj "/CN=$E" -force_pubkey "$work/csr/$E.pub" -CA "$work/maker.pem" -CAkey "$work/maker.key" \
  -out "$work/back/wrong-ca.pem" 2>/dev/null
printf 'basicConstraints = CA:TRUE\n' >"$work/ext"
made_by_ca "$work/back/is-ca.pem" $E -force_pubkey "$work/csr/$E.pub" -extfile "$work/ext"
echo nonsense >"$work/back/none.pem"
expect 3 ctladmin capf csr import -c "$conf" "$work/back"
for text in 'no request that waits' "not $E" 'not issued by' "an authority's certificate" '0 taken, 5 not'; do
  said "$text"
done
made_by_ca "$work/$E.crt" $E -force_pubkey "$work/csr/$E.pub" -copy_extensions copy
expect 0 ctladmin capf csr import -c "$conf" "$work/$E.crt"
expect 3 ctladmin capf csr import -c "$conf" "$work/$E.crt"
expect 0 ctladmin capf csr list -c "$conf" --json
is "$(json '.requests[0].ready')" true "state of the request"
enroll 0 $E --auth-string 1234
becomes $E "install successful"
openssl verify -CAfile "$work/ca.pem" "$work/$E/lsc.pem" >/dev/null || fail "the LSC of $E is not the third party's"
grep -q 'Phone CA' <(openssl x509 -in "$state/trust/capf/$(openssl x509 -in "$work/ca.pem" -noout -subject_hash).0" -noout -subject) ||
  fail "the third party is not in the trust store"
# It counts as a proof, and CAPF issues itself again.
expect 0 ctladmin capf csr authority -c "$conf" none
itself() {
  rm -f "$work/$L"/lsc.*
  capf set $L install ec:p256
  ctlphone enroll $L --state "$work/$L" --retries 0 >/dev/null 2>&1
}
eventually 20 "CAPF issues itself" itself
issued_by_token $L
