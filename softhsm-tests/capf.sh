#!/usr/bin/env bash
# Phones get, upgrade, give back and delete their certificates at CAPF: by authentication string, by
# MIC, by LSC and by null string; those that must not do not; those that vanish half-way may come back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/capf_lib.sh"

cluster_up --mixed
make_maker
capf trust "$work/maker.pem"

# ---- by authentication string

A=SEP000000000A01
phone $A string install rsa:2048 123456
enroll 3 $A --auth-string 654321
is "$(json .reason)" 7 "reason for a wrong string"
becomes $A "install pending"
enroll 3 $A
enroll 0 $A --auth-string 123456
is "$(json .result)" installed "result"
becomes $A "install successful"
has_current $A
openssl x509 -in "$work/$A/lsc.pem" -noout -text >"$work/out"
said "Public-Key: (2048 bit)"
said "URI:$A"
said "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System"
# One use, and nothing is left to do.
enroll 0 $A --auth-string 123456
is "$(json .result)" nothing "result"
capf set $A install - 777777
enroll 3 $A --auth-string 123456

# ---- nobody may guess

G=SEP000000000A02
phone $G string install - 246810
for _ in 1 2 3 4; do
  enroll 3 $G --auth-string 1111
done
enroll 3 $G --auth-string 246810
capf show $G >"$work/out"
said "too early"
capf set $G install - 246810
enroll 0 $G --auth-string 246810

# ---- unknown devices, and servers that are not in the list

mkdir -p "$work/SEP0000000000FF" && cp "$work/$A/CTLFile.tlv" "$work/SEP0000000000FF/"
enroll 3 SEP0000000000FF --auth-string 123456
is "$(json .reason)" 9 "reason for an unknown device"
enroll 1 SEP00000000AAAA --auth-string 1
is "$(json .error.id)" capf-list "error of a phone without a list"

# ---- by MIC, then by LSC

M=SEP000000000B01
make_mic $M
phone $M mic install rsa:1024
enroll 0 $M
has_current $M
is "$(json '.steps[] | select(.step == "proves") | .text')" "itself with its MIC" "proof"
L=SEP000000000B02
make_mic $L
phone $L lsc install ec:p384
enroll 0 $L
is "$(json '.steps[] | select(.step == "proves") | .text')" "itself with its MIC" "proof without an LSC"
capf set $L install ec:p256
enroll 0 $L
is "$(json '.steps[] | select(.step == "proves") | .text')" "itself with its LSC" "proof"
has_current $L
is "$(capf issued $L | cut -d' ' -f2 | tr '\n' ' ')" "current replaced " "certificates of $L"

# Another phone's MIC, a maker nobody knows, an LSC that was revoked, none at all.
X=SEP000000000B03
make_mic $X
phone $X mic install -
cp "$work/$M"/mic.* "$work/$X/"
enroll 3 $X
rm "$work/$X"/mic.*
enroll 3 $X
capf show $X >"$work/out"
said "the phone has sent none"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$X/mic.key" -out "$work/$X/mic.pem" \
  -subj "/CN=CP-7970G-$X" 2>/dev/null
enroll 3 $X
becomes $X "install pending"
capf revoke "$(capf issued $L | awk '$2 == "current" {print $1}')"
capf set $L install -
enroll 3 $L
capf show $L >"$work/out"
said revoked

# ---- by null string; protocol versions and TLS of all ages

N=SEP000000000C01
phone $N null install rsa:512
enroll 0 $N --tls 1.0
has_current $N
grep -q "$N.*without any proof" "$work/cluster/node1/ctlcapfd.log" || fail "a null string was not named"
capf set $N install rsa:4096
enroll 0 $N --tls 1.3
has_current $N
capf set $N install rsa:1024
enroll 0 $N --protocol-version 2
capf set $N install ec:p521
enroll 3 $N --protocol-version 2
enroll 0 $N

# ---- read back, and delete

capf set $M troubleshoot -
enroll 0 $M
becomes $M "troubleshoot successful"
for kind in lsc mic; do
  openssl x509 -in "$state/capf/trace/$M-$kind.pem" -outform DER >"$work/traced"
  openssl x509 -in "$work/$M/$kind.pem" -outform DER >"$work/own"
  same "$work/traced" "$work/own"
done
capf set $M delete -
enroll 0 $M
is "$(json .result)" deleted "result"
becomes $M "delete successful"
[ ! -e "$work/$M/lsc.pem" ] || fail "the LSC is still there"

# ---- phones that lose power half-way

V=SEP000000000D01
phone $V string install rsa:1024 4711
enroll 1 $V --auth-string 4711 --cut key
becomes $V "install pending"
enroll 1 $V --auth-string 4711 --cut store
becomes $V "install pending"
enroll 1 $V --auth-string 4711 --cut stored
becomes $V "install pending"
enroll 0 $V --auth-string 4711
has_current $V
is "$(capf issued $V | wc -l)" 1 "number of certificates for one operation"
# It makes another key: what it did not confirm is void.
capf set $V install rsa:1024 4712
enroll 1 $V --auth-string 4712 --cut store
rm "$work/$V"/lsc.pending.key
enroll 0 $V --auth-string 4712
has_current $V
is "$(capf issued $V | cut -d' ' -f2 | sort | tr '\n' ' ')" "current replaced void " "certificates of $V"

# ---- a service that is away for a while

capf set $V install rsa:1024 4713
kill "$(capf_pid)"
(sleep 1.5; start 1 ctlcapfd) &
enroll 0 $V --auth-string 4713 --retries 20
wait $!
has_current $V

# ---- deadlines, and instances of applications

capf set $N install - - "$(($(date +%s) - 5))"
enroll 0 $N
is "$(json .result)" nothing "result after the deadline"
becomes $N "install failed"

capf user assistant first_node
capf set assistant:first_node install - 0815
mkdir "$work/app" && cp "$work/$A/CTLFile.tlv" "$work/app/"
expect 3 ctlphone enroll --user assistant --instance first_node --state "$work/app" --auth-string 1508
expect 0 ctlphone enroll --user assistant --instance first_node --state "$work/app" --auth-string 0815
openssl x509 -in "$work/app/lsc.pem" -noout -subject >"$work/out"
said assistant:first_node

# ---- the administrator's side

T=SEP000000000F01
expect 0 ctladmin phone add $T --model 7970 --protocol sccp --description 'Hall, 2nd floor'
expect 0 ctladmin capf explain $T
said 'Nothing is pending'
expect 3 ctladmin capf set $T install
said 'has none'
expect 0 ctladmin capf set $T install --generate --key ec:p256 --by '2099-12-24 12:00' --json
string=$(json .generated)
expect 0 ctladmin capf explain $T
said 'MISSING: the phone has never asked here'
boot $T
# What phones ask for is noted in batches.
nothing_missing() {
  expect 0 ctladmin capf explain $T
  ! grep -q MISSING "$work/out"
}
eventually 60 "nothing is said to be missing" nothing_missing
expect 0 ctladmin capf find --status pending
said $T
expect 2 ctladmin capf find --status pendnig
said "is none of none, pending, failed, successful"
expect 0 ctladmin capf report --output "$work/report.csv"
grep -q "^$T,\"Hall, 2nd floor\",Standard SCCP Non-Secure,$string,By Authentication String,None,Install/Upgrade pending,2099-12-24T.*,EC,p256,,," \
  "$work/report.csv" || fail "the report: $(cat "$work/report.csv")"
is "$(stat -c %a "$work/report.csv")" 600 "permissions of the report"
expect 0 ctladmin audit list --state "$state" --limit 200
said "the CAPF report, with authentication strings, was shown"
enroll 0 $T --auth-string "$string"
expect 0 ctladmin capf explain $T --json
serial=$(json '.certificates[0].serial')
expect 0 ctladmin capf revoke "$serial" --reason key-compromise --yes
is_revoked() {
  expect 0 ctladmin capf crl "$work/crl"
  openssl crl -inform DER -in "$work/crl" -CAfile "$state/keys/capf.crt" -noout -text 2>"$work/verified" |
    grep -qi "serial number: 0*$serial" && grep -q 'verify OK' "$work/verified"
}
eventually 60 "the CRL has the certificate" is_revoked
# Who checks certificates has no login.
http=$(sed -n 's/.*http = "\(.*\)"/\1/p' "$work/cluster/node1/ctlsuite.conf")
crl_over_http() {
  curl -sf "http://$http/capf.crl" -o "$work/crl.http" && cmp -s "$work/crl.http" "$state/capf/capf.crl"
}
eventually 20 "the CRL over HTTP" crl_over_http
is "$(curl -s -o /dev/null -w '%{http_code}' "http://$http/trace/$M-lsc.pem")" 404 "status of what is beside the CRL"
printf 'Device Name,String\n%s,135790\nSEP00000000DEAD,135791\n' $T >"$work/list.csv"
expect 1 ctladmin capf set --from "$work/list.csv" install
said '1 set, 1 not'
expect 0 ctladmin capf set 'SEP000000000F*' none
expect 0 ctladmin capf trust list
said 'Maker CA'
expect 3 ctladmin capf trust add leaf "$work/$M/mic.pem"
expect 0 ctladmin capf user add assistant second_node --description 'on the second node'
expect 0 ctladmin capf generate assistant:second_node
said 'assistant:second_node: Install/Upgrade pending, authentication string'
expect 0 ctladmin capf user remove assistant:second_node --yes

# ---- a token signs, in a reader where it can be pulled out

conf=$work/cluster/node1/ctlsuite.conf
export CTL_SHIM_CONTROL=$work/control CTL_SHIM_MODULE=$CTL_MODULE
: >"$CTL_SHIM_CONTROL"
key="pkcs11:token=SAST%203;object=sast?module-path=$CTL_TEST_BIN/libctlshim.so&pin-source=file:$CTL_PIN_FILE"
expect 2 ctladmin capf authority -c "$conf"
sed "/^capf {/a\\  key = \"${key//&/\\&}\"" "$conf" >"$work/token.conf"
rm "$work/$L"/lsc.*
enroll 0 $L
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

# ---- peers that never speak, and some that say a byte a second

stop 1 ctlcapfd
sed "/^capf {/a\\  patience = 8" "$work/file.conf" >"$conf"
start 1 ctlcapfd
port=$(sed -n '/^capf {/,/^}/s/.*listen = ".*:\([0-9]*\)"/\1/p' "$conf")
mkfifo "$work/hold"
https_load hold "$port" 2000 <"$work/hold" >"$work/held" 2>&1 &
holder=$!
exec 7>"$work/hold"
until_said 'open 2000' "$work/held"
https_load drip "$port" 20 >"$work/dripped" 2>&1 &
dripper=$!
S=SEP000000003001
phone $S string install rsa:1024 9999
enroll 0 $S --auth-string 9999
wait "$dripper" || fail "dripping: $(cat "$work/dripped")"
grep -q 'closed 20$' "$work/dripped" || fail "who drips is served for long: $(cat "$work/dripped")"
exec 7>&-
wait "$holder" || true
grep -q 'closed 2000$' "$work/held" || fail "who never speaks is served for long: $(tail -1 "$work/held")"

# ---- key and folder of the authority

cp "$work/file.conf" "$conf"

chmod 644 "$state/keys/capf.key"
stop 1 ctlcapfd
expect 1 ctlcapfd -c "$work/cluster/node1/ctlsuite.conf"
said "can be read by others"
