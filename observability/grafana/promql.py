"""The names in a PromQL query: parses just enough to find metrics, label matchers and grouping labels."""

import re

KEYWORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless",
            "inf", "nan", "start", "end", "atan2"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(rf"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
WINDOW = re.compile(r"\[[^\]]*\]")
SELECTOR = re.compile(rf"(?<![\w.:])({NAME})\s*(?:\{{([^}}]*)\}})?(?!\s*\()(?![a-zA-Z0-9_:])")
SUFFIX = re.compile(r"_(?:bucket|sum|count)$")


def grouping(query):
    """The labels that the results are grouped by."""
    groups = GROUPING.findall(STRING.sub('""', query))
    return {label.strip() for group in groups for label in group.split(",") if label.strip()}


def selectors(query):
    """Every selector as (metric, names of the matched labels)."""
    bare = WINDOW.sub("", GROUPING.sub("", STRING.sub('""', query)))
    for name, matchers in SELECTOR.findall(bare):
        if name.lower() not in KEYWORDS:
            yield name, set(re.findall(rf"({NAME})\s*[=!]", matchers))


def family(name, known):
    """The metric in the table that a series belongs to, or None. A histogram has no series with its plain name, and
    only histograms have buckets."""
    base = SUFFIX.sub("", name)
    if known.get(base, {}).get("type") == "histogram":
        return base if base != name else None
    return name if name in known else None
