"""Helpers that define panels and dashboards, and convert them to Grafana's JSON.

A dashboard is a list of rows, and a row is a list of panels. Panels are placed side by side until a line is full (24
columns); the next panel starts a new line. Queries are PromQL with three macros, so that each query shows only what is
specific to it:

    JOB             job=~"$job"                                required in every selector
    USERS           the routes that users call                 only these count in the objectives
    SERVICE_ERRORS  the error codes that the service causes    only these are bad events

If the denominator of a ratio can be 0, it is filtered (`> 0`): without requests there is no value, instead of 0 %.
"""

import re
from pathlib import Path

RULES = Path(__file__).parent.parent.parent / "prometheus/rules/recording.yml"

MACROS = {
    "JOB": 'job=~"$job"',
    "USERS": 'endpoint!~"/health|/ready|/metrics|unmatched"',
    "SERVICE_ERRORS": 'error_code=~"INTERNAL_ERROR|OVERLOADED|NOT_READY"',
}
COLUMNS = 24
# The rules record the runbook's address; alerts and panels use the same one.
RUNBOOK = re.search(r"record: url:huemill_runbook:info.*?url: (\S+)", RULES.read_text(encoding="utf-8"), re.DOTALL)[1]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED = "green", "yellow", "red"


def expand(query):
    """Replaces the macros of a query."""
    query = re.sub(rf"\b({'|'.join(MACROS)})\b", lambda macro: MACROS[macro[0]], query)
    return " ".join(query.split())


def steps(*pairs, base=GREEN):
    """Thresholds as (value, colour) in ascending order. Below the first value, the colour is `base`."""
    first = [{"color": base, "value": None}]
    return {"mode": "absolute", "steps": first + [{"color": color, "value": value} for value, color in pairs]}


def runbook_link(alert):
    """A link to the section of an alert in the runbook."""
    return f"[{alert}]({RUNBOOK}#{alert.lower()})"


def panel(kind, title, unit, description, queries, *, width, height, fields=None, custom=None, options=None,
          instant=False, form="time_series", alerts=()):
    """The fields that all panel types have. `queries` are (legend, PromQL). `alerts` fire on what the panel shows."""
    description = " ".join(description.split())
    if alerts:
        description += f" Runbook: {', '.join(map(runbook_link, alerts))}."
    targets = [
        {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": expand(query),
            "format": form,
            "instant": instant,
            "legendFormat": legend,
            "range": not instant,
            "refId": chr(ord("A") + number),
        }
        for number, (legend, query) in enumerate(queries)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit, **(fields or {}), "custom": custom or {}}, "overrides": []},
        "gridPos": {"w": width, "h": height},
        "options": options or {},
        "pluginVersion": "11.6.0",
        "targets": targets,
    }


def timeseries(title, unit, description, *queries, width=8, height=8, limit=None, maximum=None, stack=False,
               draw_bars=False, alerts=()):
    """Values over time. `limit` is drawn as a red line. `maximum` is the end of the axis, if known (1 for a share)."""
    custom = {
        "drawStyle": "bars" if draw_bars else "line",
        "fillOpacity": 70 if draw_bars else (25 if stack else 8),
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stack or draw_bars else "none"},
        "thresholdsStyle": {"mode": "off" if limit is None else "line"},
    }
    fields = {"min": 0, "color": {"mode": "palette-classic"}}
    if limit is not None:
        fields["thresholds"] = steps((limit, RED))
    if maximum is not None:
        fields["max"] = maximum
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, unit, description, queries, width=width, height=height, fields=fields,
                 custom=custom, options=options, alerts=alerts)


def bars(title, unit, description, *queries, **options):
    """Values over time as bars, for rare events."""
    return timeseries(title, unit, description, *queries, draw_bars=True, **options)


def stat(title, unit, description, query, *, width=4, height=4, thresholds=None, no_value="no data yet",
         decimals=None, number_only=False, alerts=()):
    """One number and its history as a line. Use `number_only` to leave out the line where its query is expensive. The
    panel shows the text `no_value` if there is no value."""
    fields = {"noValue": no_value, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps()}
    if decimals is not None:
        fields["decimals"] = decimals
    options = {
        "colorMode": "value",
        "graphMode": "none" if number_only else "area",
        "justifyMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    return panel("stat", title, unit, description, [("", query)], width=width, height=height, fields=fields,
                 options=options, instant=number_only, alerts=alerts)


def bar_gauge(title, unit, description, *queries, width=8, height=8, thresholds=None, minimum=0, maximum=None,
              alerts=()):
    """Horizontal bars, one per series, with the values at the end of the time range."""
    fields = {"min": minimum, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps(base="blue")}
    if maximum is not None:
        fields["max"] = maximum
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel("bargauge", title, unit, description, queries, width=width, height=height, fields=fields,
                 options=options, instant=True, alerts=alerts)


def heatmap(title, unit, description, query, *, width=8, height=8):
    """A heatmap of a histogram: x is the time, y the bucket, and the colour shows the count."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "scale": "exponential", "steps": 64,
                  "exponent": 0.5, "reverse": False},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": unit},
    }
    return panel("heatmap", title, unit, description, [("{{le}}", query)], width=width, height=height, options=options,
                 custom={"hideFrom": {"legend": False, "tooltip": False, "viz": False}}, form="heatmap")


def state_timeline(title, description, query, legend, *, width=12, height=8, good="up", bad="down",
                   good_color=GREEN, alerts=()):
    """One band per series, green (or `good_color`) while the value is 1 and red while it is 0."""
    states = {"1": {"text": good, "color": good_color, "index": 0}, "0": {"text": bad, "color": RED, "index": 1}}
    fields = {
        "color": {"mode": "thresholds"},
        "mappings": [{"type": "value", "options": states}],
        "thresholds": steps((1, good_color), base=RED),
    }
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, "bool", description, [(legend, query)], width=width, height=height,
                 fields=fields, custom={"fillOpacity": 75, "lineWidth": 0}, options=options, alerts=alerts)


def layout(rows):
    """All panels with their ids and positions. `rows` are (title, panels)."""
    result, top = [], 0
    for title, panels in rows:
        result.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1}})
        top, left, line_height = top + 1, 0, 0
        for item in panels:
            size = item["gridPos"]
            if left + size["w"] > COLUMNS:
                top, left, line_height = top + line_height, 0, 0
            item["gridPos"] = {"x": left, "y": top, **size}
            left, line_height = left + size["w"], max(line_height, size["h"])
            result.append(item)
        top += line_height
    return [{"id": number, **item} for number, item in enumerate(result, 1)]


VARIABLES = [
    {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1,
     "hide": 0, "includeAll": False, "multi": False, "options": [], "regex": ""},
    {"name": "job", "label": "Job", "type": "query", "datasource": DATASOURCE, "refresh": 2, "sort": 1,
     "definition": "label_values(service_ready, job)",
     "query": {"query": "label_values(service_ready, job)", "refId": "job", "qryType": 1},
     "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "hide": 0, "includeAll": True,
     "allValue": ".+", "multi": True, "options": [], "regex": ""},
]


def annotation(name, color, query, title):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "iconColor": color, "expr": expand(query),
            "step": "15s", "titleFormat": title, "useValueForTime": False}


ANNOTATIONS = [
    annotation("Starts", "blue", "changes(process_start_time_seconds{JOB}[1m]) > 0", "{{instance}} started"),
    annotation("Alerts", "red", 'ALERTS{alertstate="firing", priority=~"P[0-2]"}', "{{alertname}}"),
]


def dashboard(name, description, rows, *, title=None, refresh="30s", since="now-6h"):
    """A dashboard. The name in lower case is also the file name and part of the uid. Without a `title`, it is the title."""
    return {
        "uid": f"huemill-{name.lower()}",
        "title": title or f"Huemill: {name}",
        "description": " ".join(description.split()),
        "tags": ["huemill"],
        "schemaVersion": 41,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": refresh,
        "time": {"from": since, "to": "now"},
        "timezone": "browser",
        "links": [{"title": "Huemill", "type": "dashboards", "tags": ["huemill"], "asDropdown": False,
                   "icon": "external link", "tooltip": "", "url": "",
                   "includeVars": True, "keepTime": True, "targetBlank": False}],
        "templating": {"list": VARIABLES},
        "annotations": {"list": ANNOTATIONS},
        "panels": layout(rows),
    }
