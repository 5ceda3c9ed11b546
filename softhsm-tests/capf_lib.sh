# What the tests of CAPF share. To be sourced after lib.sh.
# shellcheck shell=bash

capf() { # command of capf_store ...
  capf_store "$state" "$@"
}

# A phone that is configured, and has its trust list.
phone() { # name, mode, [operation, key, string]
  local name=$1 mode=$2
  shift 2
  capf phone "$name" 7970 "$mode" || fail "no phone $name"
  [ "$#" -eq 0 ] || capf set "$name" "$@" || fail "no operation for $name"
  boot "$name"
}

boot() { # name
  expect 0 ctlphone boot "$1" --state "$work/$1" --model 7970 --protocol sccp
}

enroll() { # exit code, name, options ...
  local code=$1 name=$2
  shift 2
  expect "$code" ctlphone enroll "$name" --state "$work/$name" --retry-interval 1 --json "$@"
}

# What became of the operation.
becomes() { # name, "operation status"
  local now
  now=$(capf show "$1" | cut -d' ' -f1,2)
  is "$now" "$2" "operation of $1 ($(capf show "$1"))"
}

# The certificate that the phone has is the one CAPF knows as its current one, and there is only one.
has_current() { # name
  local serial
  serial=$(openssl x509 -in "$work/$1/lsc.pem" -noout -serial | cut -d= -f2 | tr A-F a-f)
  is "$(capf issued "$1" | awk '$2 == "current" {print $1}')" "${serial#00}" "current certificate of $1"
  openssl x509 -in "$work/$1/lsc.pem" -noout -pubkey >"$work/pub1"
  openssl pkey -in "$work/$1/lsc.key" -pubout >"$work/pub2"
  same "$work/pub1" "$work/pub2"
  openssl verify -partial_chain -CAfile "$state/keys/capf.crt" "$work/$1/lsc.pem" >/dev/null ||
    fail "the LSC of $1 does not verify"
}

# A manufacturer, and MICs of it, made by another program.
make_maker() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/maker.key" -out "$work/maker.pem" -days 3650 \
    -subj "/O=Maker/CN=Maker CA" 2>/dev/null
}

make_mic() { # name
  mkdir -p "$work/$1"
  openssl req -newkey rsa:2048 -nodes -keyout "$work/$1/mic.key" -subj "/O=Maker/CN=CP-7970G-$1" 2>/dev/null |
    openssl x509 -req -CA "$work/maker.pem" -CAkey "$work/maker.key" -CAcreateserial -days 3650 \
      -out "$work/$1/mic.pem" 2>/dev/null
  chmod 600 "$work/$1"/mic.*
}

capf_pid() { cat "$work/cluster/node1/ctlcapfd.pid"; }
