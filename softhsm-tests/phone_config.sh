#!/usr/bin/env bash
# A phone and its configuration, against the real server: what it asks for, takes, refuses and keeps
# while the cluster and its profile change.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mac=SEP001122334455
phone=$work/phone

cluster_up --mixed

# api METHOD PATH [BODY]
api() {
  curl -sS --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -X "$1" \
    ${3+-H "Content-Type: application/json" -d "$3"} --fail-with-body "https://$CTL_PROVIDER/api/v1$2" >"$work/api" ||
    fail "$1 $2: $(cat "$work/api")"
}

# until_true WHAT COMMAND ...: what one service tells another takes a moment.
until_true() {
  local what=$1
  shift
  for _ in $(seq 200); do
    "$@" && return
    sleep 0.1
  done
  cat "$work/out" >&2
  fail "it never came to this: $what"
}

# boots CODE [OPTION ...]
boots() {
  local code=$1
  shift
  expect "$code" ctlphone boot $mac --state "$phone" --json "$@"
}

becomes() { # FILTER VALUE
  boots 0
  [ "$(jq -r "$1" "$work/out")" = "$2" ]
}

# doctor CODE STEP: what is wrong with the phone first ("" for nothing).
doctor() {
  expect "$1" ctlclient doctor --phone $mac --json
  is "$(jq -r '.first_problem.step // ""' "$work/out")" "$2" "first problem of the phone"
}

doctor_is_well() {
  ctlclient doctor --phone $mac --json >"$work/out"
}

is_seen_since() { # TIME
  api GET /phones/$mac
  [[ ! "$(jq -r '.seen.time // ""' "$work/api")" < "$1" ]]
}

is_later_than() { # SECOND
  [ "$(date +%s)" -gt "$1" ]
}

step() { # NAME: what the doctor says of that step
  jq -r --arg s "$1" '.steps[] | select(.step == $s) | .what' "$work/out"
}

# A key and a certificate of the phone's own: NAME.pem and NAME.key.
own_cert() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 30 \
    -subj "/CN=CP-8841-$mac/OU=Voice/O=ctlsuite test cluster" 2>/dev/null
  chmod 600 "$1.key"
}

# The server learns the phone's certificate, as it would from CAPF.
server_knows() { # FILE
  api PATCH /phones/$mac "$(jq -n --rawfile pem "$1" '{lsc: $pem}')"
}

# Nobody has set it up.
boots 0
is "$(json .result)" installed "trust list"
is "$(json .config.result)" default "configuration of an unknown phone"
is "$(json .config.asked)" XMLDefault.cnf.xml.sgn "last request"
is "$(json .next.step)" nothing "next step"

doctor 1 phone
said "ctladmin phone add $mac"

# Set up: signed, hardened, and no secret of it shown.
api POST /profiles '{"name": "Encrypted", "protocol": "sip", "device_security_mode": "encrypted",
  "tftp_encrypted_config": true, "auth_mode": "null", "digest_authentication": true}'
api POST /phones '{"name": "'$mac'", "model": "8841", "protocol": "sip", "lines": ["1001"],
  "parameters": {"webAccess": "1", "settingsAccess": "2", "phonePassword": "4711"},
  "digest_user": "anna", "digest_password": "s3cr3t"}'
until_true "the configuration is there" becomes .config.result taken
is "$(json .config.asked)" $mac.cnf.xml.sgn "request"
is "$(json .config.form)" signed "form"
is "$(json .config.in_use.parameters.webAccess.word)" disabled "webAccess"
is "$(json .config.in_use.parameters.settingsAccess.word)" restricted "settingsAccess"
is "$(json .next.step)" register "next step"
is "$(json .next.server.port)" 5060 "port"
said phonePassword
! grep -q 4711 "$work/out" || fail "a password was shown"
is "$(stat -c %a "$phone/config.cnf")" 600 "mode of the stored configuration"
# Requests are noted by the second: this one shall not be taken for the one before.
until_true "a second is over" is_later_than "$(date +%s)"
booted=$(date -u +%FT%TZ)
boots 0
is "$(json .config.result)" unchanged "the same configuration"
cp "$phone/config.cnf" "$work/clear.xml"

until_true "the doctor finds nothing" doctor_is_well
until_true "its last request is written down" is_seen_since "$booted"
ctlclient doctor --phone $mac --json >"$work/out"
seen=$(step phone-last-request)
expect 0 ctlclient doctor --phone $mac --json --http "$CTL_HTTP"
is "$(step phone-last-request)" "$seen" "last request after the doctor's own"
expect 0 ctlclient doctor --phone $mac --json
is "$(step phone-last-request)" "$seen" "last request after the doctor's own over HTTP"
is "$(jq -r '[.steps[].step] | join(" ")' "$work/out")" \
  "provider provider-certificate login release list phone phone-certificate phone-last-request tftp trust-list identity-list configuration next-step" \
  "the way"
case "$(step phone-last-request)" in $mac.cnf.xml.sgn,*) ;; *) fail "last request: $(step phone-last-request)" ;; esac
ctlclient doctor --phone $mac >"$work/out"
said "registers nonsecure at"
expect 2 ctlclient doctor --phone SEP1
expect 2 ctlclient doctor --tftp "$CTL_TFTP"
expect 1 ctlclient doctor --phone $mac --tftp 127.0.0.1:9 --json
is "$(json .first_problem.step)" tftp "first problem without a TFTP service"

# Encrypted now, but nobody knows a key of this phone: it learns that, and goes to CAPF.
api PATCH /phones/$mac '{"profile": "Encrypted"}'
until_true "the minimal configuration is there" becomes .config.result minimal
is "$(json ".config.in_use.full | tostring")" false "full"
is "$(json .next.step)" capf "next step"
said "knows no certificate"
same "$phone/config.cnf" "$work/clear.xml"
doctor 1 phone-certificate
said "ctladmin capf set $mac"
ctlphone boot $mac --state "$phone" >"$work/out"
said "learns   that its configuration is encrypted"

# Once the server knows its certificate, one boot leads to the encrypted file.
own_cert "$phone/lsc"
server_knows "$phone/lsc.pem"
until_true "the encrypted configuration is there" becomes .config.result taken
is "$(json .config.asked)" $mac.cnf.xml.enc.sgn "request"
is "$(json .config.in_use.cert_hash)" "$(json .lsc.hash)" "certHash"
is "$(json .config.in_use.digest.user)" anna "digest user"
is "$(jq -r .password "$phone/digest.json")" s3cr3t "digest password"
is "$(json .next.step)" register "next step"
is "$(json .next.server.port)" 5061 "port"
jq -e '[.steps[].step] | index("resets")' "$work/out" >/dev/null || fail "no reset was told"
! grep -q s3cr3t "$work/out" || fail "a password was shown"
[ ! -e "$phone/minimal.cnf" ] || fail "the minimal configuration is still there"
boots 0
is "$(json '[.steps[] | select(.step == "asks for") | .text | select(startswith("SEP")) | split(":")[0]] | join(" ")')" \
  $mac.cnf.xml.enc.sgn "requests of a phone that remembers"

until_true "the doctor finds nothing" doctor_is_well
case "$(step configuration)" in *"encrypted for the phone's certificate") ;; *) fail "$(step configuration)" ;; esac
expect 0 ctlclient doctor --phone $mac --state "$phone" --json
case "$(step next-step)" in *"registers encrypted at"*) ;; *) fail "$(step next-step)" ;; esac

# What a phone would do with files that somebody gives us, without the network.
(cd "$work" && timeout 60 tftp -m octet "${CTL_TFTP%:*}" "${CTL_TFTP##*:}" -c get $mac.cnf.xml.enc.sgn >/dev/null)
expect 0 ctlphone verify "$work/$mac.cnf.xml.enc.sgn" --state "$phone" --json
is "$(json .config.form)" encrypted "form"
cp "$work/$mac.cnf.xml.enc.sgn" "$work/SEP00112233445A.cnf.xml.enc.sgn"
expect 3 ctlphone verify "$work/SEP00112233445A.cnf.xml.enc.sgn" --state "$phone" --json
is "$(json .reason.id)" sgn-name "reason under another name"
printf 'x' | dd of="$work/$mac.cnf.xml.enc.sgn" bs=1 seek=1500 conv=notrunc 2>/dev/null
expect 3 ctlphone verify "$work/$mac.cnf.xml.enc.sgn" --state "$phone" --json
is "$(json .reason.id)" sgn-signature "reason for a damaged file"
is "$(json .status)" "File auth error" "status"
expect 3 ctlphone verify "$work/clear.xml" --as $mac.cnf.xml --state "$phone" --json
is "$(json .reason.id)" file-unsigned "reason for an unsigned file"

# Another key in the phone than the server knows.
own_cert "$phone/lsc"
boots 0
is "$(json .config.result)" minimal "configuration for another key"
is "$(json .next.step)" capf "next step"
said "another certificate"

# Encryption is off again: the phone asks in vain, and takes the signed one.
server_knows "$phone/lsc.pem"
until_true "it is encrypted for the new key" becomes .config.result taken
is "$(json .config.form)" encrypted "form"
api PATCH /profiles/Encrypted '{"tftp_encrypted_config": false}'
until_true "it is not encrypted any more" becomes .config.form signed
is "$(json .config.result)" taken "configuration"
is "$(json ".config.in_use.encrypted | tostring")" false "encrypted"

# In a non-secure cluster nothing is signed, and nobody is secure.
ctlclient cluster set-mode nonsecure --signer "$CTL_TOKEN_1" --pin-source "file:$CTL_PIN_FILE" --yes >/dev/null
until_true "the phone has the non-secure list" becomes .mode nonsecure
until_true "the configuration is unsigned" becomes .config.form plain
is "$(json .config.asked)" $mac.cnf.xml "request"
is "$(json .config.in_use.security_mode)" nonsecure "security mode"
is "$(json .next.server.port)" 5060 "port"
