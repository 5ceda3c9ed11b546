# A TFTP server of a test's own, with a store that store_put fills. To be sourced after lib.sh.
# shellcheck shell=bash
vectors=$CTL_SOURCE_DIR/trustfile/vectors/tlv
tftp_pids=()

at_exit() {
  for pid in "${tftp_pids[@]}"; do
    kill "$pid" 2>/dev/null && wait "$pid"
  done
}

free_udp_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    grep -qs "$(printf ':%04X ' $port)" /proc/net/udp /proc/net/udp6 || break
  done
  echo $port
}

# until_true WHAT COMMAND ...: waits ten seconds at most until the command succeeds.
until_true() {
  local what=$1 i
  shift
  for i in $(seq 100); do
    "$@" && return
    sleep 0.1
  done
  fail "it never came to this: $what"
}

# Makes the file the active list, and waits until a running server has taken it up.
serve() { # FILE
  local before
  before=$(grep -c 'serving the trust list' "$work/tftp.log" 2>/dev/null || true)
  store_put "$work/state" "$1"
  [ ${#tftp_pids[@]} -eq 0 ] || until_true "$1 is served" serves_more_than "$before"
}

serves_more_than() { # number of lists
  [ "$(grep -c 'serving the trust list' "$work/tftp.log")" -gt "$1" ]
}

# Starts ctltftpd at an address ("127.0.0.1", "[::]") and sets port.
tftp_start() { # ADDRESS
  port=$(free_udp_port)
  printf 'state = "%s"\nlog-level = "debug"\ntftp { listen = "%s:%s" }\n' "$work/state" "$1" "$port" \
    >"$work/tftp.conf"
  expect 0 ctltftpd -c "$work/tftp.conf" --check
  ctltftpd -c "$work/tftp.conf" --foreground 2>"$work/tftp.log" &
  tftp_pids+=($!)
  until_true "ctltftpd listens" grep -q 'ready: ' "$work/tftp.log"
}

# Ends the server that was started last; it has to end well.
tftp_stop() {
  local pid=${tftp_pids[-1]} code=0
  unset 'tftp_pids[-1]'
  kill "$pid"
  wait "$pid" || code=$?
  is "$code" 0 "exit code of ctltftpd"
}

# Starts a relay in front of $port and sets relay_port.
relay_start() { # PERCENT SEED
  lossy_relay 127.0.0.1 "$port" "$1" "$2" >"$work/relay.$2" &
  tftp_pids=($! "${tftp_pids[@]}")
  until_true "the relay listens" test -s "$work/relay.$2"
  relay_port=$(cat "$work/relay.$2")
}

# The three clients: each fetches the list into the folder DIR as CTLFile.tlv.
by_tftp() { # HOST PORT DIR
  mkdir -p "$3"
  (cd "$3" && timeout 100 tftp -m octet "$1" "$2" -c get CTLFile.tlv >/dev/null)
}

by_curl() { # HOST PORT DIR BLKSIZE
  mkdir -p "$3"
  curl -sS --max-time 100 --tftp-blksize "$4" -o "$3/CTLFile.tlv" \
    "tftp://$1:$2/CTLSEP001122334455.tlv"
}

by_phone() { # HOST PORT DIR BLKSIZE
  ctlphone boot SEP001122334455 --state "$3" --tftp "$1:$2" --blksize "$4" >/dev/null
}
