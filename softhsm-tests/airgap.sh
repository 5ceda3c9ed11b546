#!/usr/bin/env bash
# A request out of the cluster, signed where there is no network, and in again; and what was signed
# is not lost when the provider is.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up
cd "$work"
for n in 1 2 3; do
  token_cert $n >"t$n.pem"
done
serial() { openssl x509 -in "$work/t$1.pem" -serial -noout | cut -d= -f2; }

# No provider, no account, no network where that can be had: the tokens' desk.
offline() {
  local apart=()
  if unshare -rn true 2>/dev/null; then apart=(unshare -rn); fi
  env -u CTL_PROVIDER -u CTL_CA -u CTL_USER -u CTL_PASSWORD_FILE "${apart[@]}" "$@"
}

# ---- the first list ----
expect 2 ctlclient cluster request set-mode mixed
expect 2 ctlclient cluster request -o x.request frobnicate
expect 2 ctlclient cluster request -o x.request set-mode
expect 2 ctlclient cluster request -o x.request update extra
expect 2 ctlclient cluster request -o x.request add-token 'pkcs11:token=a?module-path=/tmp/x.so'
[ ! -e x.request ] || fail 'a request was written in spite of an error'
expect 0 ctlclient cluster request -o 1.request set-mode mixed --sast "$CTL_TOKEN_1" --sast t2.pem
said 'in words:'
sha256=$(sed -n 's/^SHA-256: //p' out)
words=$(sed -n '/^in words:/,/^next/p' out | grep '^  ')
expect 1 ctlclient cluster request -o 1.request update
is "$(jq -cS .body 1.request | tr -d '\n' | sha256sum | cut -d' ' -f1)" "$sha256" 'SHA-256 by jq and sha256sum'
expect 0 offline ctlclient bundle show 1.request
said "$sha256"
said 'set-mode mixed'
is "$(sed -n '/^in words:/,$p' out | grep '^  ')" "$words" 'the words at both desks'
expect 0 offline ctlclient bundle show 1.request --json
is "$(json .kind)" request 'kind'
is "$(json .change)" set-mode 'change'

expect 2 offline ctlclient bundle sign 1.request -o 1.signed
expect 4 offline ctlclient bundle sign 1.request -o 1.signed --signer pkcs11:token=nobody --yes
expect 3 offline ctlclient bundle sign 1.request -o 1.signed --signer "$CTL_TOKEN_3" --yes
[ ! -e 1.signed ] || fail 'something was signed in spite of an error'
expect 0 offline ctlclient bundle sign 1.request --signer "$CTL_TOKEN_1" --dry-run
said 'Who may sign from now on:'
said 'nothing was signed'
expect 0 offline ctlclient bundle sign 1.request -o 1.signed --signer "$CTL_TOKEN_1" --yes
said '+ SAST CN=SAST 2'
said 'digest:'
expect 1 offline ctlclient bundle sign 1.request -o 1.signed --signer "$CTL_TOKEN_1" --yes
expect 0 offline ctlclient bundle show 1.signed --json
is "$(json .kind)" signed 'kind'
is "$(json .request)" "$sha256" 'request it answers'
jq -r .body.list 1.signed | base64 -d >1.tlv
openssl_verifies 1.tlv sha1 256 t1.pem || fail 'openssl does not verify the list in the bundle'
is "$(store 'select count(*) from ctl')" 0 'lists at the provider before the push'

expect 3 ctlclient cluster push 1.request
said 'nothing in it is signed'
expect 3 offline ctlclient bundle sign 1.signed -o x --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster push 1.signed --json
is "$(json .generation)" 1 'generation'
is "$(json .security_mode)" mixed 'mode'
expect 0 ctlphone boot SEP001122334455 --state phone --json
is "$(json .result)" installed 'first list on the phone'
same 1.tlv phone/CTLFile.tlv
# Once more: the provider has it already.
expect 0 ctlclient cluster push 1.signed
said 'generation 1'

# ---- the other changes; the same result as online ----
by_bundle() { # NAME SIGNER [REQUEST ...]
  local name=$1 signer=$2
  shift 2
  expect 0 ctlclient cluster request -o "$name.request" "$@"
  expect 0 offline ctlclient bundle sign "$name.request" -o "$name.signed" --signer "$signer" --yes
  expect 0 ctlclient cluster push "$name.signed"
  expect 0 ctlphone boot SEP001122334455 --state phone --json
  is "$(json .result)" updated "phone after $name"
}
by_bundle update "$CTL_TOKEN_2"
by_bundle add "$CTL_TOKEN_1" add-token t3.pem --digest sha512
expect 0 ctlclient cluster status --json
is "$(json .tokens)" 3 'tokens'
by_bundle remove "$CTL_TOKEN_3" remove-token "$(serial 2)"
expect 0 ctlclient cluster status --json
is "$(json .tokens)" 2 'tokens'
by_bundle nonsecure "$CTL_TOKEN_3" set-mode nonsecure
expect 0 ctlclient cluster status --json
is "$(json .security_mode)" nonsecure 'mode'
by_bundle mixed "$CTL_TOKEN_1" set-mode mixed

# ---- somebody was faster: a conflict, and nothing changed ----
expect 0 ctlclient cluster request -o late.request
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
expect 0 offline ctlclient bundle sign late.request -o late.signed --signer "$CTL_TOKEN_3" --yes
expect 0 ctlclient cluster fetch -o before.tlv
expect 5 ctlclient cluster push late.signed
expect 0 ctlclient cluster fetch -o after.tlv
same before.tlv after.tlv

# ---- hostile bundles ----
expect 0 ctlclient cluster request -o good.request
forge() { # jq filter on the body: the SHA-256 is made right again
  jq -cS ".body | $1" good.request | tr -d '\n' >body
  jq --arg sha256 "$(sha256sum body | cut -d' ' -f1)" --slurpfile body body '.sha256 = $sha256 | .body = $body[0]' \
    good.request >bad.request
}
refuse() { # what
  expect 3 offline ctlclient bundle sign bad.request -o bad.signed --signer "$CTL_TOKEN_1" --yes
  [ ! -e bad.signed ] || fail "signed: $1"
}
forge .
expect 0 offline ctlclient bundle show bad.request
sed 's/"generation": [0-9]*/"generation": 99/' good.request >bad.request
refuse 'a changed bundle'
said 'damaged'
forge '.change.tokens = [{"uri": "pkcs11:?module-path=/tmp/evil.so"}]'
refuse 'a module of a stranger'
forge '.change.tokens = [{"uri": "/etc/passwd"}]'
refuse 'a path of a stranger'
forge '.cluster.name = "x\u001b[2Jy"'
refuse 'a name that steers the terminal'
forge '.list = ("'"$(base64 -w0 phone/CTLFile.tlv)"'" | .[0:-8] + "AAAAAAAA")'
expect 3 offline ctlclient bundle sign bad.request -o bad.signed --signer "$CTL_TOKEN_1" --yes
forge '.list = ""'
expect 1 offline ctlclient bundle sign bad.request -o bad.signed --signer "$CTL_TOKEN_1" --yes
forge '.cluster.nodes = [{"name": "pub"}]'
expect 1 offline ctlclient bundle sign bad.request -o bad.signed --signer "$CTL_TOKEN_1" --yes
head -c 300 good.request >bad.request
refuse 'half a bundle'
: >bad.request
refuse 'nothing'
expect 1 offline ctlclient bundle show nowhere
head -c 9000000 /dev/zero >bad.request
expect 1 offline ctlclient bundle show bad.request
expect 3 ctlclient cluster push good.request
jq '.body.list = "AAAA"' late.signed >bad.signed
expect 3 ctlclient cluster push bad.signed

# ---- signed, and the provider is gone: kept, and pushed later ----
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --save kept.signed
expect 0 ctlclient bundle show kept.signed
is "$(jq -r .body.list kept.signed | base64 -d | sha256sum)" "$(sha256sum <"$state/tftp/CTLFile.tlv")" 'saved list'
expect 1 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --save kept.signed

# The PIN comes through a pipe: in between the provider is stopped.
mkfifo pin
ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --pin-source "file:$work/pin" --transcript lost.record \
  >lost.out 2>lost.err &
pid=$!
for _ in $(seq 300); do
  if grep -q '"step":"consent"' lost.record 2>/dev/null; then break; fi
  sleep 0.1
done
provider=$(cat "$work/cluster/node1/ctlproviderd.pid")
kill "$provider"
while kill -0 "$provider" 2>/dev/null; do sleep 0.05; done
cat "$CTL_PIN_FILE" >pin
code=0
wait "$pid" || code=$?
is "$code" 1 'exit code when the provider is gone'
kept=$(sed -n 's/.*"ctlclient cluster push \([^"]*\)".*/\1/p' lost.err)
[ -e "$kept" ] || fail "the signed list is not kept: $(cat lost.err)"
expect 0 ctlclient transcript verify lost.record --cert t1.pem --json
is "$(jq -r .done out)" false 'done, in the record'
expect 1 ctlclient cluster push "$kept"
"$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster"
cluster_up
expect 0 ctlclient cluster push "$kept"
expect 0 ctlphone boot SEP001122334455 --state phone --json
is "$(json .result)" updated 'phone after the list that was kept'
