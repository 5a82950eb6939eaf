#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cost.bats: what the shim and the mode process cost, in instructions (callgrind): they are the same on a busy machine. `make bench` prints all figures.
load lib

# at_most LIMIT ARGS...: none of the figures of tests/bench/instructions is more than that, and they are printed. What varies from run to run
# (a look at /proc that a busy machine cuts short is made twice) only adds: the least of three counts.
at_most() {
  local limit=$1 try
  shift
  for try in 1 2 3; do
    run -0 "$TOP/tests/bench/instructions" "$@"
    echo "# $*: ${lines[*]} (at most $limit)" >&3
    awk -v l="$limit" '$1 == "" || $1 > l { bad = 1 } END { exit bad || !NR }' <<< "$output" && return
  done
  fail "$*: ${lines[*]}, more than $limit in $try tries"
}

# What is forced off may concern the shim or not: then it has cost the same a moment ago, and one of each kind is measured.
SIZES=(16 100 1000) PROGRAMS=(python perl php)
if [ -n "${OCI_KSM_NO:-}" ] && by_the_shim; then SIZES=(16) PROGRAMS=(perl); fi

@test "a malloc/free pair: at most 10 instructions more" {
  for size in "${SIZES[@]}"; do
    at_most 10 pair "$size" regions process
  done
}
@test "the test of the pair can fail: a larger chunk than one look sees costs more" {
  run -0 "$TOP/tests/bench/instructions" pair 100000 regions
  awk -v v="$output" 'BEGIN { exit !(v > 10) }' || fail "$output"
}
@test "no atomic, no barrier, no lock on the way to malloc" {
  run -0 objdump -d --no-show-raw-insn --disassemble=malloc "$PRELOAD_DIR/libksm_preload.so"
  refute_contains "$output" lock
  refute_contains "$output" fence
  refute_contains "$output" xchg
}
@test "programs that allocate all the time: at most 1.005 of the instructions" {
  for program in "${PROGRAMS[@]}"; do
    at_most 1.005 program "$program" regions process
  done
}
@test "the mode process: at most 1.01 of the instructions" {
  at_most 1.01 program python inherited
}
