#!/usr/bin/env bash
# What phones download, made and judged on the command line: signed and encrypted files.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$work"
vectors=$CTL_SOURCE_DIR/trustfile/vectors
keys=$vectors/keys
mac=SEP001122334455
list=$vectors/tlv/ctl-sha1.tlv

# What the signature of a file covers, and the signature, cut out by hand.
cut_signature() { # FILE
  local at=0 tag len
  while :; do
    read -r tag len < <(od -An -tu1 -j "$at" -N 3 "$1" | awk '{print $1, $2 * 256 + $3}')
    [ "$tag" -eq 12 ] && break
    at=$((at + 3 + len))
  done
  { head -c "$at" "$1"; tail -c +$((at + 3 + len + 1)) "$1"; } >covered
  tail -c +$((at + 4)) "$1" | head -c "$len" >signature
}

# ---- signed with a key in a file ----
cp "$vectors/sgn/$mac.cnf.xml" .
expect 2 ctlclient file sign $mac.cnf.xml
expect 2 ctlclient file sign --signer "$keys/ccm.pem"
expect 1 ctlclient file sign --signer "$keys/ccm.pem" nowhere.xml
expect 1 ctlclient file sign --signer "$work/$mac.cnf.xml" $mac.cnf.xml
expect 3 ctlclient file sign --signer "$keys/ccm.pem" --cert "$keys/tvs.pem" $mac.cnf.xml
expect 3 ctlclient file sign --signer "$keys/ccmec.pem" $mac.cnf.xml
said "only an RSA key"
[ ! -e $mac.cnf.xml.sgn ] || fail "something was written"
for digest in sha1 sha512; do
  expect 0 ctlclient file sign --signer "$keys/ccm.pem" --list "$list" --digest $digest $mac.cnf.xml
  openssl x509 -in "$keys/ccm.pem" -pubkey -noout >public
  cut_signature $mac.cnf.xml.sgn
  openssl dgst -$digest -verify public -signature signature covered >/dev/null || fail "openssl does not verify $digest"
  expect 0 ctlclient file verify --list "$list" $mac.cnf.xml.sgn
  expect 0 ctlclient file strip --list "$list" -o - $mac.cnf.xml.sgn
  same out $mac.cnf.xml
done
expect 3 ctlclient file verify --list "$vectors/tlv/ctl-nonsecure.tlv" $mac.cnf.xml.sgn
expect 3 ctlclient file verify --list "$vectors/tlv/bad-sig-bitflip.tlv" $mac.cnf.xml.sgn
cp $mac.cnf.xml.sgn other.sgn
expect 3 ctlclient file verify --list "$list" other.sgn
said "calls itself"
expect 0 ctlclient file verify --list "$list" --any-name other.sgn
expect 0 ctlclient file verify --list "$list" --name $mac.cnf.xml.sgn other.sgn

# Every vector has its verdict.
while IFS=$'\t' read -r file kind verdict _ _ name _; do
  case $kind in sgn | enc) ;; *) continue ;; esac
  code=0
  case $file:$verdict in *bad-[wipc]*:* | *bad-inner*) [ "$kind" = enc ] || code=3 ;; *:REJECT) code=3 ;; esac
  expect $code ctlclient file verify --cert "$keys/ccm.pem" --name "$name" "$vectors/$file"
  [ "$kind" = enc ] || continue
  code=0
  [ "$verdict" = ACCEPT ] || code=3
  expect $code ctlclient file decrypt --cert "$keys/ccm.pem" --key "$keys/phone.pem" --name "$name" -o - "$vectors/$file"
done < <(sed 1d "$vectors/expected.tsv" | grep -v 'bad-iv-15')
expect 3 ctlclient file verify --json --cert "$keys/ccm.pem" "$vectors/sgn/bad-wrong-name.sgn" "$vectors/enc/bad-iv-15.enc.sgn"
is "$(json '.[0].reason.id')" sgn-name "reason for bad-wrong-name"
is "$(json '.[1].reason.id')" sgn-parse "reason for bad-iv-15"
cp "$vectors/enc/bad-iv-15.enc.sgn" "$work/"$'latin\xe91.sgn'
expect 3 ctlclient file verify --json --cert "$keys/ccm.pem" "$work/"$'latin\xe91.sgn'
is "$(json '.[0].file')" "$work/latin\\xe91.sgn" 'a path that is not UTF-8'

# ---- below a root, many at once ----
mkdir -p root/Test_Land
echo '<tones/>' >root/Test_Land/g3-tones.xml
for i in $(seq 10 49); do cp $mac.cnf.xml "root/SEP0011223344$i.cnf.xml"; done
expect 0 ctlclient file sign --json --signer "$keys/ccm.pem" --root root -o signed root/*.xml root/*/*.xml
is "$(json 'length')" 41 "number of files"
is "$(json '.[40].name')" Test_Land/g3-tones.xml.sgn "name with a folder"
expect 0 ctlclient file verify --list "$list" --root signed signed/*.sgn signed/*/*.sgn
expect 3 ctlclient file verify --list "$list" signed/*/*.sgn
expect 2 ctlclient file sign --signer "$keys/ccm.pem" --root root -o signed $mac.cnf.xml
[ -z "$(find . -name '*.??????' -newer public -not -name '*.cnf.xml')" ] || fail "temporary files are left"

# ---- encrypted for one phone ----
expect 2 ctlclient file encrypt --signer "$keys/ccm.pem" $mac.cnf.xml
expect 3 ctlclient file encrypt --signer "$keys/ccm.pem" --for "$keys/ccmec.pem" $mac.cnf.xml
said "no RSA key"
expect 0 ctlclient file encrypt --signer "$keys/ccm.pem" --for "$keys/phone.pem" -o enc $mac.cnf.xml
[ -e $mac.cnf.xml ] || fail "the clear file is gone"
expect 0 ctlclient file decrypt --list "$list" --key "$keys/phone.pem" -o - enc/$mac.cnf.xml.enc.sgn
same out $mac.cnf.xml
expect 3 ctlclient file decrypt --list "$list" --key "$keys/capf.pem" -o - enc/$mac.cnf.xml.enc.sgn
said "does not decrypt"
expect 3 ctlclient file strip --list "$list" -o - enc/$mac.cnf.xml.enc.sgn
expect 0 ctlclient file strip --list "$list" -o minimal enc/$mac.cnf.xml.sgn
xmllint --noout --relaxng "$CTL_SOURCE_DIR/server/config/device.rng" minimal/$mac.cnf.xml 2>err || fail "the minimal file: $(cat err)"
is "$(xmllint --xpath 'string(/device/certHash)' minimal/$mac.cnf.xml)" \
  "$(openssl x509 -in "$keys/phone.pem" -outform DER | md5sum | cut -d' ' -f1)" "certHash"
mkdir clear
cp $mac.cnf.xml clear/
expect 0 ctlclient file encrypt --signer "$keys/ccm.pem" --for "$keys/phone.pem" --remove-clear clear/$mac.cnf.xml
is "$(ls clear)" "$(printf '%s\n' $mac.cnf.xml.enc.sgn $mac.cnf.xml.sgn)" "what is left in the folder"
expect 0 ctlclient file decrypt --list "$list" --key "$keys/phone.pem" clear/$mac.cnf.xml.enc.sgn
same clear/$mac.cnf.xml $mac.cnf.xml
is "$(stat -c %a clear/$mac.cnf.xml)" 600 "mode of the decrypted file"
echo '<!DOCTYPE device [<!ENTITY x "y">]><device>&x;</device>' >doctype.cnf.xml
expect 3 ctlclient file encrypt --signer "$keys/ccm.pem" --for "$keys/phone.pem" doctype.cnf.xml
expect 0 ctlclient file encrypt --signer "$keys/ccm.pem" --for "$keys/phone.pem" --no-minimal doctype.cnf.xml

# Keys that are typed into old phones.
echo 00112233445566778899AABBCCDDEEFF >aes
echo 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff >rc4
echo 'proxy1_address: "pub"' >SIP001122334455.cnf
expect 0 ctlclient file encrypt --signer "$keys/ccm.pem" --typed-key file:aes SIP001122334455.cnf
expect 0 ctlclient file decrypt --cert "$keys/ccm.pem" --typed-key file:aes -o - SIP001122334455.cnf.enc.sgn
same out SIP001122334455.cnf
cp SIP001122334455.cnf LD001122334455
expect 0 ctlclient file encrypt --typed-key file:rc4 LD001122334455
expect 0 ctlclient file decrypt --unverified --typed-key file:rc4 -o - LD001122334455.x
same out LD001122334455
echo 0011 >short
expect 2 ctlclient file encrypt --typed-key file:short LD001122334455

# ---- signed with a key on a token ----
mkdir tokens
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$work/softhsm2.conf
CTL_MODULE=$(softhsm_module)
export CTL_MODULE
echo 123456 >pin
ctlclient token init --label TFTP --so-pin-source "file:$work/pin" --pin-source "file:$work/pin" --yes >/dev/null 2>&1
ctlclient token keygen 'pkcs11:token=TFTP;object=tftp' --subject "CN=tftp,OU=Voice,O=Test" --pin-source file:pin >/dev/null 2>&1
pkcs11-tool --module "$CTL_MODULE" --token-label TFTP --read-object --type cert --label tftp 2>/dev/null >tftp.der
expect 0 ctlclient file sign --signer 'pkcs11:token=TFTP;object=tftp' --pin-source file:pin -o bytoken root/*.xml
expect 0 ctlclient file verify --cert tftp.der bytoken/*.sgn
openssl x509 -inform DER -in tftp.der -pubkey -noout >public
cut_signature bytoken/SEP001122334410.cnf.xml.sgn
openssl dgst -sha1 -verify public -signature signature covered >/dev/null || fail "openssl does not verify"
expect 4 ctlclient file sign --signer 'pkcs11:token=nobody' $mac.cnf.xml

# ---- a cluster's phones as a tree for other servers ----
expect 1 ctladmin export tftp tree --state "$work/nowhere"
expect 2 ctladmin export tftp
unset SOFTHSM2_CONF CTL_MODULE
cluster_up --mixed
conf=$work/cluster/node1/ctlsuite.conf
api() { # METHOD PATH [BODY]
  curl -sS --fail-with-body --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -X "$1" -o "$work/out" \
    -H 'Content-Type: application/json' "https://$CTL_PROVIDER/api/v1$2" ${3+-d "$3"} || fail "$1 $2: $(cat "$work/out")"
}
api POST /profiles '{"name": "Secure", "protocol": "sip", "device_security_mode": "encrypted", "digest_authentication": true}'
api POST /templates '{"name": "Lobby", "parameters": {"garp": "disabled", "settingsAccess": "restricted"}}'
api POST /phones "$(jq -n --arg lsc "$(openssl x509 -in "$keys/phone.pem")" '{name: "'$mac'", model: "8841", protocol: "sip",
  profile: "Secure", template: "Lobby", lines: ["1001"], digest_user: "anna", digest_password: "s3cret<&>", lsc: $lsc}')"
api POST /phones '{"name": "SEP0011223344AA", "model": "7970", "protocol": "sccp"}'
mkdir -p static/Test_Land
echo '<tones/>' >static/Test_Land/g3-tones.xml
echo firmware >static/SIP70.9.loads
ln -s /etc/passwd static/passwd
sed -i "s|^tftp {|tftp { static = \"$work/static\"|" "$conf"

exported() { # the names below the tree
  expect 0 ctladmin export tftp tree -c "$conf" --json
  (cd tree && find . -type f | sort | cut -c3-)
}
judged() { # every signed file, as a phone with the list of the tree does
  local found
  mapfile -t found < <(find tree -name '*.sgn')
  expect 0 ctlclient file verify --list tree/CTLFile.tlv --root tree "${found[@]}"
}
mkdir tree
echo 'not ours' >tree/README
is "$(exported | tr '\n' ' ')" "CTLFile.tlv CTL$mac.tlv CTLSEP0011223344AA.tlv README $mac.cnf.xml $mac.cnf.xml.sgn \
SEP0011223344AA.cnf.xml SEP0011223344AA.cnf.xml.sgn SIP70.9.loads Test_Land/g3-tones.xml Test_Land/g3-tones.xml.sgn \
XMLDefault.cnf.xml XMLDefault.cnf.xml.sgn " "files of the tree"
is "$(json .phones)" 2 "phones"
judged
for file in tree/*.cnf.xml; do
  xmllint --noout --relaxng "$CTL_SOURCE_DIR/server/config/device.rng" "$file" 2>err || fail "$file: $(cat err)"
done
is "$(xmllint --xpath 'string(//vendorConfig/settingsAccess)' tree/$mac.cnf.xml)" 2 "settingsAccess"
is "$(xmllint --xpath 'string(//authPassword)' tree/$mac.cnf.xml)" 's3cret<&>' "authPassword"

# Another server serves it: a phone boots from there, verifies, and applies what it finds.
while port=$((20000 + RANDOM % 20000)); do
  grep -qs "$(printf ':%04X ' $port)" /proc/net/udp || break
done
/usr/sbin/atftpd --daemon --no-fork --bind-address 127.0.0.1 --port $port --user "$(id -un)" --group "$(id -gn)" \
  --logfile "$work/atftpd.log" "$work/tree" 2>err &
atftpd=$!
at_exit() {
  kill "$atftpd" 2>/dev/null || true
}
for _ in $(seq 200); do
  grep -q "$(printf ':%04X ' $port)" /proc/net/udp && break
  sleep 0.1
done
expect 0 ctlphone boot $mac --model 8841 --protocol sip --state phone --tftp 127.0.0.1:$port
said "$mac.cnf.xml.sgn"
said settingsAccess
same phone/CTLFile.tlv tree/CTLFile.tlv
kill "$atftpd" && wait "$atftpd" || true

# Encryption on: nothing clear is left. Off again: the encrypted file goes. A phone less: its files go.
api PATCH /profiles/Secure '{"tftp_encrypted_config": true}'
exported >names
grep -qx "$mac.cnf.xml.enc.sgn" names || fail "no encrypted file"
grep -rq 's3cret' tree && fail "a clear password is left"
judged
expect 0 ctlclient file decrypt --list tree/CTLFile.tlv --key "$keys/phone.pem" -o - tree/$mac.cnf.xml.enc.sgn
is "$(xmllint --xpath 'string(//authPassword)' out)" 's3cret<&>' "authPassword"
xmllint --noout --relaxng "$CTL_SOURCE_DIR/server/config/device.rng" out tree/$mac.cnf.xml 2>err || fail "$(cat err)"
api PATCH /profiles/Secure '{"tftp_encrypted_config": false, "exclude_digest_credentials": true}'
exported >names
grep -q 'enc.sgn' names && fail "the encrypted file is still there"
is "$(json .removed)" 1 "removed"
grep -rq 's3cret' tree && fail "credentials that are to be left out"
api DELETE /phones/$mac
exported >names
grep -q $mac names && fail "files of a phone that is gone"
same <(cat tree/README) <(echo 'not ours')

# The key on a token.
ctlclient token init --label TFTP --so-pin-source file:pin --pin-source file:pin --yes >/dev/null 2>&1
ctlclient token keygen 'pkcs11:token=TFTP;object=tftp' --subject "CN=tftp,OU=Voice,O=Test" --pin-source file:pin >/dev/null 2>&1
ctlclient token export-cert 'pkcs11:token=TFTP;object=tftp' -o tftp.pem >/dev/null
key="pkcs11:token=TFTP;object=tftp?module-path=$CTL_MODULE\&pin-source=file:$work/pin"
sed "s|^tftp {|tftp { key = \"$key\"|" "$conf" >token.conf
expect 0 ctladmin export tftp bytoken2 -c token.conf
expect 0 ctlclient file verify --cert tftp.pem bytoken2/*.sgn
