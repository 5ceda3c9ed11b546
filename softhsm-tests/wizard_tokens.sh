#!/usr/bin/env bash
# The wizard in windows of 132x50: everything that can be wrong with a token, changes of tokens and of
# the mode, lost tokens; other sizes of the terminal, other character sets, another language.
set -eu
# shellcheck source=softhsm-tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=softhsm-tests/shim.sh
. "$(dirname "${BASH_SOURCE[0]}")/shim.sh"
# shellcheck source=softhsm-tests/wizard_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/wizard_lib.sh"
scenarios=$CTL_SOURCE_DIR/softhsm-tests/wizard

wizard_cluster
wizard_knows_provider
start newt 132 50
play "$scenarios/login.steps"
play "$scenarios/prompts.steps"
wizard_first_list
play - <<'STEPS'
remove SAST 2
press Refresh
see Security mode: mixed
size 90 26
see Security mode: mixed
size 80 24
STEPS
play "$scenarios/changes.steps"
ended 0

start newt 80 24
play "$scenarios/lost.steps"
screens_check

# Plain ASCII, and a language.
LOCALE=C start newt 80 24
play - <<'STEPS'
see maintenance window
STEPS
if tm capture-pane -p | LC_ALL=C grep -q '[^ -~]'; then
  tm capture-pane -p
  fail 'not plain ASCII'
fi
LANGUAGES=de start newt 80 24
play - <<'STEPS'
see Wartungsfenster
press Beenden
STEPS
ended 0

# Terminals that cannot show windows get text; so do small ones.
TERMINAL=dumb start newt 80 24
play - <<'STEPS'
see Your choice [1], ? for help
STEPS
start newt 60 20
play - <<'STEPS'
see Your choice [1], ? for help
STEPS
