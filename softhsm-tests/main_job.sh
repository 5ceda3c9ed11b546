#!/usr/bin/env bash
# The main job, end to end: two tokens sign, the provider takes it, the phone believes it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

phone=$work/phone
mac=SEP001122334455

cluster_up

# Nothing yet: non-secure, generation 0, nothing to download.
expect 0 ctlclient cluster status --json
is "$(json .security_mode)" nonsecure "mode of a new cluster"
is "$(json .generation)" 0 "generation of a new cluster"
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .result)" none "a phone without a list"
expect 1 ctlclient cluster fetch -o "$work/none.tlv"
said "has no CTL yet"
[ ! -e "$work/none.tlv" ] || fail "a list was fetched that does not exist"
expect 3 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
expect 3 ctlclient cluster set-mode nonsecure --signer "$CTL_TOKEN_1" --yes

# The first configuration needs two different tokens, the signer among them.
expect 3 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --yes
expect 3 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --yes
said "there must be two different ones"
expect 3 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --yes
said "same token twice"
expect 3 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_3" --sast "$CTL_TOKEN_1" --sast "$CTL_TOKEN_2" --yes
expect 2 ctlclient cluster set-mode loud --signer "$CTL_TOKEN_1" --yes
is "$(store 'select count(*) from ctl')" 0 "number of stored lists after refusals"

# A dry run shows what would happen and changes nothing.
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --sast "$CTL_TOKEN_2" --dry-run
said "nothing was signed"
is "$(store 'select count(*) from ctl')" 0 "number of stored lists after a dry run"

# The first list.
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --sast "$CTL_TOKEN_1" --sast "$CTL_TOKEN_2" --yes
said "generation 1"
expect 0 ctlclient cluster status --json
is "$(json .security_mode)" mixed "mode"
is "$(json .generation)" 1 "generation"
is "$(json .tokens)" 2 "tokens in the list"
is "$(json .up_to_date)" true "up_to_date"
is "$(json '.distribution[0].state')" active "state of the node"
expect 0 ctlclient cluster fetch -o "$work/1.tlv"
same "$work/1.tlv" "$state/tftp/CTLFile.tlv"
expect 0 ctlclient ctl verify "$work/1.tlv"
expect 0 ctlclient ctl show "$work/1.tlv" --json
is "$(json .verified)" true "verified"
is "$(json '[.records[].role] | join(" ")')" "sast sast ccm+tftp capf" "roles"
is "$(json '.records[0].signed_this_list')" true "record 1 signed"

# An independent check: openssl, with the tokens' certificates as pkcs11-tool reads them.
for n in 1 2 3; do
  token_cert $n >"$work/t$n.pem"
done
openssl_verifies "$work/1.tlv" sha1 256 "$work/t1.pem" || fail "openssl does not verify the first list"
! openssl_verifies "$work/1.tlv" sha1 256 "$work/t2.pem" 2>/dev/null || fail "openssl verifies it with the wrong token"

# The phone takes its first list on trust.
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .result)" installed "first list on the phone"
is "$(json .mode)" mixed "mode the phone sees"
same "$work/1.tlv" "$phone/CTLFile.tlv"
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .result)" unchanged "same list again"

# The other token signs an update; the phone follows.
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster fetch -o "$work/2.tlv"
openssl_verifies "$work/2.tlv" sha1 256 "$work/t2.pem" || fail "openssl does not verify the second list"
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .result)" updated "update signed by the second token"
expect 0 ctlclient ctl verify "$work/2.tlv" --previous "$work/1.tlv"

# A token that is not in the list cannot sign; it can be added, and then it can.
expect 3 ctlclient cluster update --signer "$CTL_TOKEN_3" --yes
said "not in the present list"
expect 3 ctlclient cluster add-token "$CTL_TOKEN_3" --signer "$CTL_TOKEN_3" --yes
expect 3 ctlclient cluster add-token "$CTL_TOKEN_1" --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster add-token "$CTL_TOKEN_3" --signer "$CTL_TOKEN_1" --yes
expect 0 ctlphone boot $mac --state "$phone" --json
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_3" --yes
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .result)" updated "update signed by the added token"

# Lost token: taken out by serial; never the signer, never below two.
serial() { openssl x509 -in "$work/t$1.pem" -serial -noout | cut -d= -f2; }
expect 3 ctlclient cluster remove-token "$(serial 3)" --signer "$CTL_TOKEN_3" --yes
expect 0 ctlclient cluster remove-token "$(serial 3)" --signer "$CTL_TOKEN_1" --yes
expect 3 ctlclient cluster remove-token "$(serial 2)" --signer "$CTL_TOKEN_1" --yes
said "two different ones"
expect 3 ctlclient cluster remove-token 00ff --signer "$CTL_TOKEN_1" --yes
expect 2 ctlclient cluster remove-token xyz --signer "$CTL_TOKEN_1" --yes

# Non-secure and back. The tokens and CAPF keep their certificates, CCM+TFTP loses its own.
expect 0 ctlclient cluster set-mode nonsecure --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster status --json
is "$(json .security_mode)" nonsecure "mode"
expect 0 ctlclient cluster fetch -o "$work/n.tlv"
expect 0 ctlclient ctl show "$work/n.tlv" --json
is "$(json '[.records[] | select(.certificate) | .role] | join(" ")')" "sast sast capf" "roles with certificates"
is "$(json '.records[] | select(.role == "ccm+tftp") | .length')" $((5 + 9 + 5 + 7)) "length of the bare record"
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .mode)" nonsecure "mode the phone sees"
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_2" --yes
expect 0 ctlphone boot $mac --state "$phone" --json
is "$(json .mode)" mixed "mode the phone sees"

# SHA-512 on request, and kept afterwards.
expect 0 ctlclient cluster update --digest sha512 --signer "$CTL_TOKEN_2" --yes
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster fetch -o "$work/5.tlv"
expect 0 ctlclient ctl show "$work/5.tlv" --json
is "$(json .digest)" sha512 "digest"

# The history tells who, and with which token; the newest comes first.
expect 0 ctlclient cluster history --json
is "$(json '.generations[0].user')" admin "user in the history"
is "$(json '.generations | length')" "$(json '.generations[0].generation')" "length of the history"
is "$(json '.generations[-1].generation')" 1 "oldest generation"
is "$(json '.generations[0].signer.serial')" "$(serial 1 | tr A-F a-f)" "signer in the history"
expect 0 ctlclient cluster show --json
is "$(json '.nodes[0].roles | join(" ")')" "ccm+tftp capf" "roles of the node"
expect 0 ctlclient cluster show
expect 0 ctlclient cluster history
expect 0 ctlclient cluster status

# Down and up again: nothing is lost.
"$CTL_SOURCE_DIR/scripts/cluster" down "$work/cluster"
cluster_up
expect 0 ctlclient cluster fetch -o "$work/6.tlv"
same "$work/5.tlv" "$work/6.tlv"
expect 0 ctlphone boot $mac --state "$phone"
