# SPDX-License-Identifier: Apache-2.0
# Completion of fish for oci-ksm, oci-ksmd, oci-ksm-hook and ksm-wrapper. tests/integration/manual.bats compares it with --help.

set -l commands run status top doctor estimate enable disable metrics tune
complete -c oci-ksm -f
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -s h -l help -d 'display a short help'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'display the version'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a run -d 'run a program whose memory can be merged'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a status -d 'show containers and runs, and what merging saves'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a top -d 'the same, again and again, and how it changes'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'check whether merging works on this host'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a estimate -d 'say what merging would save, before it is switched on'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a enable -d 'make what runs mergeable, without a restart'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a disable -d 'take merging back from what runs'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a metrics -d 'print the figures of status for Prometheus'
complete -c oci-ksm -n "not __fish_seen_subcommand_from $commands" -a tune -d 'switch KSM on at a sensible speed, and back'

set -l in_run -c oci-ksm -n '__fish_seen_subcommand_from run'
complete $in_run -s m -l mode -x -a '(__fish_append , preload notify process auto off)' -d how
complete $in_run -s s -l min-size -x -a '64K 256K 1M' -d 'smallest region'
complete $in_run -l domain -x -d 'trust domain'
complete $in_run -l layout -x -a shared -d 'the same address layout in all copies, no ASLR'
complete $in_run -l sync -d 'memory is made mergeable before the program goes on'
complete $in_run -s r -l required -d 'fail instead of going on without merging'
complete $in_run -s h -l help -d 'display a short help'
complete $in_run -x -a '(__fish_complete_subcommand --fcs-skip=2)'

set -l in_status -c oci-ksm -n '__fish_seen_subcommand_from status'
complete $in_status -s b -l bytes -d 'sizes as numbers of bytes'
complete $in_status -s f -l frames -d 'count page frames, too'
complete $in_status -s J -l json -d 'all columns as JSON'
complete $in_status -s n -l noheadings -d 'no line of headings'
complete $in_status -s o -l output -x -a '(__fish_append , ID MODE BY SOURCE COMMAND PROCS MERGEABLE ANON MERGED ZERO SCANNED SAVED RATIO SHARE NAME SINCE RETRY DOMAIN LAYOUT REASON FRAMES COUNTED)' -d 'columns to show'
complete $in_status -s v -l verbose -d 'the same as --output=+reason'
complete $in_status -s h -l help -d 'display a short help'
complete $in_status -F

set -l in_top -c oci-ksm -n '__fish_seen_subcommand_from top'
complete $in_top -s b -l batch -d 'one table after the other'
complete $in_top -s B -l bytes -d 'sizes as numbers of bytes'
complete $in_top -s d -l delay -x -a '1 3 10' -d 'seconds between two looks'
complete $in_top -s J -l json -d 'one JSON document a look'
complete $in_top -s n -l count -x -a '1 2 10' -d 'end after so many looks'
complete $in_top -s o -l output -x -a '(__fish_append , ID MODE BY SOURCE COMMAND PROCS MERGEABLE ANON MERGED ZERO SCANNED SAVED RATIO SHARE NAME SINCE RETRY DOMAIN LAYOUT REASON CHANGE TREND KSMD)' -d 'columns to show'
complete $in_top -s r -l reverse -d 'the other way round'
complete $in_top -s s -l sort -x -a 'saved merged anon procs id' -d order
complete $in_top -s h -l help -d 'display a short help'
complete $in_top -F

set -l in_doctor -c oci-ksm -n '__fish_seen_subcommand_from doctor'
complete $in_doctor -s J -l json -d 'as JSON'
complete $in_doctor -s h -l help -d 'display a short help'

set -l in_estimate -c oci-ksm -n '__fish_seen_subcommand_from estimate'
complete $in_estimate -s a -l all -d 'all containers that can be seen'
complete $in_estimate -s b -l bytes -d 'sizes as numbers of bytes'
complete $in_estimate -s i -l interval -x -a '0 1 10' -d 'look again after so many seconds'
complete $in_estimate -s J -l json -d 'all columns as JSON'
complete $in_estimate -s n -l noheadings -d 'the table only, without headings'
complete $in_estimate -s o -l output -x -a '(__fish_append , TARGET NAME PROCS ANON WITHIN ACROSS SAVED ZERO CHANGING MERGED UNREAD SWAPPED MAPPED)' -d 'columns to show'
complete $in_estimate -s h -l help -d 'display a short help'
complete $in_estimate -F

set -l in_enable -c oci-ksm -n '__fish_seen_subcommand_from enable'
complete $in_enable -s J -l json -d 'as JSON'
complete $in_enable -s m -l mode -x -a 'auto process regions' -d 'whole processes, or what they have mapped'
complete $in_enable -s h -l help -d 'display a short help'
complete $in_enable -F

set -l in_disable -c oci-ksm -n '__fish_seen_subcommand_from disable'
complete $in_disable -s J -l json -d 'as JSON'
complete $in_disable -s h -l help -d 'display a short help'
complete $in_disable -F

set -l in_metrics -c oci-ksm -n '__fish_seen_subcommand_from metrics'
complete $in_metrics -s o -l output -r -F -d 'replace this file'
complete $in_metrics -s h -l help -d 'display a short help'

set -l in_tune -c oci-ksm -n '__fish_seen_subcommand_from tune'
complete $in_tune -s c -l cpu -x -a '10 30 70' -d 'percent of one CPU at most'
complete $in_tune -s n -l dry-run -d 'change nothing'
complete $in_tune -s r -l restore -d 'put back what was changed'
complete $in_tune -s t -l scan-time -x -a '30 60 200' -d 'seconds in which all memory is gone through once'
complete $in_tune -s h -l help -d 'display a short help'

complete -c oci-ksmd -f
complete -c oci-ksmd -s s -l socket -r -F -d 'listen there'
complete -c oci-ksmd -s S -l sync -d 'mark memory before the program that maps it goes on'
complete -c oci-ksmd -s 1 -l once -d 'end when the last container has ended'
complete -c oci-ksmd -s r -l replace -d 'have the running oci-ksmd go on as this program'
complete -c oci-ksmd -s l -l log -x -a 'auto syslog stderr file:/' -d 'where to log'
complete -c oci-ksmd -s h -l help -d 'display a short help'
complete -c oci-ksmd -s V -l version -d 'display the version'

complete -c oci-ksm-hook -f -a 'prestart createRuntime precreate poststop'
complete -c oci-ksm-hook -l help -d 'display a short help'
complete -c oci-ksm-hook -l version -d 'display the version'

complete -c ksm-wrapper -l help -d 'display a short help'
complete -c ksm-wrapper -x -a '(__fish_complete_subcommand)'
