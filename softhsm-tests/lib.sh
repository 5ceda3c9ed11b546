# What the test scripts of this folder share. To be sourced, with set -eu in force. Prints only what
# failed; everything lives in $work and is gone at the end.
# shellcheck shell=bash
set -euo pipefail

: "${CTL_SOURCE_DIR:=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}"
: "${CTL_BIN:=$CTL_SOURCE_DIR/build/bin}"
: "${CTL_TEST_BIN:=$CTL_SOURCE_DIR/build/test}"
export CTL_SOURCE_DIR CTL_BIN CTL_TEST_BIN
export PATH=$CTL_BIN:$CTL_TEST_BIN:$PATH
# A leak in a program under test is a failure of its own, not of the check it was run for.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99} LSAN_OPTIONS=${LSAN_OPTIONS:-exitcode=99}
# Commands look for leaks only when they are told to (sanitize/tool.c); services always do.
leaks=$ASAN_OPTIONS:detect_leaks=1
unset CTL_PROVIDER CTL_CA CTL_USER CTL_PASSWORD_FILE CTL_MODULE CTL_PIN_FILE CTL_TFTP || true

work=$(mktemp -d "${TMPDIR:-/tmp}/ctl-test.XXXXXX")
export HOME=$work
unset XDG_CONFIG_HOME

cleanup() {
  local code=$?
  if declare -F at_exit >/dev/null; then
    at_exit || true
  fi
  if [ -e "$work/cluster/env" ]; then
    "$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster" || true
  fi
  if [ "$code" -ne 0 ]; then
    tail -n 20 "$work"/cluster/node*/*.log 2>/dev/null >&2 || true
  fi
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect CODE command ...: runs it, checks the exit code; its output is in $work/out and $work/err.
expect() {
  local want=$1 got=0
  shift
  ASAN_OPTIONS=$leaks "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  if [ "$got" -ne "$want" ]; then
    echo "--- standard output" >&2
    cat "$work/out" >&2
    echo "--- standard error" >&2
    cat "$work/err" >&2
    fail "exit code $got instead of $want: $*"
  fi
}

# Whether the programs are built with the sanitizers, whose time and memory is not theirs.
sanitized() {
  grep -q __asan_init "$CTL_BIN/ctlclient"
}

# nap SECONDS: sleep, without a process.
exec {nobody}<> <(:)
nap() {
  read -rt "$1" -u "$nobody" || true
}

# until_said TEXT [FILE]: waits until the text stands in the file, or in $work/err.
until_said() {
  [ -n "$1" ] || fail 'there is no text to look for'
  local file=${2:-$work/err} _
  for _ in $(seq 1500); do
    [[ $(<"$file") == *"$1"* ]] && return
    nap 0.04
  done
  cat "$file" >&2
  fail "not said in 60 s: $1"
}

# asked TEXT ANSWER [TEXT ANSWER ...] -- COMMAND: runs it on a terminal of its own and answers its
# questions; what it wrote is in $work/out, its exit code in $code.
asked() {
  local questions=() n=0
  while [ "$1" != -- ]; do
    questions+=("$1")
    shift
  done
  shift
  mkfifo "$work/keys"
  : >"$work/out"
  script -qefc "$(printf '%q ' "$@")" /dev/null <"$work/keys" >"$work/out" 2>"$work/err" &
  local pid=$!
  exec 8>"$work/keys"
  while [ "$n" -lt "${#questions[@]}" ]; do
    until_said "${questions[n]}" "$work/out"
    echo "${questions[n + 1]}" >&8
    n=$((n + 2))
  done
  code=0
  wait "$pid" || code=$?
  exec 8>&-
  rm "$work/keys"
}

# The last command's output has to contain a text (fixed string).
said() {
  grep -qF -- "$1" "$work/out" "$work/err" && return
  cat "$work/out" "$work/err" >&2
  fail "not said: $1"
}

# json FILTER: the value that jq finds in the last command's output.
json() {
  jq -re "$1" "$work/out" || fail "no $1 in: $(cat "$work/out")"
}

same() { # FILE FILE
  cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

is() { # value, expected, what
  [ "$1" = "$2" ] || fail "$3 is \"$1\" instead of \"$2\""
}

cluster_up() { # options of scripts/cluster
  "$CTL_SOURCE_DIR/scripts/cluster" up "$work/cluster" "$@" >/dev/null || fail "the cluster did not start"
  # shellcheck source=/dev/null
  . "$work/cluster/env"
  state=$work/cluster/node1/state
}

# An SQL statement against the node's store, read only.
store() {
  sqlite3 -readonly "$state/store.db" "$1"
}

# The certificate on a token, by an independent program, as PEM.
token_cert() { # number
  pkcs11-tool --module "$CTL_MODULE" --token-label "SAST $1" --read-object --type cert --label sast 2>/dev/null |
    openssl x509 -inform DER
}

# Without any of our code: cuts the signature (BYTES long) out of a trust list and verifies it with
# openssl and the key of a certificate.
openssl_verifies() { # LIST DIGEST BYTES CERTIFICATE
  local at
  at=$(signature_at "$1" "$3")
  openssl x509 -in "$4" -pubkey -noout >"$work/key.pem"
  { head -c "$at" "$1"; tail -c +$((at + $3 + 4)) "$1"; } >"$work/signed"
  tail -c +$((at + 4)) "$1" | head -c "$3" >"$work/signature"
  openssl dgst "-$2" -verify "$work/key.pem" -signature "$work/signature" "$work/signed" >/dev/null
}

# Offset of the SIGNATURE TLV: the tag 12 with that length.
signature_at() { # LIST BYTES
  LC_ALL=C grep -obaUP "\\x0c$(printf '\\x%02x\\x%02x' $(($2 >> 8)) $(($2 & 255)))" "$1" | head -1 | cut -d: -f1
}

softhsm_module() {
  local m
  for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ -e "$m" ] && { echo "$m"; return; }
  done
  fail "SoftHSM is not installed"
}
