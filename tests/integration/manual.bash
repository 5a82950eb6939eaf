# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# manual.bash: reads words out of --help, man pages and completions, for manual.bats. A program is "oci-ksm", "oci-ksm run", "oci-ksmd"...

MAN=$TOP/packaging/man
COMPLETION=$TOP/packaging/completion

# help_of PROGRAM
help_of() {
  local words
  read -ra words <<< "$1"
  ln -sf "$BIN/oci-ksm" "$T/ksm-wrapper"
  case $1 in
    ksm-wrapper) "$T/ksm-wrapper" --help ;;
    *) "$BIN/${words[0]}" "${words[@]:1}" --help ;;
  esac
}
commands_of_help() { help_of oci-ksm | sed -n '/^Commands:/,/^$/s/^ \([a-z]\+\) .*/\1/p'; }
# programs: all that have options of their own
programs() {
  printf '%s\n' oci-ksm oci-ksmd oci-ksm-hook ksm-wrapper
  commands_of_help | sed 's/^/oci-ksm /'
}

# options: -x and --long, of the lines on stdin that begin with them
options() { grep -oE '^ +(-[A-Za-z0-9]( |,|$))?( ?--[a-z][a-z-]+)?' | grep -oE -- '--?[A-Za-z0-9][a-z-]*' | sort -u; }
options_of_help() {
  # Its usage is all that it has to say.
  if [ "$1" = ksm-wrapper ]; then echo --help; else help_of "$1" | options; fi
}

# man_of PROGRAM: its page, of a command its part of the page.
man_of() {
  local page=("$MAN/${1%% *}".[1-9]) part=
  case $1 in *' '*) part=${1#* } ;; esac
  [ "$1" != oci-ksm ] || part=.
  # The page of oci-ksm itself ends for us where its first command begins.
  awk -v part="$part" 'part == "" { print; next }
    /^\.Ss / { on = $2 == part; if (part == ".") exit } /^\.Sh / { on = 0 } on || part == "." { print }' "${page[0]}" |
    { [ -z "$part" ] || [ "$part" = . ] || printf '.Dd November 28, 2026\n.Dt X 8\n.Os\n.Sh DESCRIPTION\n'; cat; } | mandoc -Tascii -O width=200 | col -bx
}
# complete_bash LINE, and so on: the words that the shell offers behind it
complete_bash() {
  local words
  # As bash splits what is typed: = is a word of its own.
  read -ra words <<< "${1//=/ = }"
  case $1 in *' ') words+=('') ;; esac
  bash --norc -c 'source "$0" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _oci_ksm && printf "%s\n" "${COMPREPLY[@]}"' \
    "$COMPLETION/oci-ksm.bash" "${words[@]}" | sed 's/=$//; /^$/d' | sort -u
}
complete_fish() {
  fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$COMPLETION/oci-ksm.fish" "$1" | sed 's/\t.*//; s/^--[a-z-]*=//' | sort -u
}
# complete_zsh LINE: from what zsh_ask has asked before, for all lines in one start of zsh
complete_zsh() { awk -v want="$1" '$0 == "line " want { on = 1; next } on && $0 == "end" { exit } on' "$T/zsh.words" | sed 's/^--[a-z-]*=//; /^-$/d' | sort -u; }
zsh_ask() {
  timeout 60 zsh -f "$TOP/tests/integration/complete.zsh" "$COMPLETION" "$@" < /dev/null > "$T/zsh.raw" 3>&-
  awk -v lines="$(printf '%s\n' "$@")" 'BEGIN { n = split(lines, line, "\n"); i = 1; print "line " line[i] } { print } $0 == "end" && i < n { print "line " line[++i] }' \
    "$T/zsh.raw" > "$T/zsh.words"
}

# same WHAT PLACE FILE PLACE FILE: both files have the same lines; says which word is missing where.
same() {
  comm -23 "$3" "$5" | sed "s|.*|$1: '&' is in $2, but not in $4|"
  comm -13 "$3" "$5" | sed "s|.*|$1: '&' is in $4, but not in $2|"
}
