# What the tests of several nodes share. To be sourced after lib.sh.
# shellcheck shell=bash

node_dir() { echo "$work/cluster/node$1"; }

# Stops a service of a node; -9: at once.
stop() { # node, program, [-9]
  local pidfile pid i
  pidfile=$(node_dir "$1")/$2.pid
  pid=$(cat "$pidfile")
  kill ${3:-} "$pid" 2>/dev/null || true
  for i in $(seq 500); do
    # One that has ended, but that nobody has asked about yet, is gone.
    grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$pid/status" || return 0
    sleep 0.02
  done
  fail "$2 of node $1 does not end"
}

# Starts it again as scripts/cluster did, and waits until it is ready.
start() { # node, program
  local node log i
  node=$(node_dir "$1")
  log=$node/$2.log
  : >"$log"
  setsid "$CTL_BIN/$2" -c "$node/ctlsuite.conf" --foreground </dev/null >>"$log" 2>&1 &
  echo $! >"$node/$2.pid"
  disown # so that the shell does not comment on its end
  for i in $(seq 1000); do
    grep -qE 'ready|listening' "$log" && return 0
    sleep 0.02
  done
  cat "$log" >&2
  fail "$2 of node $1 does not start"
}

restart() { # node
  stop "$1" ctlproviderd
  start "$1" ctlproviderd
}

admin() { # node, words of ctladmin node ...
  local n=$1
  shift
  ctladmin node "$@" -c "$(node_dir "$n")/ctlsuite.conf"
}

node_store() { # node, SQL
  sqlite3 -readonly "$(node_dir "$1")/state/store.db" "$2"
}

active_on() { # node: the generation it serves
  node_store "$1" 'select coalesce(max(generation), 0) from active'
}

# Waits until a command says yes.
eventually() { # seconds, what, command ...
  local i what=$2 most=$(($1 * 10))
  shift 2
  for i in $(seq "$most"); do
    "$@" && return 0
    sleep 0.1
  done
  fail "not in time: $what"
}

serves() { # node, generation
  [ "$(active_on "$1")" = "$2" ]
}

tftp_of() { # node
  local v=CTL_TFTP
  [ "$1" -eq 1 ] || v=CTL_TFTP_$1
  echo "${!v}"
}

provider_of() { # node
  local v=CTL_PROVIDER
  [ "$1" -eq 1 ] || v=CTL_PROVIDER_$1
  echo "${!v}"
}

downloaded() { # node, FILE: what its phones get
  curl -sS -o "$work/served" "tftp://$(tftp_of "$1")/CTLFile.tlv" && cmp -s "$work/served" "$2"
}

# The file, the service and the list agree.
same_everywhere() { # FILE, node ...
  local file=$1 n
  shift
  for n in "$@"; do
    same "$(node_dir "$n")/state/tftp/CTLFile.tlv" "$file"
    eventually 10 "node $n serves the list over TFTP" downloaded "$n" "$file"
  done
}

# The trust list's servers as forge wants them, from the publisher's store.
server_specs() {
  local sep='|' name ip role hex file i=0
  rm -f "$work"/spec*.pem
  specs=()
  while IFS=$sep read -r name ip role hex; do
    file=$work/spec$((i++)).pem
    echo "$hex" | xxd -r -p | openssl x509 -inform DER -out "$file"
    specs+=(--server "role=$role,host=$name,ip=$ip,cert=$file")
  done < <(node_store 1 "select name, ip, role, hex(der) from nodes join certs on node = nodes.id
    where role in ('ccm+tftp', 'capf') order by first desc, name, position")
}

# A list of the cluster, made without the client, and so without its patience: FILE, signing token,
# further options of forge.
sign_list() {
  local out=$1 t=CTL_TOKEN_$2
  shift 2
  forge -o "$out" --signer "${!t}" --pin-source "file:$CTL_PIN_FILE" --sast "$work/t1.pem" --sast "$work/t2.pem" \
    "${specs[@]}" "$@" || fail "forge"
}

# Pushes it to the publisher; the answer is in $work/out, the status printed.
push() { # FILE, generation
  printf 'user = "%s:%s"\n' "$CTL_USER" "$(cat "$CTL_PASSWORD_FILE")" |
    curl -sS -K - --cacert "$CTL_CA" -X PUT --data-binary "@$1" -o "$work/out" -w '%{http_code}' \
      -H 'Content-Type: application/octet-stream' -H "If-Match: \"$2\"" "https://$CTL_PROVIDER/api/v1/ctl"
}
