#!/usr/bin/env bash
# Started as root, a service binds its port, becomes the user of its configuration for good, and only
# then opens its store.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/provider_lib.sh"

if [ "$(id -u)" -ne 0 ] || ! getent passwd nobody >/dev/null; then
  echo "takes root and a user nobody"
  exit 77
fi
tftp=
at_exit() {
  [ -z "$provider" ] || kill -9 "$provider" 2>/dev/null || true
  [ -z "$tftp" ] || kill -9 "$tftp" 2>/dev/null || true
}
chmod 711 "$work"
make_node
uid=$(id -u nobody) gid=$(id -g nobody)

of() { # pid, field of its status
  awk -v f="$2:" '$1 == f {$1 = ""; print substr($0, 2)}' "/proc/$1/status"
}
is_nobody() { # pid
  is "$(of "$1" Uid)" "$uid $uid $uid $uid" "users"
  is "$(of "$1" Gid)" "$gid $gid $gid $gid" "groups"
  is "$(of "$1" Groups | xargs)" "$(id -G nobody)" "further groups"
  is "$(of "$1" CapEff) $(of "$1" CapPrm)" "0000000000000000 0000000000000000" "capabilities"
  is "$(of "$1" NoNewPrivs)" 1 "NoNewPrivs"
}

# Nobody owns what it needs; that the keys are for root only shows when they are opened.
start
stop
grep -q 'running as root' "$work/log" || fail "it keeps root in silence"
chown -R nobody "$state"
chown -R root "$state/keys"
write_conf "$port" '' '  user = "nobody"'
expect 1 timeout 60 ctlproviderd -c "$conf"
said "Permission denied"
chown -R nobody "$state/keys"

start '' '  user = "nobody"'
! grep -q 'running as root' "$work/log" || fail "it says that it runs as root"
is_nobody "$provider"
for task in /proc/"$provider"/task/*; do
  is "$(awk '$1 == "Uid:" {print $3}' "$task/status")" "$uid" "user of a thread"
done
is "$(find "$state" ! -user nobody | xargs)" "" "files of others after the start"
as officer
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status as nobody"
kill -HUP "$provider"
call GET /api/v1/cluster "${login[@]}"
is "$status" 200 "status after a reload as nobody"
stop

# A port that takes root.
printf 'state = "%s"\ntftp {\n  listen = "127.77.7.7:69"\n  user = "nobody"\n}\n' "$state" >"$conf"
ctltftpd -c "$conf" 2>"$work/log" &
tftp=$!
for _ in $(seq 300); do
  grep -q 'ready: ' "$work/log" && break
  kill -0 "$tftp" 2>/dev/null || break
  sleep 0.1
done
grep -q 'ready: ' "$work/log" || fail "ctltftpd does not start as nobody: $(cat "$work/log")"
is_nobody "$tftp"
ctlphone boot SEP001122334455 --state "$work/phone" --tftp 127.77.7.7 >"$work/out" 2>"$work/err" || true
said "File Not Found"
kill -TERM "$tftp"
wait "$tftp" || fail "ctltftpd does not end well"
tftp=

for who in nosuchuser root; do
  write_conf 1 '' "  user = \"$who\""
  expect 2 timeout 60 ctlproviderd -c "$conf"
done
write_conf 1 '' '  user = "daemon"'
expect 2 timeout 60 setpriv --reuid nobody --clear-groups "$CTL_BIN/ctlproviderd" -c "$conf"
said "only root can become daemon"
