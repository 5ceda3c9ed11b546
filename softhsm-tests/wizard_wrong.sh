#!/usr/bin/env bash
# The wizard as numbered text, where others are in the way: a provider whose certificate is another
# one, an account that is locked, five clients at work, no reader service, a PIN pad, a node that
# cannot write.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"
# shellcheck source=softhsm-tests/wizard_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wizard_lib.sh"

wizard_cluster --nodes 2
wizard_first_list
conf=$work/cluster/node1/ctlsuite.conf
echo 'correct horse battery' >"$work/bob"
ctladmin user add bob --role officer --password-source "file:$work/bob" -c "$conf" >/dev/null
ctladmin user lock bob -c "$conf" >/dev/null
mkdir -p "$HOME/.config/ctlsuite"
echo "$host:$port $(printf '0%.0s' {1..64})" >"$HOME/.config/ctlsuite/known_providers"
# A module that needs a reader service, as its name says, where there is none.
cp "$CTL_SHIM" "$work/opensc-pkcs11.so"
export CTL_MODULE=$work/opensc-pkcs11.so PCSCLITE_CSOCK_NAME=$work/pcscd.comm
no_readers() {
  shim_set uninitialised hidden
  for n in 1 2 3; do shim_set remove-reader "SAST $n"; done
}
# The service is simulated: all that the wizard asks of it is whether it listens.
readers() {
  shim_clear remove-reader
  socat "UNIX-LISTEN:$work/pcscd.comm,fork" OPEN:/dev/null &
  service=$!
}
at_exit() {
  wizard_end
  [ -z "${service:-}" ] || kill "$service"
}
sessions=()
others_at_work() {
  local n
  for n in 1 2 3 4 5; do
    sessions+=("$(curl -sk -u "admin:$password" -X POST "https://$host:$port/api/v1/session" | jq -re .id)")
  done
}
others_leave() {
  local id
  for id in "${sessions[@]}"; do
    curl -sk -u "admin:$password" -X DELETE "https://$host:$port/api/v1/session/$id" >/dev/null
  done
}
served=$work/cluster/node2/state/tftp
node2_breaks() {
  mv "$served" "$served.away"
  : >"$served"
}
node2_mends() {
  rm "$served"
  mv "$served.away" "$served"
}
no_readers

start plain 80 24
play - <<'STEPS'
press Next
field Server $host
field Port $port
press Next
see The provider shows another certificate
see WARNING
see do not go on
press No, go back
field Server =
field Port =
press Next
see The provider shows another certificate
press Yes, it is the same
see Who are you?
field User bob
press Next
secret Password correct horse battery
see This account is locked
see ctladmin user
press Log in again
field User admin
press Next
secret Password $password
see Where the cluster stands
run others_at_work
row Update the trust list
see Five others are at work already
see admin
press Back
see Where the cluster stands
run others_leave
row Update the trust list
see No token is seen
see What helps
see pcscd
never ? for help: Your choice
run readers
see No token is there yet
run shim_set pin-pad "SAST 1"
insert SAST 1
see This token is in the list
press Next
press Sign
see Is this what you want to sign?
# the red button
press Sign
see The PIN was not given
see Nothing was signed
press Try again
run shim_set pin-pad-types $shim_pin
run node2_breaks
see Is this what you want to sign?
press Sign
see accepted the list as generation 2
see FAILED
see Not every server has it yet
run node2_mends
see All servers have the new list
press Next
press Back to the cluster
see Where the cluster stands
press Quit
STEPS
ended 0

# ---- an account that takes a certificate, whose key is on another token ----
ctladmin user unlock bob -c "$conf" >/dev/null
CTL_MODULE=$CTL_SHIM_MODULE ctlclient token export-cert "$CTL_TOKEN_3" -o "$work/bob.pem"
ctladmin user cert bob "$work/bob.pem" -c "$conf" >/dev/null
insert_3() { shim_insert 'SAST 3'; }
start plain 80 24 --client-cert "$CTL_TOKEN_3"
play - <<'STEPS'
press Next
field Server $host
field Port $port
press Next
see Who are you?
field User bob
press Next
see The token with your certificate is missing
run insert_3
press Log in again
field User =
press Next
secret PIN 000000
secret Password correct horse battery
see The PIN was wrong
press Try again
field User =
press Next
see PIN of the token SAST 3
secret PIN $shim_pin
secret Password correct horse battery
see Where the cluster stands
press Quit
STEPS
ended 0
if grep -qF "$shim_pin" "$work/terminal"; then fail 'the PIN was shown'; fi
wizard_end
