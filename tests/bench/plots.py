# SPDX-License-Identifier: Apache-2.0
"""The plots of docs/benchmarks.md, by gnuplot: the same figures give the same files."""
import subprocess

# Each way has one colour in all plots.
COLOURS = {"none": "#999999", "ksm-preload": "#d55e00", "parent": "#e69f00", "preload": "#0072b2", "notify": "#009e73",
           "process": "#cc79a7", "auto": "#56b4e9", "auto+layout": "#f0e442", "native": "#999999"}
HEAD = """set terminal svg size 760,360 dynamic font 'sans-serif,12' background '#ffffff' noenhanced
set output '%s'
set encoding utf8
set key outside right top
set border 3
set grid ytics linecolor rgb '#dddddd'
set tics nomirror
set title '%s'
set ylabel '%s'
"""


def gnuplot(path, script):
    done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError("gnuplot: " + done.stderr.strip())
    # It leaves blanks at the ends of lines.
    with open(path, encoding="utf-8") as file:
        text = "".join(line.rstrip() + "\n" for line in file)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def quoted(text):
    return '"%s"' % text.replace('"', "")


def bars(path, title, ylabel, groups, ways, cell, extra="", points=None):
    """A group of bars for each of (label, name) in groups, a bar for each way: the row cell(name, way), with its quartiles. `points`: (legend, {name:
    value}), drawn as a line over that group."""
    data, draws = "", []
    width = 0.8 / max(len(ways), 1)
    for i, way in enumerate(ways):
        lines = ""
        for x, (_, name) in enumerate(groups):
            row = cell(name, way)
            if row:
                lines += "%g %g %g %g\n" % (x - 0.4 + (i + 0.5) * width, row.median, row.low, row.high)
        if lines:
            data += "$way%d << EOD\n%sEOD\n" % (i, lines)
            draws.append("$way%d using 1:2 with boxes linecolor rgb '%s' title '%s'" % (i, COLOURS.get(way, "#000000"), way))
            draws.append("$way%d using 1:3:(0):($4-$3) with vectors nohead linecolor rgb '#333333' linewidth 2 notitle" % i)
    if points:
        data += "$points << EOD\n%sEOD\n" % "".join(
            "%g %g\n" % (x - 0.42, points[1][name]) for x, (_, name) in enumerate(groups) if name in points[1])
        draws.append("$points using 1:2:(0.84):(0) with vectors nohead linecolor rgb '#000000' linewidth 2 title %s" % quoted(points[0]))
    if not draws:
        return False
    tics = ", ".join("%s %d" % (quoted(label), x) for x, (label, _) in enumerate(groups))
    gnuplot(path, data + HEAD % (path, title, ylabel) + "set boxwidth %g\nset style fill solid 0.85\nset xrange [-0.6:%g]\nset xtics (%s)\n%s\nplot %s\n" % (
        width * 0.9, len(groups) - 0.4, tics, extra, ", ".join(draws)))
    return True


def lines(path, title, ylabel, series):
    """series: (legend, colour, rows whose subjects are numbers); and, dashed, the limit of the first of them, where it has one."""
    data, draws = "", []
    for i, (legend, colour, rows) in enumerate(series):
        if rows:
            data += "$line%d << EOD\n%sEOD\n" % (i, "".join("%s %g %g %g\n" % (r.subject, r.median, r.low, r.high) for r in rows))
            draws.append("$line%d using 1:2:3:4 with yerrorlines linecolor rgb '%s' linewidth 2 pointtype 7 pointsize 0.5 title '%s'" % (i, colour, legend))
    limits = [(row.subject, row.limit[2:]) for row in series[0][2] if row.met() is not None]
    if limits:
        data += "$limit << EOD\n%sEOD\n" % "".join("%s %s\n" % pair for pair in limits)
        draws.append("$limit using 1:2 with lines linecolor rgb '#cc0000' dashtype 2 title 'allowed'")
    if not draws:
        return False
    gnuplot(path, data + HEAD % (path, title, ylabel) + "set xlabel 'containers'\nset yrange [0:*]\nplot %s\n" % ", ".join(draws))
    return True
