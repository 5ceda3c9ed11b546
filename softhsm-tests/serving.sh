#!/usr/bin/env bash
# What ctltftpd serves: the same files over TFTP, HTTP and HTTPS, made once, made again when their data
# changes, signed where they have to be; files of a folder; and nothing else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mac=SEP0011223344AB
file=$mac.cnf.xml.sgn
cluster_up --mixed
node=$work/cluster/node1
https=$(sed -n 's/.*https = "\(.*\)"/\1/p' "$node/ctlsuite.conf")
pid=

at_exit() {
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid"; } || true
}

api() { # METHOD PATH [BODY]
  curl -sS --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -X "$1" --fail-with-body \
    ${3+-H "Content-Type: application/json" -d "$3"} "https://$CTL_PROVIDER/api/v1$2" >"$work/api" ||
    fail "$1 $2: $(cat "$work/api")"
}

until_true() { # WHAT COMMAND ...
  local what=$1
  shift
  for _ in $(seq 200); do
    "$@" && return
    sleep 0.1
  done
  fail "it never came to this: $what"
}

# web NAME STATUS [OPTIONS OF CURL]: over HTTP, into $work/web; its head in $work/head.
web() {
  local name=$1 want=$2 got
  shift 2
  got=$(curl -sS --path-as-is -D "$work/head" -o "$work/web" -w '%{http_code}' "$@" "http://$CTL_HTTP/$name") || true
  is "$got" "$want" "status of /$name"
}

field() { # NAME: of the head
  sed -n "s/^$1: //Ip" "$work/head" | tr -d '\r'
}

etag_of() {
  web "$1" 200
  field ETag
}

# tftp NAME CODE: over TFTP, into $work/tftp
tftp() {
  expect "$2" curl -sS --max-time 20 --tftp-blksize 1428 -o "$work/tftp" "tftp://$CTL_TFTP/$1"
}

start_again() { # with the configuration as it is now
  [ -z "$pid" ] || { kill "$pid" && wait "$pid" || true; }
  ctltftpd -c "$node/ctlsuite.conf" --foreground 2>"$work/tftp.log" &
  pid=$!
  until_true "ctltftpd is ready" grep -q 'ready: ' "$work/tftp.log"
}

# ---- a folder of files ----

mkdir -p "$work/files/Desktops/320x196x4" "$work/files/.git"
echo '<CiscoIPPhoneRingList/>' >"$work/files/Ringlist.xml"
echo '<CiscoIPPhoneImageList/>' >"$work/files/Desktops/320x196x4/List.xml"
echo hidden >"$work/files/.git/config"
echo '<clear/>' >"$work/files/$mac.cnf.xml"
head -c 3000001 /dev/urandom >"$work/files/load.bin"
ln -s /etc/passwd "$work/files/passwd"
ln -s /etc "$work/files/etc"
kill "$(cat "$node/ctltftpd.pid")"
sed -i "s|^  https = .*|&\n  static = \"$work/files\"|" "$node/ctlsuite.conf"
start_again

tftp ringlist.XML 0
same "$work/tftp" "$work/files/Ringlist.xml"
tftp '%5CDesktops%5C320x196x4%5CList.xml' 0
same "$work/tftp" "$work/files/Desktops/320x196x4/List.xml"
tftp load.bin 0
same "$work/tftp" "$work/files/load.bin"
web load.bin 200
same "$work/web" "$work/files/load.bin"
web load.bin 206 -r 1000-2999999
cmp -s "$work/web" <(tail -c +1001 "$work/files/load.bin" | head -c 2999000) || fail "a part of a file"
is "$(field Content-Range)" "bytes 1000-2999999/3000001" "Content-Range"
web load.bin 416 -r 3000001-
web load.bin 304 -H "If-None-Match: $(etag_of load.bin)"
web load.bin 200 -I
is "$(field Content-Length)" 3000001 "Content-Length of HEAD"
[ ! -s "$work/web" ] || grep -q ^HTTP "$work/web" || fail "HEAD has a body"

# Signed in mixed mode, under the name that was asked for.
for name in Ringlist.xml Desktops/320x196x4/List.xml; do
  web "$name.sgn" 200
  expect 0 ctlclient cluster fetch -o "$work/ctl.tlv"
  mkdir -p "$(dirname "$work/signed/$name")"
  cp "$work/web" "$work/signed/$name.sgn"
  tail -c "$(stat -c %s "$work/files/$name")" "$work/web" | cmp -s - "$work/files/$name" || fail "$name.sgn"
done
expect 0 ctlclient file verify --list "$work/ctl.tlv" "$work/signed/Ringlist.xml.sgn"

# Nothing else exists, and nobody gets a list of what does.
for name in '' / . .. Desktops Desktops/ 'Desktops/320x196x4' .git/config ../files/Ringlist.xml \
  %2e%2e/files/Ringlist.xml Desktops/%2e%2e/Ringlist.xml etc/passwd passwd nothing Ringlist.xml%00 \
  'Ringlist.xml/' "$(printf 'A%.0s' $(seq 600))" store.db keys/ccm.key; do
  web "$name" 404
done
tftp passwd 68
tftp etc/passwd 68
tftp .git/config 68
web Ringlist.xml 405 -X PUT -d x
web Ringlist.xml 405 -X DELETE
for raw in 'GET\r\n\r\n' 'GET / HTTP/9.9\r\n\r\n' 'GET /Ringlist.xml HTTP/1.1\r\n\r\n' 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n' \
  'GET /Ringlist.xml HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' '\0\1\2\3\r\n\r\n' \
  "GET /$(printf 'A%.0s' $(seq 20000)) HTTP/1.1\r\nHost: x\r\n\r\n"; do
  printf "$raw" | timeout 20 socat - "TCP:$CTL_HTTP" 2>/dev/null | head -1 | grep -q '^HTTP/1.1 [45]' ||
    fail "no proper answer to: ${raw:0:60}"
done
# Two requests at once on one connection.
printf 'GET /Ringlist.xml HTTP/1.1\r\nHost: x\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
  timeout 20 socat -t 10 - "TCP:$CTL_HTTP" >"$work/two"
is "$(grep -c ^HTTP "$work/two")" 2 "answers on one connection"

# A file that changes, comes and goes.
before=$(etag_of Ringlist.xml)
echo '<CiscoIPPhoneRingList><!-- new --></CiscoIPPhoneRingList>' >"$work/new" && mv "$work/new" "$work/files/Ringlist.xml"
changed() { [ "$(etag_of Ringlist.xml)" != "$before" ]; }
until_true "the new ring list is served" changed
same "$work/web" "$work/files/Ringlist.xml"
rm "$work/files/Ringlist.xml"
gone() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$CTL_HTTP/Ringlist.xml")" = 404 ]; }
until_true "the ring list is gone" gone

# ---- configurations ----

# Of a phone that is not set up the administrator may have put a file into the folder.
web $mac.cnf.xml 200
same "$work/web" "$work/files/$mac.cnf.xml"
web "$file" 200
web SEP001122334499.cnf.xml.sgn 404
api POST /phones "{\"name\": \"$mac\", \"model\": \"7970\", \"protocol\": \"sccp\", \"lines\": [\"1001\"]}"
api POST /phones '{"name": "SEP001122334499", "model": "7970", "protocol": "sccp", "lines": ["1002"]}'
served() { web $mac.cnf.xml 200 && ! grep -q '<clear/>' "$work/web"; }
until_true "the configuration is served instead" served
first=$(etag_of "$file")
tftp "$file" 0
same "$work/tftp" "$work/web"
tftp "/$(echo "$file" | tr A-Z a-z)" 0
same "$work/tftp" "$work/web"
curl -sS -k -o "$work/https" "https://$https/$file" || fail "HTTPS"
same "$work/https" "$work/web"
cp "$work/web" "$work/$file"
expect 0 ctlclient file verify --list "$work/ctl.tlv" "$work/$file"
web $mac.cnf.xml.enc.sgn 404
tftp $mac.cnf.xml.enc.sgn 68

# It is signed once, whoever else changes, and anew when its own data does.
api PATCH /phones/SEP001122334499 '{"lines": ["1003"]}'
other=$(etag_of SEP001122334499.cnf.xml)
api PATCH /phones/SEP001122334499 '{"lines": ["1004"]}'
other_changed() { [ "$(etag_of SEP001122334499.cnf.xml)" != "$other" ]; }
until_true "the other phone's change is served" other_changed
is "$(etag_of "$file")" "$first" "ETag after a change of another phone"
api PATCH /phones/$mac '{"lines": ["1005"]}'
this_changed() { [ "$(etag_of "$file")" != "$first" ]; }
until_true "the phone's change is served" this_changed

# What it asked for last can be looked up.
tftp "$file" 0
noted() { api GET /phones/$mac && [ "$(jq -r '.seen.file + " " + .seen.outcome + " " + .seen.address' "$work/api")" = "$file sent 127.0.0.1" ]; }
until_true "the request is noted" noted
web SEP001122334499.cnf.xml.enc.sgn 404 -I
tftp $mac.cnf.xml.enc.sgn 68
noted_absent() { api GET /phones/$mac && [ "$(jq -r .seen.outcome "$work/api")" = not-found ]; }
until_true "what was not found is noted" noted_absent
# Nobody has fetched what he only asked the length of.
api GET /phones/SEP001122334499
is "$(jq -r .seen.file "$work/api")" SEP001122334499.cnf.xml "the file that was asked for last, but for HEAD"

# ---- over HTTPS a phone is known by its certificate ----

for phone in $mac SEP001122334499; do
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$phone.key" -out "$work/$phone.pem" -days 9 \
    -subj "/O=Test/CN=CP-7970G-$phone" 2>/dev/null
done
# Another one that calls itself by the same name.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/forged.key" -out "$work/forged.pem" -days 9 \
  -subj "/O=Test/CN=CP-7970G-$mac" 2>/dev/null
api POST /templates '{"name": "Lobby", "parameters": {"phonePassword": "4711"}}'
api PATCH /phones/$mac "$(jq -n --arg lsc "$(cat "$work/$mac.pem")" '{template: "Lobby", lsc: $lsc}')"

# asks CERTIFICATE NAME: the status that who shows it gets; "" shows none.
asks() {
  curl -sS -k -o "$work/https" -w '%{http_code}' ${1:+--cert "$work/$1.pem" --key "$work/$1.key"} "https://$https/$2" || true
}
has_password() { [ "$(asks $mac $mac.cnf.xml)" = 200 ] && grep -q '<phonePassword>4711<' "$work/https"; }
until_true "the phone gets its password" has_password
is "$(asks $mac "$file")" 200 "its own signed configuration"
is "$(asks '' $mac.cnf.xml)" 404 "a configuration with a password, without a certificate"
is "$(asks forged $mac.cnf.xml)" 404 "the same with a certificate of that name that is not the phone's"
is "$(asks SEP001122334499 $mac.cnf.xml)" 404 "another phone's configuration"
is "$(asks $mac SEP001122334499.cnf.xml)" 404 "the other phone's, which has no password"
is "$(asks '' SEP001122334499.cnf.xml)" 200 "the same without a certificate"
is "$(asks SEP001122334499 SEP001122334499.cnf.xml)" 200 "its own"
is "$(asks SEP001122334499 CTLFile.tlv)" 200 "the list"
