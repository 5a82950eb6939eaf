# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion of bash for oci-ksm, oci-ksmd, oci-ksm-hook and ksm-wrapper. tests/integration/manual.bats compares it with their --help.

_oci_ksm_columns='ID MODE BY SOURCE COMMAND PROCS MERGEABLE ANON MERGED ZERO SCANNED SAVED RATIO SHARE NAME SINCE RETRY DOMAIN LAYOUT REASON FRAMES COUNTED'
_oci_ksm_top_columns='ID MODE BY SOURCE COMMAND PROCS MERGEABLE ANON MERGED ZERO SCANNED SAVED RATIO SHARE NAME SINCE RETRY DOMAIN LAYOUT REASON CHANGE TREND KSMD'
_oci_ksm_estimate_columns='TARGET NAME PROCS ANON WITHIN ACROSS SAVED ZERO CHANGING MERGED UNREAD SWAPPED MAPPED'

# _oci_ksm_words WORD...: the options and other words that may stand where WORD... (program, command) ends.
_oci_ksm_words() {
  case $* in
    oci-ksm) echo run status top doctor estimate enable disable metrics tune -h --help -V --version ;;
    'oci-ksm run') echo -m --mode= -s --min-size= --domain= --layout= --sync -r --required -h --help ;;
    'oci-ksm status') echo -b --bytes -f --frames -J --json -n --noheadings -o --output= -v --verbose -h --help ;;
    'oci-ksm top') echo -b --batch -B --bytes -d --delay= -J --json -n --count= -o --output= -r --reverse -s --sort= -h --help ;;
    'oci-ksm doctor') echo -J --json -h --help ;;
    'oci-ksm estimate') echo -a --all -b --bytes -i --interval= -J --json -n --noheadings -o --output= -h --help ;;
    'oci-ksm enable') echo -J --json -m --mode= -h --help ;;
    'oci-ksm disable') echo -J --json -h --help ;;
    'oci-ksm metrics') echo -o --output= -h --help ;;
    'oci-ksm tune') echo -c --cpu= -n --dry-run -r --restore -t --scan-time= -h --help ;;
    oci-ksmd) echo -s --socket= -S --sync -1 --once -r --replace -l --log= -h --help -V --version ;;
    oci-ksm-hook) echo prestart createRuntime precreate poststop --help --version ;;
    ksm-wrapper) echo --help ;;
  esac
}

# _oci_ksm_values WORD... OPTION: what may follow that option; fails if it takes no value.
_oci_ksm_values() {
  case $* in
    'oci-ksm run -m' | 'oci-ksm run --mode') echo preload notify process auto off ;;
    'oci-ksm run -s' | 'oci-ksm run --min-size') echo 64K 256K 1M ;;
    'oci-ksm run --domain') ;;
    'oci-ksm run --layout') echo shared ;;
    'oci-ksm status -o' | 'oci-ksm status --output') echo "$_oci_ksm_columns" ;;
    'oci-ksm top -o' | 'oci-ksm top --output') echo "$_oci_ksm_top_columns" ;;
    'oci-ksm top -s' | 'oci-ksm top --sort') echo saved merged anon procs id ;;
    'oci-ksm top -d' | 'oci-ksm top --delay') echo 1 3 10 ;;
    'oci-ksm top -n' | 'oci-ksm top --count') echo 1 2 10 ;;
    'oci-ksm estimate -o' | 'oci-ksm estimate --output') echo "$_oci_ksm_estimate_columns" ;;
    'oci-ksm estimate -i' | 'oci-ksm estimate --interval') echo 0 1 10 ;;
    'oci-ksm enable -m' | 'oci-ksm enable --mode') echo auto process regions ;;
    'oci-ksm tune -c' | 'oci-ksm tune --cpu') echo 10 30 70 ;;
    'oci-ksm tune -t' | 'oci-ksm tune --scan-time') echo 30 60 200 ;;
    'oci-ksmd -l' | 'oci-ksmd --log') echo auto syslog stderr file:/ ;;
    'oci-ksm metrics -o' | 'oci-ksm metrics --output' | 'oci-ksmd -s' | 'oci-ksmd --socket') compgen -f -- "$cur" ;;
    *) return 1 ;;
  esac
}

_oci_ksm_reply() { mapfile -t COMPREPLY < <(compgen "$@"); }

_oci_ksm() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} where=("${COMP_WORDS[0]##*/}") i=1 values before=
  # bash makes words of their own of = and what is around it.
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [ "${where[0]}" = oci-ksm ] && [ "$COMP_CWORD" -gt 1 ]; then
    where+=("${COMP_WORDS[1]}")
    i=2
  fi
  case ${where[*]} in 'oci-ksm run' | ksm-wrapper)
    # Behind the options there is a command of its own.
    while [ "$i" -lt "$COMP_CWORD" ]; do
      case ${COMP_WORDS[i]} in
        --) i=$((i + 1)) && break ;;
        -m | -s | --mode | --min-size) i=$((i + 1)) ;;
        = | -*) ;;
        *) [ "${COMP_WORDS[i - 1]}" = = ] || break ;;
      esac
      i=$((i + 1))
    done
    if [ "$i" -lt "$COMP_CWORD" ] || [ "${COMP_WORDS[i - 1]}" = -- ] || { [ "${cur:0:1}" != - ] && ! _oci_ksm_values "${where[@]}" "$prev" > /dev/null; }; then
      if declare -F _command_offset > /dev/null; then
        _command_offset "$i"
      elif [ "$i" -lt "$COMP_CWORD" ]; then
        _oci_ksm_reply -f -- "$cur"
      else
        _oci_ksm_reply -c -- "$cur"
      fi
      return
    fi
    ;;
  esac
  if values=$(_oci_ksm_values "${where[@]}" "$prev"); then
    case $values in *' '*) before=${cur%"${cur##*[,+]}"} ;; esac
    _oci_ksm_reply -P "$before" -W "$values" -- "${cur#"$before"}"
  else
    _oci_ksm_reply -W "$(_oci_ksm_words "${where[@]}")" -- "$cur"
  fi
  # A value follows.
  case ${COMPREPLY[*]} in *= | file:/) compopt -o nospace 2> /dev/null ;; esac
}

complete -F _oci_ksm oci-ksm oci-ksmd oci-ksm-hook ksm-wrapper
