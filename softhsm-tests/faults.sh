#!/usr/bin/env bash
# What goes wrong on an ordinary day: a clear message, the right exit code, nothing lost.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed
phone=$work/phone
expect 0 ctlphone boot SEP001122334455 --state "$phone"
expect 0 ctlclient cluster fetch -o "$work/good.tlv"

unharmed() {
  expect 0 ctlclient cluster fetch -o "$work/now.tlv"
  same "$work/now.tlv" "$work/good.tlv"
}

update() { # exit code, options
  local code=$1
  shift
  expect "$code" ctlclient cluster update --yes --signer "$CTL_TOKEN_1" "$@"
}

# PINs: wrong, from nowhere, on the command line by mistake.
echo wrong-pin >"$work/wrong"
update 4 --pin-source "file:$work/wrong"
said "PIN"
update 2 --pin-source wrong-pin
! grep -q wrong-pin "$work/err" || fail "what may be a PIN was shown"
update 1 --pin-source "file:$work/nowhere"
update 1 --pin-source env:CTL_NO_PIN_HERE
unharmed

# Token missing, key missing, module missing.
expect 4 ctlclient cluster update --yes --signer "pkcs11:token=nobody"
update 4 --module /nowhere/module.so
pkcs11-tool --module "$CTL_MODULE" --token-label "SAST 1" --login --pin "$(cat "$CTL_PIN_FILE")" \
  --delete-object --type privkey --label sast >/dev/null 2>&1
update 4
said "key"
unharmed
expect 2 ctlclient cluster update --yes --signer "not-a-uri"

# Account: wrong password, unknown user.
echo wrong >"$work/password"
expect 1 ctlclient cluster status --password-source "file:$work/password"
expect 1 ctlclient cluster status --user nobody --password-source "file:$work/password"
expect 0 ctlclient cluster status

# The provider: another certificate, another fingerprint, unknown, down.
openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj "/CN=other" -keyout "$work/other.key" -out "$work/other.pem" 2>/dev/null
expect 3 ctlclient cluster update --yes --signer "$CTL_TOKEN_2" --ca "$work/other.pem"
said "another certificate"
fingerprint=$(openssl x509 -in "$CTL_CA" -fingerprint -sha256 -noout | cut -d= -f2)
expect 0 env -u CTL_CA ctlclient cluster status --fingerprint "$fingerprint"
expect 3 env -u CTL_CA ctlclient cluster status --fingerprint "${fingerprint/#??/00}"
expect 2 env -u CTL_CA ctlclient cluster status --fingerprint 1234
expect 3 env -u CTL_CA ctlclient cluster status
said "$fingerprint"
# On a terminal it is shown once, and remembered.
script -qec "env -u CTL_CA ctlclient cluster status" /dev/null <<<"y" >"$work/out" 2>&1 || { cat "$work/out"; fail "a provider cannot be accepted on a terminal"; }
expect 0 env -u CTL_CA ctlclient cluster status
provider_pid=$(cat "$work/cluster/node1/ctlproviderd.pid")
kill "$provider_pid"
while kill -0 "$provider_pid" 2>/dev/null; do sleep 0.05; done
expect 1 ctlclient cluster update --yes --signer "$CTL_TOKEN_2"
said "no answer from the provider"
# The phones do not notice.
expect 0 ctlphone boot SEP001122334455 --state "$phone" --json
is "$(json .result)" unchanged "a phone while the provider is down"
"$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster"
cluster_up
unharmed

# A phone without its server keeps its list.
expect 1 ctlphone boot SEP001122334455 --state "$phone" --tftp 127.0.0.1:9
same "$phone/CTLFile.tlv" "$work/good.tlv"

# Two administrators at once: the second gets a conflict, exit code 5, and loses nothing.
expect 0 ctlclient cluster update --yes --signer "$CTL_TOKEN_2"
printf 'user = "%s:%s"\n' "$CTL_USER" "$(cat "$CTL_PASSWORD_FILE")" |
  curl -sS -K - --cacert "$CTL_CA" -X PUT --data-binary "@$work/good.tlv" -o "$work/out" -w '%{http_code}' \
    -H 'Content-Type: application/octet-stream' -H 'If-Match: "1"' "https://$CTL_PROVIDER/api/v1/ctl" >"$work/status"
is "$(cat "$work/status")" 412 "status of the second administrator"
