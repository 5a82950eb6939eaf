<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

// The template NAME.phtml with these values, which it finds in $v.
function render(string $name, array $values): string
{
    $v = array_map('htmlspecialchars', $values);
    $v['rows'] = $values['rows'] ?? ''; // made by a template already
    ob_start();
    include __DIR__ . "/$name.phtml";
    return ob_get_clean();
}
