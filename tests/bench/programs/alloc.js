// SPDX-License-Identifier: Apache-2.0
// Allocates all the time: objects, strings, buffers. `alloc.js rounds`: for each line that it gets; without: once.
function round() {
  const o = [];
  for (let i = 0; i < 60000; i++) {
    o.push({ i, s: "n" + i });
    if (i % 500 == 0) Buffer.alloc(100000).fill(i);
  }
  console.log(o.length);
}

if (process.argv[2] == "rounds") require("readline").createInterface({ input: process.stdin }).on("line", round);
else round();
