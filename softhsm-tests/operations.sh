#!/usr/bin/env bash
# A new administrator, who types what doc/operations.md says: a publisher, two subscribers, the first
# list. The commands are taken from the page; only what belongs to this machine is put in: addresses
# of the loopback, a configuration for each node with a free port, secrets from files instead of a
# prompt, and the services without systemd.
. "$(dirname "$0")/lib.sh"

page=$CTL_SOURCE_DIR/doc/operations.md
pids=()
at_exit() {
  [ "${#pids[@]}" -eq 0 ] || kill -9 "${pids[@]}" 2>/dev/null || true
}

# The indented lines between two headings, continued ones joined.
commands() { # heading, next heading
  awk -v from="$1" -v to="$2" 'index($0, to) == 1 {on = 0} on && /^    / {print substr($0, 5)} index($0, from) == 1 {on = 1}' "$page" |
    sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}'
}

echo "correct horse battery" >"$work/password"
echo 271828 >"$work/pin"
node= conf=
on() { # node: whose desk the administrator sits at now
  node=$1
  conf=$work/$node/ctlsuite.conf
  [ -e "$conf" ] && return
  mkdir -p "$work/$node"
  printf 'state = "%s/state"\nprovider {\n  listen = "%s:%s"\n}\ntftp {\n  listen = "%s:%s"\n  http = ""\n}\n' "$work/$node" \
    "$(address "$node")" "$((20000 + RANDOM % 10000))" "$(address "$node")" "$((30000 + RANDOM % 10000))" >"$conf"
}
address() {
  case $1 in pub) echo 127.0.0.10 ;; sub1) echo 127.0.0.11 ;; sub2) echo 127.0.0.12 ;; esac
}
port_of() { sed -n '/^provider/,/^}/s/.*:\([0-9]*\)".*/\1/p' "$work/$1/ctlsuite.conf"; }

service() { # program
  local log=$work/$node/$1.log
  "$1" -c "$conf" >"$log" 2>&1 &
  pids+=($!)
  disown
  for _ in $(seq 600); do
    grep -q 'ready: ' "$log" && return
    sleep 0.1
  done
  fail "$1 of $node does not start: $(cat "$log")"
}

# One line of the page, typed on this node.
type_in() {
  local line=${1//192.0.2./127.0.0.}
  line=${line/--token-source prompt/--token-source file:$work/invitation}
  case $line in
    'ctladmin user add '*) expect 0 bash -c "$line --password-source file:$work/password -c $conf" ;;
    'ctladmin node invite '*)
      expect 0 bash -c "$line -c $conf"
      cp "$work/out" "$work/invitation"
      ;;
    'ctladmin node '*) expect 0 bash -c "$line -c $conf" ;;
    'systemctl enable --now '*) for program in ${line#systemctl enable --now }; do service "$program"; done ;;
    *) fail "nobody knows how to type: $line" ;;
  esac
}

# ---- 1. The publisher ----

on pub
mapfile -t lines < <(commands '### 1. The publisher' '### 2. Each subscriber')
is "${#lines[@]}" 3 "commands for the publisher"
for line in "${lines[@]}"; do
  type_in "$line"
done

# ---- 2. Each subscriber: the same with another name and address for the second ----

mapfile -t lines < <(commands '### 2. Each subscriber' '### 3. The first list')
is "${#lines[@]}" 5 "commands for a subscriber"
for n in 1 2; do
  for line in "${lines[@]}"; do
    line=${line//sub1/sub$n}
    line=${line//192.0.2.11/192.0.2.1$n}
    case $line in
      'ctladmin node invite '* | 'ctladmin node list') on pub ;;
      *) on "sub$n" ;;
    esac
    type_in "$line"
  done
done
for name in pub sub1 sub2; do
  said "$name"
done

# ---- 3. The first list ----

mkdir "$work/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >"$work/softhsm2.conf"
SOFTHSM2_CONF=$work/softhsm2.conf CTL_MODULE=$(softhsm_module) CTL_PIN_FILE=$work/pin
export SOFTHSM2_CONF CTL_MODULE CTL_PIN_FILE
for n in 1 2; do
  expect 0 ctlclient token init --label "SAST $n" --so-pin-source "file:$work/pin" --pin-source "file:$work/pin" --yes
  expect 0 ctlclient token keygen "pkcs11:token=SAST%20$n;object=sast" --subject "CN=SAST $n,OU=Voice,O=Harbour"
done
mapfile -t lines < <(commands '### 3. The first list' '## What happens to a list')
is "${#lines[@]}" 1 "commands for the first list"
line=${lines[0]}
line=${line/192.0.2.10/127.0.0.10:$(port_of pub)}
line=${line/--signer URI --sast URI --sast URI/--signer "'pkcs11:token=SAST%201;object=sast'" --sast "'pkcs11:token=SAST%201;object=sast'" --sast "'pkcs11:token=SAST%202;object=sast'"}
expect 0 bash -c "$line --password-source file:$work/password --ca $work/pub/state/keys/provider.crt --yes"
for name in pub sub1 sub2; do
  grep -qE "^ +$name +active" "$work/out" || fail "$name does not serve the list: $(cat "$work/out")"
done
for name in sub1 sub2; do
  same "$work/$name/state/tftp/CTLFile.tlv" "$work/pub/state/tftp/CTLFile.tlv"
done
