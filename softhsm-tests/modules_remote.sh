#!/usr/bin/env bash
# A token on another computer: p11-kit serves it on a socket, p11-kit-client.so is the module on the
# other side. doc/remote-token.md is about this.
. "$(dirname "${BASH_SOURCE[0]}")/modules_lib.sh"

cd "$work"
laptop=$work/laptop jump=$work/jump
mkdir -p "$laptop/tokens" "$jump"
echo "directories.tokendir = $laptop/tokens" >"$laptop/softhsm2.conf"
module=$(softhsm_module)
export CTL_PIN_FILE=$work/pin WRONG=000000
echo 271828 >"$CTL_PIN_FILE"

# ---- the laptop: two tokens, one of them served ----
export SOFTHSM2_CONF=$laptop/softhsm2.conf
for n in 1 2; do
  expect 0 ctlclient token init --module "$module" --label "SAST $n" --yes --so-pin-source "file:$work/pin" --pin-source "file:$work/pin"
  expect 0 ctlclient token keygen --module "$module" "pkcs11:token=SAST%20$n;object=sast" --subject "CN=SAST $n,OU=Voice,O=Test"
  CTL_MODULE=$module token_cert $n >"$work/t$n.pem"
done
serve() {
  rm -f "$work/socket"
  start server p11-kit server --foreground --provider "$module" --name "$work/socket" 'pkcs11:token=SAST%201'
  wait_for 20 "p11-kit server" test -S "$work/socket"
}
serve

# ---- the jump host: nothing but the socket ----
unset SOFTHSM2_CONF
export HOME=$jump CTL_MODULE=p11-kit-client.so P11_KIT_SERVER_ADDRESS=unix:path=$work/socket
expect 0 ctlclient token list --json
is "$(json length)" 1 "tokens that are served"
is "$(json '.[0].label')" "SAST 1" "label"
is "$(json '.[0].software')" true "still named as a software token"
key=$(json '.[0].certificates[0].uri')
expect 0 ctlclient token test "$key"
said "this token can sign CTLs"
expect 4 ctlclient token test "$key" --pin-source env:WRONG
said "the PIN is wrong"
expect 4 ctlclient token show 'pkcs11:token=SAST%202'

for name in ccm capf; do
  openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj "/O=Test/OU=Voice/CN=$name" -keyout $name.key -out $name.pem 2>/dev/null
done
servers=(--server "role=ccm+tftp,host=pub,ip=192.0.2.10,cert=ccm.pem" --server "role=capf,host=pub,ip=192.0.2.10,cert=capf.pem")
expect 0 ctlclient ctl create -o 1.tlv --signer "$key" --sast "$key" --sast t2.pem "${servers[@]}"
openssl_verifies 1.tlv sha1 256 t1.pem || fail "openssl does not verify the signature made far away"

# ---- the laptop goes away, and comes back ----
stop server
expect 4 ctlclient ctl update -i 1.tlv -o 2.tlv --signer "$key"
[ ! -e 2.tlv ] || fail "a list was written without a signature"
export SOFTHSM2_CONF=$laptop/softhsm2.conf
serve
unset SOFTHSM2_CONF
expect 0 ctlclient ctl update -i 1.tlv -o 2.tlv --signer "$key"
openssl_verifies 2.tlv sha1 256 t1.pem || fail "openssl does not verify the second signature made far away"
