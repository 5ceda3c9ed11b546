#!/usr/bin/env bash
# What strangers may do to the provider while an administrator wants an answer. Says how long it took.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

IDLE=1000
# A second is what a quiet machine is asked for; one that is busy with other things gets more.
ANSWER_MS=1000
BUSY_MS=5000
baseline=0

load=
at_exit() {
  [ -z "$load" ] || kill "$load" 2>/dev/null || true
  [ -z "$provider" ] || kill -9 "$provider" 2>/dev/null || true
}

# answers WHAT: the administrator gets an answer in time.
answers() {
  local before now
  as officer
  before=$(date +%s%N)
  call GET /api/v1/cluster "${login[@]}" --max-time 60
  now=$((($(date +%s%N) - before) / 1000000))
  is "$status" 200 "status while $1"
  echo "an answer while $1: $now ms" >&2
  [ "$now" -lt $((ANSWER_MS + BUSY_MS + 5 * baseline)) ] || fail "an answer while $1 takes $now ms"
  [ "$baseline" -gt 0 ] || baseline=$now
}

# begin MODE N: https_load in the background, its standard input open until "finish".
begin() {
  rm -f "$work/hold"
  mkfifo "$work/hold"
  https_load "$1" "$port" "$2" <"$work/hold" >"$work/load" &
  load=$!
  exec 9>"$work/hold"
  for _ in $(seq 600); do
    grep -q "^open" "$work/load" && return
    kill -0 "$load" 2>/dev/null || break
    sleep 0.1
  done
  fail "https_load $1 $2 does not get on: $(cat "$work/load")"
}

finish() { # sets $closed
  exec 9>&-
  wait "$load" || true
  load=
  closed=$(sed -n 's/^closed //p' "$work/load")
}

make_node
start
answers "nobody else is there"

# ---- idle connections ----

begin hold "$IDLE"
is "$(sed -n 's/^open //p' "$work/load")" "$IDLE" "open connections"
answers "$IDLE connections idle"
echo "memory with $IDLE idle connections: $(awk '/VmRSS/ { print $2 }' "/proc/$provider/status") kB" >&2
finish
echo "of them given up for having nothing to say: $closed" >&2
# More than there may be: those that idled longest make room.
begin hold 1300
answers "1300 connections want 1024 places"
finish
[ "$closed" -ge 270 ] || fail "only $closed connections made room"

# ---- slow ones ----

begin drip 200
answers "200 requests arrive byte by byte"
finish
is "$closed" 200 "slow requests that were given up"
# Many at once that never finish their handshake.
for i in $(seq 200); do
  exec {fd[i]}<>"/dev/tcp/127.0.0.1/$port"
done
answers "200 handshakes do not begin"
for i in $(seq 200); do
  exec {fd[i]}>&-
done

# ---- too large, too deep, of another kind ----

long=$(head -c 20000 /dev/zero | tr '\0' x)
call GET /api/v1/version -H "X-Long: $long"
problem 431 head-too-large
many=()
for i in $(seq 100); do
  many+=(-H "X-$i: x")
done
call GET /api/v1/version "${many[@]}"
problem 431 head-too-large
head -c 100000 /dev/zero >"$work/100k"
as officer
for path in ctl session nodes/join nodes/hello node/ctl; do
  method=POST
  case $path in *ctl) method=PUT ;; esac
  call "$method" "/api/v1/$path" "${login[@]}" --data-binary "@$work/100k"
  problem 413 too-large
done
deep() { # opening, closing, how deep
  head -c "$3" /dev/zero | sed "s/\x00/$1/g"
  printf '1'
  head -c "$3" /dev/zero | sed "s/\x00/$2/g"
}
deep '[' ']' 30000 >"$work/deep1"
deep '{"a":' '}' 8000 >"$work/deep2"
printf '{"a":1,"a":2}' >"$work/twice"
printf '{"name":"\xff"}' >"$work/utf8"
printf '[]' >"$work/array"
head -c 30000 /dev/urandom >"$work/noise"
: >"$work/empty"
for body in deep1 deep2 twice utf8 array noise empty; do
  for path in nodes/join nodes/hello; do
    call POST "/api/v1/$path" --data-binary "@$work/$body" -H 'Content-Type: application/json'
    case $status in
      4??) json .id >/dev/null ;;
      *) fail "POST $path with $body: $status" ;;
    esac
  done
done
as officer
for type in text/plain application/jsons multipart/form-data 'application/octet-streams' ''; do
  call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/array" -H 'If-Match: "0"' -H "Content-Type: $type"
  problem 415 content-type
done
call PUT /api/v1/ctl "${login[@]}" --data-binary "@$work/array" -H 'If-Match: "0"' -H 'Content-Type: application/json'
problem 400 bad-request

# ---- paths ----

for path in /api/v1/session/../audit /api/v1/%61udit /api/v1/audit/ /api/v1/audit%00 //api/v1/audit '/api/v1/audit;x' \
  /api/v1/./audit /healthz /readyz /metrics; do
  call GET "$path"
  problem 404 no-such-path
done

# ---- TLS ----

reneg() { # what s_client makes of a renegotiation
  (printf 'R\n'; sleep 1) | timeout 20 openssl s_client -connect "127.0.0.1:$port" -tls1_2 2>&1 || true
}
reneg >"$work/reneg"
grep -q 'RENEGOTIATING' "$work/reneg" || fail "s_client did not try: $(cat "$work/reneg")"
grep -qi 'no renegotiation\|handshake failure\|alert' "$work/reneg" || fail "renegotiation: $(tail -n 5 "$work/reneg")"
for version in tls1 tls1_1; do
  ! openssl s_client -connect "127.0.0.1:$port" "-$version" -cipher 'ALL:@SECLEVEL=0' </dev/null >"$work/old" 2>&1 ||
    fail "$version is spoken"
done
for cipher in AES128-SHA AES256-GCM-SHA384 ECDHE-RSA-AES128-SHA aNULL eNULL; do
  ! openssl s_client -connect "127.0.0.1:$port" -tls1_2 -cipher "$cipher:@SECLEVEL=0" </dev/null >"$work/old" 2>&1 ||
    fail "$cipher is spoken"
done
answer=$(printf 'GET /api/v1/version HTTP/1.1\r\nHost: a\r\n\r\n' | timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; cat >&3; cat <&3" 2>/dev/null | head -c 100 | tr -d '\0' || true)
[[ $answer != *ctlsuite* ]] || fail "plain HTTP gets an answer"

# ---- and still ----

answers "all that is over"
rss=$(awk '/VmRSS/ { print $2 }' "/proc/$provider/status")
echo "memory after all that: $rss kB" >&2
[ "$(stat -c %s "$work/log")" -lt 200000 ] || fail "strangers wrote $(stat -c %s "$work/log") bytes of log"
stop
