#!/usr/bin/env bash
# Phones, profiles, templates and digest users with ctladmin, over the provider's API: rules, roles,
# secrets, import and export, and that a backup has what opens the secrets.
. "$(dirname "$0")/lib.sh"

cluster_up
pw() { printf '%s\n' "$2" >"$work/$1"; }
pw pin 4711
pw digest 'correct horse'
pw other 'viewer password'

# ---- profiles ----
expect 0 ctladmin profile add '7970 SIP Encrypted' --protocol sip --mode encrypted --encrypted-config --digest --key-size 2048
expect 0 ctladmin profile show '7970 SIP Encrypted' --json
is "$(json .transport)" tls 'the transport of a secure SIP profile'
is "$(json .key_size)" 2048 'the key size'
is "$(json .nonce_validity)" 600 'the nonce validity'
is "$(json .auth_mode)" string 'the authentication mode'
expect 1 ctladmin profile add Bad --protocol sccp --digest
said 'SIP profiles only'
expect 3 ctladmin profile set 'Standard SIP Non-Secure' --mode encrypted
said predefined
expect 3 ctladmin profile remove 'Standard SCCP Non-Secure' --yes
expect 0 ctladmin profile copy '7970 SIP Encrypted' Spare --mode nonsecure
expect 5 ctladmin profile rename Spare '7970 sip encrypted'
expect 0 ctladmin profile remove Spare --yes

# ---- templates: each parameter by its own polarity, secrets unseen ----
expect 0 ctladmin template add Lobby --hardened --param settingsAccess=disabled
expect 0 ctladmin template secret Lobby phonePassword --source "file:$work/pin"
expect 0 ctladmin template show Lobby --json
is "$(jq -c '[.parameters | .garp, .pcPort, .webAccess, .settingsAccess, .forwardingDelay, .disableSpeaker]' "$work/out")" \
  '["1","1","1","0","1","true"]' 'what hardened means'
is "$(jq -c '.secrets' "$work/out")" '["phonePassword"]' 'the secrets'
expect 2 ctladmin template set Lobby --param phonePassword=1
expect 1 ctladmin template set Lobby --param Garp=1
said 'it is written garp'

# ---- one phone ----
expect 0 ctladmin digest-user set anna --digest-source "file:$work/digest"
expect 0 ctladmin phone add 00:11:22:33:44:55 --model 7970 --protocol sip --profile '7970 SIP Encrypted' \
  --template Lobby --line '1001:Anna:Anna <Bell> & "Co"' --line 1002 --digest-user anna --param webAccess=enabled
said 'no certificate of the phone is known'
expect 5 ctladmin phone add SEP001122334455 --model 7970 --protocol sip
expect 3 ctladmin phone add SEP001122334456 --model 7970 --protocol sccp --profile '7970 SIP Encrypted'
said 'other protocol'
expect 3 ctladmin profile remove '7970 SIP Encrypted' --yes
said SEP001122334455
expect 3 ctladmin template remove Lobby --yes
expect 3 ctladmin digest-user remove anna --yes
expect 0 ctladmin phone show sep001122334455 --json
is "$(json '.lines[0].display')" 'Anna <Bell> & "Co"' 'a name with markup'
# Non-secure whenever the cluster is (design: modes).
is "$(json .device_security_mode)/$(json .effective.device_security_mode)" encrypted/nonsecure 'the mode and the effective one'
is "$(json .reset_pending)" true 'a phone that was never seen'
cp "$work/out" "$work/before.json"

# Other CAPF fields give it another profile, and keep what was chosen for others (PSP-10, PSP-11).
expect 0 ctladmin phone set SEP001122334455 --auth-mode lsc
expect 0 ctladmin phone show SEP001122334455 --json
is "$(json .profile)" '7970 SIP Encrypted, lsc 2048' 'the profile that was made for it'
expect 0 ctladmin phone set SEP001122334455 --auth-mode string
expect 0 ctladmin phone show SEP001122334455 --json
is "$(json .profile)" '7970 SIP Encrypted' 'the profile that fits again'

# ---- certificates, keys ----
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$work/k" -subj '/CN=CP-7970-SEP001122334455' -days 9 -out "$work/lsc.pem" 2>/dev/null
openssl x509 -in "$work/lsc.pem" -outform DER -out "$work/lsc.der"
expect 0 ctladmin phone cert SEP001122334455 --lsc "$work/lsc.der"
expect 0 ctladmin phone show SEP001122334455 --json
is "$(json .lsc.md5)" "$(md5sum <"$work/lsc.der" | cut -d' ' -f1)" 'the hash of its certificate'
expect 1 ctladmin phone cert SEP001122334455 --mic "$work/pin"
expect 0 ctladmin phone add SEP001122334460 --model 7960 --protocol sip
expect 0 ctladmin phone key SEP001122334460 --generate
expect 0 ctladmin phone secrets SEP001122334460 --json
is "$(json '.key | length')" 32 'the digits of its key'
expect 1 ctladmin phone key SEP001122334455 --generate

# ---- finding ----
found() { # options ...: the last two digits of those found
  ctladmin phone find --json "$@" | jq -r '[.phones[].name[-2:]] | join(" ")'
}
is "$(found --cert lsc)" 55 'phones with an LSC'
is "$(found --cert none)" 60 'phones without certificates'
is "$(found --profile '7970 sip encrypted')" 55 'phones by profile'
is "$(found --name 'sep*')" '55 60' 'phones by name'
is "$(found --line '100?')" 55 'phones by line'
is "$(found --template Lobby --model 7960)" '' 'phones for which not all of it is true'
curl -sf --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -X PATCH \
  "https://$CTL_PROVIDER/api/v1/phones/SEP001122334460" -d '{"auth_string": "12345"}' >/dev/null
is "$(found --auth-string 12345)" 60 'phones by authentication string'

# ---- secrets are nowhere in the clear, and a backup opens them ----
for secret in 4711 'correct horse' 12345; do
  ! grep -qaF "$secret" "$state/store.db" "$state/store.db-wal" || fail "$secret is in the store"
done
is "$(stat -c %a "$state/keys/secrets.key")" 600 'the mode of the key'
pw passphrase 'a passphrase of a backup'
expect 0 ctladmin backup create "$work/backup" --state "$state" --passphrase-source "file:$work/passphrase"
expect 0 ctladmin backup restore "$work/backup" --state "$work/restored" --passphrase-source "file:$work/passphrase"
same "$state/keys/secrets.key" "$work/restored/keys/secrets.key"

# ---- roles ----
expect 0 ctladmin user add olga --role operator --password-source "file:$work/other" --state "$state"
expect 0 ctladmin user add vera --role viewer --password-source "file:$work/other" --state "$state"
as() { # user command ...
  CTL_USER=$1 CTL_PASSWORD_FILE=$work/other ctladmin "${@:2}"
}
expect 0 as olga phone set SEP001122334460 --description Lobby
expect 0 as vera phone list
expect 1 as vera phone set SEP001122334460 --description Mine
said role
expect 1 as vera phone secrets SEP001122334460
expect 1 as vera phone find --auth-string 12345

# ---- import: what is wrong with a line stops no other ----
printf '\xef\xbb\xbfMAC Address;Model;Protocol;line1;label1;Description\r\n' >"$work/in.csv"
{
  printf '00:11:22:33:44:66;7960;sccp;2001;"<b>&""x""";"a;b"\r\n\r\n'
  printf 'SEP001122334467;9999;sip\r\n'
  printf '"SEP001122334468;7960;sip\r\n'
  printf 'SEP001122334469;8841;sip;3001;;K\xc3\xbcche\r\n'
  printf 'SEP00112233446A;8841;sip;3001;\xff\r\n'
  printf '../../etc/passwd;8841;sip\r\n'
  head -c 300000 /dev/zero | tr '\0' x
  printf '\r\nSEP00112233446B;8841;sip;3002'
} >>"$work/in.csv"
expect 3 ctladmin phone import "$work/in.csv" --dry-run
is "$(found --name 'sep00112233446?')" 60 'phones after a dry run'
expect 3 ctladmin phone import "$work/in.csv" --json
is "$(jq -c '[.results[] | [.line, .result, .id]]' "$work/out")" \
  '[[2,"added",null],[4,"refused","phone"],[5,"refused","csv"],[6,"added",null],[7,"refused","csv"],[8,"refused","device-name"],[9,"refused","csv"],[10,"added",null]]' \
  'the report'
expect 3 ctladmin phone import "$work/in.csv" --quiet
said '0 added, 0 changed, 3 unchanged, 5 refused'
printf '001122334470\n001122334471\n' >"$work/macs.csv"
expect 0 ctladmin phone import "$work/macs.csv" --model 7911 --protocol sccp --template Lobby
expect 3 ctladmin phone import "$work/macs.csv" --existing refuse
expect 2 ctladmin phone import "$work/pin"
said 'not known here'
printf 'mac,parameter.webaccess\n' >"$work/header.csv"
expect 2 ctladmin phone import "$work/header.csv"
said 'it is written webAccess'

# ---- export, and back again ----
expect 0 ctladmin phone export --output "$work/out.csv"
! grep -q -e 4711 -e 12345 "$work/out.csv" || fail 'a secret was exported'
expect 0 ctladmin phone import "$work/out.csv"
said '0 added, 0 changed, 7 unchanged, 0 refused'
expect 0 ctladmin phone remove SEP001122334455 --yes
expect 0 ctladmin phone import "$work/out.csv"
said '1 added, 0 changed, 6 unchanged, 0 refused'
expect 0 ctladmin phone show SEP001122334455 --json
is "$(jq -c '[.lines, .parameters, .template, .profile, .owner]' "$work/out")" \
  "$(jq -c '[.lines, .parameters, .template, .profile, .owner]' "$work/before.json")" 'a phone that was exported'

# ---- what was made for a phone stays when its file is imported again ----
printf 'mac,model,protocol,key,auth_string,auth_mode\n001122334472,7960,sip,generate,generate,null\n' >"$work/made.csv"
expect 0 ctladmin phone import "$work/made.csv"
expect 0 ctladmin phone secrets SEP001122334472 --json
cp "$work/out" "$work/made.json"
expect 0 ctladmin phone import "$work/made.csv"
said '0 added, 0 changed, 1 unchanged, 0 refused'
expect 0 ctladmin phone secrets SEP001122334472 --json
same "$work/out" "$work/made.json"
is "$(json '.auth_string | length')" 8 'the digits of the string'
expect 0 ctladmin profile list --json
is "$(json '[.profiles[] | select(.name | startswith("Standard SIP Non-Secure, null")) | .phones] | join(" ")')" 1 \
  'phones of a profile in the list'

# A file that is there stays when there is nothing to write.
cp "$work/out.csv" "$work/kept.csv"
expect 1 as vera phone export --auth-string 12345 --output "$work/out.csv"
same "$work/out.csv" "$work/kept.csv"
expect 0 ctladmin phone show SEP001122334455 --json

# ---- two at once: the second is told ----
api() { # METHOD VERSION: the status
  curl -s -o /dev/null -w '%{http_code}' --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -X "$1" \
    ${2:+-H "If-Match: \"$2\""} -d "@$work/out" "https://$CTL_PROVIDER/api/v1/phones/SEP001122334455"
}
version=$(jq .version "$work/out")
is "$(api PUT)" 428 'a PUT without a version'
is "$(api PUT "$version")" 200 'what was read, sent back'
is "$(api PUT "$version")" 412 'the same from somebody who has the older one'

# ---- all of it is in the audit log ----
expect 0 ctladmin audit list --state "$state" --limit 200
said 'phone: added SEP001122334455, a 7970, profile "7970 SIP Encrypted"'
said 'phone: the secrets of SEP001122334460 were shown'
! grep -q 'profile: renamed' "$work/out" || fail 'a refused renaming is in the log'
expect 0 ctladmin audit verify --state "$state"
