# What the tests with real modules share: a reader service of our own, and cards played by piv_card.
# To be sourced instead of lib.sh.
# shellcheck shell=bash

# pcscd's socket has a fixed path, the virtual reader listens on every address and a port for the TPM
# may be taken. So the test runs again in name spaces of its own where that is allowed, whoever runs
# it; elsewhere on the machine itself, as long as no other pcscd is there.
if [ -z "${CTL_PRIVATE:-}" ]; then
  for ways in -mn -rmn; do
    if unshare "$ways" true 2>/dev/null; then
      CTL_PRIVATE=yes exec unshare "$ways" "$0" "$@"
    fi
  done
  CTL_PRIVATE=no
fi

# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
if [ "$CTL_PRIVATE" = yes ]; then
  mount -t tmpfs tmpfs /run
  ip link set lo up
fi

skip() {
  echo "skipped: $*"
  exit 77
}

# wait_for SECONDS WHAT command ...: until the command succeeds.
wait_for() {
  local seconds=$1 what=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "waited $seconds seconds for $what"
    sleep 0.1
  done
}

# start NAME command ...: in the background; what it says is in $work/NAME.log.
declare -A pids=()
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 </dev/null &
  pids[$name]=$!
}

stop() { # NAME
  [ -n "${pids[$1]:-}" ] || return 0
  kill "${pids[$1]}" 2>/dev/null || true
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}

at_exit() {
  local name
  for name in "${!pids[@]}"; do
    stop "$name"
  done
}

# The path of an installed module, for programs that do not know where modules are.
module_path() { # FILE
  local m
  for m in /usr/lib/*/pkcs11/"$1" /usr/lib/pkcs11/"$1"; do
    [ -e "$m" ] && { echo "$m"; return; }
  done
  fail "$1 is not installed (scripts/deps)"
}

# ---- pcscd with a virtual reader for two cards ----

need_pcscd() {
  [ "$CTL_PRIVATE" = yes ] && return
  [ -w /run ] || skip "pcscd needs /run, and name spaces cannot be made here"
  [ ! -e /run/pcscd/pcscd.comm ] || skip "another pcscd runs, and name spaces cannot be made here"
}

pcscd_start() {
  reader_port=$((20000 + RANDOM % 10000))
  mkdir -p "$work/reader.conf.d"
  cat >"$work/reader.conf.d/vpcd" <<END
FRIENDLYNAME "Test Reader"
DEVICENAME   /dev/null:$reader_port
LIBPATH      $(driver)
CHANNELID    $reader_port
END
  start pcscd pcscd --foreground --error --config "$work/reader.conf.d"
  wait_for 20 "pcscd" test -S /run/pcscd/pcscd.comm
  wait_for 20 "the virtual reader" reader_is_there
}

driver() {
  local f
  for f in /usr/lib/pcsc/drivers/serial/libifdvpcd.so /usr/lib/*/pcsc/drivers/serial/libifdvpcd.so; do
    [ -e "$f" ] && { echo "$f"; return; }
  done
  fail "the driver of vsmartcard-vpcd is not installed"
}

reader_is_there() {
  opensc-tool --list-readers | grep -q 'Test Reader'
}

# A card's folder with keys and certificates for slots 9a and 9c; the token's label is NAME.
card_make() { # FOLDER NAME
  local slot
  mkdir "$work/$1"
  for slot in 9a 9c; do
    openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj "/O=Test/OU=Voice/CN=$2" -keyout "$work/$1/$slot.key" \
      -outform DER -out "$work/$1/$slot.der" 2>/dev/null
  done
}

readonly CARD_PIN=123456 CARD_PUK=12345678

card_in() { # FOLDER READER (0 or 1)
  local want=$(($(cards) + 1))
  start "$1" piv_card $((reader_port + $2)) "$work/$1" "$CARD_PIN" "$CARD_PUK"
  wait_for 20 "$want cards" cards_are "$want"
}

card_out() { # FOLDER
  local want=$(($(cards) - 1))
  stop "$1"
  wait_for 20 "$want cards" cards_are "$want"
}

cards() {
  opensc-tool --list-readers | grep -c '^[0-9]* *Yes ' || true
}

cards_are() {
  [ "$(cards)" -eq "$1" ]
}
