#!/usr/bin/env bash
# What no client should send: each gets the answer it deserves, and the server goes on serving.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/tftp_lib.sh"

serve "$vectors/ctl-sha1.tlv"
tftp_start 127.0.0.1
expect 0 tftp_hostile "$port"
# What 5,000 transfers took; the sanitizers' own memory is not the server's.
if ! sanitized; then
  memory=$(awk '/^VmHWM/ { print $2 }' "/proc/${tftp_pids[-1]}/status")
  [ "$memory" -lt 65536 ] || fail "it took $memory KB"
fi
by_curl 127.0.0.1 "$port" "$work/curl" 512
same "$work/curl/CTLFile.tlv" "$vectors/ctl-sha1.tlv"

# Strangers' text forges no log lines, and many lines are not written.
grep -q '^\[2J' "$work/tftp.log" && fail "a log line was forged"
[ "$(wc -l <"$work/tftp.log")" -lt 400 ] || fail "the log has $(wc -l <"$work/tftp.log") lines"

# While no list is active there is no file.
tftp_stop
rm -rf "$work/state"
mkdir -p "$work/empty"
head -c 1 /dev/zero >"$work/one"
serve "$work/one"
sqlite3 "$work/state/store.db" 'delete from active'
tftp_start 127.0.0.1
expect 68 curl -sS "tftp://127.0.0.1:$port/CTLFile.tlv" -o "$work/none"
expect 0 ctlphone boot SEP001122334455 --state "$work/phone" --tftp "127.0.0.1:$port"
said "No Trust List installed"
serve "$vectors/ctl-sha1.tlv"
by_curl 127.0.0.1 "$port" "$work/curl" 512
same "$work/curl/CTLFile.tlv" "$vectors/ctl-sha1.tlv"
tftp_stop
