#!/usr/bin/env bash
# The provider's API from outside, with curl and openssl: logins, errors, limits, TLS, start and stop.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

roles=(officer operator auditor viewer)

# raw TEXT: sends it over TLS as it is; what comes back is printed.
raw() {
  printf '%b' "$1" | timeout 8 openssl s_client -connect "127.0.0.1:$port" -quiet 2>/dev/null || true
}

raw_problem() { # request, status, id
  local answer
  answer=$(raw "$1")
  [[ $answer == "HTTP/1.1 $2 "* ]] || fail "not $2 but: $answer"
  [[ $answer == *"\"id\": \"$3\""* ]] || fail "not $3 but: $answer"
}

# ---- configuration, first node, accounts ----

write_conf 1
expect 1 ctlproviderd -c "$conf"
said "ctladmin node init"
expect 0 ctladmin node init pub --ip 127.0.0.1 -c "$conf"
said "$(openssl x509 -in "$ca" -noout -fingerprint -sha256 | cut -d= -f2)"
expect 5 ctladmin node init pub --ip 127.0.0.1 -c "$conf"
expect 2 ctladmin node init "bad name" --ip 127.0.0.1 --state "$work/other"
expect 2 ctladmin node init pub --ip 300.0.0.1 --state "$work/other"
expect 2 ctladmin node init no-such-name.invalid --state "$work/other"
[ ! -e "$work/other" ] || fail "a refused init left something behind"
is "$(stat -c %a "$state/keys")" 700 "mode of the folder of keys"
for key in provider ccm capf; do
  is "$(stat -c %a "$state/keys/$key.key")" 600 "mode of $key.key"
  openssl x509 -in "$state/keys/$key.crt" -noout -checkend 86400 >/dev/null || fail "$key.crt"
done
is "$(stat -c %a "$state/store.db")" 600 "mode of the store"

echo "$password" >"$work/password"
echo short >"$work/short"
for role in "${roles[@]}"; do
  expect 0 ctladmin user add "$role" --role "$role" --password-source "file:$work/password" -c "$conf"
done
expect 5 ctladmin user add officer --role officer --password-source "file:$work/password" -c "$conf"
expect 1 ctladmin user add other --role officer --password-source "file:$work/short" -c "$conf"
expect 2 ctladmin user add other --role king --password-source "file:$work/password" -c "$conf"
expect 2 ctladmin user add "a:b" --role officer --password-source "file:$work/password" -c "$conf"
expect 2 ctladmin user add other --role officer --password-source "$password" -c "$conf"
! grep -q "$password" "$work/err" || fail "the password was shown"
expect 2 ctladmin user add other --role officer -c "$conf"
! grep -q "$password" "$state"/store.db* || fail "the password is in the store"

expect 0 ctlproviderd -c "$conf" --check
write_conf 1 'colour = "red"'
expect 2 ctlproviderd -c "$conf" --check
said "$conf:2:"
expect 2 ctlproviderd -c "$conf"
expect 2 ctlproviderd -c "$work/nowhere.conf" --check
expect 2 ctlproviderd --no-such-option
expect 0 ctlproviderd --version
expect 0 ctlproviderd --help

start
# A second one on the same port says so and ends.
expect 1 ctlproviderd -c "$conf"
said "in use"

# ---- without a login ----

call GET /api/v1/version
is "$status" 200 "status of /version"
is "$(json .product)" ctlsuite "product"
is "$(json .api)" 1 "version of the API"
call HEAD /api/v1/version -I
is "$status" 200 "status of HEAD"
for path in cluster ctl ctl/distribution ctl/history; do
  call GET "/api/v1/$path"
  problem 401 login
  head_has "www-authenticate: basic"
done
call GET /api/v1/cluster -H 'Authorization: Bearer x'
problem 401 login
call GET /api/v1/cluster -H 'Authorization: Basic !!!'
problem 401 login

# ---- paths and methods ----

for path in / /api /api/v1 /api/v1/ /api/v2/version /api/v1/version/ /api/v1//version /API/v1/version \
  /api/v1/../v1/version /api/v1/%76ersion /etc/passwd /../../etc/passwd /api/v1/ctl%00 /api/v1/ctl/../version; do
  call GET "$path"
  problem 404 no-such-path
done
call DELETE /api/v1/ctl
problem 405 method
head_has "allow: GET, HEAD, PUT"
call POST /api/v1/cluster -d x
problem 405 method
call PUT /api/v1/version -d x
problem 405 method

# ---- with a login ----

for role in "${roles[@]}"; do
  as "$role"
  call GET /api/v1/cluster "${login[@]}"
  is "$status" 200 "status of /cluster for $role"
done
is "$(json .name)" cluster "name of the cluster"
is "$(json .security_mode)" nonsecure "mode of a new cluster"
is "$(json .generation)" 0 "generation of a new cluster"
is "$(json '.nodes[0].roles | join(" ")')" "ccm+tftp capf" "roles of the node"
json '.nodes[0].certificates[0].certificate' >"$work/ccm.pem"
openssl x509 -in "$work/ccm.pem" -outform DER | cmp - <(openssl x509 -in "$state/keys/ccm.crt" -outform DER) || fail "the certificate of /cluster"
call GET /api/v1/ctl "${login[@]}"
problem 404 no-ctl
call GET /api/v1/ctl/distribution "${login[@]}"
is "$(json '.distribution | length')" 0 "distribution of a new cluster"
call GET /api/v1/ctl/history "${login[@]}"
is "$(json '.generations | length')" 0 "history of a new cluster"
for query in 'limit=x' 'limit=' 'limit=-1' 'other=1' 'limit=99999999999999999999'; do
  call GET "/api/v1/ctl/history?$query" "${login[@]}"
  problem 400 bad-request
done

# ---- PUT /ctl ----

echo "this is no list" >"$work/text"
put=(--data-binary "@$work/text" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream')
for role in operator auditor viewer; do
  as "$role"
  call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
  problem 403 forbidden
done
as officer
call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
problem 422 ctl-parse
call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/text" -H 'If-Match: "0"'
problem 415 content-type
call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/text" -H 'Content-Type: application/octet-stream'
problem 428 no-generation
for match in '"4"' '"1"'; do
  call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/text" -H "If-Match: $match" -H 'Content-Type: application/octet-stream'
  problem 412 stale-generation
  is "$(json .generation)" 0 "present generation"
done
for match in 0 '"one"' '*' 'W/"0"' '"0", "1"' '"0' '""' '"-1"' '"99999999999999999999"'; do
  call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/text" -H "If-Match: $match" -H 'Content-Type: application/octet-stream'
  problem 400 bad-request
done
head -c 10485760 /dev/zero >"$work/huge"
call PUT /api/v1/ctl "${login[@]}" -T "$work/huge" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream'
problem 413 too-large
# Without waiting for leave to send it.
call PUT /api/v1/ctl "${login[@]}" -T "$work/huge" -H 'Expect:' -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream'
problem 413 too-large
call PUT /api/v1/ctl --data-binary "@$work/huge" -H 'Expect:'
problem 413 too-large
head -c 65536 /dev/zero >"$work/64k"
call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/64k" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream'
problem 413 too-large
head -c 65535 /dev/urandom >"$work/64k"
call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/64k" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream'
problem 422 ctl-parse
call PUT /api/v1/ctl "${login[@]}" -T - -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream' <"$work/text"
problem 411 length-required
is "$(store 'select count(*) from ctl')" 0 "number of stored lists"

# ---- requests that are none ----

raw_problem 'GARBAGE\r\n\r\n' 400 bad-request
raw_problem 'GET / HTTP/1.1\r\n\r\n' 400 bad-request
raw_problem 'GET / HTTP/1.1\nHost: a\n\n\r\n\r\n' 400 bad-request
raw_problem 'GET / HTTP/3.0\r\nHost: a\r\n\r\n' 505 http-version
raw_problem 'PUT /api/v1/ctl HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello' 400 bad-request
raw_problem "GET / HTTP/1.1\r\nHost: a\r\nX: $(head -c 20000 /dev/zero | tr '\0' x)\r\n\r\n" 431 head-too-large
is "$(raw 'GET /api/v1/version HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | grep -c '"product"')" 2 \
  "answers to two requests sent at once"

# ---- slow ones ----

# Handshakes, heads and bodies that never end are given up; meanwhile others are served.
for i in $(seq 50); do
  exec {idle}<>"/dev/tcp/127.0.0.1/$port"
done
(
  printf 'GET /api/v1/version HTTP/1.1\r\n'
  for i in $(seq 40); do
    printf 'X-%s: 1\r\n' "$i"
    sleep 0.5
  done
) | (time -p timeout 30 openssl s_client -connect "127.0.0.1:$port" -quiet >"$work/slow" 2>/dev/null) 2>"$work/slow.time" &
slow=$!
call GET /api/v1/version --max-time 2
is "$status" 200 "status while others dawdle"

# ---- TLS ----

tls() {
  openssl s_client -connect "127.0.0.1:$port" -CAfile "$ca" -verify_return_error "$@" </dev/null >"$work/out" 2>"$work/err"
}
tls -tls1_3 || fail "TLS 1.3"
tls -tls1_2 || fail "TLS 1.2"
grep -qE 'Cipher +: ECDHE-.*(GCM|POLY1305)' "$work/out" || fail "the cipher of TLS 1.2"
for old in -tls1 -tls1_1; do
  ! tls $old -cipher 'ALL:@SECLEVEL=0' || fail "TLS version $old"
done
for cipher in AES128-SHA ECDHE-ECDSA-AES128-SHA AES128-GCM-SHA256 NULL; do
  ! tls -tls1_2 -cipher "$cipher:@SECLEVEL=0" || fail "cipher $cipher"
done
curl -sS --max-time 3 "http://127.0.0.1:$port/api/v1/version" >"$work/out" 2>&1 && fail "plain text was answered"

# ---- guessing passwords ----

as viewer wrong-password
before=$(date +%s%N)
for i in 1 2 3; do
  call GET /api/v1/cluster "${login[@]}"
  problem 401 login
  now=$(date +%s%N)
  took[i]=$(((now - before) / 1000000))
  before=$now
done
[ "${took[3]}" -gt 900 ] && [ "${took[3]}" -gt "${took[1]}" ] || fail "the delay does not grow: ${took[*]}"
# Side by side, they do not all get an answer.
for i in $(seq 8); do
  curl -sS --cacert "$ca" "${login[@]}" -o /dev/null -w '%{http_code}\n' "https://127.0.0.1:$port/api/v1/cluster" >>"$work/codes" &
  guess[i]=$!
done
for i in $(seq 8); do
  wait "${guess[i]}"
done
[ "$(grep -c 429 "$work/codes")" -ge 7 ] || fail "guesses side by side: $(tr '\n' ' ' <"$work/codes")"
# Until the wait is long enough to look at it on a busy machine.
retry_after=0
while [ "$retry_after" -lt 6 ]; do
  sleep "$retry_after"
  call GET /api/v1/cluster "${login[@]}"
  [ "$status" = 429 ] || call GET /api/v1/cluster "${login[@]}"
  problem 429 too-many-logins
  head_has "retry-after: [1-9]"
  retry_after=$(tr -d '\r' <"$work/head" | sed -n 's/^[Rr]etry-[Aa]fter: //p')
done
# The right password has to wait as well; other users have not.
as viewer
call GET /api/v1/cluster "${login[@]}"
problem 429 too-many-logins
as auditor
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status for somebody else"
# A user that does not exist costs as much as one that does.
as nobody
call GET /api/v1/cluster "${login[@]}"
problem 401 login

# ---- what became of the slow one ----

wait "$slow" || true
grep -q '"request-timeout"' "$work/slow" || fail "the slow head was not given up: $(cat "$work/slow")"
grep -qE '^real (9|1[0-4])\.' "$work/slow.time" || fail "not given up after ten seconds: $(cat "$work/slow.time")"

# ---- the end ----

grep -q "login refused: user viewer from 127.0.0.1" "$work/log" || fail "refused logins are not logged"
grep -q "ctl refused (ctl-parse): from officer at 127.0.0.1" "$work/log" || fail "refused lists are not logged"
! grep -q "$password" "$work/log" || fail "a password is in the log"
# Answers that are held back do not hold up the end.
as viewer2 wrong-password
curl -sS --cacert "$ca" "${login[@]}" -o "$work/late" "https://127.0.0.1:$port/api/v1/cluster" &
late=$!
sleep 0.2
stop
wait "$late" || fail "a request under way was cut off"
grep -q '"login"' "$work/late" || fail "the last answer: $(cat "$work/late")"

# ---- a list that only the store knows ----

# A broken first node might accept anything. What no phone would take is not served; that it fails,
# and why, shows.
sqlite3 "$state/store.db" "insert into ctl values (1, 1800000000, 'eve', '192.0.2.66', 1, 'CN=$(printf '\xc3')', '', '',
  zeroblob(32), cast('no list' as blob), x'')"
start
grep -q "generation 1 cannot be served" "$work/log" || fail "a bad list in the store is not logged"
[ ! -e "$state/tftp/CTLFile.tlv" ] || fail "a bad list is served"
as auditor
call GET /api/v1/ctl/distribution "${login[@]}"
is "$(json '.distribution[0].state')" failed "state of the node"
json '.distribution[0].detail' >/dev/null
call GET /api/v1/ctl "${login[@]}"
is "$(cat "$work/out")" "no list" "GET /ctl"
head_has 'etag: "1"'
head_has 'content-type: application/octet-stream'
for known in '"1"' '"0", "1"' '*'; do
  call GET /api/v1/ctl "${login[@]}" -H "If-None-Match: $known"
  is "$status" 304 "status with If-None-Match: $known"
done
call GET /api/v1/ctl "${login[@]}" -H 'If-None-Match: "11"'
is "$status" 200 "status with another If-None-Match"
call GET /api/v1/ctl/history "${login[@]}"
is "$(json '.generations[0].user')" eve "user in the history"
is "$(json '.generations[0].size')" 7 "size in the history"
call GET '/api/v1/ctl/history?limit=0' "${login[@]}"
is "$(json '.generations | length')" 0 "history with limit=0"
stop
