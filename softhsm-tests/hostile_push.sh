#!/usr/bin/env bash
# Hostile lists against the provider and the phone: each gets a precise answer, nothing is stored,
# the old list is still served.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed
phone=$work/phone
keys=$state/keys
expect 0 ctlphone boot SEP001122334455 --state "$phone"
expect 0 ctlclient cluster fetch -o "$work/good.tlv"
for n in 1 2 3; do
  token_cert $n >"$work/t$n.pem"
done
cd "$work"

ccm=role=ccm+tftp,host=node1,ip=127.0.0.1,cert=$keys/ccm.crt
capf=role=capf,host=node1,ip=127.0.0.1,cert=$keys/capf.crt
openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj "/O=Test/OU=Voice/CN=node1" -keyout other.key -out other.pem 2>/dev/null
other_ccm=role=ccm+tftp,host=node1,ip=127.0.0.1,cert=other.pem
other_capf=role=capf,host=node1,ip=127.0.0.1,cert=other.pem

# push FILE [IF-MATCH]: PUT as a hostile client would; the answer is in $work/out, its status printed.
push() {
  printf 'user = "%s:%s"\n' "$CTL_USER" "$(cat "$CTL_PASSWORD_FILE")" |
    curl -sS -K - --cacert "$CTL_CA" -X PUT --data-binary "@$1" -o "$work/out" -w '%{http_code}' \
      -H 'Content-Type: application/octet-stream' ${2+-H "If-Match: $2"} "https://$CTL_PROVIDER/api/v1/ctl"
}

unharmed() {
  is "$(store 'select count(*) from ctl')" 1 "number of stored lists"
  curl -sS -o served.tlv "tftp://$CTL_TFTP/CTLFile.tlv"
  same served.tlv good.tlv
  same "$phone/CTLFile.tlv" good.tlv
}

# refuse FILE ID [PHONE-ID]: refused by the provider with a problem document of that id, and, if a
# third word is given, by the phone for that reason.
refuse() {
  local status
  status=$(push "$1" '"1"')
  is "$status" 422 "status for $1"
  is "$(json .id)" "$2" "problem for $1"
  is "$(json .type)" "urn:ctlsuite:problem:$2" "type for $1"
  is "$(json .status)" 422 "status in the document for $1"
  json .detail >/dev/null
  if [ $# -gt 2 ]; then
    expect 3 ctlphone verify "$1" --state "$phone" --json
    is "$(json .reason.id)" "$3" "the phone's reason for $1"
  fi
  unharmed
}

forge_as() { # token, output, further options
  local t=CTL_TOKEN_$1 out=$2
  shift 2
  forge -o "$out" --signer "${!t}" --pin-source "file:$CTL_PIN_FILE" "$@" || fail "forge $out"
}
both=(--sast t1.pem --sast t2.pem)

# The list itself is tampered with.
cp good.tlv flipped.tlv
printf '\xff' | dd of=flipped.tlv bs=1 seek=$(($(stat -c %s good.tlv) - 40)) conv=notrunc status=none
cp good.tlv badsig.tlv
at=$(signature_at good.tlv 256)
printf '\x00\x01\x02\x03' | dd of=badsig.tlv bs=1 seek=$((at + 10)) conv=notrunc status=none
refuse badsig.tlv ctl-signature ctl-signature
head -c 1000 good.tlv >short.tlv
refuse short.tlv ctl-parse ctl-parse
head -c $(($(stat -c %s good.tlv) - 1)) good.tlv >minus1.tlv
refuse minus1.tlv ctl-parse ctl-parse
echo "this is no list" >text.tlv
refuse text.tlv ctl-parse ctl-parse
: >empty.tlv
refuse empty.tlv ctl-parse ctl-parse
head -c 60000 /dev/urandom >random.tlv
refuse random.tlv ctl-parse ctl-parse
status=$(push flipped.tlv '"1"')
is "$status" 422 "status for a flipped byte in the last record"
unharmed

# Signed by somebody else.
forge_as 3 stranger.tlv --sast t3.pem "${both[@]}" --server "$ccm" --server "$capf"
refuse stranger.tlv ctl-unknown-signer ctl-unknown-signer

# A stranger's key in a record that copies issuer and serial number of a real token.
serial=$(openssl x509 -in t1.pem -serial -noout | cut -d= -f2)
openssl req -x509 -nodes -days 300 -newkey rsa:2048 -subj "/O=ctlsuite test cluster/OU=Voice/CN=SAST 1" \
  -set_serial "0x$serial" -keyout copy.key -out copy.pem 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in copy.key -out copy.p8
openssl x509 -in copy.pem -outform DER -out copy.der
pin=$(cat "$CTL_PIN_FILE")
softhsm2-util --init-token --free --label copy --so-pin "$pin" --pin "$pin" >/dev/null
softhsm2-util --import copy.p8 --token copy --label sast --id 01 --pin "$pin" >/dev/null
pkcs11-tool --module "$CTL_MODULE" --token-label copy --login --pin "$pin" --write-object copy.der \
  --type cert --label sast --id 01 >/dev/null 2>&1
forge -o copied.tlv --signer 'pkcs11:token=copy;object=sast' --pin-source "file:$CTL_PIN_FILE" \
  --sast copy.pem --sast t2.pem --server "$ccm" --server "$capf"
expect 0 ctlclient ctl verify copied.tlv
refuse copied.tlv ctl-forged-signer ctl-forged-signer
# The same record smuggled in beside the real signer's.
forge_as 1 smuggled.tlv "${both[@]}" --sast copy.pem --server "$ccm" --server "$capf"
refuse smuggled.tlv ctl-forged-signer

# Signed by a real token (stolen, or in careless hands), against the rules.
forge_as 1 onetoken.tlv --sast t1.pem --server "$ccm" --server "$capf"
refuse onetoken.tlv ctl-two-tokens
forge_as 1 twice.tlv --sast t1.pem --sast t1.pem --server "$ccm" --server "$capf"
refuse twice.tlv ctl-two-tokens
forge_as 1 noservers.tlv "${both[@]}"
refuse noservers.tlv ctl-server-missing
forge_as 1 nocapf.tlv "${both[@]}" --server "$ccm"
refuse nocapf.tlv ctl-server-missing
forge_as 1 otherccm.tlv "${both[@]}" --server "$other_ccm" --server "$capf"
refuse otherccm.tlv ctl-server-certificate
forge_as 1 othercapf.tlv "${both[@]}" --server "$ccm" --server "$other_capf"
refuse othercapf.tlv ctl-server-certificate
forge_as 1 extra.tlv "${both[@]}" --server "$ccm" --server "$capf" --server role=tftp,host=evil,ip=192.0.2.66,cert=other.pem
refuse extra.tlv ctl-server-unknown
now=$(date +%s)
forge_as 1 old.tlv "${both[@]}" --server "$ccm" --server "$capf" --time 1000000000
refuse old.tlv ctl-older
forge_as 1 future.tlv "${both[@]}" --server "$ccm" --server "$capf" --time $((now + 400000))
refuse future.tlv ctl-future
forge_as 1 name.tlv "${both[@]}" --server "$ccm" --server "$capf" --filename ITLFile.tlv
refuse name.tlv ctl-name ctl-name

# The vectors that nobody may accept.
for bad in "$CTL_SOURCE_DIR"/trustfile/vectors/tlv/{bad-*,trunc-*}.tlv; do
  status=$(push "$bad" '"1"')
  is "$status" 422 "status for $(basename "$bad")"
  expect 3 ctlphone verify "$bad" --state "$phone"
done
unharmed

# Around the list: size, generation, account.
head -c 10485760 /dev/zero >huge.tlv
is "$(push huge.tlv '"1"')" 413 "status for 10 MB"
is "$(json .id)" too-large "problem for 10 MB"
is "$(push good.tlv '"0"')" 412 "status for a stale generation"
is "$(json .id)" stale-generation "problem for a stale generation"
is "$(json .generation)" 1 "present generation"
is "$(push good.tlv)" 428 "status without If-Match"
is "$(push good.tlv '"one"')" 400 "status for an If-Match that is no generation"
curl -sS --cacert "$CTL_CA" -X PUT --data-binary @good.tlv -H 'If-Match: "1"' -o out -w '%{http_code}' \
  -H 'Content-Type: application/octet-stream' "https://$CTL_PROVIDER/api/v1/ctl" >status
is "$(cat status)" 401 "status without an account"
unharmed

# And a good one still goes through.
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
expect 0 ctlphone boot SEP001122334455 --state "$phone" --json
is "$(json .result)" updated "the phone after all that"
