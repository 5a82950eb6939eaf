# SPDX-License-Identifier: Apache-2.0
"""screen.py: a program on a pseudo terminal, for top.bats: what is on its screen, keys, signals, sizes."""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Screen:
    def __init__(self, argv, rows=24, columns=80):
        self.master, self.slave = os.openpty()
        self.output = ""
        self.set_size(rows, columns)
        self.attributes = termios.tcgetattr(self.slave)
        self.program = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm"}, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def set_size(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.05):
        while select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65536).decode("latin-1")
            seconds = 0

    def key(self, character):
        os.write(self.master, character.encode())

    def lines(self):
        """The last whole screen, without attributes."""
        frames = re.findall(r"\x1b\[H((?:(?!\x1b\[H).)*?)\x1b\[J", self.output, re.S)
        if not frames:
            return []
        # The terminal's own settings make \r\n of each \n.
        lines = [re.sub(r"\x1b\[(7?m|K)", "", line) for line in re.split(r"\r+\n", frames[-1])]
        for line in lines:
            assert re.fullmatch(r"[ -~]*", line), f"unprintable: {line!r}"
        return lines if lines[-1] else lines[:-1]

    def row(self, number):
        """Of the table."""
        lines = self.lines()
        return lines[6 + number] if len(lines) > 6 + number else ""

    def wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"still not: {what}; the screen:\n" + "\n".join(self.lines()) + f"\n{self.output[-500:]!r}"
            assert self.program.poll() is None, f"it has ended: {self.program.returncode}, {self.output[-500:]!r}"
            self.read()

    def fits(self):
        lines = self.lines()
        return 0 < len(lines) <= self.rows and max(map(len, lines)) <= self.columns

    def is_given_back(self):
        return self.output.rfind(LEAVE) > self.output.rfind(ENTER) >= 0 and termios.tcgetattr(self.slave) == self.attributes

    def state(self):
        with open(f"/proc/{self.program.pid}/stat", encoding="latin-1") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]

    def end(self, send=None):
        """Its exit status; -N: by signal N."""
        if send:
            self.program.send_signal(send)
        deadline = time.monotonic() + 60
        while self.program.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self.read()
        self.read()
        return self.program.returncode


def signal_number(name):
    return getattr(signal, "SIG" + name)
