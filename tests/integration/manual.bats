#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# manual.bats: --help, man pages and the completions of bash, zsh and fish say the same, word by word; so do the settings and
# annotations that the programs read, and their documentation. Completions are really run.
load lib
load manual

# words_to NAME CMD...: what CMD prints, sorted, in $T/NAME
words_to() {
  local name=$1
  shift
  "$@" | sort -u > "$T/$name"
}
# all_same WHAT NAME...: $T/NAME all have the same words as the first one, which has some; prints what differs.
all_same() {
  local what=$1 first=$2 name
  shift 2
  [ -s "$T/$first" ] || echo "$what: $first has none"
  for name; do same "$what" "$first" "$T/$first" "$name" "$T/$name"; done
}
# ask_shells LINE: what they offer behind it, in $T/bash, $T/zsh, $T/fish
ask_shells() {
  local shell
  for shell in bash zsh fish; do "complete_$shell" "$1" > "$T/$shell"; done
}

@test "every option is in --help, in the man page and in the completions" {
  mapfile -t programs < <(programs)
  [ "${#programs[@]}" -ge 7 ] || fail "programs: ${programs[*]}"
  zsh_ask "${programs[@]/%/ -}"
  for program in "${programs[@]}"; do
    words_to help options_of_help "$program"
    man_of "$program" | options > "$T/man"
    ask_shells "$program -"
    all_same "$program" help man bash zsh fish
  done > "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}

@test "every command and every stage of the hook is in all of them" {
  zsh_ask 'oci-ksm ' 'oci-ksm-hook '
  words_to help commands_of_help
  sed -n 's/^\.Ss //p' "$MAN/oci-ksm.8" | sort > "$T/man"
  sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Cm //p' "$MAN/oci-ksm.8" | sort -u > "$T/synopsis"
  ask_shells 'oci-ksm '
  sed -i '/^-/d' "$T/bash"
  all_same 'command of oci-ksm' help man synopsis bash zsh fish > "$T/differences"
  help_of oci-ksm-hook | sed -n '/^Stages:/,/^$/s/^ \([A-Za-z, ]*\)  .*/\1/p' | grep -oE '[A-Za-z]+' | sort > "$T/help"
  sed -n '/^The stages are:/,/^\.El/s/^\.It Cm //p' "$MAN/oci-ksm-hook.8" | grep -oE '[A-Za-z]+' | sort > "$T/man"
  ask_shells 'oci-ksm-hook '
  sed -i '/^-/d' "$T/bash"
  all_same 'stage of oci-ksm-hook' help man bash zsh fish >> "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}

@test "every column is in all of them" {
  mapfile -t commands < <(commands_of_help)
  for command in "${commands[@]}"; do
    help_of "oci-ksm $command" | grep -q '^Columns' && with+=("$command")
  done
  assert_contains " ${with[*]} " ' status '
  mapfile -t lines < <(printf 'oci-ksm %s --output=\n' "${with[@]}")
  zsh_ask "${lines[@]}"
  for command in "${with[@]}"; do
    help_of "oci-ksm $command" | sed -n '/^Columns/,$s/^ [* ] \([A-Z][A-Z_-]*\) .*/\1/p' | sort > "$T/help"
    man_of "oci-ksm $command" | sed -nE 's/^ +([A-Z][A-Z_-]*)( .*)?$/\1/p' | sort > "$T/man"
    ask_shells "oci-ksm $command --output="
    all_same "column of $command" help man bash zsh fish
  done > "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}

@test "every mode is in all of them, and in the documentation" {
  { sed -n 's/.*{OCFG_MODE_[A-Z]*, "\([a-z]*\)"}.*/\1/p' "$TOP/oci-config/mode.c" && echo off; } | sort > "$T/mode.c"
  help_of 'oci-ksm run' | sed -n '/--mode=/,/--min-size/p' > "$T/text"
  grep -owf "$T/mode.c" "$T/text" | sort -u > "$T/help"
  sed -n '/It Fl m ,/,/^\.El/s/^\.It Cm //p' "$MAN/oci-ksm.8" | sort > "$T/man"
  sed -n '/^## Modes/,/^Static/s/^| `\([a-z]*\)` |.*/\1/p' "$TOP/docs/modes.md" | sort > "$T/modes.md"
  zsh_ask 'oci-ksm run --mode='
  ask_shells 'oci-ksm run --mode='
  all_same mode mode.c help man modes.md bash zsh fish > "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}

@test "settings and annotations: what is read is documented, in docs/modes.md and in the man pages" {
  grep -oE '\{"[a-z_]+", +read_' "$TOP/oci-config/settings.c" | cut -d'"' -f2 | sort > "$T/settings.c"
  sed -n 's/^\.It Cm //p' "$MAN/oci-ksm.json.5" | sort > "$T/man"
  sed -n '/^## Settings/,/^## Env/s/^| `\([a-z_]*\)` |.*/\1/p' "$TOP/docs/modes.md" | sort > "$T/modes.md"
  all_same setting settings.c man modes.md > "$T/differences"
  grep -oE '\{"[a-z-]+", +read_' "$TOP/oci-config/annotations.c" | cut -d'"' -f2 | sort > "$T/annotations.c"
  grep -oE '^\.It Cm oci-ksm/.*' "$MAN/oci-ksm-hook.8" | grep -oE 'oci-ksm/[a-z-]+' | cut -d/ -f2 | sort > "$T/man"
  sed -n '/^## Annotations/,/^## Sett/p' "$TOP/docs/modes.md" | grep -oE '^\| `oci-ksm/[^|]*' | grep -oE 'oci-ksm/[a-z-]+' | cut -d/ -f2 | sort > "$T/modes.md"
  all_same annotation annotations.c man modes.md >> "$T/differences"
  # The shim's environment.
  grep -oE 'value_of\(\*envp, "[A-Z_]+"' "$TOP/shim/start.c" | cut -d'"' -f2 | grep -E '^(OCI_KSM|KSMP)_' | sort > "$T/start.c"
  sed -n 's/^\.It Ev //p' "$MAN/libksm_preload.7" | sort > "$T/man"
  sed -n '/^## Environment/,/^## What/p' "$TOP/docs/modes.md" | grep -E '^\| `' | cut -d'|' -f2 | grep -oE '[A-Z]+_[A-Z_]+' | sort > "$T/modes.md"
  all_same 'variable of the shim' start.c man modes.md >> "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}

@test "man pages have no fault, for both programs that show them, and one for each program" {
  for page in "$MAN"/*; do
    # Whether other pages are installed, here, is not the page's fault.
    mandoc -Tlint -Wstyle "$page" 2> /dev/null | grep -vE 'referenced manual not found|Mdocdate' || true
    { MANWIDTH=80 man --warnings=all -l "$page" > /dev/null; } 2>&1
    sed -n 's/^\.Xr \([^ ]*\) \([1-9]\).*/\1.\2/p' "$page" | sort -u | while read -r other; do
      case $other in *ksm*) [ -e "$MAN/$other" ] || echo "$page: there is no $other" ;; esac
    done
  done > "$T/faults"
  assert_equal "$(cat "$T/faults")" ''
  for program in "$BIN"/oci-* ksm-wrapper; do
    assert_exists "$(echo "$MAN/${program##*/}".[18])"
  done
}

@test "completions know values, lists, and the command behind run" {
  lines=('oci-ksm run --mode=preload,n' 'oci-ksm run -m pre' 'oci-ksm status -o ID,PRO' 'oci-ksm sta' 'oci-ksm run -- xarg' 'oci-ksm run --sync xarg'
    'ksm-wrapper xarg' 'oci-ksmd --log=sys' "oci-ksmd -s $T/so" "oci-ksm run -- cat $T/so")
  wanted=('preload,notify' preload 'ID,PROCS' status xargs xargs xargs syslog "$T/socket" "$T/socket")
  touch "$T/socket"
  zsh_ask "${lines[@]}"
  for i in "${!lines[@]}"; do
    ask_shells "${lines[i]}"
    for shell in bash zsh fish; do
      # Some give the whole of a list or path, some its last part.
      found=$(cat "$T/$shell")
      [ "${found##*[,/]}" = "${wanted[i]##*[,/]}" ] || echo "$shell: ${lines[i]}: $found"
    done
  done > "$T/differences"
  assert_equal "$(cat "$T/differences")" ''
}
