"""Reads a palette that was exported to a folder, with the libraries of other makers, and prints as JSON what they find."""

import json
import pathlib
import sys
import xml.etree.ElementTree

import swatch
import tinycss2
from PIL.GimpPaletteFile import GimpPaletteFile

folder = pathlib.Path(sys.argv[1])


def properties(rules):
    """Custom properties by name, of rules that are not within others."""
    found = {}
    for rule in rules:
        assert rule.type == "qualified-rule", rule
        for declaration in tinycss2.parse_declaration_list(rule.content, skip_whitespace=True, skip_comments=True):
            assert declaration.type == "declaration", declaration
            assert declaration.name not in found, declaration.name
            found[declaration.name] = tinycss2.serialize(declaration.value).strip()
    return found


def css(name):
    """Properties that hold everywhere, and those for readers who prefer dark pages."""
    rules = tinycss2.parse_stylesheet((folder / name).read_text(), skip_whitespace=True, skip_comments=True)
    media = [rule for rule in rules if rule.type == "at-rule" and rule.lower_at_keyword == "media"]
    assert [tinycss2.serialize(rule.prelude).strip() for rule in media] == ["(prefers-color-scheme: dark)"]
    inner = tinycss2.parse_rule_list(media[0].content, skip_whitespace=True, skip_comments=True)
    return {"light": properties(rule for rule in rules if rule.type == "qualified-rule"), "dark": properties(inner)}


def ase():
    [group] = swatch.parse(str(folder / "palette.ase"))
    assert all(color["type"] == "Process" and color["data"]["mode"] == "RGB" for color in group["swatches"])
    levels = lambda color: [round(value * 255, 3) for value in color["data"]["values"]]
    return {"title": group["name"], "colors": [[color["name"], levels(color)] for color in group["swatches"]]}


def gpl():
    with open(folder / "palette.gpl", "rb") as file:
        palette, mode = GimpPaletteFile(file).getpalette()
    assert mode == "RGB", mode
    return [list(palette[start : start + 3]) for start in range(0, len(palette), 3)]


def svg():
    root = xml.etree.ElementTree.parse(folder / "palette.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == space + "svg" and root.get("viewBox") == "0 0 1000 100", root.attrib
    rects = root.findall(space + "rect")
    return [[rect.get("fill"), float(rect.get("x")), float(rect.get("width")), rect.find(space + "title").text] for rect in rects]


json.dump({"css": css("palette.css"), "ase": ase(), "gpl": gpl(), "svg": svg()}, sys.stdout)
