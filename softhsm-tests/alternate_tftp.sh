#!/usr/bin/env bash
# TFTP servers outside the cluster: into the list and out of it, on the spot and by bundle.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_up --mixed --nodes 2
cd "$work"
certificate() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 30 -subj "/CN=$1" 2>/dev/null
}
records() { # ROLE: names of the records in the list that the phones get
  ctlclient cluster fetch -o now.tlv >/dev/null
  ctlclient ctl show now.tlv --json | jq -r "[.records[] | select(.role == \"$1\") | .dns_name] | join(\" \")"
}
certificate alt
certificate new

# ---- bad input ----
expect 2 ctlclient cluster add-tftp --signer "$CTL_TOKEN_1"
said 'host=H,ip=A,cert=FILE'
expect 2 ctlclient cluster add-tftp host=alt,ip=192.0.2.9 --signer "$CTL_TOKEN_1"
said 'cert is missing'
expect 2 ctlclient cluster add-tftp host=alt,ip=1.2.3,cert=alt.pem --signer "$CTL_TOKEN_1"
expect 2 ctlclient cluster add-tftp role=ccm,host=alt,cert=alt.pem --signer "$CTL_TOKEN_1"
expect 1 ctlclient cluster add-tftp host=alt,cert=gone.pem --signer "$CTL_TOKEN_1"
expect 3 ctlclient cluster add-tftp host=node1,ip=192.0.2.9,cert=alt.pem --signer "$CTL_TOKEN_1" --yes
said 'node1 is a node of the cluster'
expect 3 ctlclient cluster remove-tftp node2 --signer "$CTL_TOKEN_1" --yes
said 'node2 is a node of the cluster'
expect 3 ctlclient cluster remove-tftp nobody --signer "$CTL_TOKEN_1" --yes
said 'no server "nobody"'

# ---- one comes ----
expect 0 ctlclient cluster add-tftp host=alt,ip=192.0.2.9,cert=alt.pem --signer "$CTL_TOKEN_1" --dry-run
said '+ TFTP alt'
is "$(store 'select count(*) from tftp_servers')" 0 'TFTP servers after a dry run'
expect 0 ctlclient cluster add-tftp host=alt,ip=192.0.2.9,cert=alt.pem --signer "$CTL_TOKEN_1" --yes
is "$(records tftp)" alt 'the TFTP servers in the list'
expect 0 ctlclient ctl show now.tlv --json
is "$(json '.records[] | select(.role == "tftp") | .ip_address')" 192.0.2.9 'its address in the list'
expect 0 ctlclient cluster show --json
is "$(json '.nodes[] | select(.type == "tftp-server") | .name + " " + .addresses[0] + " " + .roles[0]')" \
  'alt 192.0.2.9 tftp' 'the description'
expect 0 ctlclient cluster status
said 'in line with the cluster'
# The other node knows it too, in a moment.
for _ in $(seq 300); do
  ctlclient cluster status --server "$CTL_PROVIDER_2" --json >out 2>err && [ "$(jq .up_to_date out)" = true ] && break
  nap 0.1
done
is "$(json .up_to_date)" true 'whether the list is up to date at the other node'

# ---- it stays ----
expect 0 ctlclient cluster update --signer "$CTL_TOKEN_2" --yes
is "$(records tftp)" alt 'the TFTP servers after an update'
expect 0 ctlclient cluster set-mode nonsecure --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster set-mode mixed --signer "$CTL_TOKEN_1" --yes
is "$(records tftp)" alt 'the TFTP servers after two changes of the mode'

# ---- another certificate, by bundle, and from a list that was kept ----
expect 0 ctlclient cluster request -o change.request add-tftp host=alt,ip=192.0.2.10,cert=new.pem
expect 0 ctlclient bundle show change.request
said 'TFTP server alt'
expect 0 ctlclient bundle sign change.request -o change.signed --signer "$CTL_TOKEN_1" --yes
expect 0 ctlclient cluster push change.signed
expect 0 ctlclient cluster push change.signed
expect 0 ctlclient cluster show --json
is "$(json '.nodes[] | select(.type == "tftp-server") | .certificates[0].subject')" CN=new 'its certificate'

# ---- one goes ----
expect 0 ctlclient cluster remove-tftp alt --signer "$CTL_TOKEN_2" --yes
is "$(records tftp)" '' 'the TFTP servers in the list'
is "$(store 'select count(*) from tftp_servers')" 0 'TFTP servers of the cluster'

# ---- nobody puts one in behind the cluster's back ----
ctlclient cluster fetch -o now.tlv >/dev/null
expect 0 ctlclient ctl update -i now.tlv -o forged.tlv --signer "$CTL_TOKEN_1" --yes \
  --add-server role=tftp,host=evil,ip=192.0.2.66,cert=alt.pem
generation=$(ctlclient cluster show --json | jq .generation)
curl -sk --cacert "$CTL_CA" -u "$CTL_USER:$(cat "$CTL_PASSWORD_FILE")" -H 'Content-Type: application/octet-stream' \
  -H "If-Match: \"$generation\"" -X PUT --data-binary @forged.tlv "https://$CTL_PROVIDER/api/v1/ctl" >out
is "$(json .id)" ctl-server-unknown 'the answer to a list with a server that nobody added'
