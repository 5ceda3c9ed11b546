#!/usr/bin/env bash
# The services and their manager: readiness, watchdog, reload, socket activation, units, metrics.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

listener=
at_exit() {
  [ -z "$provider" ] || kill -9 "$provider" 2>/dev/null || true
  [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
}

# A service manager that writes down what it is told.
listen_for_notices() {
  : >"$work/notices"
  socat -u "UNIX-RECV:$work/notify.sock" "OPEN:$work/notices,creat,append" 2>/dev/null &
  listener=$!
  for _ in $(seq 100); do
    [ -S "$work/notify.sock" ] && return
    sleep 0.1
  done
  fail "socat does not listen"
}

eventually() { # pattern, file
  local i
  for i in $(seq 150); do
    grep -qE -- "$1" "$2" && return
    sleep 0.1
  done
  fail "no \"$1\" in $2 (look $i): $(tail -n 20 "$2")"
}

times() { # text: how often it was told
  { grep -oF -- "$1" "$work/notices" || true; } | wc -l
}

make_node
listen_for_notices
metrics=$((20000 + RANDOM % 20000))
with_metrics="metrics { listen = \"127.0.0.1:$metrics\" }"

# ---- readiness, watchdog, end ----

export NOTIFY_SOCKET=$work/notify.sock WATCHDOG_USEC=600000
start "$with_metrics"
unset WATCHDOG_USEC
eventually READY=1 "$work/notices"
eventually 'STATUS=version .* serves' "$work/notices"
for _ in $(seq 100); do
  [ "$(times WATCHDOG=1)" -ge 3 ] && break
  sleep 0.1
done
[ "$(times WATCHDOG=1)" -ge 3 ] || fail "no pings for the watchdog"
# A process that does not run pings no more: the manager would know.
kill -STOP "$provider"
sleep 0.5
before=$(times WATCHDOG=1)
sleep 1
is "$(times WATCHDOG=1)" "$before" "pings of a stopped process"
kill -CONT "$provider"

# ---- reload ----

write_conf "$port" "log-level = debug
$with_metrics" 'connections = 3'
kill -HUP "$provider"
eventually "the configuration was read again" "$work/log"
eventually RELOADING=1 "$work/notices"
eventually MONOTONIC_USEC= "$work/notices"
# The limit counts at once: of four idle connections one has to make room.
as officer
for i in 1 2 3 4; do
  exec {fd[i]}<>"/dev/tcp/127.0.0.1/$port"
done
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status with all connections taken"
closed=0
for i in 1 2 3 4; do
  got=0
  read -r -t 0.2 -u "${fd[i]}" _ || got=$?
  # More than 128: nothing came, and it is still open.
  [ "$got" -gt 128 ] || closed=$((closed + 1))
done
[ "$closed" -gt 0 ] || fail "none of four idle connections was closed for a limit of three"
for i in 1 2 3 4; do
  exec {fd[i]}>&-
done
write_conf "$port" 'colour = "red"'
kill -HUP "$provider"
eventually "the old configuration stays" "$work/log"
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status after a bad configuration"
write_conf 1 "state = \"/elsewhere\"
tftp { digest = sha512 cache = 41 }
$with_metrics" "require-hardware = true
signers = \"$state/keys/ccm.crt\""
kill -HUP "$provider"
eventually "provider \{ listen \} has changed; that takes a restart" "$work/log"
for key in state 'provider \{ require-hardware \}' 'tftp \{ digest \}' 'tftp \{ cache \}'; do
  eventually "$key has changed; that takes a restart" "$work/log"
done
write_conf "$port" "$with_metrics"
kill -HUP "$provider"
sleep 0.5
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status after reloads"

# ---- metrics and health ----

plain() { # path
  status=$(curl -sS -o "$work/out" -w '%{http_code} %{content_type}' "http://127.0.0.1:$metrics$1" 2>"$work/err") || status="curl $?"
}
plain /healthz
is "$status" "200 text/plain; charset=utf-8" "/healthz"
plain /readyz
is "$status" "200 text/plain; charset=utf-8" "/readyz"
plain /secret
is "${status%% *}" 404 "another path"
as officer wrong-password
call GET /api/v1/cluster "${login[@]}"
plain /metrics
is "$status" "200 text/plain; version=0.0.4; charset=utf-8" "/metrics"
metric() { # beginning of the line: its value
  awk -v m="$1" 'index($0, m) == 1 { print $NF; found = 1 } END { exit !found }' "$work/out" || fail "no metric $1"
}
is "$(metric 'ctlsuite_ctl_generation ')" 0 "generation"
is "$(metric 'ctlsuite_sessions ')" 0 "sessions"
is "$(metric 'ctlsuite_logins_total{result="refused"}')" 1 "refused logins"
is "$(metric 'ctlsuite_requests_total{route="GET /api/v1/cluster",code="401"}')" 1 "counted refusals"
is "$(metric 'ctlsuite_certificate_expiry_timestamp_seconds{node="pub",role="capf"}')" \
  "$(date -d "$(openssl x509 -in "$state/keys/capf.crt" -noout -enddate | cut -d= -f2)" +%s)" "end of a certificate"
metric 'ctlsuite_build_info{version="' >/dev/null
# The text format: every sample has a HELP and a TYPE before it, names and labels are well formed,
# no series comes twice.
awk '
  /^# HELP [a-z_]+ ./ { help[$3] = 1; next }
  /^# TYPE [a-z_]+ (gauge|counter)$/ { if (!help[$3] || type[$3]) bad = 1; type[$3] = $4; next }
  {
    if ($0 !~ /^[a-z_]+(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? [0-9]+$/) { print "malformed: " $0; bad = 1 }
    name = $0; sub(/[{ ].*/, "", name)
    series = $0; sub(/ [0-9]+$/, "", series)
    if (!type[name]) { print "untyped: " $0; bad = 1 }
    if (seen[series]++) { print "twice: " $0; bad = 1 }
    if (type[name] == "counter" && name !~ /_total$/) { print "counter without _total: " name; bad = 1 }
  }
  END { exit bad }' "$work/out" || fail "the format of /metrics"

stop
eventually STOPPING=1 "$work/notices"
write_conf "$port" 'metrics { listen = "0.0.0.0:1" }'
expect 2 ctlproviderd -c "$conf" --check
said "of this host only"

# ---- certificates that end soon ----

start
as officer
call GET /api/v1/cluster "${login[@]}"
is "$(json '.warnings | length')" 0 "warnings of a new cluster"
stop
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out "$work/soon.der" -outform DER -days 20 -subj /CN=soon 2>/dev/null
sqlite3 "$state/store.db" "update certs set der = x'$(od -An -tx1 -v "$work/soon.der" | tr -d ' \n')' where role = 'capf'"
start
eventually "the capf certificate of pub ends at" "$work/log"
call GET /api/v1/cluster "${login[@]}"
json '.warnings[0]' | grep -q "capf certificate of pub" || fail "no warning in /cluster"
stop
unset NOTIFY_SOCKET

# ---- socket activation ----

if command -v systemd-socket-activate >/dev/null; then
  # The port of the configuration cannot be had: only the handed one can.
  write_conf 1
  systemd-socket-activate -l "127.0.0.1:$port" --fdname=provider "$(command -v ctlproviderd)" -c "$conf" 2>"$work/log" &
  provider=$!
  for _ in $(seq 100); do
    call GET /api/v1/cluster "${login[@]}"
    [ "$status" = 200 ] && break
    sleep 0.1
  done
  is "$status" 200 "status behind a socket of the service manager"
  stop
  systemd-socket-activate -l "127.0.0.1:$port" -l "127.0.0.1:$metrics" --fdname=provider:metrics \
    "$(command -v ctlproviderd)" -c "$conf" 2>"$work/log" &
  provider=$!
  for _ in $(seq 100); do
    call GET /api/v1/version
    [ "$status" = 200 ] && break
    sleep 0.1
  done
  for _ in $(seq 100); do
    plain /healthz
    [ "${status%% *}" = 200 ] && break
    sleep 0.1
  done
  is "${status%% *}" 200 "/healthz behind a socket of the service manager"
  stop
fi

# ---- the TFTP service: the same manners ----

tftp_at=$((20000 + RANDOM % 20000))
printf 'state = "%s"\ntftp { listen = "127.0.0.1:%s" }\n' "$state" "$tftp_at" >"$conf"
expect 0 ctltftpd -c "$conf" --check
NOTIFY_SOCKET=$work/notify.sock WATCHDOG_USEC=600000 ctltftpd -c "$conf" 2>"$work/log" &
provider=$!
eventually 'ready: ' "$work/log"
before=$(times WATCHDOG=1)
printf 'nonsense\n' >>"$conf"
kill -HUP "$provider"
eventually "the old configuration stays" "$work/log"
for _ in $(seq 100); do
  [ "$(times WATCHDOG=1)" -gt "$before" ] && break
  sleep 0.1
done
[ "$(times WATCHDOG=1)" -gt "$before" ] || fail "no pings of ctltftpd"
stop
if command -v systemd-socket-activate >/dev/null; then
  printf 'state = "%s"\ntftp { listen = "127.0.0.1:1" }\n' "$state" >"$conf"
  systemd-socket-activate -d -l "127.0.0.1:$tftp_at" --fdname=tftp "$(command -v ctltftpd)" -c "$conf" 2>"$work/log" &
  provider=$!
  for _ in $(seq 20); do
    tftp -m binary 127.0.0.1 "$tftp_at" -c get CTLFile.tlv "$work/got" >"$work/said" 2>&1 || true
    grep -qi 'not found' "$work/said" && break
    sleep 0.2
  done
  grep -qi 'not found' "$work/said" || fail "ctltftpd behind a socket of the service manager: $(cat "$work/said" "$work/log")"
  stop
fi

# ---- units ----

if command -v systemd-analyze >/dev/null; then
  for unit in ctlproviderd ctltftpd ctlcapfd; do
    sed "s,@CMAKE_INSTALL_FULL_BINDIR@,$CTL_BIN," "$CTL_SOURCE_DIR/packaging/systemd/$unit.service" >"$work/$unit.service"
    systemd-analyze security --offline=yes --no-pager --threshold=20 "$work/$unit.service" >"$work/security" 2>&1 ||
      fail "$unit.service is exposed: $(tail -n 1 "$work/security")"
  done
fi
