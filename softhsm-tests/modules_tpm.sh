#!/usr/bin/env bash
# A TPM through tpm2-pkcs11, here one in software: swtpm, which needs no privileges and no kernel.
. "$(dirname "${BASH_SOURCE[0]}")/modules_lib.sh"

cd "$work"
mkdir tpm store
CTL_MODULE=$(module_path libtpm2_pkcs11.so)
export CTL_MODULE TPM2_PKCS11_STORE=$work/store TSS2_LOG=all+none
export CTL_PIN_FILE=$work/pin WRONG=000000
echo 271828 >"$CTL_PIN_FILE"
port=$((20000 + RANDOM % 10000))
export TPM2_PKCS11_TCTI=swtpm:host=127.0.0.1,port=$port

# ---- no TPM ----
expect 4 ctlclient token list
said "libtpm2_pkcs11.so does not start"

tpm_answers() {
  (: <"/dev/tcp/127.0.0.1/$((port + 1))")
}
start tpm swtpm socket --tpm2 --tpmstate "dir=$work/tpm" --server "type=tcp,port=$port,bindaddr=127.0.0.1" \
  --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear
wait_for 20 "the TPM" tpm_answers

# ---- two tokens in one TPM: all have the same serial number ----
for n in 1 2; do
  expect 0 ctlclient token init --label "SAST $n" --yes --so-pin-source "file:$work/pin" --pin-source "file:$work/pin"
  expect 0 ctlclient token keygen "pkcs11:token=SAST%20$n;object=sast" --subject "CN=SAST $n,OU=Voice,O=Test"
  expect 0 ctlclient token test "pkcs11:token=SAST%20$n;object=sast"
  said "this token can sign CTLs"
done
expect 0 ctlclient token list --json
is "$(json 'map(.label) | sort | join(",")')" "SAST 1,SAST 2" "tokens"
is "$(json 'map(.software) | any | not')" true "no software tokens"
key1=$(json '.[] | select(.label == "SAST 1") | .certificates[0].uri')
key2=$(json '.[] | select(.label == "SAST 2") | .certificates[0].uri')
expect 0 ctlclient token test "$key1" --json
is "$(json '[.key.private, .key.sensitive, .key.never_extractable, .key.local, .key.sign] | all')" true "facts"
is "$(json '.key.extractable | not')" true "not extractable"

# ---- a list ----
for name in ccm capf; do
  openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj "/O=Test/OU=Voice/CN=$name" -keyout $name.key -out $name.pem 2>/dev/null
done
for n in 1 2; do
  token_cert $n >t$n.pem
done
servers=(--server "role=ccm+tftp,host=pub,ip=192.0.2.10,cert=ccm.pem" --server "role=capf,host=pub,ip=192.0.2.10,cert=capf.pem")
expect 0 ctlclient ctl create -o 1.tlv --digest sha512 --signer "$key1" --sast "$key1" --sast "$key2" "${servers[@]}"
openssl_verifies 1.tlv sha512 256 t1.pem || fail "openssl does not verify the TPM's signature"
expect 0 ctlclient ctl update -i 1.tlv -o 2.tlv --signer "$key2"
openssl_verifies 2.tlv sha512 256 t2.pem || fail "openssl does not verify the other token's signature"

# ---- what it refuses ----
expect 4 ctlclient ctl update -i 1.tlv -o no.tlv --signer "$key1" --pin-source env:WRONG
said "the PIN is wrong"
expect 4 ctlclient token keygen "pkcs11:token=SAST%201;object=big" --bits 4096 --subject "CN=SAST 1,OU=Voice,O=Test"
said "4096 bits"
expect 4 ctlclient token test "pkcs11:token=SAST%201;object=big"
[ ! -e no.tlv ] || fail "a list was written without a signature"
