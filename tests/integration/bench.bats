#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bench.bats: the tools of the benchmark, with an example of its samples: figures, page, comparison. And one part of it, at its smallest.
load lib

DIR=$TOP/tests/bench

# figures_of SAMPLES: the CSV that `make bench` makes of them.
figures_of() {
  printf '# date: 2026-01-02\n# size: quick\n# machine: an example\npart,subject,way,figure,unit,median,low,high,runs,limit\n'
  "$DIR/summarise" < "$1"
}
# tree DIR: what `page` needs of a source tree.
tree() {
  mkdir -p "$1/docs"
  cp "$TOP/README.md" "$1/"
}

@test "figures: medians, quartiles, ratios of the same round, and what is asked" {
  local name='cost,redis that allocates'
  printf '%s\n' "$name,native,requests/s,1/s,100" "$name,native,requests/s,1/s,200" "$name,native,requests/s,1/s,400" \
    "$name,notify,requests/s,1/s,99" "$name,notify,requests/s,1/s,150" "$name,notify,requests/s,1/s,400" \
    'scale,100,notify,memory of the helper,KiB,4700' > "$T/samples"
  run -0 "$DIR/summarise" < "$T/samples"
  assert_output "$name,native,requests/s,1/s,200,150,300,3,
$name,notify,requests/s,1/s,150,124.5,275,3,
$name,notify,requests/s / native,ratio,0.99,0.87,0.995,3,>=0.97
scale,100,notify,memory of the helper,KiB,4700,4700,4700,1,<=4672"
  figures_of "$T/samples" > "$T/a.csv"
  run -1 "$DIR/verdicts" "$T/a.csv"
  assert_match "$output" 'met +requests a second of redis under notify / native: 0.99 \(at least 0.97'
  assert_match "$output" 'NOT MET +memory of the helper.*: 4700 \(at most 4672; 100 containers'
  run -1 "$DIR/summarise" <<< 'serve,redis,none,requests/s,1/s,null'
  assert_contains "$output" 'this is no sample'
}

@test "page: the same from the same figures, with plots, verdicts and the summary in README" {
  figures_of "$DIR/example.samples" > "$T/a.csv"
  tree "$T/one"
  tree "$T/two"
  "$DIR/page" "$T/a.csv" "$T/one"
  "$DIR/page" "$T/a.csv" "$T/two"
  # Made again over what is there: the same.
  "$DIR/page" "$T/two/docs/benchmarks/bench.csv" "$T/two"
  run -0 diff -r "$T/one" "$T/two"
  for name in apache density serve scale-memory scale-latency scale-commands; do
    assert_match "$(head -c 400 "$T/one/docs/benchmarks/$name.svg")" '<svg'
    assert_contains "$(cat "$T/one/docs/benchmarks.md")" "(benchmarks/$name.svg)"
  done
  assert_match "$(cat "$T/one/docs/benchmarks.md")" 'share of the duplicate frames that is merged \| 0.93 \(at least 0.95; 3 x go, process\) \| \*\*not met'
  assert_match "$(cat "$T/one/docs/benchmarks.md")" '3 x python \| 99.9 %'
  assert_match "$(cat "$T/one/README.md")" '<!-- benchmarks.*containers in 4 GiB, of 3 x python \| 62.25 \| 121 \| process \|.*<!-- end of benchmarks -->.*## Switch it on'
  # All that is not between the two marks is as it was.
  assert_equal "$(sed '/<!-- benchmarks/,/<!-- end/d' "$T/one/README.md")" "$(sed '/<!-- benchmarks/,/<!-- end/d' "$TOP/README.md")"
  run -1 "$DIR/page" "$T/one/README.md" "$T/one"
  assert_contains "$output" 'does not begin with the columns'
}

@test "check: equal figures pass, a ratio that is worse beyond the spread of both fails" {
  figures_of "$DIR/example.samples" > "$T/a.csv"
  run -0 make -s -C "$TOP" bench-check A="$T/a.csv" B="$T/a.csv" AGREE=1
  assert_match "$output" '^[1-9][0-9]* figures compared: 0 worse, 0 better'
  # Half the sharing is worse; in the other direction it is better, which is no agreement either.
  sed -E '/3 x python,process,share/s/0\.9989/0.4989/g' "$T/a.csv" > "$T/b.csv"
  run -1 "$DIR/compare" "$T/a.csv" "$T/b.csv"
  assert_match "$output" 'WORSE  density, 3 x python, process: share of duplicates merged: 0.4989'
  assert_match "$output" ' 1 worse, 0 better'
  run -0 "$DIR/compare" "$T/b.csv" "$T/a.csv"
  run -1 "$DIR/compare" "$T/b.csv" "$T/a.csv" --agree
  # Within the spread, and times that are no ratio.
  sed -E 's/(container start by crun,hook,time \/ plain,ratio),[^,]*/\1,1.7/; s/(container start by crun,hook,time,ms),[^,]*,[^,]*,[^,]*/\1,900,900,900/' "$T/a.csv" > "$T/b.csv"
  refute_equal "$(cat "$T/a.csv")" "$(cat "$T/b.csv")"
  run -0 "$DIR/compare" "$T/a.csv" "$T/b.csv"
  # Of few rounds: the largest spread of its kind is taken; of one round: 10 %.
  head -n 4 "$T/a.csv" > "$T/few.csv"
  printf '%s\n' 'serve,nginx,process,requests/s / none,ratio,1,0.99,1.01,3,>=' 'serve,redis,process,requests/s / none,ratio,1,0.9,1.1,3,>=' \
    'serve,nginx,process,latency at the 99th percentile / none,ratio,1,1,1,1,<=' >> "$T/few.csv"
  sed -E 's/(nginx,process,requests.*ratio),1,0.99,1.01/\1,0.7,0.69,0.71/; s/(percentile.*ratio),1,1,1,/\1,1.19,1.19,1.19,/' "$T/few.csv" > "$T/b.csv"
  run -0 "$DIR/compare" "$T/few.csv" "$T/b.csv" --agree
  assert_match "$output" '^3 figures compared: 0 worse, 0 better, 3 the same'
  sed -E 's/(nginx,process,requests.*ratio),1,0.99,1.01/\1,0.5,0.49,0.51/; s/(percentile.*ratio),1,1,1,/\1,1.3,1.3,1.3,/' "$T/few.csv" > "$T/b.csv"
  run -1 "$DIR/compare" "$T/few.csv" "$T/b.csv"
  assert_match "$output" ' 2 worse, 0 better, 1 the same'
  # Of many: what their spread lets the median differ, which is less than the quartiles; of whole scans one.
  head -n 4 "$T/a.csv" > "$T/many.csv"
  printf '%s\n' 'cost,node that allocates,notify,time / native,ratio,1,0.9,1.1,400,<=1.03' 'density,3 x go,auto,scans to 90 %,scans,2,2,2,2,<=' \
    >> "$T/many.csv"
  sed -E 's/ratio,1,0.9,1.1/ratio,1.03,0.93,1.13/; s/scans,2,2,2/scans,3,3,3/' "$T/many.csv" > "$T/b.csv"
  run -0 "$DIR/compare" "$T/many.csv" "$T/b.csv" --agree
  sed -E 's/ratio,1,0.9,1.1/ratio,1.04,0.94,1.14/; s/scans,2,2,2/scans,4,4,4/' "$T/many.csv" > "$T/b.csv"
  run -1 "$DIR/compare" "$T/many.csv" "$T/b.csv"
  assert_match "$output" ' 2 worse, 0 better, 0 the same'
  # Nothing in common.
  head -n 4 "$T/a.csv" > "$T/b.csv"
  run -1 "$DIR/compare" "$T/a.csv" "$T/b.csv"
}

@test "a part: two containers of a static program, without and in the mode process" {
  export SUBJECTS=go COPIES_EACH=2 ROUNDS=1 WAYS='none process'
  if lacks notify; then
    run -1 "$DIR/parts/density"
    assert_contains "$output" 'nobody answers at'
    return
  fi
  "$DIR/parts/density" > "$T/samples"
  figures_of "$T/samples" > "$T/a.csv"
  if as_a_whole; then
    run -0 "$DIR/verdicts" "$T/a.csv"
    assert_match "$output" '^met +python, node, java, Go: .*2 x go, process'
  else
    run -1 "$DIR/verdicts" "$T/a.csv"
    assert_match "$output" '^NOT MET +python, node, java, Go: .*2 x go, process'
  fi
  assert_match "$(cat "$T/a.csv")" 'density,2 x go,none,share of duplicates merged,share,0,0,0,1,'
}
