#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# census.bats: ksm-census, by which the other tests measure, against the kernel's own figures.
load lib

census() { "$BUILD/tools/ksm-census" "$@"; }

# A process with 40 MiB, half of its pages equal, a terabyte reserved, and a forked child.
start_family() {
  background /usr/bin/python3 -c 'import mmap, os, signal
many = mmap.mmap(-1, 40 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(10 << 10):
    many[page << 12:(page << 12) + 5] = b"%05d" % (page if page % 2 else 0)
reserved = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
reserved[1 << 39] = 1
os.fork()
print("ready", flush=True)
signal.pause()'
  ready() { [ "$(grep -c ready "$T/background.out")" -eq 2 ]; }
  wait_for 30 ready
  PARENT=$BACKGROUND_PID
  CHILD=$(pgrep -P "$PARENT")
  echo "$CHILD" >> "$T/background"
}

@test "what is mapped is what smaps says, frames that fork shares count once" {
  start_family
  one=$(census "$PARENT")
  both=$(census "$PARENT" "$CHILD")
  assert_equal "$(jq .now.mapped <<< "$one")" "$(awk '/^Anonymous:/ { n += $2 * 1024 } END { print n }' "/proc/$PARENT/smaps")"
  assert_equal "$(jq .now.mapped <<< "$both")" "$(cat "/proc/$PARENT/smaps" "/proc/$CHILD/smaps" | awk '/^Anonymous:/ { n += $2 * 1024 } END { print n }')"
  # Half of the 10,240 pages have one content; what the child has written since is little.
  assert_equal "$(jq -c '.now | [.frames > 40 * 1048576, .duplicates > 5000 * 4096, .duplicates < 6000 * 4096, .unread]' <<< "$one")" '[true,true,true,0]'
  assert_equal "$(jq -n --argjson one "$one" --argjson both "$both" '$both.now.frames - $one.now.frames < 4 * 1048576')" true
}

@test "the same figures without the kernel's PAGEMAP_SCAN" {
  background /usr/bin/python3 -c 'import signal
data = [b"x" * i for i in range(10000)]
print("ready", flush=True)
signal.pause()'
  wait_for 30 grep -q ready "$T/background.out"
  assert_equal "$(census --no-pagemap-scan "$BACKGROUND_PID")" "$(census "$BACKGROUND_PID")"
}

@test "a process that ends or is not there is no error, and wrong usage is" {
  run -0 census 999999999
  assert_equal "$(jq -c '[.now.processes, .now.frames]' <<< "$output")" '[0,0]'
  run -2 census
  run -2 census x
  run -2 census --nix 1
}
