"""Draws a panel's series as SVG, a function a kind of panel, much as Grafana does in its dark theme.

Every function takes the panel, its series as (legend, labels, [(time, value)]), the size and the time shown, and
returns SVG elements. What it cannot draw is an error, not a gap.
"""

import html
import math
import time
from collections import defaultdict

from units import human

PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffb357", "#96d98d", "#ca95e5",
           "#37872d", "#e0b400")
NAMED = {"green": "#73bf69", "yellow": "#f2cc0c", "red": "#f2495c", "blue": "#5794f2"}
HEAT = ((32, 27, 24), (122, 62, 10), (230, 120, 20), (255, 205, 130))
DIM, GRID = "#8e8e9c", "#2a2d33"
LEFT, FOOT = 58, 16
# Pixels of a letter in a legend.
LETTER = 6.3


def _text(x, y, words, size=10, color=DIM, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}">'
            f"{html.escape(words)}</text>")


def _rect(x, y, width, height, color):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _ticks(most, unit):
    """Round values from 0 to at least `most`, four or five of them."""
    scale = 1_024 ** max(0, math.floor(math.log(most, 1_024))) if unit == "bytes" else 1
    power = scale * 10 ** math.floor(math.log10(most / scale / 4))
    size = next(size for size in (power, 2 * power, 5 * power, 10 * power) if size * 4.5 >= most)
    return [size * number for number in range(math.ceil(most / size - 1e-9) + 1)]


def _clock(width, height, span, left=LEFT):
    """Labels of the time axis."""
    shape = "%H:%M:%S" if span[1] - span[0] < 600 else "%H:%M"
    for share in (0, 1 / 3, 2 / 3, 1):
        words = time.strftime(shape, time.gmtime(span[0] + share * (span[1] - span[0])))
        anchor = {0: "start", 1: "end"}.get(share, "middle")
        yield _text(left + share * (width - left), height - 3, words, anchor=anchor)


def _legend(series, width, top):
    """Names of series below a panel, two lines at most."""
    x, y = 0, top
    for number, (name, _, _) in enumerate(series):
        need = 16 + LETTER * len(name)
        if x + need > width and x:
            x, y = 0, y + 13
        if y > top + 13:
            return
        yield _rect(x, y - 4, 9, 3, PALETTE[number % len(PALETTE)])
        yield _text(x + 12, y, name)
        x += need


def _legend_height(series, width):
    return 13 + 13 * (sum(16 + LETTER * len(name) for name, _, _ in series) > width)


def _color(value, thresholds):
    fit = [step["color"] for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return NAMED[fit[-1]]


def _stacked(series):
    """Series on top of each other: (legend, labels, [(time, below, above)])."""
    floor, found = defaultdict(float), []
    for name, labels, points in series:
        found.append((name, labels, [(at, floor[at], floor[at] + value) for at, value in points]))
        for at, value in points:
            floor[at] += value
    return found


def timeseries(panel, series, width, height, span):
    """Lines, areas or bars over time."""
    custom, defaults = panel["fieldConfig"]["defaults"]["custom"], panel["fieldConfig"]["defaults"]
    stacked = custom["stacking"]["mode"] == "normal"
    drawn = _stacked(series) if stacked else [(n, ls, [(at, 0, v) for at, v in ps]) for n, ls, ps in series]
    ticks = _ticks(defaults.get("max") or max(above for *_, points in drawn for *_, above in points) or 1,
                   defaults["unit"])
    below = FOOT + _legend_height(series, width)
    step = span[2]

    def x(at):
        return LEFT + (at - span[0]) / (span[1] - span[0]) * (width - LEFT)

    def y(value):
        return 6 + (1 - value / ticks[-1]) * (height - below - 10)

    for tick in ticks:
        yield f'<path d="M{LEFT} {y(tick):.1f}H{width}" stroke="{GRID}"/>'
        yield _text(LEFT - 5, y(tick) + 3, human(tick, defaults["unit"]), anchor="end")
    for number, (_, _, points) in enumerate(drawn):
        color = PALETTE[number % len(PALETTE)]
        if custom["drawStyle"] == "bars":
            wide = max(1.5, x(span[0] + step) - LEFT - 0.5)
            yield from (_rect(x(at) - wide, y(high), wide, y(low) - y(high), color) for at, low, high in points)
            continue
        for run in _runs(points, step):
            over = "L".join(f"{x(at):.1f} {y(high):.1f}" for at, _, high in run)
            under = "L".join(f"{x(at):.1f} {y(low):.1f}" for at, low, _ in reversed(run))
            yield f'<path d="M{over}L{under}Z" fill="{color}" fill-opacity="{custom["fillOpacity"] / 100}"/>'
            yield f'<path d="M{over}" fill="none" stroke="{color}" stroke-width="1.3"/>'
    if custom["thresholdsStyle"]["mode"] == "line":
        limit = defaults["thresholds"]["steps"][-1]["value"]
        if limit <= ticks[-1]:
            yield f'<path d="M{LEFT} {y(limit):.1f}H{width}" stroke="{NAMED["red"]}" stroke-dasharray="5 3"/>'
    yield from _clock(width, height - below + FOOT, span)
    yield from _legend(series, width, height - below + FOOT + 9)


def _runs(points, step):
    """Points without gaps between them."""
    run = []
    for point in points:
        if run and point[0] - run[-1][0] > step * 1.5:
            yield run
            run = []
        run.append(point)
    yield run


def stat(panel, series, width, height, _span):
    """The last value, over its own line."""
    defaults, (_, _, points) = panel["fieldConfig"]["defaults"], series[0]
    color = _color(points[-1][1], defaults["thresholds"])
    most = max(value for _, value in points) or 1
    first, last = points[0][0], points[-1][0]
    if last > first:
        line = "L".join(f"{(at - first) / (last - first) * width:.1f} {height - 1 - value / most * height * 0.3:.1f}"
                        for at, value in points)
        yield f'<path d="M0 {height}L{line}L{width} {height}Z" fill="{color}" fill-opacity="0.2"/>'
        yield f'<path d="M{line}" fill="none" stroke="{color}"/>'
    yield _text(width / 2, height * 0.56, human(points[-1][1], defaults["unit"]), 26, color, "middle")


def bargauge(panel, series, width, height, _span):
    """A bar a series."""
    defaults = panel["fieldConfig"]["defaults"]
    most = defaults.get("max") or max(points[-1][1] for *_, points in series) or 1
    tall = min(40, height / len(series))
    for number, (name, _, points) in enumerate(series):
        value, top = points[-1][1], number * tall
        color = _color(value, defaults["thresholds"])
        yield _text(0, top + tall * 0.38, name, min(11, tall * 0.45))
        yield _text(width, top + tall * 0.38, human(value, defaults["unit"]), min(12, tall * 0.5), color, "end")
        yield _rect(0, top + tall * 0.52, width, tall * 0.3, GRID)
        yield _rect(0, top + tall * 0.52, max(0, min(1, value / most)) * width, tall * 0.3, color)


def heatmap(panel, series, width, height, span):
    """Buckets over time: a cell is the brighter the more fell into it."""
    edges = sorted({float(labels["le"]) for _, labels, _ in series})
    counts = {float(labels["le"]): dict(points) for _, labels, points in series}
    cells = {}
    for number, edge in enumerate(edges):
        for at, value in counts[edge].items():
            cells[number, at] = max(0, value - (counts[edges[number - 1]].get(at, 0) if number else 0))
    most, tall = max(cells.values()) or 1, (height - FOOT - 6) / len(edges)
    wide = span[2] / (span[1] - span[0]) * (width - LEFT)
    for (number, at), value in cells.items():
        if value > most / 1_000:
            x = LEFT + (at - span[0]) / (span[1] - span[0]) * (width - LEFT) - wide
            yield _rect(max(LEFT, x), (len(edges) - 1 - number) * tall, wide + 0.2, tall - 1, _heat(value / most))
    for number in range(0, len(edges), 2):
        words = "above" if math.isinf(edges[number]) else human(edges[number], panel["options"]["yAxis"]["unit"])
        yield _text(LEFT - 5, max(9, (len(edges) - 1 - number) * tall + 6), words, anchor="end")
    yield from _clock(width, height, span)


def _heat(share):
    # Few shades: each costs a place in the picture's palette.
    place = round(math.sqrt(share) * 24) / 24 * (len(HEAT) - 1)
    low = min(int(place), len(HEAT) - 2)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02x}" for a, b in zip(HEAT[low], HEAT[low + 1]))


def state_timeline(panel, series, width, height, span):
    """A band a series, in the colour of its state."""
    thresholds = panel["fieldConfig"]["defaults"]["thresholds"]
    left, tall = 90, (height - FOOT) / len(series)
    scale = (width - left) / (span[1] - span[0])
    for number, (name, _, points) in enumerate(series):
        yield _text(left - 6, number * tall + tall * 0.62, name, anchor="end")
        run_start, state = points[0]
        for at, value in [*points[1:], (points[-1][0] + span[2], None)]:
            if value != state:
                x, end = left + (run_start - span[0]) * scale, min(width, left + (at - span[0]) * scale)
                yield _rect(x, number * tall + 1, end - x, tall - 3, _color(state, thresholds))
                run_start, state = at, value
    yield from _clock(width, height, span, left)


KINDS = {"timeseries": timeseries, "stat": stat, "bargauge": bargauge, "heatmap": heatmap,
         "state-timeline": state_timeline}


def draw(panel, series, width, height, span):
    """A panel's SVG. `span` is (start, end, step)."""
    if series:
        parts = "".join(KINDS[panel["type"]](panel, series, width, height, span))
    else:
        words = panel["fieldConfig"]["defaults"].get("noValue", "no data")
        parts = _text(width / 2, height / 2, words, 14, DIM, "middle")
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{parts}</svg>'
