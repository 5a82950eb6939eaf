# SPDX-License-Identifier: Apache-2.0
# zsh -f complete.zsh FOLDER LINE...: what a real, interactive zsh offers behind each LINE, with the completion functions of FOLDER:
# one word a line, and after each LINE's words a line `end`.

# In the zsh that is driven: matches are printed instead of being offered.
if [[ $1 = inner ]]; then
  PROMPT= RPROMPT=
  fpath=($2 $fpath)
  autoload -U compinit
  compinit -u -D
  bindkey '^I' complete-word
  zstyle ':completion:*' insert-tab false
  compadd() {
    # Calls that only fill arrays are the completion system's own business.
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
      builtin compadd "$@"
      return
    fi
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) || return 1
    local hit
    for hit in $hits; do print -r -- "@word@$IPREFIX$hit"; done
  }
  # The system forgets it each time.
  tell_end() { print -r -- @end@; compstate[insert]=; compstate[list]=; comppostfuncs=(tell_end) }
  comppostfuncs=(tell_end)
  print @ready@
  return
fi

zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source ${(q)0:a} inner ${(q)1}"
shift
# Before that there is the echo of what was written.
until zpty -r shell line '*'$'\n' && [[ $line = *@ready@* ]]; do :; done
for wanted; do
  zpty -w -n shell $'\C-u'"$wanted"$'\t'
  while zpty -r shell line '*'$'\n'; do
    line=${line//[$'\r\n']/}
    [[ $line = *@end@* ]] && break
    [[ $line = *@word@* ]] && print -r -- ${line##*@word@}
  done
  print end
done
zpty -d shell
