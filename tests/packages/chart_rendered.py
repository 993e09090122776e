"""The Helm chart, rendered for the tests: by Helm itself, which is a library of Python (chart/requirements.txt)."""

import pathlib

import helm_python
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "packaging/helm/huemill"
SETS = ROOT / "tests/packages/chart"
NAMES = sorted(path.name.removesuffix(".values.yaml") for path in SETS.glob("*.values.yaml"))


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def values(name):
    return yaml.safe_load((SETS / f"{name}.values.yaml").read_text(encoding="utf-8")) or {}


def render(changes, chart=CHART):
    """The files that Helm makes of the chart, by their names in it."""
    with helm_python.Chart.load(chart) as loaded:
        files = loaded.render(changes, name="demo", namespace="pictures")
    return {name.removeprefix("huemill/templates/"): text for name, text in files.items() if text.strip()}


def objects(changes):
    """The objects that Helm makes of the chart, by kind and name."""
    found = {}
    for name, text in render(changes).items():
        if name.endswith(".yaml"):
            for item in filter(None, yaml.safe_load_all(text)):
                found[item["kind"], item["metadata"]["name"]] = item
    return found


def only(found, *kinds):
    """The one object of these kinds."""
    [item] = [item for (kind, _), item in found.items() if kind in kinds]
    return item


def workload(found):
    return only(found, "StatefulSet", "Deployment")


def pod(found):
    return workload(found)["spec"]["template"]["spec"]
