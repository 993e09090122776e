"""Formats values as Grafana does, for the units that the dashboards use."""

# Grafana's names. There is also "suffix:…", whose text is appended to the value.
UNITS = {"short", "percentunit", "s", "ms", "bytes", "Bps", "reqps", "cpm", "bool", "bool_yes_no"}
TIMES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def _round(value):
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"


def _scaled(value, base, names):
    for name in names:
        if abs(value) < base or name == names[-1]:
            return f"{_round(value)}{name}"
        value /= base
    return ""


def human(value, unit):
    """A short text for a value with its unit."""
    if unit in ("bool_yes_no", "bool"):
        return "Yes" if value else "No"
    if unit == "percentunit":
        return f"{_round(value * 100)} %"
    if unit.startswith("suffix:"):
        return _round(value) + unit.removeprefix("suffix:")
    if unit in ("s", "ms"):
        seconds = value / 1_000 if unit == "ms" else value
        size, name = next((pair for pair in TIMES if abs(seconds) >= pair[0]), TIMES[-1])
        return f"{_round(seconds / size)} {name}" if seconds else "0 s"
    if unit == "bytes":
        return _scaled(value, 1_024, (" B", " KiB", " MiB", " GiB", " TiB"))
    if unit == "Bps":
        return _scaled(value, 1_000, (" B/s", " kB/s", " MB/s", " GB/s"))
    return _scaled(value, 1_000, ("", " K", " M", " G")) + {"reqps": " req/s", "cpm": " /min"}.get(unit, "")
