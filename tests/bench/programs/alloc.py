# SPDX-License-Identifier: Apache-2.0
# Allocates all the time: objects, strings, buffers of all sizes.
d = {}
for i in range(60000):
    d[i] = [str(i)] * 3
x = [bytearray(i % 3000) for i in range(40000)]
y = ["".join(chr(97 + (i + k) % 26) for k in range(i % 40)) for i in range(10000)]
print(len(d), len(x), len(y))
