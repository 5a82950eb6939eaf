// SPDX-License-Identifier: Apache-2.0
// Allocates all the time: objects, strings, buffers. `alloc.js rounds`: ten times for each line that it gets; without: once.
const fs = require("fs");

function allocate() {
  const o = [];
  for (let i = 0; i < 60000; i++) {
    o.push({ i, s: "n" + i });
    if (i % 500 == 0) Buffer.alloc(100000).fill(i);
  }
  return o.length;
}

function round(times) {
  let length;
  for (let i = 0; i < times; i++) length = allocate();
  fs.writeSync(1, length + "\n");
}

if (process.argv[2] == "rounds") while (fs.readSync(0, Buffer.alloc(1)) > 0) round(10);
else round(1);
