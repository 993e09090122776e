#!/usr/bin/env python3
"""Draws dashboards from a live Prometheus without Grafana: one PNG per dashboard, by a headless browser.

    draw.py --prometheus http://…:9090 --minutes 5 [--out .] [oncall operational security business]

The result is similar to Grafana's, but not the same. Queries, units, thresholds and positions are those of the
dashboard. Requires Debian's chromium or chromium-headless-shell.
"""

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import png
import svg
from live import Prometheus

HERE = Path(__file__).parent
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
COLUMN_WIDTH, ROW_HEIGHT, GAP, TITLE_HEIGHT = 50, 25, 6, 20
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font-family: "DejaVu Sans", sans-serif; }
div { position: absolute; box-sizing: border-box; }
.panel { background: #181b1f; border: 1px solid #25282e; border-radius: 2px; padding: 4px 7px; overflow: hidden; }
.title { position: static; height: 20px; font-size: 10.5px; white-space: nowrap; overflow: hidden; }
.small { font-size: 9px; white-space: normal; line-height: 10.5px; }
.row { font-size: 14px; padding: 5px 2px; }
"""


def series_of(panel, prometheus):
    """All series of a panel as (legend, labels, points)."""
    series = []
    for target in panel["targets"]:
        for labels, points in prometheus.query(target["expr"], target["instant"]):
            name = re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), target["legendFormat"])
            series.append((name, labels, points))
    if panel["type"] == "bargauge":
        return series
    return sorted(series, key=lambda item: item[0]) if len(panel["targets"]) == 1 else series


def page(board, prometheus):
    """The dashboard as HTML, and its height."""
    span, parts, bottom = (prometheus.start, prometheus.end, prometheus.step), [], 0
    for panel in board["panels"]:
        position = panel["gridPos"]
        x, y = position["x"] * COLUMN_WIDTH + GAP, position["y"] * ROW_HEIGHT + GAP
        width, height = position["w"] * COLUMN_WIDTH - GAP, position["h"] * ROW_HEIGHT - GAP
        bottom = max(bottom, y + height + GAP)
        box = f'style="left:{x}px;top:{y}px;width:{width}px;height:{height}px"'
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            parts.append(f'<div class="row" {box}>{title}</div>')
            continue
        drawn = svg.draw(panel, series_of(panel, prometheus), width - 16, height - 10 - TITLE_HEIGHT, span)
        small = " small" if len(panel["title"]) * 6.2 > width - 16 else ""
        parts.append(f'<div class="panel" {box}><div class="title{small}">{title}</div>{drawn}</div>')
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>' + "\n".join(parts), bottom


def screenshot(text, height, target):
    """Renders the page with a browser and saves it as a PNG with few colours."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser found: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        source, image = Path(folder, "board.html"), Path(folder, "board.png")
        source.write_text(text, encoding="utf-8")
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}",
             f"--screenshot={image}", f"--window-size={24 * COLUMN_WIDTH + GAP},{height}", source.as_uri()],
            check=True, capture_output=True, timeout=120)
        target.write_bytes(png.reduce_colors(image.read_bytes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boards", nargs="*", default=["oncall", "operational", "security", "business"])
    parser.add_argument("--prometheus", metavar="URL", default="http://127.0.0.1:9090")
    parser.add_argument("--job", default="huemill", help="the value of $job (a regular expression)")
    parser.add_argument("--minutes", type=float, default=5, help="the time range")
    parser.add_argument("--rate-interval", default="30s", help="the value of $__rate_interval")
    parser.add_argument("--out", type=Path, default=Path("."), help="the output folder")
    options = parser.parse_args()
    for name in options.boards:
        board = json.loads((HERE / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
        prometheus = Prometheus(options.prometheus, options.job, options.minutes, options.rate_interval)
        target = options.out / f"{name}.png"
        screenshot(*page(board, prometheus), target)
        print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
