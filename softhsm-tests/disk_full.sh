#!/usr/bin/env bash
# The disk is full while a list is committed: the old list and mode stay, and it can be repeated.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir "$work/cluster"
mkdir "$work/cluster/node1"
if ! mount -t tmpfs -o size=4m tmpfs "$work/cluster/node1" 2>/dev/null; then
  echo "skipped: a small file system cannot be mounted here"
  exit 77
fi
at_exit() {
  "$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster" >/dev/null 2>&1 || true
  umount "$work/cluster/node1" || umount -l "$work/cluster/node1"
}

cluster_up --mixed
expect 0 ctlclient cluster fetch -o "$work/good.tlv"

fill() { # KB to leave
  local avail
  avail=$(df --output=avail -k "$work/cluster/node1" | tail -1)
  dd if=/dev/zero of="$work/cluster/node1/ballast" bs=1k count=$((avail - $1)) status=none || true
}

# At several depths of fullness: sometimes the transaction fails, sometimes the file.
refused=0
for leave in 0 1 4 8 16 32 64; do
  expect 0 ctlclient cluster update --yes --signer "$CTL_TOKEN_1"
  expect 0 ctlclient cluster status --json
  before=$(json .generation)
  expect 0 ctlclient cluster fetch -o "$work/before.tlv"
  fill $leave
  code=0
  ctlclient cluster update --yes --signer "$CTL_TOKEN_2" >"$work/out" 2>"$work/err" || code=$?
  curl -sS -o "$work/served.tlv" "tftp://$CTL_TFTP/CTLFile.tlv"
  expect 0 ctlclient ctl verify "$work/served.tlv"
  expect 0 ctlclient cluster fetch -o "$work/after.tlv"
  expect 0 ctlclient cluster status --json
  case $code in
    0)
      is "$(json .generation)" $((before + 1)) "generation after success"
      same "$work/served.tlv" "$work/after.tlv"
      ;;
    1)
      is "$(json .generation)" "$before" "generation after a full disk"
      same "$work/after.tlv" "$work/before.tlv"
      same "$work/served.tlv" "$work/before.tlv"
      refused=$((refused + 1))
      ;;
    6)
      is "$(json '.distribution[0].state')" failed "state of the node when the file cannot be written"
      same "$work/served.tlv" "$work/before.tlv"
      ;;
    *)
      cat "$work/err" >&2
      fail "exit code $code on a full disk"
      ;;
  esac
  rm -f "$work/cluster/node1/ballast"
done
[ $refused -gt 0 ] || fail "the disk was never too full: the test tests nothing"

# With room again everything goes on.
expect 0 ctlclient cluster update --yes --signer "$CTL_TOKEN_1"
expect 0 ctlclient cluster status --json
is "$(json '.distribution[0].state')" active "state of the node"
expect 0 ctlclient cluster fetch -o "$work/last.tlv"
curl -sS -o "$work/served.tlv" "tftp://$CTL_TFTP/CTLFile.tlv"
same "$work/served.tlv" "$work/last.tlv"
