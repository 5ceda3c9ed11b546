#!/usr/bin/env bash
# Four modules at once, as p11-kit is configured for them, and some that fail: those are named with
# the reason, the others go on.
. "$(dirname "${BASH_SOURCE[0]}")/modules_lib.sh"

[ "$CTL_PRIVATE" = yes ] || skip "p11-kit's configuration can be replaced only in a name space"
cd "$work"
mkdir modules
mount --bind modules /usr/share/p11-kit/modules
[ ! -e /etc/pkcs11/modules ] || mount --bind modules /etc/pkcs11/modules
export CTL_PIN_FILE=$work/pin TSS2_LOG=all+none
echo 271828 >"$CTL_PIN_FILE"

configure() { # NAME MODULE [LINE]
  printf 'module: %s\n%s\n' "$2" "${3:-}" >"modules/$1.module"
}
new_token() { # LABEL options
  expect 0 ctlclient token init --label "$1" --yes --so-pin-source "file:$work/pin" --pin-source "file:$work/pin" "${@:2}"
  expect 0 ctlclient token keygen "pkcs11:token=${1// /%20};object=sast" --subject "CN=$1,OU=Voice,O=Test" "${@:2}"
}
labels_are() { # LABELS, comma between
  expect 0 ctlclient token list --json
  is "$(json 'map(.label) | sort | join(",")')" "$1" "tokens"
}

# ---- a token behind each ----
soft=$(softhsm_module)
for store in far near; do
  mkdir $store
  echo "directories.tokendir = $work/$store" >$store.conf
done
export SOFTHSM2_CONF=$work/far.conf
new_token "SAST 4" --module "$soft"
start server p11-kit server --foreground --provider "$soft" --name "$work/socket" 'pkcs11:token=SAST%204'
export SOFTHSM2_CONF=$work/near.conf P11_KIT_SERVER_ADDRESS=unix:path=$work/socket
new_token "SAST 1" --module "$soft"

mkdir tpm store
export TPM2_PKCS11_STORE=$work/store TPM2_PKCS11_TCTI=swtpm:host=127.0.0.1,port=20321
start tpm swtpm socket --tpm2 --tpmstate "dir=$work/tpm" --server type=tcp,port=20321,bindaddr=127.0.0.1 \
  --ctrl type=tcp,port=20322,bindaddr=127.0.0.1 --flags not-need-init,startup-clear
tpm_answers() {
  (: <"/dev/tcp/127.0.0.1/20322")
}
wait_for 20 "the TPM" tpm_answers
new_token "SAST 3" --module libtpm2_pkcs11.so

card_make card "SAST 2"
pcscd_start
card_in card 0
wait_for 20 "p11-kit server" test -S "$work/socket"

# ---- all of them, and what is broken beside them ----
configure soft "$soft"
configure cards opensc-pkcs11.so
configure far p11-kit-client.so
configure tpm libtpm2_pkcs11.so
labels_are "SAST 1,SAST 2,SAST 3,SAST 4"
[ ! -s err ] || fail "four good modules, and yet: $(cat err)"

echo "not a library" >text.so
configure text "$work/text.so"
configure nowhere /nowhere/module.so
stranger=$(ldd "$(command -v openssl)" | awk '/libcrypto/ {print $3}')
configure stranger "$stranger"
configure trust p11-kit-trust.so 'trust-policy: yes'
labels_are "SAST 1,SAST 2,SAST 3,SAST 4"
for broken in "$work/text.so" /nowhere/module.so "$stranger"; do
  grep -F "$broken" err | grep -q ': .' || fail "no reason for $broken in: $(cat err)"
done

# ---- a URI that fits tokens of several modules ----
expect 4 ctlclient token test 'pkcs11:object=sast'
said "token=SAST"
expect 4 ctlclient doctor --json
is "$(json '[.steps[] | select(.step == "module-failed") | .state] | join(" ")')" 'skipped skipped skipped' 'modules that failed'
for broken in "$work/text.so" /nowhere/module.so "$stranger"; do
  json '.steps[] | select(.step == "module-failed") | .what' | grep -qF "$broken" || fail "the doctor is silent on $broken"
done
rm modules/{text,nowhere,stranger}.module

# ---- one that hangs while it is loaded: what is said is not lost ----
configure shim "$CTL_TEST_BIN/libctlshim.so"
echo 'hang C_GetFunctionList' >control
expect 4 env CTL_SHIM_CONTROL="$work/control" ctlclient token list --token-timeout 1
said 'has not answered for 1 s'
rm modules/shim.module

# ---- tokens of four modules in one list ----
sast() { # NUMBER
  expect 0 ctlclient token list --json
  json ".[] | select(.label == \"SAST $1\") | .certificates[0].uri"
}
for name in ccm capf; do
  openssl req -x509 -nodes -newkey rsa:2048 -days 30 -subj "/O=Test/OU=Voice/CN=$name" -keyout $name.key -out $name.pem 2>/dev/null
done
sasts=()
for n in 1 2 3 4; do
  sasts+=(--sast "$(sast $n)")
done
expect 0 ctlclient ctl create -o 0.tlv --signer "$(sast 1)" "${sasts[@]}" \
  --server "role=ccm+tftp,host=pub,ip=192.0.2.10,cert=ccm.pem" --server "role=capf,host=pub,ip=192.0.2.10,cert=capf.pem"
for n in 1 3 4; do
  expect 0 ctlclient ctl update -i 0.tlv -o $n.tlv --signer "$(sast $n)"
done
expect 0 ctlclient ctl update -i 0.tlv -o 2.tlv --signer "$(sast 2)" --pin-source file:<(echo "$CARD_PIN")
for n in 1 2 3 4; do
  expect 0 ctlclient ctl show $n.tlv
  said "CN=SAST $n"
  expect 0 ctlclient ctl verify $n.tlv --previous 0.tlv
done

# ---- the processor time of a list with four modules ----
if ! sanitized; then
  TIMEFORMAT='%U %S'
  { time ctlclient token list >/dev/null; } 2>cpu
  awk '{exit !($1 + $2 < 1)}' cpu || fail "a list of four modules took $(cat cpu) seconds of the processor"
fi

# ---- one after the other fails ----
# tpm2-pkcs11 that does not start leaks, and is unloaded before its name could be told.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
leaks=$ASAN_OPTIONS
stop tpm
labels_are "SAST 1,SAST 2,SAST 4"
said "libtpm2_pkcs11.so) does not start: C_Initialize"
expect 0 ctlclient ctl update -i 0.tlv -o 5.tlv --signer "$(sast 1)"
stop server
labels_are "SAST 1,SAST 2"
stop pcscd
labels_are "SAST 1"
rm modules/*
configure tpm libtpm2_pkcs11.so
expect 4 ctlclient token list
said "libtpm2_pkcs11.so) does not start: C_Initialize"
said TPM
