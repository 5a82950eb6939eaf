#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kernels.bats: how tests/kernels compares what guests say with what is documented.
load lib

table() { "$TOP/tests/kernels/table" "$1" "$T/doc" "$T/rows"; }
# rows SHARE TAKEN REASON: of two kernels, of which the second has these for a static program in auto
rows() {
  local mode
  for mode in preload notify process auto; do
    printf '%s\n' "5.10|5.10.1|$mode|wrapper|dynamic|preload|100|asked" "6.1|6.1.2|$mode|wrapper|dynamic|preload|99|asked"
  done
  printf '%s\n' "5.10|5.10.1|auto|wrapper|static|notify|100|why" "6.1|6.1.2|auto|wrapper|static|$2|$1|$3"
}

@test "the table of kernels is compared by what it says, not by its figures" {
  printf 'before\n<!-- kernels: made by make kernels-table -->\nold\n<!-- /kernels -->\nafter\n' > "$T/doc"
  rows 98 notify why > "$T/rows"
  run -1 table compare
  table write
  assert_contains "$(cat "$T/doc")" '| wrapper | static | 5.10, 6.1 | notify | why |'
  assert_equal "$(sed -n '1p;$p' "$T/doc")" $'before\nafter'
  run -0 table compare
  rows 100 notify why | grep '^6.1' > "$T/rows"
  run -0 table compare
  rows 50 notify why > "$T/rows"
  run -1 table compare
  assert_contains "$output" '# but it is:  6.1: auto by the wrapper: preload, notify: all, some'
  rows 98 process why > "$T/rows"
  run -1 table compare
  rows 98 notify 'something else' > "$T/rows"
  run -1 table compare
  assert_contains "$output" '# documented: 6.1: auto by the wrapper, static: notify, why'
}
