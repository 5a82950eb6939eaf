#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# metrics.bats: oci-ksm metrics, its timer and dashboard, with Debian's promtool, node_exporter and Prometheus.
load lib

metrics() { "$BIN/oci-ksm" metrics "$@"; }
# sample NAME{LABELS}: its value in the text on stdin
sample() { awk -v key="oci_ksm_$1" 'index($0, key " ") == 1 { print $NF }'; }
# names: of the metrics in the text on stdin, whether or not they have samples
names() { sed -n 's/^# TYPE \([^ ]*\) .*/\1/p'; }

# start_two: the ids of two runs are then in ONE and TWO; TWO's program has an evil name.
start_two() {
  two_runs "a\"b\\c"$'\n'"d é"
  wait_for 10 both_run
}
both_run() { [ "$("$BIN/oci-ksm" status --json | jq -c '[.containers[] | .command | test("^(python3|a\".*)$")]')" = '[true,true]' ]; }

# agree ID...: metrics and status, on all figures. Programs that have just started change them meanwhile.
agree() {
  local status text id
  status=$("$BIN/oci-ksm" status --json | jq -r '.containers[] | [.id, .processes, .mergeable_processes, .anonymous, .merged, .saved] | join(" ")')
  text=$(metrics)
  for id; do
    for name in processes mergeable_processes anonymous_bytes merged_bytes profit_bytes; do
      id+=" $(sample "container_$name{id=\"${id%% *}\"}" <<< "$text")"
    done
    grep -qxF "$id" <<< "$status" || return 1
  done
}

@test "what status shows, in a form that promtool has nothing to say about" {
  start_two
  run -0 metrics
  assert_equal "$(promtool check metrics <<< "$output" 2>&1)" ''
  assert_equal "$(names <<< "$output" | grep -v '^oci_ksm_')" ''
  wait_for 10 agree "$ONE" "$TWO"
  assert_contains "$output" "oci_ksm_container_info{id=\"$ONE\",name=\"\",mode=\"preload\",source=\"run\",command=\"python3\"} 1"
  # Its name is 15 bytes of what it chose, on one line.
  assert_contains "$output" "oci_ksm_container_info{id=\"$TWO\",name=\"\",mode=\"preload\",source=\"run\",command=\"a\\\"b\\\\c\\\\x0ad \\\\xc3\\\\xa9\"} 1"
  assert_contains "$output" "oci_ksm_build_info{version=\"$("$BIN/oci-ksm" --version | cut -d' ' -f2)\"} 1"
  # Names end in their units, and what only grows in _total.
  assert_equal "$(sed -n 's/^# UNIT \([^ ]*\) \(.*\)/\1 \2/p' <<< "$output" | grep -vE '_bytes(_total)? bytes$|_seconds(_total)? seconds$')" ''
  assert_equal "$(sed -n 's/^# TYPE \([^ ]*\) counter/\1/p' <<< "$output" | grep -v '_total$')" ''
}

@test "the host's figures are the kernel's; what a kernel does not tell is left out" {
  mount -t tmpfs ksm "$KSM"
  echo 1 > "$KSM/run"
  echo 3 > "$KSM/pages_sharing"
  echo 1500 > "$KSM/sleep_millisecs"
  echo -42 > "$KSM/general_profit"
  run -0 metrics
  assert_equal "$(promtool check metrics <<< "$output" 2>&1)" ''
  assert_equal "$(grep '^oci_ksm_host' <<< "$output" | grep -v ksmd_cpu)" "oci_ksm_host_run 1
oci_ksm_host_sharing_bytes $((3 * $(getconf PAGESIZE)))
oci_ksm_host_profit_bytes -42
oci_ksm_host_sleep_seconds 1.500"
  umount "$KSM"
}

@test "without /proc/PID/ksm_stat: the figures that there are" {
  start_two
  : > "$T/empty"
  pid=${ONE#run-}
  mount --bind "$T/empty" "/proc/$pid/ksm_stat"
  [ ! -e "/proc/$pid/ksm_merging_pages" ] || mount --bind "$T/empty" "/proc/$pid/ksm_merging_pages"
  run -0 metrics
  assert_equal "$(promtool check metrics <<< "$output" 2>&1)" ''
  assert_equal "$(grep "^oci_ksm_container_.*\"$ONE\"" <<< "$output" | sed 's/{.*//')" 'oci_ksm_container_info
oci_ksm_container_processes
oci_ksm_container_anonymous_bytes'
  assert_contains "$output" "oci_ksm_container_merged_bytes{id=\"$TWO\"}"
}

@test "a file: replaced whole, for everybody to read; nothing but files is replaced, and nothing is left behind" {
  mkdir "$T/out"
  echo old > "$T/out/oci-ksm.prom"
  chmod 600 "$T/out/oci-ksm.prom"
  exec {old}< "$T/out/oci-ksm.prom"
  umask 077
  run -0 metrics --output="$T/out/oci-ksm.prom"
  assert_output ''
  assert_equal "$(cat <&"$old")" old
  exec {old}<&-
  assert_equal "$(stat -c %a "$T/out/oci-ksm.prom")" 644
  assert_equal "$(names < "$T/out/oci-ksm.prom")" "$(metrics | names)"
  ln -s /etc/passwd "$T/out/link.prom"
  run -1 metrics -o "$T/out/link.prom"
  assert_contains "$output" 'not a regular file'
  run -1 metrics -o "$T/none/oci-ksm.prom"
  assert_equal "$(ls -A "$T/out")" 'link.prom
oci-ksm.prom'
  run -2 metrics more
}

@test "containers that come and go meanwhile are no error" {
  # shellcheck disable=SC2016 # the shell below
  background sh -c 'while :; do for i in 02 05 3; do timeout 0.$i "$0" run -- sh -c "sleep 0.1 & sleep 1" & done; wait; done' "$BIN/oci-ksm"
  seen=0 looks=0 end=$((SECONDS + 60))
  # On a busy machine it takes a while until one of them has come far enough to be seen.
  while [ "$looks" -lt 20 ] || { [ "$seen" = 0 ] && [ "$SECONDS" -lt "$end" ]; }; do
    looks=$((looks + 1))
    run --separate-stderr -0 metrics
    assert_equal "$stderr" ''
    promtool check metrics <<< "$output"
    seen=$((seen + $(grep -c '^oci_ksm_container_info{' <<< "$output" || true)))
  done
  [ "$seen" -gt 0 ]
}

@test "the units: what systemd demands, and what the service may do is enough" {
  make --no-print-directory -C "$TOP" BUILD="$BUILD" install PREFIX="$T/here" > /dev/null 3>&-
  units=$T/here/lib/systemd/system
  run systemd-analyze verify --man=no "$units/oci-ksm-metrics.timer" "$units/oci-ksm-metrics.service"
  assert_equal "$status $output" '0 '
  run systemd-analyze security --offline=true --threshold=25 "$units/oci-ksm-metrics.service"
  assert_equal "$status" 0
  assert_contains "$(cat "$units/oci-ksm-metrics.service")" "ExecStart=$T/here/bin/oci-ksm metrics --output=/var/lib/prometheus/node-exporter/oci-ksm.prom"
  # Figures of another user's program, with its capabilities.
  chmod 755 "$T"
  background setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000
  mkdir -m 700 "$STATE" "$STATE/containers"
  jq -n --argjson pid "$BACKGROUND_PID" --argjson start "$(awk '{ print $22 }' "/proc/$BACKGROUND_PID/stat")" \
    '{id: "other", source: "hook", mode: "preload", pid: $pid, start_time: $start}' > "$STATE/containers/other.json"
  caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$units/oci-ksm-metrics.service" | sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
  run -0 setpriv --bounding-set="-all,$caps" --inh-caps=-all "$BIN/oci-ksm" metrics
  assert_equal "$(grep -c '^oci_ksm_container_.*"other"' <<< "$output")" 9
  run -0 setpriv --bounding-set=-all --inh-caps=-all "$BIN/oci-ksm" metrics
  assert_equal "$(grep -c '^oci_ksm_container_.*"other"' <<< "$output")" 3
}

# queries: for each expression on stdin the number of its results, a tab, and itself
queries() {
  nsenter --net="/proc/$NET_PID/ns/net" /usr/bin/python3 -c 'import json, sys, urllib.parse, urllib.request
for line in sys.stdin.read().splitlines():
    url = "http://127.0.0.1:9090/api/v1/query?query=" + urllib.parse.quote(line)
    print(len(json.load(urllib.request.urlopen(url))["data"]["result"]), line, sep="\t")'
}
scraped() { [ "$(queries <<< 'count_over_time(oci_ksm_host_ksmd_cpu_seconds_total[5m]) >= 2' 2> /dev/null | cut -f 1)" = 1 ]; }

@test "node_exporter reads it, Prometheus scrapes that, and every query of the dashboard has an answer" {
  board=$TOP/packaging/prometheus/oci-ksm.json
  start_two
  mkdir "$T/textfile"
  metrics --output="$T/textfile/oci-ksm.prom"
  # Each name that the dashboard has is one that there is.
  run comm -13 <(metrics | names | sort -u) <(jq -r '.. | .expr?, .query? | strings' "$board" | grep -o 'oci_ksm_[a-z_]*' | sort -u)
  assert_output ''

  background unshare --net sh -c 'ip link set lo up && exec sleep 1000'
  NET_PID=$BACKGROUND_PID
  wait_for 5 grep -q 'lo:' "/proc/$NET_PID/net/dev"
  wait_for 5 grep -q sleep "/proc/$NET_PID/comm"
  background nsenter --net="/proc/$NET_PID/ns/net" prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
    --collector.textfile --collector.textfile.directory="$T/textfile"
  cat > "$T/prometheus.yml" << 'YML'
global: {scrape_interval: 250ms}
scrape_configs: [{job_name: node, static_configs: [{targets: ['127.0.0.1:9100']}]}]
YML
  background nsenter --net="/proc/$NET_PID/ns/net" prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/tsdb" --web.listen-address=127.0.0.1:9090
  wait_for 20 scraped
  answers=$(jq -r '.panels[].targets[].expr' "$board" | sed 's/\$instance/.*/' | queries)
  assert_equal "$(wc -l <<< "$answers")" "$(jq '[.panels[].targets[]] | length' "$board")"
  # Those that look for what is wrong find nothing.
  assert_equal "$(grep '^0' <<< "$answers" | grep -v ' < 0)$')" ''
  printf '%s\n' 'node_textfile_scrape_error == 0' 'count({__name__=~"oci_ksm_.*"}) == '"$(grep -c '^oci_ksm_' "$T/textfile/oci-ksm.prom")" | queries > "$T/answers"
  assert_equal "$(cut -f 1 "$T/answers" | xargs)" '1 1'
}
