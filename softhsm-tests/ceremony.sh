#!/usr/bin/env bash
# A signing ceremony: the review before the signature, and the record of it: whole, broken off,
# tampered with, and verified without any of our code.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed
cd "$work"
for n in 1 2 3; do
  token_cert $n >"t$n.pem"
done

steps() { # FILE: its steps in one line
  jq -rs '[.[].step] | join(" ")' "$1"
}

# openssl and coreutils alone: the last line's signature over the lines before it, and the chain.
independently() { # FILE CERTIFICATE
  local n previous
  head -n -1 "$1" >lines
  tail -n 1 "$1" | jq -r .signature | base64 -d >signature
  openssl x509 -in "$2" -pubkey -noout >key.pem
  openssl dgst -sha512 -verify key.pem -signature signature lines >/dev/null || return 1
  for n in $(seq 2 "$(wc -l <"$1")"); do
    previous=$(sed -n "$((n - 1))p" "$1" | sha256sum | cut -d' ' -f1)
    is "$(sed -n "${n}p" "$1" | jq -r .previous)" "$previous" "link of line $n"
  done
}

# ---- the review ----
expect 0 ctlclient cluster add-token "$CTL_TOKEN_3" --signer "$CTL_TOKEN_1" --dry-run
said '+ SAST CN=SAST 3'
said 'Who may sign from now on:'
said 'key in SOFTWARE'
said '* CN=SAST 1'
said 'Servers that phones trust from now on:'
said 'phones that have the present list follow'
said 'phones that have any list of this cluster follow'
said 'in words:'
said 'nothing was signed'
said "$(openssl x509 -in t3.pem -fingerprint -sha256 -noout | cut -d= -f2)"
said "$(openssl x509 -in "$state/keys/ccm.crt" -fingerprint -sha256 -noout | cut -d= -f2)"

# ---- a whole run ----
expect 0 ctlclient cluster add-token "$CTL_TOKEN_3" --signer "$CTL_TOKEN_1" --yes --transcript add.record \
  --operator 'Grace Hopper' --save add.signed
said "$(openssl x509 -in t3.pem -fingerprint -sha256 -noout | cut -d= -f2)"
digest=$(sed -n 's/^digest:  SHA-1 //p' out)
words=$(sed -n '/^in words:/,/^[^ i]/p' out | grep '^  ' | xargs)
is "$(wc -w <<<"$words")" 20 'words of a SHA-1'
is "$(steps add.record)" \
  'begin provider cluster token modules signer rules review consent login sign save push distribution end signature' \
  'steps of a whole run'
expect 0 ctlclient transcript verify add.record
said 'Grace Hopper'
expect 0 ctlclient transcript verify add.record --cert t1.pem --json
is "$(json .valid)" true 'valid'
is "$(json .done)" true 'done'
is "$(json .signer.sha256)" "$(openssl x509 -in t1.pem -fingerprint -sha256 -noout | cut -d= -f2 | tr -d : | tr A-F a-f)" 'signer'
expect 3 ctlclient transcript verify add.record --cert t2.pem
said 'another token'
independently add.record t1.pem || fail 'openssl does not verify the record'
if independently add.record t2.pem 2>/dev/null; then fail 'openssl verifies it with another certificate'; fi

# What it says is true: module, token, list.
is "$(jq -r 'select(.step == "modules") | .modules[0].module_file.sha256' add.record)" \
  "$(sha256sum "$CTL_MODULE" | cut -d' ' -f1)" 'digest of the module'
expect 0 ctlclient token show "$CTL_TOKEN_1" --json
is "$(jq -r 'select(.step == "signer") | .token_serial' add.record)" "$(json .serial)" 'serial of the token'
expect 0 ctlclient cluster fetch -o 2.tlv
is "$(jq -r 'select(.step == "sign") | .list.sha256' add.record)" "$(sha256sum 2.tlv | cut -d' ' -f1)" 'digest of the list'
is "$(jq -r 'select(.step == "review") | .digest' add.record)" "$digest" 'digest that was shown'
is "$(jq -r 'select(.step == "begin") | .operator' add.record)" 'Grace Hopper' 'operator'
if grep -qF "$(cat "$CTL_PIN_FILE")" add.record; then fail 'the PIN is in the record'; fi
if grep -qF "$(cat "$CTL_PASSWORD_FILE")" add.record; then fail 'the password is in the record'; fi
expect 0 ctlclient ctl show 2.tlv --json
is "$(json .signed_digest)" "$digest" 'digest that "ctl show" finds'
is "$(json .words)" "$words" 'words that "ctl show" finds'
openssl_verifies 2.tlv sha1 256 t1.pem || fail 'openssl does not verify the list'

# ---- who follows: the third token came in generation 2 ----
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_3" --dry-run
said 'phones that have generation 2 or a later one follow'
said 'do NOT follow'
said 'to reach those too, sign with CN=SAST'

# ---- never overwritten; nothing begins without a record ----
sha256sum add.record >sum
expect 1 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --transcript add.record
said 'exists already'
sha256sum -c --quiet sum
expect 1 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --transcript nowhere/record
expect 2 ctlclient cluster update --signer "$CTL_TOKEN_1" --dry-run --transcript dry.record
expect 2 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --operator nobody
expect 0 ctlclient cluster status --json
is "$(json .generation)" 2 'generation after refusals'

# ---- a wrong PIN: recorded, not signed ----
echo 000000 >wrong
expect 4 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --transcript wrong.record --pin-source "file:$work/wrong"
is "$(jq -r 'select(.step == "login") | .error.id' wrong.record)" pin-wrong 'reason in the record'
is "$(jq -r 'select(.step == "end") | .result' wrong.record)" failed 'result in the record'
expect 3 ctlclient transcript verify wrong.record
said 'not finished'
expect 3 ctlclient transcript verify wrong.record --json
is "$(json .reason.id)" transcript-unfinished 'verdict on a broken-off record'
is "$(json '.lines | length')" "$(wc -l <wrong.record)" 'lines that are in order'

# ---- refused after the signature: recorded and signed ----
expect 0 ctlclient cluster request -o old.request update
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient bundle sign old.request -o old.signed --signer "$CTL_TOKEN_1" --yes --transcript bundle.record
expect 0 ctlclient transcript verify bundle.record --cert t1.pem
is "$(jq -r 'select(.step == "request") | .sha256' bundle.record)" "$(jq -r .sha256 old.request)" 'request in the record'
is "$(jq -r 'select(.step == "write") | .output.sha256' bundle.record)" "$(sha256sum old.signed | cut -d' ' -f1)" 'output in the record'
expect 5 ctlclient cluster push old.signed

# ---- killed in the middle: a truthful record that is not finished ----
mkfifo pin
ctlclient cluster update --signer "$CTL_TOKEN_1" --yes --transcript killed.record --pin-source "file:$work/pin" \
  >/dev/null 2>&1 &
pid=$!
for _ in $(seq 300); do
  if grep -q '"step":"consent"' killed.record 2>/dev/null; then break; fi
  sleep 0.1
done
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
expect 3 ctlclient transcript verify killed.record --json
is "$(json .reason.id)" transcript-unfinished 'verdict on a record of a program that was killed'
is "$(json '.lines[-1].step')" consent 'last line of it'

# ---- tampered with ----
tampered() { # what, id, line
  expect 3 ctlclient transcript verify bad.record --json
  is "$(json .reason.id)" "$2" "$1"
  is "$(jq -r .bad_line out)" "$3" "line blamed: $1"
  expect 3 ctlclient transcript verify bad.record
  said 'bad.record'
}
lines=$(wc -l <add.record)
sed 's/Grace Hopper/Mallory/' add.record >bad.record
tampered 'another operator' transcript-chain 2
sed 3d add.record >bad.record
tampered 'a line taken out' transcript-line 3
sed '4{h;d};5{G}' add.record >bad.record
tampered 'two lines swapped' transcript-line 4
head -n -1 add.record >bad.record
tampered 'the signature taken off' transcript-unfinished null
head -n -4 add.record >bad.record
tampered 'the end taken off' transcript-unfinished null
{ cat add.record; sed -n 2p add.record; } >bad.record
tampered 'a line behind the signature' transcript-line $((lines + 1))
{ head -n -1 add.record; tail -n 1 wrong.record; } >bad.record
tampered 'the last line of another record' transcript-line "$lines"
head -c -20 add.record >bad.record
tampered 'the last line cut off' transcript-line "$lines"
: >bad.record
tampered 'nothing' transcript-unfinished null
expect 1 ctlclient transcript verify nowhere
expect 1 ctlclient transcript verify add.record --cert add.record
expect 2 ctlclient transcript verify
expect 2 ctlclient transcript

# ---- lists in files ----
expect 0 ctlclient ctl update -i 2.tlv -o 3.tlv --signer "$CTL_TOKEN_2" --yes --transcript file.record
expect 0 ctlclient transcript verify file.record --cert t2.pem
independently file.record t2.pem || fail 'openssl does not verify the record of ctl update'
is "$(jq -r 'select(.step == "input") | .sha256' file.record)" "$(sha256sum 2.tlv | cut -d' ' -f1)" 'input'
is "$(jq -r 'select(.step == "write") | .output.sha256' file.record)" "$(sha256sum 3.tlv | cut -d' ' -f1)" 'output'
expect 1 ctlclient ctl update -i 2.tlv -o nowhere/3.tlv --signer "$CTL_TOKEN_2" --yes --transcript failed.record
expect 0 ctlclient transcript verify failed.record --cert t2.pem --json
is "$(jq -r .done out)" false 'done, of a run whose file could not be written'
