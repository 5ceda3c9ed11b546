#!/usr/bin/env bash
# Five clients at most, conflicts that say what changed, and the policies on who may sign.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed
api() { # METHOD PATH: its body is in $work/out
  printf 'user = "%s:%s"\n' "$CTL_USER" "$(cat "$CTL_PASSWORD_FILE")" >"$work/login"
  curl -sS --fail-with-body --cacert "$CTL_CA" -K "$work/login" -X "$1" -o "$work/out" "https://$CTL_PROVIDER/api/v1/$2"
}

# ---- the sixth ----

for i in 1 2 3 4 5; do
  api POST session
  id[i]=$(json .id)
done
expect 5 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
said "5 clients configure the cluster already: admin from 127.0.0.1 until"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --dry-run
expect 0 ctlclient cluster status
is "$(store 'select max(generation) from ctl')" 1 "generation after a refusal"
is "$(store "select count(*) from audit where action = 'session' and not accepted")" 1 "refused sessions in the audit log"
api DELETE "session/${id[2]}"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
# It has given its place back.
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
api GET session
is "$(json '.sessions | length')" 4 "sessions that are left"
for i in 1 3 4 5; do
  api DELETE "session/${id[i]}"
done
# So has one that was refused, or killed on the way: that one by and by.
expect 3 ctlclient cluster update --signer "$CTL_TOKEN_3" --yes
api GET session
is "$(json '.sessions | length')" 0 "sessions after a refused change"

# ---- a conflict says what changed ----

for _ in $(seq 30); do
  first=0 second=0
  ctlclient cluster update --signer "$CTL_TOKEN_1" --yes >"$work/out1" 2>"$work/err1" &
  other=$!
  ctlclient cluster update --signer "$CTL_TOKEN_2" --yes >"$work/out2" 2>"$work/err2" || second=$?
  wait "$other" || first=$?
  [ "$first" = 5 ] || [ "$second" = 5 ] && break
done
loser=1
[ "$second" = 5 ] && loser=2
grep -q "^generation $(store 'select max(generation) from ctl'), by admin from 127.0.0.1 at " "$work/err$loser" ||
  fail "no changes in: $(cat "$work"/err?)"

# The audit log has them all, with the tokens that signed.
expect 0 ctladmin audit verify --state "$state"
is "$(store "select count(*) from audit where action = 'ctl' and accepted")" "$(store 'select max(generation) from ctl')" "accepted lists"
is "$(store "select count(*) from audit where action = 'ctl' and accepted and token not like '%CN=SAST%serial%'")" 0 "lists without a token"

# ---- who may sign ----

"$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 30 -subj "/CN=Token authority" 2>/dev/null
port=$((20000 + RANDOM % 20000))
conf=$work/ctlsuite.conf
policy() { # further lines of the section provider
  printf 'state = "%s"\nprovider {\n  listen = "127.0.0.1:%s"\n  %s\n}\n' "$state" "$port" "$1" >"$conf"
}
provider=
at_exit() {
  [ -z "$provider" ] || kill -9 "$provider" 2>/dev/null || true
}
restart() {
  local i
  [ -z "$provider" ] || { kill "$provider" && wait "$provider"; }
  ctlproviderd -c "$conf" 2>"$work/log" &
  provider=$!
  for i in $(seq 100); do
    grep -q 'ready: ' "$work/log" && return
    sleep 0.1
  done
  fail "the provider did not start (look $i): $(cat "$work/log")"
}
policy "signers = \"$work/nothing.pem\""
expect 2 ctlproviderd -c "$conf"
policy "require-hardware = true"
expect 2 ctlproviderd -c "$conf" --check
said "needs signers"

export CTL_PROVIDER=127.0.0.1:$port
policy "signers = \"$work/ca.pem\""
restart
# What is in the list stays good; a new token needs the authority.
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
expect 3 ctlclient cluster add-token "$CTL_TOKEN_3" --signer "$CTL_TOKEN_1" --yes
said "comes from none of the token authorities"
openssl req -new -newkey rsa:2048 -nodes -keyout "$work/new.key" -out "$work/new.csr" -subj "/CN=SAST new/OU=Voice/O=Test" 2>/dev/null
openssl x509 -req -in "$work/new.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 30 -out "$work/new.pem" 2>/dev/null
expect 0 ctlclient cluster add-token "$work/new.pem" --signer "$CTL_TOKEN_1" --yes
is "$(store "select count(*) from audit where action = 'ctl' and not accepted and instr(detail, 'ctl-signer-authority')")" 1 \
  "the refusal in the audit log"
# With require-hardware the desk refuses a token that it knows to be software.
policy "signers = \"$work/ca.pem\"
  require-hardware = true"
restart
expect 3 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
said "software token"
kill "$provider"
wait "$provider"
provider=
