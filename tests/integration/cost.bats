#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cost.bats: what the shim and the mode process cost, in instructions (callgrind): they are the same on a busy machine. `make bench` prints all figures.
load lib

# at_most LIMIT ARGS...: what tests/bench/instructions measures is no more than that, and is printed. What varies from run to run
# (a look at /proc that a busy machine cuts short is made twice) only adds: the least of three counts.
at_most() {
  local limit=$1 try
  shift
  for try in 1 2 3; do
    run -0 "$TOP/tests/bench/instructions" "$@"
    echo "# $*: $output (at most $limit)" >&3
    awk -v v="$output" -v l="$limit" 'BEGIN { exit !(v != "" && v <= l) }' && return
  done
  fail "$*: $output, more than $limit in $try tries"
}

@test "a malloc/free pair: at most 10 instructions more" {
  for size in 16 100 1000; do
    at_most 10 pair "$size" regions
    at_most 10 pair "$size" process
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
  for program in python perl php; do
    at_most 1.005 program "$program" regions
    at_most 1.005 program "$program" process
  done
}
@test "the mode process: at most 1.01 of the instructions" {
  at_most 1.01 program python inherited
}
