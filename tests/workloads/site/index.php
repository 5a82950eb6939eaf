<?php
// SPDX-License-Identifier: Apache-2.0
// A small shop: a session, this site's own data and what all sites have in common, shown by templates.
declare(strict_types=1);
require __DIR__ . '/catalogue.php';
require __DIR__ . '/template.php';

session_start();
$site = getenv('SITE') ?: 'one';
$catalogue = new Catalogue($site);
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$_SESSION['seen'][] = (int) ($_GET['item'] ?? 0);
$_SESSION['seen'] = array_slice($_SESSION['seen'], -20);

$page = (int) ($_GET['page'] ?? 0);
$rows = '';
foreach ($catalogue->page($page, 40) as $article) {
    $rows .= render('row', $article);
}
echo render('page', [
    'title' => "Shop of $site",
    'rows' => $rows,
    'total' => number_format($catalogue->total(), 2),
    'visits' => (string) $_SESSION['visits'],
    'words' => implode(' ', array_slice($catalogue->words(), 0, 30)),
]);
