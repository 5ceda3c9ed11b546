# Plays the wizard in a terminal (tmux): a scenario is a list of steps, one a line, and the same for
# windows and for plain text. To be sourced after lib.sh and shim.sh.
#
#   see TEXT            wait until the page says it (line breaks and frames do not count)
#   never TEXT          the page does not say it
#   press BUTTON        choose a button
#   row TEXT            choose a row of a menu
#   mark TEXT           mark a row, for the button that is pressed next
#   field LABEL VALUE   type into a field (LABEL ends at the first blank); "=" leaves it as it is
#   secret LABEL VALUE  type a secret
#   insert|remove TOKEN put a token in, pull it out
#   keys KEY ...        tmux's names of keys
#   help TEXT           F1 (plain: ?) explains the page with that text
#   size COLUMNS LINES  give the terminal another size
#   shot NAME           keep the screen as $shots/NAME (windows only)
#   run COMMAND         a shell command
#
# $NAME in a step is replaced by the variable. Nothing waits for a fixed time.
# shellcheck shell=bash

# Columns of the screen are counted in characters, whatever the machine speaks.
export LC_ALL=C.UTF-8

shots=$work/shots
mkdir -p "$shots"
tmux_name=ctl$$

tm() {
  tmux -L "$tmux_name" -f /dev/null "$@"
}

# A cluster without a list, three tokens in simulated readers, none of them in; and what scenarios
# type: $host, $port, $password, $fingerprint_start, $branch_cert, $host_name.
wizard_cluster() { # options of scripts/cluster
  cluster_up "$@"
  shim_setup
  export CTL_MODULE=$CTL_SHIM
  unset CTL_PIN_FILE CTL_PASSWORD_FILE CTL_CA
  host=${CTL_PROVIDER%:*} port=${CTL_PROVIDER##*:}
  password=$(cat "$work/cluster/password")
  fingerprint_start=$(openssl x509 -in "$work/cluster/ca.pem" -fingerprint -sha256 -noout | cut -d= -f2 | cut -c1-47)
  shim_remove 'SAST 1' 'SAST 2' 'SAST 3'
  # A TFTP server outside the cluster.
  branch_cert=$work/branch.pem host_name=node1
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/branch.key" -out "$branch_cert" -days 30 -subj /CN=branch 2>/dev/null
}

# The provider is known to this user already.
wizard_knows_provider() {
  mkdir -p "$HOME/.config/ctlsuite"
  echo "$host:$port $(openssl x509 -in "$work/cluster/ca.pem" -fingerprint -sha256 -noout | cut -d= -f2 | tr -d : | tr A-F a-f)" \
    >"$HOME/.config/ctlsuite/known_providers"
}

# The first list, by command: with tokens 1 and 2.
wizard_first_list() {
  CTL_MODULE=$CTL_SHIM_MODULE ctlclient cluster set-mode mixed --yes --signer "$CTL_TOKEN_2" --sast "$CTL_TOKEN_1" \
    --sast "$CTL_TOKEN_2" --ca "$work/cluster/ca.pem" --pin-source "file:$shim_home/pin" \
    --password-source "file:$work/cluster/password" >"$work/other" 2>&1 || fail "no first list: $(cat "$work/other")"
}

# The provider of the only node.
provider_stop() {
  local pid
  pid=$(cat "$work/cluster/node1/ctlproviderd.pid")
  kill "$pid"
  until_true provider_is_gone "$pid"
}

provider_is_gone() {
  ! grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status"
}

provider_start() {
  local log=$work/cluster/node1/ctlproviderd.log
  setsid ctlproviderd -c "$work/cluster/node1/ctlsuite.conf" --foreground </dev/null >"$log" 2>&1 &
  echo $! >"$work/cluster/node1/ctlproviderd.pid"
  until_true grep -q 'ready: ' "$log"
}

# Signs the list anew by command, while a wizard is at work; whatever is in the readers.
other_administrator() {
  CTL_MODULE=$CTL_SHIM_MODULE ctlclient cluster update --yes --signer "$CTL_TOKEN_1" --ca "$work/cluster/ca.pem" \
    --pin-source "file:$shim_home/pin" --password-source "file:$work/cluster/password" >"$work/other" 2>&1
}

# The screens are those in doc/wizard.md; scripts/screens fetches them here.
screens_check() {
  wizard_end
  if [ -n "${CTL_SCREENS:-}" ]; then
    cp "$shots"/* "$CTL_SCREENS"
  else
    "$CTL_SOURCE_DIR/scripts/screens" --compare "$shots" || fail 'doc/wizard.md is out of date'
  fi
}

at_exit() {
  wizard_end
}

wizard_end() {
  tm kill-server 2>/dev/null || true
}

# start FRONT COLUMNS LINES OPTION ...: FRONT is newt or plain. LOCALE may be set.
start() {
  front=$1
  local columns=$2 lines=$3
  shift 3
  [ "$front" = plain ] && set -- --plain "$@"
  wizard_end
  : >"$work/terminal"
  rm -f "$work/exit"
  printf 'ASAN_OPTIONS=%s ctlclient' "$leaks" >"$work/start.sh"
  [ "$#" -eq 0 ] || printf ' %q' "$@" >>"$work/start.sh"
  # The shell stays in front of the wizard, so that its exit code is known.
  printf '\necho $? >%q\n' "$work/exit" >>"$work/start.sh"
  tm new-session -d -x "$columns" -y "$lines" "exec env LC_ALL=${LOCALE:-C.UTF-8} sleep 1000000" \; \
    set-option -g remain-on-exit on \; set-option -g status off \; set-option -g escape-time 0 \; \
    set-option -g default-terminal "${TERMINAL:-screen-256color}" \; set-option -g history-limit 20000
  tm resize-window -x "$columns" -y "$lines"
  tm respawn-pane -k "exec env LC_ALL=${LOCALE:-C.UTF-8} ${LANGUAGES:+LANGUAGE=$LANGUAGES} sh $work/start.sh"
  tm pipe-pane -o "exec cat >>$work/terminal"
  seen=0 marked=
}

# The process of the wizard.
wizard_pid() {
  pgrep -P "$(tm display-message -p '#{pane_pid}')" -x ctlclient
}

# What the page says, in one line without frames, into $page. Few processes: it is done often.
look() {
  local words text
  if [ "$front" = plain ]; then
    text=$(tail -c +$((seen + 1)) "$work/terminal")
    text=${text//$'\r'/}
  else
    text=$(tm capture-pane -p)
    text=${text//[│┌┐└┘─├┤▒█]/ }
  fi
  read -r -d '' -a words <<<"$text" || true
  page="${words[*]}"
}

page() {
  look
  echo "$page"
}

# Waits until a command is true.
until_true() {
  local end=$((SECONDS + ${PATIENCE:-120}))
  while [ "$SECONDS" -lt "$end" ]; do
    "$@" && return 0
    sleep 0.15
  done
  return 1
}

page_has() {
  look
  [[ $page == *"$1"* ]]
}

page_lacks() {
  ! page_has "$1"
}

step_failed() {
  echo "--- the screen" >&2
  if [ "$front" = plain ]; then tail -n 60 "$work/terminal" >&2; else tm capture-pane -p >&2; fi
  fail "$scenario:$line_number: $*"
}

do_see() {
  until_true page_has "$1" || step_failed "not shown: $1"
}

do_never() {
  if page_has "$1"; then step_failed "shown: $1"; fi
}

# What comes from now on belongs to the next page.
turn() {
  seen=$(stat -c %s "$work/terminal")
}

send() {
  tm send-keys -l -- "$1"
  tm send-keys Enter
}

# ---- windows ----

# The cursor's place into $cursor, the line that it is in into $line, and what begins there into
# $at_cursor.
look_at_cursor() {
  local screen x y
  screen=$(tm display-message -p '#{cursor_x} #{cursor_y}' \; capture-pane -p)
  cursor=${screen%%$'\n'*}
  x=${cursor% *} y=${cursor#* }
  mapfile -t lines <<<"$screen"
  line=${lines[y + 1]:-}
  at_cursor=${line:x}
}

# Moves with a key until the test is true: the cursor has to arrive before the next key is sent.
move_until() { # KEY COMMAND ...
  local key=$1 i before after
  shift
  look_at_cursor
  for i in $(seq 40); do
    "$@" && return 0
    before=$cursor
    tm send-keys "$key"
    after=$((SECONDS + 5))
    until [ "$before" != "$cursor" ] || [ "$SECONDS" -ge "$after" ]; do
      sleep 0.02
      look_at_cursor
    done
  done
  return 1
}

on_button() {
  case $at_cursor in "$1>"* | "<$1>"*) return 0 ;; esac
  return 1
}

on_row() {
  [[ $line == *"$1"* ]]
}

newt_press() {
  do_see "<$1>"
  move_until Tab on_button "$1" || step_failed "no way to the button $1"
  tm send-keys Enter
}

newt_mark() {
  local before after
  do_see "$1"
  look_at_cursor
  before=$cursor after=$((SECONDS + 2))
  tm send-keys Home
  until on_row "$1" || [ "$cursor" != "$before" ] || [ "$SECONDS" -ge "$after" ]; do
    look_at_cursor
  done
  move_until Down on_row "$1" || step_failed "no way to the row $1"
}

newt_field() {
  move_until Tab on_row "$1" || step_failed "no way to the field $1"
  [ "$2" = = ] && return
  tm send-keys C-a C-k
  tm send-keys -l -- "$2"
}

# ---- plain text ----

number_of() {
  tail -c +$((seen + 1)) "$work/terminal" | tr -d '\r' | grep -F -- "$1" |
    sed -n 's/^ *\([0-9][0-9]*\)) .*/\1/p' | tail -n 1
}

has_number() {
  [ -n "$(number_of "$1")" ] && page_has "? for help:"
}

plain_choose() {
  local n
  until_true has_number "$1" || step_failed "no such choice: $1"
  n=$(number_of ") $1")
  [ -n "$n" ] || n=$(number_of "$1")
  turn
  send "$n"
}

plain_press() {
  plain_choose "$1"
  if [ -n "$marked" ]; then
    do_see "which one"
    turn
    send "$marked"
    marked=
  fi
}

plain_mark() {
  until_true has_number "$1" || step_failed "no such row: $1"
  marked=$(number_of "$1")
}

plain_field() {
  do_see "$1 ["
  turn
  if [ "$2" = = ]; then send ''; else send "$2"; fi
}

# ---- both ----

do_press() {
  "${front}_press" "$1"
}

do_row() {
  if [ "$front" = plain ]; then
    plain_choose "$1"
  else
    newt_mark "$1"
    tm send-keys Enter
  fi
}

do_mark() {
  "${front}_mark" "$1"
}

do_field() {
  "${front}_field" "${1%% *}" "${1#* }"
}

do_secret() {
  do_see "${1%% *}:"
  [ "$front" = newt ] || turn
  send "${1#* }"
}

do_insert() {
  shim_insert "$1"
}

do_remove() {
  shim_remove "$1"
}

do_keys() {
  # shellcheck disable=SC2086
  tm send-keys $1
}

do_help() {
  if [ "$front" = plain ]; then
    do_see "? for help:"
    turn
    send '?'
    do_see "$1"
  else
    tm send-keys F1
    do_see "$1"
    tm send-keys Escape
    until_true page_lacks "$1" || step_failed "the help does not go away"
  fi
}

do_size() {
  # shellcheck disable=SC2086
  set -- $1
  tm resize-window -x "$1" -y "$2"
}

do_shot() {
  [ "$front" = newt ] || return 0
  tm capture-pane -p >"$shots/$1"
}

do_run() {
  eval "$1" || step_failed "this failed: $1"
}

# play SCENARIO: a file, or - for standard input.
play() {
  local verb rest
  scenario=$1 line_number=0
  [ "$1" = - ] && scenario=steps
  while read -r verb rest <&9; do
    line_number=$((line_number + 1))
    case $verb in '' | '#'*) continue ;; esac
    while [[ $rest =~ \$([A-Za-z_]+) ]]; do
      rest=${rest/"${BASH_REMATCH[0]}"/${!BASH_REMATCH[1]}}
    done
    "do_$verb" "$rest"
    [ -n "${SHOW_STEPS:-}" ] && echo "$verb $rest" >&2
    # What a screen shows must never be a secret.
    look
    case $page in *"$shim_pin"*) step_failed "the PIN is on the screen" ;; esac
  done 9<"${1/#-/\/dev/stdin}"
}

# The wizard has ended: its exit code.
ended() {
  until_true test -s "$work/exit" || fail "the wizard does not end: $(page)"
  is "$(cat "$work/exit")" "$1" "exit code of the wizard"
}
