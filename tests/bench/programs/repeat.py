# SPDX-License-Identifier: Apache-2.0
# repeat.py FILE COUNT: runs a program COUNT times in one process; what it prints is printed once.
import contextlib
import io
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    code = compile(file.read(), sys.argv[1], "exec")
for i in range(int(sys.argv[2])):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, {})  # pylint: disable=exec-used
print(output.getvalue(), end="")
