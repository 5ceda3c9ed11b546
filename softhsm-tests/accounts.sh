#!/usr/bin/env bash
# Accounts of administrators: roles, changes that count at once, locks, client certificates, sessions.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

user() { # expected exit code, ctladmin user arguments ...
  local code=$1
  shift
  expect "$code" ctladmin user "$@" -c "$conf"
}

logged_in() { # user, status, id of the problem
  as "$1"
  call GET /api/v1/cluster "${login[@]}"
  if [ "$2" = 200 ]; then is "$status" 200 "status for $1"; else problem "$2" "$3"; fi
}

make_node
start

# ---- who may what ----

may() { # METHOD PATH, then the status for officer, operator, auditor, viewer
  local method=$1 path=$2 role
  shift 2
  for role in officer operator auditor viewer; do
    as "$role"
    call "$method" "$path" "${login[@]}"
    is "$status" "$1" "status of $method $path for $role"
    shift
  done
}
may GET /api/v1/cluster 200 200 200 200
may GET /api/v1/ctl/history 200 200 200 200
may GET /api/v1/session 200 200 200 200
may GET /api/v1/audit 200 403 200 403
may PUT /api/v1/ctl 415 403 403 403
may DELETE /api/v1/session/00 404 403 403 403
problem 403 forbidden

# ---- changes count at once, without a restart ----

echo another-long-password >"$work/password2"
logged_in viewer 200
user 0 passwd viewer --password-source "file:$work/password2"
logged_in viewer 401 login
as viewer another-long-password
sleep 0.5
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status with the new password"
echo short >"$work/short"
user 1 passwd viewer --password-source "file:$work/short"
user 1 passwd nobody --password-source "file:$work/password2"
said "there is no user"

logged_in operator 200
user 0 lock operator
logged_in operator 403 locked
# That it is locked is told to those who know the password only.
as operator wrong-password
call GET /api/v1/cluster "${login[@]}"
problem 401 login
sleep 0.5
user 0 unlock operator
logged_in operator 200

user 0 set-role operator auditor
as operator
call GET /api/v1/audit "${login[@]}"
is "$status" 200 "audit log for a new auditor"
user 0 set-role operator operator
call GET /api/v1/audit "${login[@]}"
problem 403 forbidden
user 2 set-role operator king
user 2 set-role operator
user 2 lock
user 2 list surplus

logged_in auditor 200
user 0 remove auditor
logged_in auditor 401 login
user 1 remove auditor

# ---- nobody locks everybody out ----

for change in "lock officer" "set-role officer viewer" "remove officer"; do
  # shellcheck disable=SC2086
  user 3 $change
  said "no officer would be left"
done
logged_in officer 200
user 0 add second --role officer --password-source "file:$work/password"
user 0 lock second
user 3 lock officer
user 0 unlock second
user 0 lock officer
user 3 remove second
user 0 unlock officer

# ---- a client certificate besides the password ----

for who in mine other; do
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$who.key" -out "$work/$who.pem" -days 30 \
    -subj "/CN=$who" 2>/dev/null
done
user 1 cert second "$work/password"
said "holds no certificate"
user 0 cert second "$work/mine.pem"
as second
call GET /api/v1/cluster "${login[@]}"
problem 403 client-certificate
said "none was shown"
call GET /api/v1/cluster "${login[@]}" --cert "$work/other.pem" --key "$work/other.key"
problem 403 client-certificate
said "is not the one"
for tls in --tlsv1.3 "--tls-max 1.2"; do
  # shellcheck disable=SC2086
  call GET /api/v1/cluster "${login[@]}" --cert "$work/mine.pem" --key "$work/mine.key" $tls
  is "$status" 200 "status with the certificate, $tls"
done
# The certificate alone is nothing, and neither is it without its key.
call GET /api/v1/cluster --cert "$work/mine.pem" --key "$work/mine.key"
problem 401 login
call GET /api/v1/cluster "${login[@]}" --cert "$work/mine.pem" --key "$work/other.key"
is "$status" "curl 58" "a certificate with another key"
# Others show what they like, or nothing.
as officer
call GET /api/v1/cluster "${login[@]}" --cert "$work/other.pem" --key "$work/other.key"
is "$status" 200 "status of an account without a certificate"
openssl x509 -in "$work/other.pem" -outform DER -out "$work/other.der"
user 0 cert second "$work/other.der"
as second
call GET /api/v1/cluster "${login[@]}" --cert "$work/mine.pem" --key "$work/mine.key"
problem 403 client-certificate
user 0 list --json
is "$(json '.users[] | select(.name == "second") | .certificate')" \
  "$(openssl x509 -in "$work/other.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)" "listed certificate"
is "$(json '[.users[].name] | join(" ")')" "officer operator second viewer" "listed users"
! grep -q '\$y\$' "$work/out" || fail "the list shows hashes"
user 0 cert second none
logged_in second 200
user 0 list

# ---- a login is remembered, and its password is not ----

as officer
started=$(date +%s%N)
for _ in $(seq 20); do
  call GET /api/v1/cluster "${login[@]}"
done
took=$((($(date +%s%N) - started) / 20000000))
echo "a request with a remembered login, curl's start included: $took ms" >&2
before=$(store "select count(*) from audit where action = 'login' and user = 'officer' and accepted")
for _ in $(seq 5); do
  call GET /api/v1/cluster "${login[@]}"
done
is "$(store "select count(*) from audit where action = 'login' and user = 'officer' and accepted")" "$before" \
  "logins of a remembered one"
# A wrong password is not covered by it.
as officer wrong-password
call GET /api/v1/cluster "${login[@]}"
problem 401 login
sleep 0.5

# ---- five sessions ----

as officer
for i in 1 2 3 4 5; do
  call POST /api/v1/session "${login[@]}"
  is "$status" 200 "status of session $i"
  id[i]=$(json .id)
  json .expires >/dev/null
done
is "$(json .lease_seconds)" 600 "seconds of a lease"
call POST /api/v1/session "${login[@]}"
problem 409 client-limit
said "officer from 127.0.0.1"
is "$(json '.sessions | length')" 5 "named sessions"
! grep -q "${id[1]}" "$work/out" || fail "the ids of others are shown"
# A push counts as one, unless it comes with one.
echo "this is no list" >"$work/text"
put=(--data-binary "@$work/text" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream')
call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
problem 409 client-limit
call PUT /api/v1/ctl "${login[@]}" "${put[@]}" -H "Ctl-Session: ${id[3]}"
problem 422 ctl-parse
as second
call PUT /api/v1/ctl "${login[@]}" "${put[@]}" -H "Ctl-Session: ${id[3]}"
problem 409 client-limit
call DELETE "/api/v1/session/${id[3]}" "${login[@]}"
is "$status" 200 "status of an ended session"
call DELETE "/api/v1/session/${id[3]}" "${login[@]}"
problem 404 no-session
call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
problem 422 ctl-parse
call GET /api/v1/session "${login[@]}"
is "$(json '.sessions | length')" 4 "sessions after the end of one"
for bad in "" x/y "${id[1]}/" "%00"; do
  call DELETE "/api/v1/session/$bad" "${login[@]}"
  is "$status" 404 "status of DELETE /session/$bad"
done
stop
start
as officer
call GET /api/v1/session "${login[@]}"
is "$(json '.sessions | length')" 0 "sessions after a restart"
stop
