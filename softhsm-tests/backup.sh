#!/usr/bin/env bash
# Backups: store and keys under a passphrase, restored into an empty folder, and nothing else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/provider_lib.sh"

echo "correct horse battery" >"$work/passphrase"
echo "wrong horse battery" >"$work/wrong"
echo short >"$work/short"

backup() { # expected exit code, ctladmin backup arguments ...
  local code=$1
  shift
  expect "$code" ctladmin backup "$@"
}

make_node
start
as officer
call GET /api/v1/cluster "${login[@]}"
cp "$work/out" "$work/cluster.json"

# While the provider runs, and somebody has left a file of his editor behind.
: >"$state/keys/.ccm.key.swp"
backup 0 create "$work/b" --passphrase-source "file:$work/passphrase" -c "$conf"
is "$(stat -c %a "$work/b")" 600 "mode of the backup"
backup 1 create "$work/c" --passphrase-source "file:$work/short" -c "$conf"
[ ! -e "$work/c" ] || fail "a backup under a short passphrase"
backup 2 create --passphrase-source "file:$work/passphrase" -c "$conf"
backup 1 create /nowhere/at/all --passphrase-source "file:$work/passphrase" -c "$conf"
for secret in pub officer '$y$' 'SQLite format' PRIVATE; do
  ! grep -qaF "$secret" "$work/b" || fail "the backup shows $secret"
done
! compgen -G "$state/backup.*" >/dev/null || fail "a copy was left behind"
backup 0 create "$work/b2" --passphrase-source "file:$work/passphrase" -c "$conf"
! cmp -s <(head -c 48 "$work/b") <(head -c 48 "$work/b2") || fail "salt or nonce is the same twice"

# What is refused leaves nothing behind.
backup 5 restore "$work/b" --passphrase-source "file:$work/passphrase" -c "$conf"
said "already"
new=$work/new
backup 3 restore "$work/b" --passphrase-source "file:$work/wrong" --state "$new"
backup 1 restore "$work/passphrase" --passphrase-source "file:$work/passphrase" --state "$new"
size=$(stat -c %s "$work/b")
for at in 20 30 47 60 $((size / 2)) $((size - 1)); do
  cp "$work/b" "$work/bad"
  printf '\x55' | dd of="$work/bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
  cmp -s "$work/b" "$work/bad" && printf '\xaa' | dd of="$work/bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
  backup 3 restore "$work/bad" --passphrase-source "file:$work/passphrase" --state "$new"
done
for at in 0 16 17 18 19; do
  cp "$work/b" "$work/bad"
  printf '\xff' | dd of="$work/bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
  backup 1 restore "$work/bad" --passphrase-source "file:$work/passphrase" --state "$new"
done
for bytes in 0 10 47 48 60 $((size - 1)); do
  head -c "$bytes" "$work/b" >"$work/bad"
  got=0
  ctladmin backup restore "$work/bad" --passphrase-source "file:$work/passphrase" --state "$new" 2>/dev/null || got=$?
  [ "$got" = 1 ] || [ "$got" = 3 ] || fail "exit code $got for $bytes bytes of a backup"
done
[ ! -e "$new" ] || fail "a refused restore left something behind: $(find "$new")"

# The restored node is the same one: keys, accounts, description, audit log.
stop
backup 0 restore "$work/b" --passphrase-source "file:$work/passphrase" --state "$new"
for f in "$state"/keys/*; do
  same "$f" "$new/keys/$(basename "$f")"
  is "$(stat -c %a "$new/keys/$(basename "$f")")" "$(stat -c %a "$f")" "mode of $(basename "$f")"
done
is "$(stat -c %a "$new/store.db")" 600 "mode of the store"
is "$(stat -c %a "$new/keys")" 700 "mode of the keys"
state=$new
start
as officer
call GET /api/v1/cluster "${login[@]}"
is "$(jq -S .nodes "$work/out")" "$(jq -S .nodes "$work/cluster.json")" "nodes after the restore"
expect 0 ctladmin audit verify -c "$conf"
[ "$(store "select count(*) from audit where action = 'backup'")" -eq 2 ] || fail "backups in the audit log"
stop

# A store that is too large for a backup: said so, and nothing is lost or left behind.
cp "$work/b" "$work/kept"
sqlite3 "$state/store.db" "INSERT INTO ctl SELECT coalesce(max(generation), 0) + 1, 1, 'x', 'x', 1, 'x', 'x', 'x',
  zeroblob(32), zeroblob(61 * 1024 * 1024), x'' FROM ctl"
backup 1 create "$work/b" --passphrase-source "file:$work/passphrase" --state "$state"
said "more than 60 MB"
same "$work/b" "$work/kept"
! compgen -G "$state/backup.*" >/dev/null || fail "a copy was left behind by a backup that is too large"
! compgen -G "$work/b.*" >/dev/null || fail "half a backup was left behind"
