#!/usr/bin/env bash
# The audit log: every decision is in it, and every later touch shows.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

db=$state/store.db

audit() { # expected exit code, ctladmin audit arguments ...
  local code=$1
  shift
  expect "$code" ctladmin audit "$@" -c "$conf"
}

has_row() { # accepted, user, action, text in the detail
  [ "$(store "select count(*) from audit where accepted = $1 and user = '$2' and action = '$3' and instr(detail, '$4')")" -gt 0 ] ||
    fail "no row ($*) in: $(store 'select * from audit')"
}

me=$(id -un)
make_node
start

# ---- what is in it ----

has_row 1 "$me" node "added pub"
has_row 1 "$me" user "added officer, officer"
expect 0 ctladmin user lock viewer -c "$conf"
has_row 1 "$me" user "locked viewer"
as officer
call GET /api/v1/cluster "${login[@]}"
has_row 1 officer login password
as operator wrong-password
call GET /api/v1/cluster "${login[@]}"
has_row 0 operator login "GET /api/v1/cluster"
as viewer
call GET /api/v1/cluster "${login[@]}"
has_row 0 viewer login locked
as auditor
echo "this is no list" >"$work/text"
put=(--data-binary "@$work/text" -H 'If-Match: "0"' -H 'Content-Type: application/octet-stream')
call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
has_row 0 auditor login "this takes an officer"
as officer
call PUT /api/v1/ctl "${login[@]}" "${put[@]}"
has_row 0 officer ctl ctl-parse
call POST /api/v1/session "${login[@]}"
has_row 1 officer session opened
call DELETE "/api/v1/session/$(json .id)" "${login[@]}"
has_row 1 officer session ended
is "$(store "select count(distinct address) from audit where user = 'officer' and address = '127.0.0.1'")" 1 "address in the log"
! store 'select * from audit' | grep -q "$password" || fail "a password is in the audit log"

# ---- reading it ----

as auditor
call GET '/api/v1/audit?after=2&limit=3' "${login[@]}"
is "$(json '[.rows[].number] | join(" ")')" "3 4 5" "rows of the API"
is "$(json .head.number)" "$(store 'select max(number) from audit')" "head of the API"
is "$(json '.rows[0].hash')" "$(store 'select lower(hex(hash)) from audit where number = 3')" "hash of the API"
for query in 'after=x' 'limit=-1' 'limit=' 'after=1&limit=x'; do
  call GET "/api/v1/audit?$query" "${login[@]}"
  problem 400 bad-request
done
audit 0 list
audit 0 list --limit 2 --json
is "$(json '.rows | length')" 2 "listed rows"
audit 0 list --after 0 --limit 1 --json
is "$(json '.rows[0].number')" 1 "first row"
audit 0 verify --json
is "$(json .verified)" true "verified"
audit 0 export -o "$work/export.json"
is "$(jq '.rows | length' "$work/export.json")" "$(store 'select count(*) from audit')" "exported rows"
is "$(stat -c %a "$work/export.json")" 600 "mode of the export"
audit 0 verify --against "$work/export.json"

# The chain, as audit.h describes it, by other means than ours.
python=$(command -v python3 || true)
if [ -n "$python" ]; then
  "$python" - "$db" <<'P' || fail "the chain is not what audit.h says"
import hashlib, sqlite3, struct, sys
before = bytes(32)
for row in sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True).execute(
        "select number, time, accepted, user, address, action, token, detail, hash from audit order by number"):
    data = before + struct.pack(">qqq", *row[:3])
    for text in row[3:8]:
        data += struct.pack(">I", len(text.encode())) + text.encode()
    before = hashlib.sha256(data).digest()
    assert before == row[8], row
P
fi

# ---- strangers do not fill the disk ----

before=$(store 'select count(*) from audit')
as nobody
for i in $(seq 40); do
  printf 'user = "stranger%s:x"\n' "$i" >"$work/login$i"
  printf 'url = "https://127.0.0.1:%s/api/v1/cluster"\noutput = "/dev/null"\n' "$port" >>"$work/login$i"
  curl -sS --cacert "$ca" -K "$work/login$i" &
  guess[i]=$!
done
for i in $(seq 40); do
  wait "${guess[i]}"
done
[ "$(store 'select count(*) from audit')" -le $((before + 25)) ] || fail "40 refused logins are $(($(store 'select count(*) from audit') - before)) rows"
stop

# ---- it only grows ----

for sql in "update audit set user = 'eve' where number = 3" "delete from audit where number = 3" \
  "insert or replace into audit select * from audit where number = 3" \
  "insert into audit select 9999, time, accepted, user, address, action, token, detail, hash from audit where number = 3"; do
  ! sqlite3 "$db" "$sql" 2>"$work/err" || fail "the store did: $sql"
  grep -q 'only grows' "$work/err" || fail "$(cat "$work/err")"
done

# ---- whoever gets around that is found out ----

sqlite3 "$db" 'pragma wal_checkpoint(truncate)' >/dev/null
cp "$db" "$work/good.db"
unlocked='drop trigger audit_insert; drop trigger audit_update; drop trigger audit_delete;'
touched() { # id of the error, SQL
  rm -f "$db-wal" "$db-shm"
  cp "$work/good.db" "$db"
  sqlite3 "$db" "$unlocked $2"
  audit 3 verify "${@:3}"
  said "$1"
}
touched "row 3 of the audit log was changed" "update audit set user = 'eve' where number = 3"
touched "row 3 of the audit log was changed" "update audit set time = time + 1 where number = 3"
touched "row 3 of the audit log was changed" "update audit set accepted = not accepted where number = 3"
touched "row 3 of the audit log was changed" "update audit set address = address || '0' where number = 3"
touched "row 3 of the audit log was changed" "update audit set action = action || hex(zeroblob(100)) where number = 3"
touched "row 3 of the audit log was changed" "update audit set user = user || char(0) || 'x' where number = 3"
touched "row 3 of the audit log was changed" "update audit set detail = detail || '.' where number = 3"
touched "row 3 of the audit log was changed" "update audit set token = 'CN=another' where number = 3"
touched "row 3 of the audit log was changed" "update audit set user = address, address = user where number = 3"
touched "row 3 of the audit log was changed" "update audit set hash = zeroblob(32) where number = 3"
touched "row 3 of the audit log is missing" "delete from audit where number = 3"
touched "rows 1 to 4 of the audit log are missing" "delete from audit where number < 5"
touched "row 3 of the audit log was changed" "update audit set number = -3 where number = 3;
  update audit set number = 3 where number = 4; update audit set number = 4 where number = -3"
last=$(jq .head.number "$work/export.json")
touched "ends with row $((last - 1))" "delete from audit where number >= $last" --against "$work/export.json"
touched "missing" "insert into audit select 0, time, accepted, user, address, action, token, detail, hash from audit where number = 3"
audit 3 export
said "nothing was exported"
# A log made anew without the row is in order by itself, but is not the one that was exported.
rm -f "$db-wal" "$db-shm"
cp "$work/good.db" "$db"
sqlite3 "$db" "$unlocked delete from audit"
expect 0 ctladmin user unlock viewer -c "$conf"
for i in $(seq "$last"); do
  expect 0 ctladmin user unlock viewer -c "$conf"
done
audit 0 verify
audit 3 verify --against "$work/export.json"
said "written anew"
audit 1 verify --against "$work/text"
