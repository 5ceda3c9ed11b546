#!/usr/bin/env bash
# A phone boots again and again from one server: what it takes, what it refuses, what it keeps.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/tftp_lib.sh"

mac=SEP001122334455
phone=$work/phone
serve "$vectors/ctl-new-signer.tlv"
tftp_start 127.0.0.1
export CTL_TFTP=127.0.0.1:$port

# boots CODE VECTOR RESULT STORED [REASON]: serves the vector, boots, checks what became of it.
boots() {
  serve "$vectors/$2.tlv"
  expect "$1" ctlphone boot $mac --state "$phone" --json
  is "$(json .device)" $mac "device"
  is "$(json .result)" "$3" "result for $2"
  is "$(jq -r .trusted "$work/out")" "$([ "$1" -eq 0 ] && echo true || echo false)" "trusted for $2"
  if [ -n "${5-}" ]; then
    is "$(json .reason.id)" "$5" "reason for $2"
  fi
  if [ -n "$4" ]; then
    same "$phone/CTLFile.tlv" "$vectors/$4.tlv"
    is "$(json .sha256)" "$(sha256sum <"$phone/CTLFile.tlv" | cut -d' ' -f1)" "sha256 in force"
    is "$(json .file)" "$phone/CTLFile.tlv" "file in force"
  else
    [ ! -e "$phone/CTLFile.tlv" ] || fail "$2 was installed"
  fi
}

boots 3 bad-sig-bitflip kept "" ctl-signature
boots 3 bad-signer-unlisted kept "" ctl-signer
boots 0 ctl-sha1 installed ctl-sha1
is "$(json .status)" "CTL Installed" "status"
is "$(json .mode)" mixed "mode"
is "$(json .signer.serial)" 5af12700000011a2da01 "signer"
is "$(stat -c %a "$phone/CTLFile.tlv")" 644 "mode of the stored file"
boots 0 ctl-sha1 unchanged ctl-sha1
boots 3 ctl-new-signer kept ctl-sha1 ctl-unknown-signer
is "$(json .status)" "Trust List update failed" "status"
is "$(json .signer.serial)" 5af12700000011a2da01 "signer of the list in force"
is "$(json .offered.signer.serial)" 4d770900000066120c03 "signer of the refused list"
boots 3 ctl-sha512 kept ctl-sha1 ctl-signer-not-sast
boots 0 ctl-update-sast2 updated ctl-update-sast2
is "$(json .status)" "Trust List updated" "status"
boots 0 ctl-nonsecure updated ctl-nonsecure
is "$(json .mode)" nonsecure "mode"
for bad in "$vectors"/bad-*.tlv "$vectors"/trunc-*.tlv; do
  bad=$(basename "$bad" .tlv)
  [ "$bad" = trunc-empty ] || boots 3 "$bad" kept ctl-nonsecure
done
boots 0 ctl-sha1 updated ctl-sha1

# Larger than any phone takes.
head -c 2000000 /dev/zero >"$work/huge"
serve "$work/huge"
expect 3 ctlphone boot $mac --state "$phone" --json
is "$(json .reason.id)" tftp-too-large "reason for a file of 2 MB"
expect 3 ctlphone verify "$work/huge" --state "$phone" --json
is "$(json .reason.id)" ctl-parse "reason for a file of 2 MB"
same "$phone/CTLFile.tlv" "$vectors/ctl-sha1.tlv"

# The account for people.
serve "$vectors/ctl-new-signer.tlv"
expect 3 ctlphone boot $mac --state "$phone"
for text in "asks for CTL$mac.tlv" "4D:77:09:00:00:00:66:12:0C:03" "keeps    the stored list" \
  "status   Trust List update failed" "mode     mixed"; do
  said "$text"
done

# What a phone in this state would do; nothing changes.
expect 0 ctlphone verify "$vectors/ctl-update-sast2.tlv" --state "$phone" --json
is "$(json .result)" updated "verdict on an update"
expect 3 ctlphone verify "$vectors/ctl-new-signer.tlv" --state "$phone" --json
is "$(json .reason.id)" ctl-unknown-signer "verdict on a stranger's list"
expect 0 ctlphone verify "$vectors/ctl-new-signer.tlv" --state "$work/new" --json
is "$(json .result)" installed "verdict of a new phone"
[ ! -e "$work/new" ] || fail "verify made a folder"
same "$phone/CTLFile.tlv" "$vectors/ctl-sha1.tlv"

# A stored list that was damaged is not replaced silently.
head -c 1000 "$vectors/ctl-sha1.tlv" >"$phone/CTLFile.tlv"
expect 1 ctlphone boot $mac --state "$phone" --json
is "$(json .reason.id)" stored-list "reason"
said "erase it"
is "$(stat -c %s "$phone/CTLFile.tlv")" 1000 "size of the damaged list"
rm "$phone/CTLFile.tlv"
boots 0 ctl-sha1 installed ctl-sha1

# Without its server the phone keeps its list.
tftp_stop
expect 1 ctlphone boot $mac --state "$phone" --json
is "$(json .reason.id)" tftp-unreachable "reason"
is "$(json .result)" kept "result"
same "$phone/CTLFile.tlv" "$vectors/ctl-sha1.tlv"

# Usage.
expect 2 ctlphone boot SEP00112233445 --state "$phone"
said "MAC"
expect 2 ctlphone boot $mac
expect 2 ctlphone boot $mac --state "$phone" --blksize 7
expect 2 ctlphone boot $mac --state "$phone" --tftp 127.0.0.1:99999
expect 2 env -u CTL_TFTP ctlphone boot $mac --state "$phone"
said "CTL_TFTP"
expect 1 ctlphone verify "$work/missing.tlv" --state "$phone"
expect 2 ctlphone bot
