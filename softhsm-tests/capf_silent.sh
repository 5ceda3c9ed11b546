#!/usr/bin/env bash
# CAPF while 2,000 peers never speak and some say a byte a second: they are let go, and phones are
# served meanwhile.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/capf_lib.sh"

cluster_up --mixed
conf=$work/cluster/node1/ctlsuite.conf

stop 1 ctlcapfd
sed -i "/^capf {/a\\  patience = 8" "$conf"
start 1 ctlcapfd
port=$(sed -n '/^capf {/,/^}/s/.*listen = ".*:\([0-9]*\)"/\1/p' "$conf")
mkfifo "$work/hold"
https_load hold "$port" 2000 <"$work/hold" >"$work/held" 2>&1 &
holder=$!
exec 7>"$work/hold"
until_said 'open 2000' "$work/held"
https_load drip "$port" 20 >"$work/dripped" 2>&1 &
dripper=$!
S=SEP000000003001
phone $S string install rsa:1024 9999
enroll 0 $S --auth-string 9999
wait "$dripper" || fail "dripping: $(cat "$work/dripped")"
grep -q 'closed 20$' "$work/dripped" || fail "who drips is served for long: $(cat "$work/dripped")"
exec 7>&-
wait "$holder" || true
grep -q 'closed 2000$' "$work/held" || fail "who never speaks is served for long: $(tail -1 "$work/held")"
