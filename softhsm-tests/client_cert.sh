#!/usr/bin/env bash
# An account that demands a client certificate: its key is on a token, and the password alone is
# nothing.
. "$(dirname "$0")/lib.sh"

cluster_up
conf=$work/cluster/node1/ctlsuite.conf
token_cert 3 >"$work/want.pem"
expect 0 ctlclient token export-cert "$CTL_TOKEN_3" -o "$work/mine.pem"
same "$work/mine.pem" "$work/want.pem"
expect 1 ctlclient token export-cert "$CTL_TOKEN_2" -o "$work/mine.pem" # it is there
expect 0 ctlclient token export-cert "$CTL_TOKEN_3"
same "$work/out" "$work/want.pem"
expect 2 ctlclient token export-cert "$work/mine.pem"
expect 0 ctladmin user cert admin "$work/mine.pem" -c "$conf"

# ---- password alone, another key, no key ----

expect 1 ctlclient cluster show
said "logs in with a client certificate, and none was shown"
said "--client-cert URI"
expect 1 ctlclient cluster show --client-cert "$CTL_TOKEN_2"
said "is not the one that the account admin is bound to"
expect 4 ctlclient cluster show --client-cert 'pkcs11:token=nobody'
said "the client certificate"
expect 2 ctlclient cluster show --client-cert "$work/mine.pem"

# ---- the PIN, by the rules for every PIN ----

echo 00000000 >"$work/wrong"
expect 4 ctlclient cluster show --client-cert "$CTL_TOKEN_3" --client-pin-source "file:$work/wrong"
said PIN
expect 4 ctlclient cluster show --client-cert "$CTL_TOKEN_3" --pin-source "file:$work/wrong"
expect 0 ctlclient cluster show --client-cert "$CTL_TOKEN_3" --pin-source "file:$work/wrong" \
  --client-pin-source "file:$CTL_PIN_FILE"
expect 0 env -u CTL_PIN_FILE ctlclient cluster show \
  --client-cert "$CTL_TOKEN_3?pin-source=file:$CTL_PIN_FILE"
asked 'PIN' "$(cat "$CTL_PIN_FILE")" -- env -u CTL_PIN_FILE ctlclient cluster show --client-cert "$CTL_TOKEN_3"
is "$code" 0 "exit code after the PIN was typed"
said "to log in at the provider"

# The key alone is nothing either.
echo not-the-password >"$work/not"
expect 1 ctlclient cluster show --client-cert "$CTL_TOKEN_3" --password-source "file:$work/not"

# ---- every command that speaks with the provider ----

export CTL_CLIENT_CERT=$CTL_TOKEN_3
expect 0 ctlclient cluster status --json
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" \
  --sast "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster request -o "$work/request" update
expect 0 ctlclient bundle sign "$work/request" -o "$work/signed" --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster push "$work/signed"
expect 0 ctlclient cluster fetch -o "$work/list"
expect 0 ctlclient doctor --json
is "$(json '.steps[] | select(.step == "login") | .state')" ok \
  "the doctor's login"

# The same token for both.
token_cert 1 >"$work/mine.pem"
expect 0 ctladmin user cert admin "$work/mine.pem" -c "$conf"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --client-cert "$CTL_TOKEN_1" --yes

# Who logs in how is in the audit log.
store "SELECT detail FROM audit WHERE action = 'login' AND accepted" >"$work/out"
said "password and certificate"
