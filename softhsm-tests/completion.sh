#!/usr/bin/env bash
# Bash completion offers what the programs can do.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=/dev/null
. "$CTL_SOURCE_DIR/packaging/completion/ctlsuite"

offers() { # WANTED word ...: completing the last word must offer WANTED
  local wanted=$1
  shift
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _ctlsuite || true
  [[ " ${COMPREPLY[*]} " == *" $wanted "* ]] || fail "\"$*\" offers \"${COMPREPLY[*]}\" instead of $wanted"
}

offers cluster ctlclient cl
offers set-mode ctlclient cluster s
offers --signer ctlclient cluster set-mode mixed --si
offers --pin-source ctlclient token test pkcs11:token=x --pin
offers init ctladmin node ""
offers --role ctladmin user add admin --r
offers boot ctlphone b
cd "$work"
touch list.tlv
offers list.tlv ctlclient ctl show l
