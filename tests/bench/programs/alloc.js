// SPDX-License-Identifier: Apache-2.0
// Allocates all the time: objects, strings, buffers. `alloc.js [ROUNDS]`
let o;
for (let round = 0; round < (process.argv[2] || 1); round++) {
  o = [];
  for (let i = 0; i < 60000; i++) {
    o.push({ i, s: "n" + i });
    if (i % 500 == 0) Buffer.alloc(100000).fill(i);
  }
}
console.log(o.length);
