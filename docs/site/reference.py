"""The reference: runs Doxygen over the headers and reads from its XML what there is and where."""

import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass

KINDS = {"struct", "class", "concept", "union", "enum", "function", "typedef", "variable"}


@dataclass
class Item:
    """A public thing: its name without `gradus::`, where it is documented, and its first sentence."""

    kind: str
    name: str
    href: str
    brief: str
    header: str
    member: bool = False  # of a class
    detail: str = ""  # the rest of its docstring, for the search


def stage(include, to):
    """Copies the headers without the private folders; their first comment becomes the file's."""
    for header in sorted(include.rglob("*.hpp")):
        name = header.relative_to(include)
        if "detail" in name.parts:
            continue
        text = header.read_text()
        # The line of `#pragma once` is given up, so that the others keep their numbers.
        text = re.sub(r"\A((?:///[^\n]*\n)+)#pragma once\n", rf"/// @file {name}\n\1", text)
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def run_doxygen(doxygen, settings, staged, out, header, footer, style):
    """Writes out/html and out/xml. Ends the program with Doxygen's warnings, if there are any."""
    settings += f"""
INPUT = "{staged}"
STRIP_FROM_PATH = "{staged}"
STRIP_FROM_INC_PATH = "{staged}"
OUTPUT_DIRECTORY = "{out}"
HTML_HEADER = "{header}"
HTML_FOOTER = "{footer}"
HTML_STYLESHEET = "{style}"
"""
    run = subprocess.run([doxygen, "-"], input=settings, text=True, capture_output=True)
    messages = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
    if run.returncode or messages:
        raise SystemExit("Doxygen ended with warnings:\n" + "\n".join(messages))


def href(refid, site):
    """The place that Doxygen's HTML has for an id of its XML: a page, or an anchor in one. None without a docstring."""
    page, _, anchor = refid.rpartition("_1")
    if (site / f"{refid}.html").exists():
        return f"{refid}.html"
    return f"{page}.html#{anchor}" if (site / f"{page}.html").exists() else None


def plain(node):
    return re.sub(r"\s+", " ", "".join(node.itertext())).strip() if node is not None else ""


def read_items(xml, site):
    """All public items, and the page of each header by its path."""
    items, headers = [], {}
    for entry in ET.parse(xml / "index.xml").getroot():
        kind, refid = entry.get("kind"), entry.get("refid")
        if kind not in {"struct", "class", "concept", "union", "namespace", "file"}:
            continue
        compound = ET.parse(xml / f"{refid}.xml").getroot().find("compounddef")
        if compound.get("prot", "public") != "public":
            continue
        if kind == "file":
            headers[compound.find("location").get("file")] = refid + ".html"
            continue
        page = href(refid, site) if kind != "namespace" else ""
        if page is None:
            continue
        if page:
            items.append(item_of(compound, kind, entry.findtext("name"), page))
        for member in compound.iter("memberdef"):
            if member.get("prot") != "public":
                continue
            prefix = "" if entry.findtext("name") == "gradus" else entry.findtext("name") + "::"
            # A member without a docstring has no section of its own: its class's page lists it.
            place = page if page and not plain(member.find("briefdescription")) else href(member.get("id"), site)
            if place:
                items.append(item_of(member, member.get("kind"), prefix + member.findtext("name"), place, bool(page)))
    return [item for item in items if item.kind in KINDS], headers


def item_of(node, kind, name, place, member=False):
    values = " ".join(value.text or "" for value in node.findall("enumvalue/name"))
    detail = plain(node.find("detaileddescription"))
    return Item(kind, short(name), place, plain(node.find("briefdescription")),
                node.find("location").get("file"), member, f"{values} {detail}".strip())


def short(name):
    return re.sub(r"^gradus::", "", name)


def symbols(items):
    """Names as prose writes them, and where each is documented; ambiguous ones are left out."""
    places = {}
    for item in items:
        if item.member or "<" in item.name or not (item.brief or item.kind in {"struct", "class", "concept"}):
            continue
        call = "()" if item.kind in {"function", "variable"} else ""
        names = {item.name + call, item.name.rsplit("::", 1)[-1] + call}
        for name in names | {"gradus::" + item.name} | ({item.name} if "::" in item.name else set()):
            places.setdefault(name, []).append(item.href)
    return {name: found[0] for name, found in places.items() if len({f.split("#")[0] for f in found}) == 1}
