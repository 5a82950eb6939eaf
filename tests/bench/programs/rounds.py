# SPDX-License-Identifier: Apache-2.0
# rounds.py FILE: runs a program for each line that it gets; what the program prints is the answer.
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    code = compile(file.read(), sys.argv[1], "exec")
for _ in iter(sys.stdin.readline, ""):
    exec(code, {})  # pylint: disable=exec-used
    sys.stdout.flush()
