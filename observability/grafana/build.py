#!/usr/bin/env python3
"""Generates dashboards/*.json from boards/*.py. With --check, only checks that they are up to date."""

import json
import sys
from pathlib import Path

from boards import business, oncall, operational, security

HERE = Path(__file__).parent


def main():
    stale = []
    for board in (oncall, operational, security, business):
        name = board.__name__.rpartition(".")[2]
        path = HERE / "dashboards" / f"{name}.json"
        text = json.dumps(board.DASHBOARD, indent=2, ensure_ascii=False) + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"out of date: {', '.join(stale)}; run build.py")
    print(f"written: {', '.join(stale)}" if stale else "dashboards/ is up to date")


if __name__ == "__main__":
    main()
