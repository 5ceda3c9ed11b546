#!/usr/bin/env bash
# kill -9 at the steps of commits, two clients at once, and a clock that is set back: whatever
# happens when, every node serves the old list or the new one, whole; what was accepted is not
# lost; all nodes end with the same list. kill/kill_points.c tells more.
#
#   CTL_KILL_POINTS   how many kills (200)
#   CTL_RACES         how many times two clients commit at once (100)
#   CTL_SEED          of the order in which things happen (1)
#   CTL_FIGURES       a file that gets what was tried and survived, as lines "NAME VALUE"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"

: "${CTL_FIGURES:=$work/figures}"

cluster_up --nodes 3 --mixed
for n in 1 2 3; do
  stop $n ctlproviderd
  stop $n ctltftpd
done
points=${CTL_KILL_POINTS:-200}
kill_points "$work/cluster" 3 "$points" "${CTL_RACES:-100}" "${CTL_SEED:-1}" >>"$CTL_FIGURES"
figure() { # NAME: its value
  awk -v name="$1" '$1 == name {n = $2} END {print n}' "$CTL_FIGURES"
}
is "$(figure kills)" "$points" "kills"
# A kill that comes when nothing is under way shows nothing.
[ "$(figure kills_in_a_step)" -gt $((points / 3)) ] || fail "only $(figure kills_in_a_step) of $points kills hit a step"

# ---- the clock of the client is set back an hour

for n in 1 2; do
  token_cert $n >"$work/t$n.pem"
done
server_specs
present=$(date +%s)
newest() { node_store 1 'select max(generation) from ctl'; }
sign_list "$work/early.tlv" 1 --time $((present - 3600))
is "$(push "$work/early.tlv" "$(newest)")" 422 "status of a list that is an hour early"
is "$(json .id)" ctl-older "problem of a list that is an hour early"
sign_list "$work/ahead.tlv" 1 --time $((present + 3600))
is "$(push "$work/ahead.tlv" "$(newest)")" 200 "status of a list that is an hour ahead"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster fetch -o "$work/now.tlv"
same_everywhere "$work/now.tlv" 1 2 3
echo "clock_back_s 3600" >>"$CTL_FIGURES"
