#!/usr/bin/env bash
# A publisher and two subscribers: joining, one list on all of them, and nobody believes a forgery.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"

cluster_up --nodes 3
for n in 1 2 3; do
  token_cert $n >"$work/t$n.pem"
done
generation=0

fetched() { # exit code of the change before is known to be 0
  expect 0 ctlclient cluster fetch -o "$work/now.tlv"
  generation=$(node_store 1 'select max(generation) from ctl')
}

# ---- one list, one mode, on all nodes

expect 0 admin 1 list --json
is "$(json 'map(.name + " " + .type) | join(",")')" "node1 publisher,node2 subscriber,node3 subscriber" "nodes"
expect 0 admin 2 show node1 --json
is "$(json '.certificates | map(.role) | join(" ")')" "provider ccm+tftp capf" "certificates as node2 knows them"

expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --sast "$CTL_TOKEN_2" --yes
fetched
same_everywhere "$work/now.tlv" 1 2 3
expect 0 ctlclient ctl show "$work/now.tlv" --json
is "$(json '[.records[].role] | join(" ")')" "sast sast ccm+tftp capf ccm+tftp ccm+tftp" "roles in the list"
expect 0 ctlclient cluster status --json
is "$(json '.distribution | map(.node + " " + .state) | join(",")')" "node1 active,node2 active,node3 active" "distribution"

# Every node answers questions, only the publisher takes a list.
expect 0 ctlclient cluster status --json --server "$CTL_PROVIDER_2"
is "$(json .security_mode)" mixed "mode on node2"
is "$(json .up_to_date)" true "up_to_date on node2"
expect 0 ctlclient cluster history --json --server "$CTL_PROVIDER_3"
is "$(json '.generations[0].generation')" 1 "history on node3"
expect 1 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --server "$CTL_PROVIDER_2"
said "node1 at $CTL_PROVIDER is"

# The CAPF certificate is at hand on every node.
openssl x509 -in "$state/keys/capf.crt" -outform DER -out "$work/capf.der"
hash=$(openssl x509 -in "$state/keys/capf.crt" -hash -noout)
for n in 1 2 3; do
  dir=$(node_dir $n)/state/trust/capf
  same "$dir/capf.cer" "$work/capf.der"
  same "$dir/$hash.0.der" "$work/capf.der"
  openssl x509 -in "$dir/$hash.0" -outform DER | cmp -s - "$work/capf.der" || fail "$hash.0 on node $n"
  openssl verify -CApath "$dir" "$state/keys/capf.crt" >"$work/out" 2>&1 || fail "openssl does not find it by its hash on node $n"
done

# The mode switches with the list, everywhere.
expect 0 ctlclient cluster set-mode nonsecure --signer "$CTL_TOKEN_1" --yes
said "restart the TFTP and call services"
said "reset the phones"
for n in 1 2 3; do
  is "$(node_store $n 'select mixed from active')" 0 "mode of node $n"
done
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_2" --yes
fetched
same_everywhere "$work/now.tlv" 1 2 3
for n in 1 2 3; do
  is "$(node_store $n 'select mixed from active')" 1 "mode of node $n"
done

# ---- a node is away

stop 3 ctlproviderd
expect 6 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
said "on its way to the nodes"
grep -qE '^  node3 +failed, tried again: .*no answer' "$work/err" || fail "no progress is shown: $(cat "$work/err")"
fetched
same_everywhere "$work/now.tlv" 1 2
expect 0 ctlclient cluster status --json
is "$(json '.distribution[] | select(.node == "node3") | .state')" failed "node3 while it is away"
json '.distribution[] | select(.node == "node3") | .detail | test("no answer")' >/dev/null

server_specs
for i in $(seq 9); do
  sign_list "$work/list$i.tlv" $((i % 2 + 1)) --time $(($(date +%s) + i))
  is "$(push "$work/list$i.tlv" "$generation")" 200 "status of push $i"
  generation=$((generation + 1))
done
cp "$work/list9.tlv" "$work/now.tlv"
start 3 ctlproviderd
eventually 20 "node3 ends at the newest of ten generations" serves 3 "$generation"
same_everywhere "$work/now.tlv" 1 2 3
is "$(node_store 3 'select count(*) from ctl')" "$(node_store 1 'select count(*) from ctl')" "generations on node3"
is "$(node_store 3 'select group_concat(hex(sha256)) from (select sha256 from ctl order by generation)')" \
  "$(node_store 1 'select group_concat(hex(sha256)) from (select sha256 from ctl order by generation)')" "history on node3"

# The publisher is away, and forgets nothing either.
stop 1 ctlproviderd
stop 2 ctlproviderd
start 1 ctlproviderd
sign_list "$work/list10.tlv" 1 --time $(($(date +%s) + 10))
is "$(push "$work/list10.tlv" "$generation")" 200 "status of a push while node2 is away"
generation=$((generation + 1))
stop 1 ctlproviderd
start 2 ctlproviderd
start 1 ctlproviderd
eventually 20 "node2 gets the list from a publisher that was restarted" serves 2 "$generation"
cp "$work/list10.tlv" "$work/now.tlv"
same_everywhere "$work/now.tlv" 1 2 3

# ---- a publisher that forges

# As the publisher, with its key: a bundle of one generation.
bundle() { # FILE, generation
  jq -n --arg file "$(base64 -w0 "$1")" --argjson g "$2" \
    '{generations: [{generation: $g, time: 1, user: "eve", address: "::1", file: $file}]}'
}
as_node() { # whose keys, to whom, method, path, body file
  local keys
  keys=$(node_dir "$1")/state/keys
  curl -sS --cacert "$CTL_CA" --cert "$keys/provider.crt" --key "$keys/provider.key" -X "$3" ${5:+--data-binary "@$5"} \
    -H 'Content-Type: application/json' -o "$work/out" -w '%{http_code}' "https://$(provider_of "$2")/api/v1$4"
}
unharmed() {
  is "$(active_on 2)" "$generation" "generation on node2"
  same_everywhere "$work/now.tlv" 2
}
forged() { # FILE, generation, status, id
  bundle "$1" "$2" >"$work/body"
  is "$(as_node 1 2 PUT /node/ctl "$work/body")" "$3" "status for $4"
  is "$(json .id)" "$4" "problem for $4"
  unharmed
}
next=$((generation + 1))
is "$(as_node 1 2 GET /node)" 200 "status of the publisher's question"
is "$(json .active)" "$generation" "what node2 answers"
forge -o "$work/evil.tlv" --signer "$CTL_TOKEN_3" --pin-source "file:$CTL_PIN_FILE" --sast "$work/t3.pem" \
  --sast "$work/t1.pem" "${specs[@]}" --time $(($(date +%s) + 100))
forged "$work/evil.tlv" $next 422 ctl-unknown-signer
forged "$work/list3.tlv" $next 422 ctl-older
forged "$work/evil.tlv" "$generation" 409 ctl-generation
forged "$work/evil.tlv" 1 409 ctl-generation
cp "$work/now.tlv" "$work/broken.tlv"
at=$(signature_at "$work/broken.tlv" 256)
printf '\x00\x01\x02\x03' | dd of="$work/broken.tlv" bs=1 seek=$((at + 10)) conv=notrunc status=none
forged "$work/broken.tlv" $next 422 ctl-signature
head -c 100 "$work/now.tlv" >"$work/short.tlv"
forged "$work/short.tlv" $next 422 ctl-parse
# Larger than an administrator's request may be, but not than a bundle.
head -c 200000 /dev/urandom | base64 -w0 | jq -R '{generations: [{generation: 99, time: 1, user: "eve", address: "::1", file: .}]}' >"$work/body"
is "$(as_node 1 2 PUT /node/ctl "$work/body")" 422 "status for a list that is too long"
head -c 3000000 /dev/zero >"$work/body"
is "$(as_node 1 2 PUT /node/ctl "$work/body")" 413 "status for 3 MB"
echo '{"generations": [{"generation": 1e999}]}' >"$work/body"
is "$(as_node 1 2 PUT /node/ctl "$work/body")" 400 "status for nonsense"
echo '{"cluster": {"name": "x", "digest": "y", "nodes": []}}' >"$work/body"
is "$(as_node 1 2 PUT /node/ctl "$work/body")" 422 "status for an empty cluster"
unharmed

# Others than the publisher, and nobody at all.
bundle "$work/now.tlv" $next >"$work/body"
is "$(as_node 3 2 PUT /node/ctl "$work/body")" 403 "status for node3 as publisher"
is "$(as_node 3 2 GET /node)" 403 "status for a question of node3"
is "$(as_node 2 1 PUT /node/ctl "$work/body")" 403 "status for a list brought to the publisher"
is "$(curl -sS --cacert "$CTL_CA" -X PUT --data-binary "@$work/body" -o /dev/null -w '%{http_code}' "https://$CTL_PROVIDER_2/api/v1/node/ctl")" \
  403 "status without a certificate"
head -c 100000 /dev/zero >"$work/body"
is "$(as_node 3 2 PUT /node/ctl "$work/body")" 413 "status for a large body of node3"
unharmed

# ---- a subscriber that lies

keys=$(node_dir 2)/state/keys
as_node 1 2 GET /node >/dev/null
jq '{node: .node}' "$work/out" >"$work/honest"
is "$(as_node 2 1 POST /nodes/hello "$work/honest")" 200 "status of an honest hello"
uid3=$(node_store 1 "select uid from nodes where name = 'node3'")
jq --arg u "$uid3" '.node.uid = $u' "$work/honest" >"$work/lie"
is "$(as_node 2 1 POST /nodes/hello "$work/lie")" 422 "status of a lie about the uid"
jq '.node.publisher = true' "$work/honest" >"$work/lie"
is "$(as_node 2 1 POST /nodes/hello "$work/lie")" 422 "status of a claim to be the publisher"
jq '.node.certificates[1].role = "capf"' "$work/honest" >"$work/lie"
is "$(as_node 2 1 POST /nodes/hello "$work/lie")" 422 "status of a CAPF certificate of its own"
jq '.node.name = "node1"' "$work/honest" >"$work/lie"
is "$(as_node 2 1 POST /nodes/hello "$work/lie")" 409 "status of a claim to another's name"
is "$(as_node 1 2 POST /nodes/hello "$work/honest")" 421 "status of a hello to a subscriber"
is "$(curl -sS --cacert "$CTL_CA" -X POST --data-binary "@$work/honest" -o /dev/null -w '%{http_code}' "https://$CTL_PROVIDER/api/v1/nodes/hello")" \
  403 "status of a hello without a certificate"
is "$(node_store 1 'select count(*) from nodes')" 3 "nodes after all that"

# Somebody else answers at its address.
cp "$keys/provider.crt" "$work/real.crt"
cp "$keys/provider.key" "$work/real.key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=node2" -keyout "$keys/provider.key" \
  -out "$keys/provider.crt" 2>/dev/null
restart 2
sign_list "$work/now.tlv" 2 --time $(($(date +%s) + 11))
is "$(push "$work/now.tlv" "$generation")" 200 "status of a push"
generation=$((generation + 1))
eventually 10 "the stranger is noticed" grep -q "node2: generation $generation failed: .*another certificate" "$(node_dir 1)/ctlproviderd.log"
is "$(active_on 2)" $((generation - 1)) "generation on node2 while it is somebody else"
cp "$work/real.crt" "$keys/provider.crt"
cp "$work/real.key" "$keys/provider.key"
restart 2
eventually 20 "node2 is itself again" serves 2 "$generation"
same_everywhere "$work/now.tlv" 1 2 3

# ---- certificates and addresses change

outdated() { # text
  ctlclient cluster status --json >"$work/out" 2>"$work/err" && jq -e --arg t "$1" '.outdated | any(contains($t))' "$work/out" >/dev/null
}
up_to_date() {
  expect 0 ctlclient cluster status --json
  is "$(json .up_to_date)" true "up_to_date"
}

up_to_date
expect 0 admin 2 renew-cert ccm+tftp --yes
said "cluster update"
eventually 20 "a renewed certificate makes the list outdated" outdated "node2 has another ccm+tftp certificate"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
up_to_date

expect 0 admin 2 set-address --name node2b --ip 127.0.0.22
eventually 20 "a new name makes the list outdated" outdated "node2b"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
up_to_date
expect 0 admin 3 list --json
is "$(json 'map(.name) | join(" ")')" "node1 node2b node3" "nodes as node3 knows them"

expect 0 admin 1 renew-cert capf --yes
eventually 20 "a renewed CAPF certificate makes the list outdated" outdated "node1 has another capf certificate"
capf_known() { # node
  openssl verify -partial_chain -CApath "$(node_dir "$1")/state/trust/capf" "$state/keys/capf.crt" "$work/old-capf.pem" >/dev/null 2>&1
}
openssl x509 -inform DER -in "$work/capf.der" -out "$work/old-capf.pem"
for n in 1 2 3; do
  eventually 10 "node $n knows both CAPF certificates" capf_known $n
done
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
up_to_date

# Provider certificates: the other side follows, also several renewals later.
new_ca() {
  cat "$work"/cluster/node*/state/keys/provider.crt >"$CTL_CA"
}
for n in 1 2 3; do
  expect 0 admin $n renew-cert provider --yes
done
new_ca
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
up_to_date
stop 1 ctlproviderd
expect 0 admin 3 renew-cert provider --yes
expect 0 admin 3 renew-cert provider --yes
start 1 ctlproviderd
known_as_is() { # node
  [ "$(node_store 1 "select lower(hex(der)) from nodes join certs on node = nodes.id where role = 'provider' and uid = '$2'")" = \
    "$(openssl x509 -in "$(node_dir "$1")/state/keys/provider.crt" -outform DER | xxd -p | tr -d '\n')" ]
}
eventually 20 "the publisher knows node3 by its new certificate" known_as_is 3 "$uid3"
stop 1 ctlproviderd
expect 0 admin 1 renew-cert provider --yes
expect 0 admin 1 renew-cert provider --yes
start 1 ctlproviderd
new_ca
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
up_to_date
fetched
same_everywhere "$work/now.tlv" 1 2 3

# ---- invitations

spare=$work/spare
join() { # name, file with the invitation, further options
  local name=$1 file=$2
  shift 2
  ctladmin node join "$name" --ip 127.0.0.9 --listen 127.0.0.9:9 --token-source "file:$file" --state "$spare" "$@"
}
invite() { # name, further options
  ctladmin node invite "$@" -c "$(node_dir 1)/ctlsuite.conf" >"$work/invitation" 2>"$work/err" || fail "invite"
}
mend() { # the bytes of an invitation through a filter, text again
  tr '_-' '/+' | awk '{while (length($0) % 4) $0 = $0 "="; print}' | base64 -d | "$@" | base64 -w0 | tr '/+' '_-' | tr -d =
}
flip() { # offset
  xxd -p | tr -d '\n' | sed -E "s/^(.{$(($1 * 2))})../\1ff/" | xxd -r -p
}
invite spare --valid 1h
cp "$work/invitation" "$work/good"
invite late --valid 1s
cp "$work/invitation" "$work/late"
made_late=$(date +%s)
cp "$work/good" "$work/invitation"
grep -q "$(cat "$work/invitation")" <(strings "$state/store.db") && fail "the store holds an invitation in the clear"
expect 3 join other "$work/invitation"
said "no such invitation"
rm -rf "$spare"
mend flip 40 <"$work/invitation" >"$work/forged"
expect 3 join spare "$work/forged"
said "no such invitation"
mend flip 10 <"$work/invitation" >"$work/forged"
expect 3 join spare "$work/forged"
said "another certificate"
echo "nonsense" >"$work/forged"
expect 2 join spare "$work/forged"
expect 0 join spare "$work/invitation"
is "$(sqlite3 -readonly "$spare/store.db" 'select count(*) from ctl')" 1 "lists that the new node begins with"
is "$(node_store 1 'select count(*) from nodes')" 4 "nodes after joining"
expect 5 join spare "$work/invitation"
# The answer got lost: the same node asks again with the same invitation.
sqlite3 "$spare/store.db" 'delete from nodes where not self; update cluster set described = ""'
expect 0 join spare "$work/invitation"
is "$(node_store 1 'select count(*) from nodes')" 4 "nodes after joining again"
# Somebody else with the same invitation.
rm -rf "$spare"
expect 3 join spare "$work/invitation"
said "used already"
rm -rf "$spare"
while [ $(($(date +%s) - made_late)) -le 2 ]; do
  sleep 0.1
done
expect 3 join late "$work/late"
said "expired"
expect 2 admin 1 invite "bad name"
expect 2 admin 1 invite good --valid 1y
expect 1 admin 2 invite good

# ---- a node leaves

expect 1 admin 1 remove nobody --yes
expect 3 admin 1 remove node1 --yes
expect 0 admin 1 remove spare --yes
expect 0 admin 1 remove node3 --yes
eventually 10 "a removed node makes the list outdated" outdated "without a node"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
up_to_date
cp "$work/now.tlv" "$work/before.tlv"
fetched
same_everywhere "$work/now.tlv" 1 2
same_everywhere "$work/before.tlv" 3
jq --arg u "$uid3" '.node.uid = $u' "$work/honest" >"$work/lie"
is "$(as_node 3 1 POST /nodes/hello "$work/lie")" 403 "status of a hello from a node that was removed"
expect 0 ctlphone boot SEP001122334455 --state "$work/phone" --tftp "$CTL_TFTP_2" --json
is "$(json .result)" installed "a phone at node2"

# ---- the publisher is lost, and restored from a backup that is two lists old

echo "correct horse battery" >"$work/passphrase"
expect 0 ctladmin backup create "$work/backup" --passphrase-source "file:$work/passphrase" -c "$(node_dir 1)/ctlsuite.conf"
for i in 1 2; do
  expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
done
fetched
stop 1 ctlproviderd
stop 1 ctltftpd
rm -rf "$state"
expect 0 ctladmin backup restore "$work/backup" --passphrase-source "file:$work/passphrase" -c "$(node_dir 1)/ctlsuite.conf"
start 1 ctlproviderd
start 1 ctltftpd
eventually 20 "the publisher has got back what was accepted after the backup" serves 1 "$generation"
same_everywhere "$work/now.tlv" 1 2
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
up_to_date
fetched
same_everywhere "$work/now.tlv" 1 2
is "$(node_store 1 'select restored from cluster')" 0 "the publisher takes nothing back any more"
