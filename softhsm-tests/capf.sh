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

# ---- key and folder of the authority

chmod 644 "$state/keys/capf.key"
stop 1 ctlcapfd
expect 1 ctlcapfd -c "$work/cluster/node1/ctlsuite.conf"
said "can be read by others"
