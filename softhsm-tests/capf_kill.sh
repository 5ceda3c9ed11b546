#!/usr/bin/env bash
# kill -9 of ctlcapfd on its way into each step of an enrolment that leaves a trace outside the process:
# the operation is pending or done, the phone comes back and gets its certificate, and there is one.
#
#   CTL_CAPF_KILLS    how many kills at most (14)
#   CTL_CAPF_STRIDE   every how many steps (2)
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/capf_lib.sh"

cluster_up --mixed
P=SEP000000000E01
phone $P string
export CTL_KILL_AT=$work/page
sanitized=$ASAN_OPTIONS

start_counted() {
  head -c 16 /dev/zero >"$CTL_KILL_AT"
  ASAN_OPTIONS=$sanitized:verify_asan_link_order=0 LD_PRELOAD=$CTL_TEST_BIN/libkill_at.so \
    setsid "$CTL_BIN/ctlcapfd" -c "$work/cluster/node1/ctlsuite.conf" </dev/null >"$work/capf.log" 2>&1 &
  pid=$!
  disown
  eventually 30 "ctlcapfd is ready" grep -q ready: "$work/capf.log"
}

# After so many steps from now on.
kill_after() {
  printf "\\x$(printf %02x "$1")" | dd of="$CTL_KILL_AT" bs=1 seek=8 conv=notrunc status=none
}

is_gone() { ! grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status"; }

stop 1 ctlcapfd
step=1
killed=0
while [ "$killed" -lt "${CTL_CAPF_KILLS:-14}" ]; do
  start_counted
  capf set $P install ec:p256 4711
  number=$(store "select max(number) from capf_work")
  kill_after $step
  ctlphone enroll $P --state "$work/$P" --auth-string 4711 --retries 0 >"$work/out" 2>"$work/err" || true
  if ! is_gone "$pid"; then
    # It had fewer steps to make than that.
    kill -9 "$pid"
    break
  fi
  killed=$((killed + 1))
  case $(capf show $P | cut -d' ' -f2) in
    pending | successful) ;;
    *) fail "after a kill at step $step the operation is: $(capf show $P)" ;;
  esac
  start_counted
  enroll 0 $P --auth-string 4711
  becomes $P "install successful"
  has_current $P
  is "$(store "select count(*) from capf_issued where number = $number")" 1 "certificates for one operation, step $step"
  kill -9 "$pid"
  step=$((step + ${CTL_CAPF_STRIDE:-2}))
done
echo "ctlcapfd was killed at $killed steps"
[ "$killed" -ge 3 ] || fail "only $killed steps were tried"
