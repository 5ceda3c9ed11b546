#!/usr/bin/env bash
# ctlclient ctl ...: lists in files, without any server. Keys and certificates come from openssl.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$work"
mkdir tokens
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$work/softhsm2.conf
CTL_MODULE=$(softhsm_module)
export CTL_MODULE
echo Cisco123 >pin
export CTL_PIN_FILE=$work/pin

make_token() { # number, bits
  ctlclient token init --label "SAST $1" --so-pin-source "file:$work/pin" --pin-source "file:$work/pin" --yes >/dev/null
  ctlclient token keygen "pkcs11:token=SAST%20$1;object=sast" --bits "$2" --subject "CN=SAST $1,OU=Voice,O=Test" >/dev/null 2>&1
}
make_token 1 1024
make_token 2 2048
make_token 3 4096
t1='pkcs11:token=SAST%201;object=sast' t2='pkcs11:token=SAST%202;object=sast' t3='pkcs11:token=SAST%203;object=sast'

server_cert() { # name, openssl key options ...
  local name=$1
  shift
  openssl req -x509 -nodes -days 30 -subj "/C=PL/O=Test/OU=Voice/CN=$name" -keyout "$name.key" -out "$name.pem" "$@" 2>/dev/null
}
server_cert pub -newkey rsa:2048
server_cert capf -newkey rsa:2048
server_cert web -newkey ec -pkeyopt ec_paramgen_curve:P-256
openssl x509 -in pub.pem -outform DER -out pub.der
servers=(--server role=ccm+tftp,host=pub,ip=192.0.2.10,cert=pub.der --server role=capf,host=pub,ip=192.0.2.10,cert=capf.pem)

# Usage.
expect 2 ctlclient ctl create
expect 2 ctlclient ctl create -o a.tlv
expect 2 ctlclient ctl frobnicate
expect 2 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2" --server host=pub
expect 2 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2" --server role=king,host=pub,cert=pub.pem
expect 2 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2" --server role=ccm,host=pub,ip=1.2.3,cert=pub.pem
expect 2 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2" --server role=ccm,host=pub
expect 2 ctlclient ctl create -o a.tlv --signer "$t1" --digest md5
expect 1 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast nowhere.pem "${servers[@]}"
expect 4 ctlclient ctl create -o a.tlv --signer pkcs11:token=nobody --sast "$t1" --sast "$t2" "${servers[@]}"
for command in create update show verify diff; do
  expect 0 ctlclient ctl $command --help
  [ -s out ] || fail "ctl $command --help says nothing"
done

# Rules.
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" "${servers[@]}"
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t1" "${servers[@]}"
expect 3 ctlclient ctl create -o a.tlv --signer "$t3" --sast "$t1" --sast "$t2" "${servers[@]}"
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2"
said "no call server"
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast web.pem "${servers[@]}"
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast "$t2" "${servers[@]}" "${servers[@]}"
server_cert rsa3072 -newkey rsa:3072
expect 3 ctlclient ctl create -o a.tlv --signer "$t1" --sast "$t1" --sast rsa3072.pem "${servers[@]}"
said "3072"
said "no code"
expect 0 ctlclient ctl create -o a.tlv --dry-run --signer "$t1" --sast "$t1" --sast "$t2" "${servers[@]}"
[ ! -e a.tlv ] || fail "a list was written although it had to be refused, or on a dry run"

for n in 1 2 3; do
  token_cert $n >t$n.pem
done

# Every key size and both digests; EC certificates in records.
expect 0 ctlclient ctl create -o 1.tlv --signer "$t1" --sast "$t1" --sast t2.pem "${servers[@]}" --server role=app-server,host=web,cert=web.pem
openssl_verifies 1.tlv sha1 128 t1.pem || fail "openssl does not verify 1.tlv"
expect 0 ctlclient ctl create -o 512.tlv --digest sha512 --signer "$t1" --sast "$t1" --sast "$t2" "${servers[@]}"
openssl_verifies 512.tlv sha512 128 t1.pem || fail "openssl does not verify 512.tlv"
expect 0 ctlclient ctl create -o 4096.tlv --signer "$t3" --sast "$t3" --sast "$t2" "${servers[@]}"
openssl_verifies 4096.tlv sha1 512 t3.pem || fail "openssl does not verify 4096.tlv"
expect 0 ctlclient ctl show 1.tlv
said "This etoken was used to sign the CTL file."
said "The CTL file was verified successfully."
said "$(md5sum <1.tlv | cut -d' ' -f1)"
said "$(sha1sum <1.tlv | cut -d' ' -f1)"
expect 0 ctlclient ctl show 1.tlv --json
is "$(json .sha256)" "$(sha256sum <1.tlv | cut -d' ' -f1)" sha256
is "$(json '.records[2].subject')" "CN=pub;OU=Voice;O=Test;C=PL" "subject in server form"
is "$(json '.records[2].ip_address')" 192.0.2.10 "address"
is "$(json '.records[4].certificate.key')" "EC P-256" "EC record"
is "$(json '.records[0].serial' | tr a-f A-F)" "$(openssl x509 -in t1.pem -serial -noout | cut -d= -f2)" "serial"

# Updates: a token of the old list signs; names and records of old ones keep their bytes.
expect 3 ctlclient ctl update -i 1.tlv -o 2.tlv --signer "$t3" --add-sast "$t3"
expect 0 ctlclient ctl update -i 1.tlv -o 2.tlv --signer "$t2" --add-sast "$t3"
openssl_verifies 2.tlv sha1 256 t2.pem || fail "openssl does not verify 2.tlv"
expect 0 ctlclient ctl verify 2.tlv --previous 1.tlv
expect 0 ctlclient ctl diff 1.tlv 2.tlv --json
is "$(json '[.changes[] | .change + " " + .role] | join(",")')" "added sast" "difference"
is "$(json .signer_changed)" true signer_changed
expect 3 ctlclient ctl verify 4096.tlv --previous 1.tlv || true
expect 3 ctlclient ctl update -i 1.tlv -o 3.tlv --signer "$t1" --remove-sast "$(openssl x509 -in t2.pem -serial -noout | cut -d= -f2)"
expect 0 ctlclient ctl update -i 2.tlv -o 3.tlv --signer "$t1" --remove-sast "$(openssl x509 -in t2.pem -serial -noout | cut -d= -f2)"
expect 3 ctlclient ctl update -i 2.tlv -o 4.tlv --signer "$t1" --remove-server pub
said "not deleted by hand"
expect 0 ctlclient ctl update -i 2.tlv -o 4.tlv --signer "$t1" --remove-server web
expect 3 ctlclient ctl update -i 2.tlv -o 4.tlv --signer "$t1" --remove-server nobody
expect 0 ctlclient ctl update -i 2.tlv -o 5.tlv --signer "$t1" --add-server role=tftp,host=alt,ip=192.0.2.11,cert=capf.pem
expect 0 ctlclient ctl update -i 5.tlv -o 6.tlv --signer "$t1" --nonsecure
expect 0 ctlclient ctl show 6.tlv --json
is "$(json '[.records[] | select(.certificate | not) | .role] | join(" ")')" "ccm+tftp tftp" "bare records"
is "$(json .security_mode)" nonsecure mode
expect 0 ctlclient ctl diff 5.tlv 6.tlv
expect 0 ctlclient ctl verify 6.tlv --previous 5.tlv

# The bytes of strangers: a damaged list is never the base of an update, and -o never half written.
vectors=$CTL_SOURCE_DIR/trustfile/vectors/tlv
for bad in "$vectors"/bad-*.tlv "$vectors"/trunc-*.tlv; do
  expect 3 ctlclient ctl update -i "$bad" -o bad.tlv --signer "$t1"
  expect 3 ctlclient ctl verify "$bad"
  # A CTL by another name is a fine ITL to look at.
  [ "$(basename "$bad")" = bad-wrong-filename.tlv ] || expect 3 ctlclient ctl show "$bad"
  [ ! -e bad.tlv ] || fail "$bad became a list"
done
for good in "$vectors"/ctl-*.tlv; do
  expect 0 ctlclient ctl verify "$good"
  expect 0 ctlclient ctl show "$good"
done
expect 0 ctlclient ctl show "$vectors/itl-ec.tlv"
expect 0 ctlclient ctl verify "$vectors/itl-ec.tlv" --filename ITLFile.tlv
expect 3 ctlclient ctl verify "$vectors/itl-ec.tlv"
expect 1 ctlclient ctl show nowhere.tlv
expect 1 ctlclient ctl create -o /nowhere/x.tlv --signer "$t1" --sast "$t1" --sast "$t2" "${servers[@]}"
expect 1 ctlclient ctl show /dev/zero
