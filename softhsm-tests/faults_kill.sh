#!/usr/bin/env bash
# kill -9 in the middle of commits: whatever dies when, every node serves the old list or the new
# one, whole; what was accepted is not lost; all nodes end with the same list.
#
#   CTL_KILL_POINTS   how many kills (20; scripts/reliability takes 3 times 70)
#   CTL_RACES         how many times two clients commit at once (5; 3 times 34)
#   CTL_SEED          of the order in which things happen (1)
#   CTL_FIGURES       a file that gets what was tried and survived, as lines "NAME VALUE"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/nodes_lib.sh"

points=${CTL_KILL_POINTS:-20}
races=${CTL_RACES:-5}
RANDOM=${CTL_SEED:-1}
: "${CTL_FIGURES:=$work/figures}"

figure() { echo "$1 $2" >>"$CTL_FIGURES"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

cluster_up --nodes 3 --mixed
for n in 1 2; do
  token_cert $n >"$work/t$n.pem"
done
server_specs
present=$work/present.tlv
expect 0 ctlclient cluster fetch -o "$present"
serial=0

# Every list is new, and later than the one before; the clocks may be an hour off.
next_list() { # FILE
  serial=$((serial + 1))
  sign_list "$1" $((serial % 2 + 1)) --time $((started + serial))
}
started=$(date +%s)

generation_of() { node_store "$1" 'select coalesce(max(generation), 0) from ctl'; }

# Old or new, and nothing between: as a file, in the store and over TFTP.
whole() { # node, NEW
  local node file
  node=$(node_dir "$1")
  file=$node/state/tftp/CTLFile.tlv
  cmp -s "$file" "$present" || cmp -s "$file" "$2" || fail "node $1 holds a file that is neither the old list nor the new one"
  curl -sS -o "$work/served$1" "tftp://$(tftp_of "$1")/CTLFile.tlv" || fail "node $1 serves nothing"
  cmp -s "$work/served$1" "$present" || cmp -s "$work/served$1" "$2" || fail "node $1 serves what is neither the old list nor the new one"
}

converged() { # NEW
  local g n
  g=$(generation_of 1)
  for n in 1 2 3; do
    [ "$(active_on "$n")" = "$g" ] || return 1
    cmp -s "$(node_dir "$n")/state/tftp/CTLFile.tlv" "$(node_dir 1)/state/tftp/CTLFile.tlv" || return 1
  done
  cmp -s "$(node_dir 1)/state/tftp/CTLFile.tlv" "$present" || cmp -s "$(node_dir 1)/state/tftp/CTLFile.tlv" "$1"
}

# ---- how long a commit takes here, until it is active everywhere

window=100000
for i in 1 2 3; do
  next_list "$work/new.tlv"
  begin=$(now_ms)
  is "$(push "$work/new.tlv" "$(generation_of 1)")" 200 "status of a commit that is timed"
  took=$(($(now_ms) - begin))
  [ "$took" -ge "$window" ] || window=$took
  mv "$work/new.tlv" "$present"
done
eventually 10 "all nodes serve the first list" converged "$present"

# ---- one kill at each point, spread over that time and a little longer

survived=0 lost_answers=0 slowest=0
for ((i = 0; i < points; i++)); do
  new=$work/new.tlv
  next_list "$new"
  before=$(generation_of 1)
  victim=$((RANDOM % 3 + 1))
  delay=$((window * 13 * i / points / 10 + RANDOM % 3))
  { push "$new" "$before" >"$work/status" 2>/dev/null || true; } &
  pusher=$!
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  stop $victim ctlproviderd -9
  for n in 1 2 3; do
    whole $n "$new"
  done
  wait $pusher || true
  begin=$(now_ms)
  start $victim ctlproviderd
  eventually 60 "all nodes agree after kill $i (node $victim after $delay ms)" converged "$new"
  took=$(($(now_ms) - begin))
  [ "$took" -le "$slowest" ] || slowest=$took
  for n in 1 2 3; do
    whole $n "$new"
  done
  after=$(generation_of 1)
  if [ "$(cat "$work/status")" = 200 ]; then
    is "$after" $((before + 1)) "generation after an accepted commit and kill $i"
  elif [ "$after" != "$before" ]; then
    is "$after" $((before + 1)) "generation after a commit whose answer got lost"
    lost_answers=$((lost_answers + 1))
  fi
  if [ "$after" != "$before" ]; then
    survived=$((survived + 1))
    mv "$new" "$present"
  fi
  same "$(node_dir 1)/state/tftp/CTLFile.tlv" "$present"
done
figure kills "$points"
figure kills_new_list "$survived"
figure kills_old_list $((points - survived))
figure kills_answer_lost "$lost_answers"
figure kills_slowest_ms "$slowest"
figure commit_ms "$window"

# ---- everything at once

next_list "$work/new.tlv"
{ push "$work/new.tlv" "$(generation_of 1)" >"$work/status" 2>/dev/null || true; } &
pusher=$!
sleep 0.05
for n in 3 1 2; do
  stop $n ctlproviderd -9
done
wait $pusher || true
for n in 2 3 1; do
  start $n ctlproviderd
done
eventually 60 "all nodes agree after all were killed" converged "$work/new.tlv"
cp "$(node_dir 1)/state/tftp/CTLFile.tlv" "$present"

# ---- two clients commit at once: one wins, the other is told

won=0
for ((i = 0; i < races; i++)); do
  next_list "$work/a.tlv"
  next_list "$work/b.tlv"
  before=$(generation_of 1)
  pushers=()
  for c in a b; do
    printf 'user = "%s:%s"\n' "$CTL_USER" "$(cat "$CTL_PASSWORD_FILE")" |
      curl -sS -K - --cacert "$CTL_CA" -X PUT --data-binary "@$work/$c.tlv" -o "$work/out.$c" -w '%{http_code}' \
        -H 'Content-Type: application/octet-stream' -H "If-Match: \"$before\"" "https://$CTL_PROVIDER/api/v1/ctl" >"$work/status.$c" &
    pushers+=($!)
  done
  wait "${pushers[@]}"
  statuses=$(cat "$work/status.a" && echo && cat "$work/status.b")
  is "$(sort <<<"$statuses" | xargs)" "200 412" "statuses of race $i"
  is "$(generation_of 1)" $((before + 1)) "generation after race $i"
  [ "$(cat "$work/status.a")" = 200 ] && mv "$work/a.tlv" "$present" || mv "$work/b.tlv" "$present"
  same "$(node_dir 1)/state/tftp/CTLFile.tlv" "$present"
  won=$((won + 1))
done
eventually 30 "all nodes agree after the races" converged "$present"
figure races "$races"
figure races_one_winner "$won"

# ---- the clock of the client is set back an hour

sign_list "$work/early.tlv" 1 --time $((started - 3600))
is "$(push "$work/early.tlv" "$(generation_of 1)")" 422 "status of a list that is an hour early"
is "$(json .id)" ctl-older "problem of a list that is an hour early"
sign_list "$work/ahead.tlv" 1 --time $((started + 3600))
is "$(push "$work/ahead.tlv" "$(generation_of 1)")" 200 "status of a list that is an hour ahead"
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster fetch -o "$present"
eventually 30 "all nodes agree after the clock was set back" converged "$present"
figure clock_back_s 3600
