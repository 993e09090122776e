"""The names in a PromQL query: enough of its grammar to tell metrics, their matchers and grouping labels apart."""

import re

WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless",
         "inf", "nan", "start", "end", "atan2"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(rf"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
WINDOW = re.compile(r"\[[^\]]*\]")
SELECTOR = re.compile(rf"(?<![\w.:])({NAME})\s*(?:\{{([^}}]*)\}})?(?!\s*\()(?![a-zA-Z0-9_:])")
SUFFIX = re.compile(r"_(?:bucket|sum|count)$")


def grouping(query):
    """The labels that results are grouped by."""
    groups = GROUPING.findall(TEXT.sub('""', query))
    return {label.strip() for group in groups for label in group.split(",") if label.strip()}


def selectors(query):
    """(metric, names of its matched labels) of every selector."""
    bare = WINDOW.sub("", GROUPING.sub("", TEXT.sub('""', query)))
    for name, matchers in SELECTOR.findall(bare):
        if name.lower() not in WORDS:
            yield name, set(re.findall(rf"({NAME})\s*[=!]", matchers))


def family(name, known):
    """The metric of the table that a series belongs to; None where there is none. A histogram has no series of its
    bare name, and nothing but a histogram has buckets."""
    base = SUFFIX.sub("", name)
    if known.get(base, {}).get("type") == "histogram":
        return base if base != name else None
    return name if name in known else None
