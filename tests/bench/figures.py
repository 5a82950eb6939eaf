# SPDX-License-Identifier: Apache-2.0
"""The benchmark's CSV, `part,subject,way,figure,unit,median,low,high,runs,limit` below lines of `# key: value`, and what is asked of its figures
(limits.csv). A limit is ">=0.95", "<=3072+16*n" (n: the subject, a number), or "<=" alone: less is better. "" is neither good nor bad."""
import csv
import os
import re

COLUMNS = ["part", "subject", "way", "figure", "unit", "median", "low", "high", "runs", "limit"]
HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = re.compile(r"([<>]=)(?:([\d.]+)(?:\+([\d.]+)\*n)?)?")


class Row:
    def __init__(self, fields):
        self.part, self.subject, self.way, self.figure, self.unit = fields[:5]
        self.median, self.low, self.high = map(float, fields[5:8])
        self.runs = int(fields[8])
        self.limit = fields[9]
        if self.limit and not LIMIT.fullmatch(self.limit):
            raise ValueError("what is the limit %s?" % self.limit)

    def key(self):
        return self.part, self.subject, self.way, self.figure

    def exact(self):
        """Counts that are the same each time."""
        return "instructions" in self.figure or self.unit == "calls"

    def met(self):
        """True, False, or None where nothing is asked."""
        match = LIMIT.fullmatch(self.limit)
        if not match or not match[2]:
            return None
        return self.median <= float(match[2]) if match[1] == "<=" else self.median >= float(match[2])


def load(path):
    """Head, a dict, and rows of a CSV of the benchmark."""
    head, rows = {}, []
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    for line in lines:
        if line.startswith("# ") and ": " in line:
            key, value = line[2:].split(": ", 1)
            head[key] = value
    table = [fields for fields in csv.reader(line for line in lines if not line.startswith("#")) if fields]
    if not table or table[0] != COLUMNS:
        raise ValueError("%s does not begin with the columns %s" % (path, ",".join(COLUMNS)))
    for fields in table[1:]:
        if len(fields) != len(COLUMNS):
            raise ValueError("%s: %d columns: %s" % (path, len(fields), ",".join(fields)))
        rows.append(Row(fields))
    return head, rows


def load_limits():
    """Lists of (patterns of part, subject, way, figure; limit; which item of the list of what is asked, or "")."""
    with open(os.path.join(HERE, "limits.csv"), encoding="utf-8", newline="") as file:
        table = list(csv.reader(line for line in file if not line.startswith("#")))
    return [(fields[:4], fields[4], fields[5]) for fields in table[1:]]


def rule_for(key, limits):
    """The first rule whose patterns are those of (part, subject, way, figure); None."""
    for rule in limits:
        if all(re.fullmatch(pattern, text) for pattern, text in zip(rule[0], key)):
            return rule
    return None


def limit_for(key, limits):
    rule = rule_for(key, limits)
    if rule is None:
        return ""
    match = LIMIT.fullmatch(rule[1])
    if match and match[3]:
        return "%s%g" % (match[1], float(match[2]) + float(match[3]) * float(key[1]))
    return rule[1]


def text(value):
    """Four digits, as people write numbers."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return "%.0f" % value
    return "%.4g" % value


class Item:
    """One item of the list of what is asked, with all rows that belong to it."""

    def __init__(self, what):
        self.what, self.rows = what, []

    @property
    def missed(self):
        return [row for row in self.rows if not row.met()]

    @property
    def met(self):
        return not self.missed

    @property
    def found(self):
        """The worst figure, with its limit."""
        sign = LIMIT.fullmatch(self.rows[0].limit)[1]
        worst = (max if sign == "<=" else min)(self.rows, key=lambda row: row.median - float(row.limit[2:]))
        return "%s (%s; %s)" % (text(worst.median), ("at most " if sign == "<=" else "at least ") + worst.limit[2:], where(worst))


def where(row):
    return "%s, %s" % (row.subject, row.way) if row.part != "scale" else "%s container%s" % (row.subject, "" if row.subject == "1" else "s")


def items(rows):
    """The items that these rows are about, in the order of limits.csv."""
    limits = load_limits()
    found = {}
    for _, _, what in limits:
        if what:
            found.setdefault(what, Item(what))
    for row in rows:
        rule = rule_for(row.key(), limits) if row.met() is not None else None
        if rule and rule[2]:
            found[rule[2]].rows.append(row)
    return [item for item in found.values() if item.rows]
