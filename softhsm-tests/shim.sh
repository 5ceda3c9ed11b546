# A token reader that is simulated: SoftHSM behind libctlshim.so, driven by a control file
# (shim/README.md says what may stand in it). To be sourced after lib.sh.
# shellcheck shell=bash

: "${CTL_SHIM:=$CTL_TEST_BIN/libctlshim.so}"
export CTL_SHIM

# Private tokens "SAST 1", "SAST 2" and "SAST 3", each with key and certificate "sast", in the
# slots 0, 1 and 2. Sets CTL_MODULE, CTL_PIN_FILE, CTL_TOKEN_1 to _3; shim_pin, shim_so_pin and
# shim_serial[LABEL].
shim_setup() {
  local i
  [ -e "$CTL_SHIM" ] || fail "there is no $CTL_SHIM"
  shim_home=$work/shim
  shim_pin=271828 shim_so_pin=31415926
  declare -gA shim_serial=()
  mkdir -p "$shim_home/tokens"
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' \
    "$shim_home/tokens" >"$shim_home/softhsm2.conf"
  echo "$shim_pin" >"$shim_home/pin"
  echo "$shim_so_pin" >"$shim_home/so-pin"
  : >"$shim_home/control"
  export SOFTHSM2_CONF=$shim_home/softhsm2.conf CTL_SHIM_CONTROL=$shim_home/control
  export CTL_SHIM_MODULE=${CTL_SHIM_MODULE:-$(softhsm_module)}
  export CTL_MODULE=$CTL_SHIM_MODULE CTL_PIN_FILE=$shim_home/pin
  for i in 1 2 3; do
    ctlclient token init --label "SAST $i" --so-pin-source "file:$shim_home/so-pin" \
      --pin-source "file:$shim_home/pin" --yes --json >"$shim_home/token$i.json" 2>"$shim_home/log" ||
      fail "no token: $(cat "$shim_home/log")"
    ctlclient token keygen "pkcs11:token=SAST%20$i;object=sast" \
      --subject "CN=SAST $i,OU=Voice,O=ctlsuite tests" >"$shim_home/log" 2>&1 ||
      fail "no key: $(cat "$shim_home/log")"
    shim_serial["SAST $i"]=$(jq -r .serial "$shim_home/token$i.json")
    export "CTL_TOKEN_$i=pkcs11:token=SAST%20$i;object=sast"
  done
  CTL_MODULE=$CTL_SHIM
}

# The control file is replaced by what comes on standard input, in one step.
shim_replace() {
  cat >"$CTL_SHIM_CONTROL.new"
  mv "$CTL_SHIM_CONTROL.new" "$CTL_SHIM_CONTROL"
}

# Arguments as a line of the control file. %XX stays as it is, for bytes that cannot be typed.
shim_line() {
  local word line=
  for word in "$@"; do
    word=${word// /%20} word=${word//$'\t'/%09} word=${word//$'\n'/%0a}
    line+="${line:+ }${word:-\"\"}"
  done
  echo "$line"
}

# The control file without the lines that begin with these words.
shim_without() {
  awk -v line="$(shim_line "$@")" 'substr($0 " ", 1, length(line) + 1) != line " "' "$CTL_SHIM_CONTROL"
}

# shim_set KEY WORD ...: one more line.
shim_set() {
  local lines
  lines=$(shim_without "$@"; shim_line "$@")
  shim_replace <<<"$lines"
}

# shim_clear [KEY [WORD ...]]: takes away the lines that begin so, or all of them.
shim_clear() {
  local lines=
  if [ "$#" -gt 0 ]; then
    lines=$(shim_without "$@")
  fi
  shim_replace <<<"$lines"
}

# Pulls tokens out, all in the same moment.
shim_remove() { # LABEL ...
  local lines label
  lines=$(cat "$CTL_SHIM_CONTROL"; for label in "$@"; do shim_line remove "$label"; done)
  shim_replace <<<"$lines"
}

# Puts tokens in, all in the same moment; also those that the module pulled out by itself.
shim_insert() { # LABEL ...
  local lines label n
  n=$(($(cat "$CTL_SHIM_CONTROL.insertions" 2>/dev/null || echo 0) + 1))
  echo "$n" >"$CTL_SHIM_CONTROL.insertions"
  lines=$(cat "$CTL_SHIM_CONTROL")
  for label in "$@"; do
    lines=$(grep -vxF "$(shim_line remove "$label")" <<<"$lines" |
      awk -v line="$(shim_line inserted "$label") " 'index($0, line) != 1'
      shim_line inserted "$label" "$n")
  done
  shim_replace <<<"$lines"
}

# So many wrong PINs in a row have been given to the token: of the user, and of the SO.
shim_wrong_pins() { # LABEL USER [SO]
  local lines serial=${shim_serial[$1]}
  lines=$(grep -sv "^$serial " "$CTL_SHIM_CONTROL.pins" || true)
  printf '%s\n%s %s %s\n' "$lines" "$serial" "$2" "${3:-0}" >"$CTL_SHIM_CONTROL.pins"
}

# The wrong PINs of the user that the shim has counted.
shim_counted() { # LABEL
  awk -v serial="${shim_serial[$1]}" '$1 == serial { n = $2 } END { print n + 0 }' "$CTL_SHIM_CONTROL.pins"
}
