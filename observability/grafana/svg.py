"""Draws the series of a panel as SVG, similar to Grafana's dark theme. There is one function for each panel type.

Each function takes the panel, its series as (legend, labels, [(time, value)]), the size and the time range, and yields
SVG elements. If it cannot draw something, it raises an error instead of leaving a gap.
"""

import html
import math
import time
from collections import defaultdict

from units import human

PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffb357", "#96d98d", "#ca95e5",
           "#37872d", "#e0b400")
NAMED_COLORS = {"green": "#73bf69", "yellow": "#f2cc0c", "red": "#f2495c", "blue": "#5794f2"}
HEATMAP_COLORS = ((32, 27, 24), (122, 62, 10), (230, 120, 20), (255, 205, 130))
TEXT_COLOR, GRID_COLOR = "#8e8e9c", "#2a2d33"
LEFT_MARGIN, BOTTOM_MARGIN = 58, 16
# The width of a character in a legend, in pixels.
CHARACTER_WIDTH = 6.3


def _text(x, y, text, size=10, color=TEXT_COLOR, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}">'
            f"{html.escape(text)}</text>")


def _rect(x, y, width, height, color):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _ticks(maximum, unit):
    """Four or five round values from 0 to at least `maximum`."""
    scale = 1_024 ** max(0, math.floor(math.log(maximum, 1_024))) if unit == "bytes" else 1
    power = scale * 10 ** math.floor(math.log10(maximum / scale / 4))
    size = next(size for size in (power, 2 * power, 5 * power, 10 * power) if size * 4.5 >= maximum)
    return [size * number for number in range(math.ceil(maximum / size - 1e-9) + 1)]


def _time_axis(width, height, span, left=LEFT_MARGIN):
    """The labels of the time axis."""
    time_format = "%H:%M:%S" if span[1] - span[0] < 600 else "%H:%M"
    for share in (0, 1 / 3, 2 / 3, 1):
        text = time.strftime(time_format, time.gmtime(span[0] + share * (span[1] - span[0])))
        anchor = {0: "start", 1: "end"}.get(share, "middle")
        yield _text(left + share * (width - left), height - 3, text, anchor=anchor)


def _legend(series, width, top):
    """The names of the series below a panel, on at most two lines."""
    x, y = 0, top
    for number, (name, _, _) in enumerate(series):
        entry_width = 16 + CHARACTER_WIDTH * len(name)
        if x + entry_width > width and x:
            x, y = 0, y + 13
        if y > top + 13:
            return
        yield _rect(x, y - 4, 9, 3, PALETTE[number % len(PALETTE)])
        yield _text(x + 12, y, name)
        x += entry_width


def _legend_height(series, width):
    return 13 + 13 * (sum(16 + CHARACTER_WIDTH * len(name) for name, _, _ in series) > width)


def _color(value, thresholds):
    reached = [step["color"] for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return NAMED_COLORS[reached[-1]]


def _stacked(series):
    """The series stacked: (legend, labels, [(time, bottom, top)])."""
    base, stacked = defaultdict(float), []
    for name, labels, points in series:
        stacked.append((name, labels, [(at, base[at], base[at] + value) for at, value in points]))
        for at, value in points:
            base[at] += value
    return stacked


def timeseries(panel, series, width, height, span):
    """Lines, areas or bars over time."""
    custom, defaults = panel["fieldConfig"]["defaults"]["custom"], panel["fieldConfig"]["defaults"]
    stacked = custom["stacking"]["mode"] == "normal"
    drawn = _stacked(series) if stacked else [(n, ls, [(at, 0, v) for at, v in ps]) for n, ls, ps in series]
    ticks = _ticks(defaults.get("max") or max(top for *_, points in drawn for *_, top in points) or 1,
                   defaults["unit"])
    footer = BOTTOM_MARGIN + _legend_height(series, width)
    step = span[2]

    def x(at):
        return LEFT_MARGIN + (at - span[0]) / (span[1] - span[0]) * (width - LEFT_MARGIN)

    def y(value):
        return 6 + (1 - value / ticks[-1]) * (height - footer - 10)

    for tick in ticks:
        yield f'<path d="M{LEFT_MARGIN} {y(tick):.1f}H{width}" stroke="{GRID_COLOR}"/>'
        yield _text(LEFT_MARGIN - 5, y(tick) + 3, human(tick, defaults["unit"]), anchor="end")
    for number, (_, _, points) in enumerate(drawn):
        color = PALETTE[number % len(PALETTE)]
        if custom["drawStyle"] == "bars":
            bar_width = max(1.5, x(span[0] + step) - LEFT_MARGIN - 0.5)
            yield from (_rect(x(at) - bar_width, y(high), bar_width, y(low) - y(high), color)
                        for at, low, high in points)
            continue
        for segment in _segments(points, step):
            over = "L".join(f"{x(at):.1f} {y(high):.1f}" for at, _, high in segment)
            under = "L".join(f"{x(at):.1f} {y(low):.1f}" for at, low, _ in reversed(segment))
            yield f'<path d="M{over}L{under}Z" fill="{color}" fill-opacity="{custom["fillOpacity"] / 100}"/>'
            yield f'<path d="M{over}" fill="none" stroke="{color}" stroke-width="1.3"/>'
    if custom["thresholdsStyle"]["mode"] == "line":
        limit = defaults["thresholds"]["steps"][-1]["value"]
        if limit <= ticks[-1]:
            yield (f'<path d="M{LEFT_MARGIN} {y(limit):.1f}H{width}" stroke="{NAMED_COLORS["red"]}"'
                   ' stroke-dasharray="5 3"/>')
    yield from _time_axis(width, height - footer + BOTTOM_MARGIN, span)
    yield from _legend(series, width, height - footer + BOTTOM_MARGIN + 9)


def _segments(points, step):
    """Splits the points at gaps."""
    segment = []
    for point in points:
        if segment and point[0] - segment[-1][0] > step * 1.5:
            yield segment
            segment = []
        segment.append(point)
    yield segment


def stat(panel, series, width, height, _span):
    """The last value, with its history as a line behind it."""
    defaults, (_, _, points) = panel["fieldConfig"]["defaults"], series[0]
    color = _color(points[-1][1], defaults["thresholds"])
    maximum = max(value for _, value in points) or 1
    first, last = points[0][0], points[-1][0]
    if last > first:
        line = "L".join(f"{(at - first) / (last - first) * width:.1f} {height - 1 - value / maximum * height * 0.3:.1f}"
                        for at, value in points)
        yield f'<path d="M0 {height}L{line}L{width} {height}Z" fill="{color}" fill-opacity="0.2"/>'
        yield f'<path d="M{line}" fill="none" stroke="{color}"/>'
    yield _text(width / 2, height * 0.56, human(points[-1][1], defaults["unit"]), 26, color, "middle")


def bargauge(panel, series, width, height, _span):
    """One bar per series."""
    defaults = panel["fieldConfig"]["defaults"]
    maximum = defaults.get("max") or max(points[-1][1] for *_, points in series) or 1
    row_height = min(40, height / len(series))
    for number, (name, _, points) in enumerate(series):
        value, top = points[-1][1], number * row_height
        color = _color(value, defaults["thresholds"])
        yield _text(0, top + row_height * 0.38, name, min(11, row_height * 0.45))
        yield _text(width, top + row_height * 0.38, human(value, defaults["unit"]), min(12, row_height * 0.5), color,
                    "end")
        yield _rect(0, top + row_height * 0.52, width, row_height * 0.3, GRID_COLOR)
        yield _rect(0, top + row_height * 0.52, max(0, min(1, value / maximum)) * width, row_height * 0.3, color)


def heatmap(panel, series, width, height, span):
    """Buckets over time. The brighter a cell, the higher its count."""
    edges = sorted({float(labels["le"]) for _, labels, _ in series})
    counts = {float(labels["le"]): dict(points) for _, labels, points in series}
    cells = {}
    for number, edge in enumerate(edges):
        for at, value in counts[edge].items():
            cells[number, at] = max(0, value - (counts[edges[number - 1]].get(at, 0) if number else 0))
    maximum, row_height = max(cells.values()) or 1, (height - BOTTOM_MARGIN - 6) / len(edges)
    bar_width = span[2] / (span[1] - span[0]) * (width - LEFT_MARGIN)
    for (number, at), value in cells.items():
        if value > maximum / 1_000:
            x = LEFT_MARGIN + (at - span[0]) / (span[1] - span[0]) * (width - LEFT_MARGIN) - bar_width
            yield _rect(max(LEFT_MARGIN, x), (len(edges) - 1 - number) * row_height, bar_width + 0.2, row_height - 1,
                        _heat(value / maximum))
    for number in range(0, len(edges), 2):
        text = "above" if math.isinf(edges[number]) else human(edges[number], panel["options"]["yAxis"]["unit"])
        yield _text(LEFT_MARGIN - 5, max(9, (len(edges) - 1 - number) * row_height + 6), text, anchor="end")
    yield from _time_axis(width, height, span)


def _heat(share):
    # Use few shades, because each one takes an entry of the PNG palette.
    position = round(math.sqrt(share) * 24) / 24 * (len(HEATMAP_COLORS) - 1)
    low = min(int(position), len(HEATMAP_COLORS) - 2)
    return "#" + "".join(f"{round(a + (b - a) * (position - low)):02x}"
                         for a, b in zip(HEATMAP_COLORS[low], HEATMAP_COLORS[low + 1]))


def state_timeline(panel, series, width, height, span):
    """One band per series, in the colours of its states."""
    thresholds = panel["fieldConfig"]["defaults"]["thresholds"]
    left, row_height = 90, (height - BOTTOM_MARGIN) / len(series)
    scale = (width - left) / (span[1] - span[0])
    for number, (name, _, points) in enumerate(series):
        yield _text(left - 6, number * row_height + row_height * 0.62, name, anchor="end")
        run_start, state = points[0]
        for at, value in [*points[1:], (points[-1][0] + span[2], None)]:
            if value != state:
                x, end = left + (run_start - span[0]) * scale, min(width, left + (at - span[0]) * scale)
                yield _rect(x, number * row_height + 1, end - x, row_height - 3, _color(state, thresholds))
                run_start, state = at, value
    yield from _time_axis(width, height, span, left)


RENDERERS = {"timeseries": timeseries, "stat": stat, "bargauge": bargauge, "heatmap": heatmap,
         "state-timeline": state_timeline}


def draw(panel, series, width, height, span):
    """The SVG of a panel. `span` is (start, end, step)."""
    if series:
        parts = "".join(RENDERERS[panel["type"]](panel, series, width, height, span))
    else:
        text = panel["fieldConfig"]["defaults"].get("noValue", "no data")
        parts = _text(width / 2, height / 2, text, 14, TEXT_COLOR, "middle")
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{parts}</svg>'
