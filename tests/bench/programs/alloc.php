<?php // SPDX-License-Identifier: Apache-2.0
// Allocates all the time: arrays, strings of all sizes.
$a = [];
$n = 0;
for ($i = 0; $i < 300000; $i++) {
    $a[] = ["k$i", str_repeat("x", $i % 500)];
    if ($i % 1000 == 0) {
        $n += count($a);
        $a = [];
    }
}
echo $n, "\n";
