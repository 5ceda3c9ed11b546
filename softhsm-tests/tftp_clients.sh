#!/usr/bin/env bash
# The same bytes arrive through tftp-hpa, curl and ctlphone, with all block sizes, over a good network
# and over one that drops and doubles every fifth datagram.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/tftp_lib.sh"

serve "$vectors/ctl-sha512.tlv"
tftp_start 127.0.0.1

# tftp-hpa's client has no option for the block size: it always takes 512.
by_tftp 127.0.0.1 "$port" "$work/tftp"
same "$work/tftp/CTLFile.tlv" "$vectors/ctl-sha512.tlv"
for size in 512 1428 8192; do
  by_curl 127.0.0.1 "$port" "$work/curl" $size
  same "$work/curl/CTLFile.tlv" "$vectors/ctl-sha512.tlv"
  by_phone 127.0.0.1 "$port" "$work/phone.$size" $size
  same "$work/phone.$size/CTLFile.tlv" "$vectors/ctl-sha512.tlv"
done
expect 0 curl -sS --tftp-no-options "tftp://127.0.0.1:$port/ctlsepaabbccddeeff.TLV" -o "$work/plain"
same "$work/plain" "$vectors/ctl-sha512.tlv"

# Sizes around the ends of blocks.
fetches() { # bytes, block size
  head -c "$1" /dev/urandom >"$work/file"
  serve "$work/file"
  by_curl 127.0.0.1 "$port" "$work/curl" "$2"
  same "$work/curl/CTLFile.tlv" "$work/file"
}
for bytes in 1 511 512 513 1024; do
  fetches $bytes 512
done
fetches 1000000 65464

# Block numbers wrap, and the list changes in the middle: a transfer ends with the bytes it began with.
head -c 1000000 /dev/urandom >"$work/file"
serve "$work/file"
by_curl 127.0.0.1 "$port" "$work/long" 8 &
long=$!
sleep 0.3
serve "$vectors/ctl-sha1.tlv"
by_curl 127.0.0.1 "$port" "$work/curl" 512
same "$work/curl/CTLFile.tlv" "$vectors/ctl-sha1.tlv"
kill -0 $long || fail "the transfer of 125000 blocks ended too soon to see anything"
wait $long || fail "the transfer that ran while the list changed broke off"
same "$work/long/CTLFile.tlv" "$work/file"

# Clients at the same time get what they should.
serve "$vectors/ctl-sha512.tlv"
jobs=()
for i in $(seq 40); do
  by_curl 127.0.0.1 "$port" "$work/many.$i" 512 &
  jobs+=($!)
done
for i in $(seq 40); do
  wait "${jobs[i - 1]}" || fail "client $i of 40 got nothing"
  same "$work/many.$i/CTLFile.tlv" "$vectors/ctl-sha512.tlv"
done

# A bad network: all clients at once, each behind a relay of its own. A client may give up once. (Every
# loss costs curl at least five seconds: that is the timeout it asks the server for.)
lossy() { # seed, client, block size
  local dir=$work/lossy.$1
  "$2" 127.0.0.1 "$(cat "$work/relay.$1")" "$dir" ${3:+"$3"} 2>/dev/null ||
    "$2" 127.0.0.1 "$(cat "$work/relay.$1")" "$dir" ${3:+"$3"} || return
  cmp "$dir/CTLFile.tlv" "$vectors/ctl-nonsecure.tlv"
}
serve "$vectors/ctl-nonsecure.tlv"
for seed in $(seq 7); do
  relay_start 20 "$seed"
done
jobs=()
lossy 1 by_tftp & jobs+=($!)
lossy 2 by_curl 512 & jobs+=($!)
lossy 3 by_curl 1428 & jobs+=($!)
lossy 4 by_curl 8192 & jobs+=($!)
lossy 5 by_phone 512 & jobs+=($!)
lossy 6 by_phone 1428 & jobs+=($!)
lossy 7 by_phone 8192 & jobs+=($!)
for i in $(seq 7); do
  wait "${jobs[i - 1]}" || fail "client $i behind the lossy relay got nothing"
done
tftp_stop

# A server at all addresses answers from the one that was asked; ctlphone takes no other answer.
tftp_start 0.0.0.0
by_phone 127.0.0.1 "$port" "$work/any1" 1428
by_phone 127.0.0.2 "$port" "$work/any2" 1428
same "$work/any2/CTLFile.tlv" "$vectors/ctl-nonsecure.tlv"

# A second server at the same port says what is wrong.
expect 1 ctltftpd -c "$work/tftp.conf" --foreground
said "Address already in use"
tftp_stop

if grep -q . /proc/net/if_inet6 2>/dev/null; then
  tftp_start '[::]'
  by_phone '[::1]' "$port" "$work/v6" 1428
  by_phone 127.0.0.1 "$port" "$work/v6as4" 1428
  by_phone 127.0.0.2 "$port" "$work/v6as4too" 1428
  same "$work/v6/CTLFile.tlv" "$vectors/ctl-nonsecure.tlv"
  same "$work/v6as4too/CTLFile.tlv" "$vectors/ctl-nonsecure.tlv"
  tftp_stop
fi

# Mistakes of the administrator.
expect 2 ctltftpd -c "$work/missing.conf"
expect 2 ctltftpd --nonsense
printf 'state = "%s/nowhere"\ntftp { listen = "127.0.0.1:%s" }\n' "$work" "$port" >"$work/tftp.conf"
expect 1 ctltftpd -c "$work/tftp.conf"
said "node init"
