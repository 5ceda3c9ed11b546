# One provider without tokens, and curl: what the tests of its API share. To be sourced behind lib.sh.
# shellcheck shell=bash

state=$work/state
conf=$work/ctlsuite.conf
ca=$state/keys/provider.crt
password=right-and-long
provider=
at_exit() {
  [ -z "$provider" ] || kill -9 "$provider" 2>/dev/null || true
}

write_conf() { # port, further lines, further lines of the section provider
  printf 'state = "%s"\n%s\nprovider {\n  listen = "127.0.0.1:%s"\n%s\n}\n' "$state" "${2-}" "$1" "${3-}" >"$conf"
}

start() { # further lines of the configuration, as for write_conf
  local try i
  for try in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    write_conf "$port" "${1-}" "${2-}"
    ctlproviderd -c "$conf" 2>"$work/log" &
    provider=$!
    for i in $(seq 100); do
      grep -q 'ready: ' "$work/log" && return
      kill -0 "$provider" 2>/dev/null || break
      sleep 0.1
    done
  done
  fail "the provider did not start (try $try, $i): $(cat "$work/log")"
}

stop() { # waits for it; its exit code has to be 0
  local code=0
  kill -TERM "$provider"
  wait "$provider" || code=$?
  provider=
  is "$code" 0 "exit code of the provider"
}

# call METHOD PATH curl-options ...: the status is in $status, the body in $work/out, the head in
# $work/head.
call() {
  local method=$1 path=$2
  shift 2
  status=$(curl -sS --path-as-is --cacert "$ca" -X "$method" -D "$work/head" -o "$work/out" \
    -w '%{http_code}' "$@" "https://127.0.0.1:$port$path" 2>"$work/err") || status="curl $?"
}

as() { # user [password]: curl's options for it, in $login
  printf 'user = "%s:%s"\n' "$1" "${2-$password}" >"$work/login"
  login=(-K "$work/login")
}

problem() { # status, id
  is "$status" "$1" "status"
  is "$(json .id)" "$2" "id of the problem"
  is "$(json .status)" "$1" "status in the problem"
  is "$(json .type)" "urn:ctlsuite:problem:$2" "type of the problem"
  grep -qi '^content-type: application/problem+json' "$work/head" || fail "the type of problem $2"
  json .title >/dev/null
  json .detail >/dev/null
}

head_has() { # text at the beginning of a line
  grep -qi "^$1" "$work/head" || fail "no $1 in: $(cat "$work/head")"
}

# The node, and one account for each of the four roles, named like it.
make_node() {
  local role
  write_conf 1
  expect 0 ctladmin node init pub --ip 127.0.0.1 -c "$conf"
  echo "$password" >"$work/password"
  for role in officer operator auditor viewer; do
    expect 0 ctladmin user add "$role" --role "$role" --password-source "file:$work/password" -c "$conf"
  done
}
