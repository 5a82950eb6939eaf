# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# readme.bash: the commands in README.md, run as they stand (see lib.bash).

# readme_blocks HEADING [LANGUAGE]: prints the fenced blocks of that language (sh) below the line `### HEADING`, up to the next heading.
readme_blocks() {
  local text
  text=$(awk -v heading="$1" -v fence="\`\`\`${2:-sh}" '
    /^```$/ && inside { inside = 0; next }
    inside { if (wanted) print; next }
    /^```/ { inside = 1; wanted = here && $0 == fence; next }
    /^#/ { found = $0; sub(/^#+ /, "", found); here = found == heading }' "$TOP/README.md")
  [ -n "$text" ] || fail "README.md has no block of ${2:-sh} below '$1'" || return 1
  printf '%s\n' "$text"
}

# readme_run HEADING CMD...: CMD (a shell, perhaps started elsewhere: in_engine sh) runs these blocks in one go, with -eu and -x. `systemctl` in
# them does what readme_units says.
readme_run() {
  local heading=$1
  shift
  readme_blocks "$heading" > "$T/readme.sh"
  "$@" -eux "$T/readme.sh"
}

# readme_units DIR: makes DIR/systemctl, for machines (as those of CI) where systemd is not init: `systemctl VERB... UNIT` runs the script
# DIR/UNIT.unit with the verb, which is the test's and does what the unit would. Put DIR first in PATH.
readme_units() {
  mkdir -p "$1"
  cat > "$1/systemctl" << 'SYSTEMCTL'
#!/bin/sh
# systemctl VERB [--now] UNIT
for unit; do :; done
exec sh -eu "$(dirname "$0")/$unit.unit" "$1"
SYSTEMCTL
  chmod +x "$1/systemctl"
}
