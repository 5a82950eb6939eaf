<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

// What a shop sells: half of its articles are the same in all shops, half are this shop's own.
final class Catalogue
{
    private const ARTICLES = 1500;
    private array $articles = [];

    public function __construct(private string $site)
    {
        for ($i = 0; $i < self::ARTICLES; $i++) {
            $owner = $i % 2 ? $this->site : 'everybody';
            $this->articles[] = [
                'id' => (string) $i,
                'name' => "Article $i of $owner",
                'text' => str_repeat("Of good quality, $owner says of number $i. ", 4),
                'price' => sprintf('%.2f', crc32("$owner $i") % 100000 / 100),
            ];
        }
    }

    public function page(int $page, int $size): array
    {
        $articles = $this->articles;
        usort($articles, fn ($a, $b) => $a['price'] <=> $b['price']);
        return array_slice($articles, $page * $size % self::ARTICLES, $size);
    }

    public function total(): float
    {
        return array_sum(array_column($this->articles, 'price'));
    }

    // The words of all texts, the most frequent ones first.
    public function words(): array
    {
        $count = [];
        foreach ($this->articles as $article) {
            foreach (explode(' ', $article['text']) as $word) {
                $count[$word] = ($count[$word] ?? 0) + 1;
            }
        }
        arsort($count);
        return array_keys($count);
    }
}
