"""The words that dashboards are written in, and what they become in Grafana's JSON.

A dashboard is a list of rows, a row a list of panels. Panels stand side by side until a line is full (24 columns),
then below. Queries are PromQL with three words of ours, so that each says what differs and nothing else:

    JOB    job=~"$job"                                       belongs into every selector
    USERS  the routes that users call                        which alone count in the objectives
    OURS   the error codes that are a fault of the service   which alone are bad events

Where a ratio's denominator may be 0, it is filtered (`> 0`): no requests is no answer, not 0 %.
"""

import re

WORDS = {
    "JOB": 'job=~"$job"',
    "USERS": 'endpoint!~"/health|/ready|/metrics|unmatched"',
    "OURS": 'error_code=~"INTERNAL_ERROR|OVERLOADED|NOT_READY"',
}
COLUMNS = 24
# Replace it as in the rules' runbook_url.
RUNBOOK = "https://huemill.example/observability/RUNBOOK.md"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED = "green", "yellow", "red"


def spelled(query):
    """The query as Prometheus reads it."""
    query = re.sub(r"\b(JOB|USERS|OURS)\b", lambda word: WORDS[word[0]], query)
    return " ".join(query.split())


def steps(*pairs, base=GREEN):
    """Thresholds: `base` below the first value, then (value, colour) upwards."""
    first = [{"color": base, "value": None}]
    return {"mode": "absolute", "steps": first + [{"color": color, "value": value} for value, color in pairs]}


def runbook(alert):
    """A link to an alert's section."""
    return f"[{alert}]({RUNBOOK}#{alert.lower()})"


def panel(kind, title, unit, about, queries, *, width, height, fields=None, custom=None, options=None,
          instant=False, form="time_series", alerts=()):
    """What all kinds share. `queries` are (legend, PromQL), `alerts` those that ring for what the panel shows."""
    about = " ".join(about.split())
    if alerts:
        about += f" Runbook: {', '.join(map(runbook, alerts))}."
    targets = [
        {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": spelled(query),
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
        "description": about,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": {"unit": unit, **(fields or {}), "custom": custom or {}}, "overrides": []},
        "gridPos": {"w": width, "h": height},
        "options": options or {},
        "pluginVersion": "11.6.0",
        "targets": targets,
    }


def lines(title, unit, about, *queries, width=8, height=8, limit=None, most=None, stack=False, bars=False,
          alerts=()):
    """Values over time. `limit` is drawn as a red line; `most` is the axis' end where it is known (1 for a share)."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 70 if bars else (25 if stack else 8),
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stack or bars else "none"},
        "thresholdsStyle": {"mode": "off" if limit is None else "line"},
    }
    fields = {"min": 0, "color": {"mode": "palette-classic"}}
    if limit is not None:
        fields["thresholds"] = steps((limit, RED))
    if most is not None:
        fields["max"] = most
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, unit, about, queries, width=width, height=height, fields=fields,
                 custom=custom, options=options, alerts=alerts)


def events(title, unit, about, *queries, **more):
    """What is rare: bars instead of lines."""
    return lines(title, unit, about, *queries, bars=True, **more)


def stat(title, unit, about, query, *, width=4, height=4, thresholds=None, empty="nothing yet", decimals=None,
         once=False, alerts=()):
    """One number, and the line it comes from; `once`: the number alone, where the line is dear. `empty` is said where
    there is none."""
    fields = {"noValue": empty, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps()}
    if decimals is not None:
        fields["decimals"] = decimals
    options = {
        "colorMode": "value",
        "graphMode": "none" if once else "area",
        "justifyMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    return panel("stat", title, unit, about, [("", query)], width=width, height=height, fields=fields,
                 options=options, instant=once, alerts=alerts)


def ranking(title, unit, about, *queries, width=8, height=8, thresholds=None, least=0, most=None, alerts=()):
    """Horizontal bars, one a series: values of the end of the range."""
    fields = {"min": least, "color": {"mode": "thresholds"}, "thresholds": thresholds or steps(base="blue")}
    if most is not None:
        fields["max"] = most
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel("bargauge", title, unit, about, queries, width=width, height=height, fields=fields,
                 options=options, instant=True, alerts=alerts)


def spread(title, unit, about, query, *, width=8, height=8):
    """A heatmap of a histogram: time to the right, buckets upwards, how many in the colour."""
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
    return panel("heatmap", title, unit, about, [("{{le}}", query)], width=width, height=height, options=options,
                 custom={"hideFrom": {"legend": False, "tooltip": False, "viz": False}}, form="heatmap")


def states(title, about, query, legend, *, width=12, height=8, good="up", bad="down", alerts=()):
    """A band a series: green while it is 1, red while it is 0."""
    words = {"1": {"text": good, "color": GREEN, "index": 0}, "0": {"text": bad, "color": RED, "index": 1}}
    fields = {
        "color": {"mode": "thresholds"},
        "mappings": [{"type": "value", "options": words}],
        "thresholds": steps((1, GREEN), base=RED),
    }
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, "bool", about, [(legend, query)], width=width, height=height,
                 fields=fields, custom={"fillOpacity": 75, "lineWidth": 0}, options=options, alerts=alerts)


def placed(rows):
    """All panels with ids and places: rows are (title, panels)."""
    found, top = [], 0
    for title, panels in rows:
        found.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                      "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1}})
        top, left, tallest = top + 1, 0, 0
        for one in panels:
            place = one["gridPos"]
            if left + place["w"] > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            one["gridPos"] = {"x": left, "y": top, **place}
            left, tallest = left + place["w"], max(tallest, place["h"])
            found.append(one)
        top += tallest
    return [{"id": number, **one} for number, one in enumerate(found, 1)]


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
    return {"name": name, "datasource": DATASOURCE, "enable": True, "iconColor": color, "expr": spelled(query),
            "step": "15s", "titleFormat": title, "useValueForTime": False}


ANNOTATIONS = [
    annotation("Starts", "blue", "changes(process_start_time_seconds{JOB}[1m]) > 0", "{{instance}} started"),
    annotation("Alerts", "red", 'ALERTS{alertstate="firing", priority=~"P[0-2]"}', "{{alertname}}"),
]


def dashboard(name, about, rows, *, refresh="30s", since="now-6h"):
    """A dashboard of this name; its file's name and uid are the name in lower case."""
    return {
        "uid": f"huemill-{name.lower()}",
        "title": f"Huemill: {name}",
        "description": " ".join(about.split()),
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
        "panels": placed(rows),
    }
