#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# top.bats: oci-ksm top, on a pseudo terminal and in batches.
load lib

# on_screen: runs the Python program on stdin, which has screen.py's Screen, and TOP, the command
on_screen() {
  { echo "import sys; sys.path.insert(0, '$TOP/tests/integration'); from screen import *; TOP = ['$BIN/oci-ksm', 'top', '--delay=0.2']" && cat; } > "$T/screen.py"
  PYTHONDONTWRITEBYTECODE=1 timeout 120 /usr/bin/python3 "$T/screen.py" < /dev/null 3>&-
}

# three_runs: TWO's program has a name that would clear the screen; THREE is there as well
three_runs() {
  two_runs "a"$'\033''[2Jb'
  background "$BIN/oci-ksm" run -- sleep 1000
  THREE=run-$BACKGROUND_PID
  export ONE TWO THREE
  wait_for 30 all_run
}
all_run() { [ "$("$BIN/oci-ksm" status --json | jq '[.containers[] | select(.command | test("^(python3|sleep|a.*b)$"))] | length')" = 3 ]; }

@test "the screen: keys sort, reverse, help and quit; no name steers the terminal" {
  three_runs
  on_screen << 'PY'
import os
one, two, three = (os.environ[name] for name in ("ONE", "TWO", "THREE"))
s = Screen(TOP, 24, 120)
s.wait(lambda: "3 containers, 3 processes; by saved" in "".join(s.lines()[:1]), "the first screen")
assert s.output.startswith(ENTER), s.output[:50]
lines = s.lines()
assert lines[1].startswith("ksmd: ") and lines[2].startswith("host: shared ") and lines[3].startswith("these: anon "), lines
assert lines[5].split() == "PROCS ANON MERGED SAVED CHANGE TREND KSMD MODE NAME ID COMMAND".split(), lines
assert "a\\x1b[2Jb" in "\n".join(lines) and s.fits(), lines
s.key("a")
s.wait(lambda: one in s.row(0) and "by anon" in s.lines()[0], "sorted by memory")
s.key("r")
s.wait(lambda: one in s.row(2) and "reversed" in s.lines()[0], "reversed")
s.key("r")
s.key("n")
s.wait(lambda: [s.row(i).split()[9] for i in range(3) if s.row(i)] == sorted([one, two, three]), "sorted by ID")
for key, name in {"p": "procs", "m": "merged", "s": "saved"}.items():
    s.key(key)
    s.wait(lambda: f"by {name}" in s.lines()[0], name)
s.key("\x1b[A")
s.key("h")
s.wait(lambda: any("this help" in line for line in s.lines()), "help")
s.key("x")
s.wait(lambda: "containers" in s.lines()[0], "the table again")
# From the second look on there are changes.
s.wait(lambda: s.row(0).split()[4] != "?", "a change")
s.key("q")
assert s.end() == 0 and s.is_given_back(), s.output[-200:]
PY
}

@test "the size of the terminal, when it begins and when it changes" {
  three_runs
  on_screen << 'PY'
s = Screen(TOP + ["--sort=anon"], 7, 40)
s.wait(lambda: s.lines() and s.lines()[-1] == "... and 3 more", "7 rows")
assert s.fits() and len(s.lines()) == 7, s.lines()
s.set_size(9, 60)
s.wait(lambda: len(s.lines()) == 9 and "and" not in s.lines()[-1], "9 rows")
assert s.fits() and max(map(len, s.lines())) > 40, s.lines()
s.set_size(2, 10)
s.wait(lambda: len(s.lines()) == 2 and s.lines()[-1] == "... and 8 ", "2 rows")
s.set_size(1, 1)
s.wait(lambda: s.lines() == ["."], "one character")
assert s.end(signal_number("TERM")) == -15 and s.is_given_back()
PY
}

@test "the terminal is given back at every end, and while it is stopped" {
  on_screen << 'PY'
for name in "INT", "TERM", "HUP", "QUIT", "SEGV", "ABRT", "USR1":
    s = Screen(TOP + ["--delay=100"])
    s.wait(s.fits, "a screen")
    assert not s.is_given_back()
    assert s.end(signal_number(name)) == -signal_number(name), (name, s.program.returncode)
    assert s.is_given_back(), (name, s.output[-200:])
s = Screen(TOP + ["--delay=100"])
s.wait(s.fits, "a screen")
for n in range(2):
    s.key("\x1a")
    s.wait(lambda: s.state() == "T", "stopped")
    s.read()
    assert s.is_given_back(), s.output[-200:]
    s.output = ""
    s.program.send_signal(signal_number("CONT"))
    s.wait(lambda: s.output.startswith(ENTER) and s.fits(), "a screen again")
    assert not s.is_given_back()
s.key("\x03")
assert s.end() == -2 and s.is_given_back()
# So many looks, then it ends.
s = Screen(TOP + ["--count=2"])
assert s.end() == 0 and s.is_given_back(), s.output[-200:]
PY
}

@test "no terminal: batches, and it says so" {
  three_runs
  run --separate-stderr -0 "$BIN/oci-ksm" top -n 2 -d 0.2 -o +source
  assert_equal "$stderr" 'oci-ksm: standard output is no terminal that can show a screen: as with --batch'
  assert_equal "$(grep -c '^PROCS .* COMMAND  *SOURCE$' <<< "$output")" 2
  assert_equal "$(grep -c "$ONE .* run$" <<< "$output")" 2
  run --separate-stderr -0 "$BIN/oci-ksm" top --batch -n 1 --sort=anon -B
  assert_equal "$stderr" ''
  assert_match "${lines[5]}" " +1 +[0-9]{8} .* $ONE +python3\$"
  run -0 "$BIN/oci-ksm" top --batch -n 1 --sort=id --reverse "$ONE" "$THREE"
  assert_equal "$(grep -o 'run-[0-9]*' <<< "$output" | xargs)" "$(printf '%s\n' "$ONE" "$THREE" | sort -r | xargs)"
  run -0 env TERM=dumb script -qec "'$BIN/oci-ksm' top -n 1" /dev/null
  refute_contains "$output" $'\033'
  run -1 "$BIN/oci-ksm" top --batch -n 1 nix
  for wrong in --delay=0 --delay=x --count=0 --sort=nix --output=nix; do
    run -2 "$BIN/oci-ksm" top -b -n 1 "$wrong"
  done
  # A full disk ends it.
  run -1 timeout 30 sh -c '"$0" top --batch > /dev/full' "$BIN/oci-ksm"
}

@test "a document a look: what changed is the difference of the figures; what ends meanwhile is gone" {
  ksm_begin
  three_runs
  background "$BIN/oci-ksm" run -- /usr/bin/python3 -c 'import os, signal, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
data = b"".join(b"%04095d\n" % (i // 4) for i in range(4000))
signal.pause()' "$T/go"
  id=run-$BACKGROUND_PID
  is_there() { "$BIN/oci-ksm" status -n "$id" | grep -q .; }
  wait_for 30 is_there
  background "$BIN/oci-ksm" top --json --delay=0.3 "$id" "$THREE"
  log=$T/background.out.top
  ln "$T/background.out" "$log"
  looks() { [ "$(grep -c '^{.*}$' "$log")" -ge "$1" ]; }
  wait_for 30 looks 2
  touch "$T/go"
  trend() { jq -se --arg id "$id" 'any(.[].containers[]; .id == $id and .trend >= 2500 * 4096)' "$log" > /dev/null; }
  wait_for 60 trend
  kill -KILL "${THREE#run-}"
  gone() { [ "$(tail -n 1 "$log" | jq -c '[.containers[].id]' 2> /dev/null)" = "[\"$id\"]" ]; }
  wait_for 30 gone
  kill -KILL "$BACKGROUND_PID"
  run -0 jq -se --arg id "$id" '
    [.[] | .containers[] | select(.id == $id)] as $rows
    | all(.[]; .version == 1 and (.containers | length) <= 2 and (.host.run == 1) and .time > 1000000000)
    and (.[0] | .interval == null and .host.ksmd == null and .total.change == null)
    and (.[1:] | all(.interval > 0.2 and .host.ksmd >= 0 and .total.ksmd <= .host.ksmd + 0.01))
    and ($rows[0] | .change == null and .trend == null and .ksmd == null)
    and ([range(1; $rows | length) | $rows[.].change == $rows[.].saved - $rows[. - 1].saved and $rows[.].trend == $rows[.].saved - $rows[0].saved] | all)
    and any($rows[]; .ksmd > 0)' "$log"
}

@test "for a user without root: their own" {
  chmod 711 "$OCI_KSM_PRIVATE" "$T"
  cp -r "$BIN" "$BUILD/lib" "$T/"
  BIN=$T/bin
  install -d -o 1234 -g 1234 -m 700 "$T/xdg"
  as_user() { setpriv --reuid 1234 --regid 1234 --clear-groups env -i PATH="$PATH" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS=/none "$@"; }
  background setpriv --reuid 1234 --regid 1234 --clear-groups env -i PATH="$PATH" XDG_RUNTIME_DIR="$T/xdg" OCI_KSM_SETTINGS=/none \
    "$BIN/oci-ksm" run --mode=preload -- sleep 1000
  id=run-$BACKGROUND_PID
  runs() { as_user "$BIN/oci-ksm" status -n -o id,command 2> /dev/null | grep -q "$id *sleep"; }
  wait_for 30 runs
  assert_equal "$(as_user "$BIN/oci-ksm" top --json -n 1 | jq -c '[(.containers[] | .id, .saved != null, .merged != null, .share != null), .host.run != null]')" "[\"$id\",true,true,true,true]"
  # Frames are root's to see: that is said, not shown as 0.
  run -1 as_user "$BIN/oci-ksm" status --frames
  assert_match "$output" '^oci-ksm: .*(kpageflags|CAP_SYS_ADMIN)'
}
