"""Builds the site: the guide (README, docs/, findings/) and the reference of include/gradus, as one.

    build.py --doxygen PROGRAM --out FOLDER [--python-path FOLDER...]

Needs markdown-it-py and Pygments. Ends with an error for a warning of Doxygen or a link that leads nowhere.
"""

import argparse
import html
import json
import re
import shutil
import sys
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# The guide in the order it is read. A page that is in no group ends the build.
GROUPS = [
    ("Start", ["README.md", "docs/changelog.md"]),
    ("Tutorial", ["docs/tutorial.md"]),
    ("Own policies and loops", ["docs/custom-policy.md", "docs/own-loop.md", "docs/semantics.md"]),
    ("Data", ["docs/data.md"]),
    ("Tasks", ["docs/tasks.md", "docs/examples/*.md"]),
    ("Axes", ["docs/axes/*.md"]),
    ("Several processes", ["docs/distributed.md", "docs/scaling.md"]),
    ("Durable runs", ["docs/durability.md"]),
    ("Export and packages", ["docs/export.md", "docs/packages.md", "docs/stability.md"]),
    ("Performance", ["docs/performance.md", "docs/convolutions.md"]),
    ("Why", ["docs/why/*.md"]),
    ("Findings", ["findings/README.md"]),
    ("Results", ["docs/results/*.md"]),
]
# Links to a folder lead to the page that lists what is in it.
FOLDERS = {"docs/axes": "custom-policy.html#the-axes", "findings": "findings.html", "docs/results": "performance.html"}
ROOMS = ["", "core", "train", "policy", "data", "model", "checkpoint", "observe", "settings", "compose",
         "distributed", "export", "device", "files", "kernel", "testing"]
KIND_ORDER = ["concept", "class", "struct", "union", "enum", "typedef", "function", "variable"]
KIND_NAMES = {"typedef": "alias", "variable": "constant"}


def page_name(path):
    if path == "README.md":
        return "index.html"
    name = re.sub(r"^docs/|\.md$|/README", "", path.replace("/README.md", ""))
    return name.replace("/", "-").removesuffix(".md") + ".html"


def short_title(path, text):
    title = re.search(r"^# +(.*)$", text, re.M)[1].replace("`", "")
    if path == "README.md":
        return "Overview"
    if path.startswith("docs/axes/"):
        return "axes of your own" if path.endswith("extension.md") else title.split(":")[0]
    return title


def guide_pages():
    """[(group, [(path, text, title)])] for every markdown page; none may be left out."""
    groups, taken = [], set()
    for group, patterns in GROUPS:
        pages = []
        for pattern in patterns:
            for file in sorted(ROOT.glob(pattern), reverse=group == "Results"):
                path = file.relative_to(ROOT).as_posix()
                text = file.read_text()
                pages.append((path, text, short_title(path, text)))
                taken.add(path)
        groups.append((group, pages))
    left = {p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md")} - taken
    if left:
        raise SystemExit(f"{', '.join(sorted(left))}: in no group of {__file__}; add it to GROUPS.")
    return groups


def room_of(header):
    return header.removeprefix("gradus/").rpartition("/")[0]


def room_title(room):
    return room or "umbrella headers"


def room_page(room):
    return f"room-{room.replace('/', '-') or 'umbrellas'}.html"


def first_comment(header):
    """A header opens with a comment that says what is in it."""
    lines = []
    for line in (ROOT / "include" / header).read_text().splitlines():
        if not line.startswith("///"):
            break
        lines.append(line[3:].strip())
    return " ".join(lines)


def markup(text):
    """Plain text of a docstring as HTML."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text, quote=False))


def room_content(room, headers, items):
    """A room's page: its headers, each with what it offers."""
    parts = [f"<h1>{html.escape(room_title(room))}</h1>"]
    for header in headers:
        offered = [item for item in items if item.header == header and not item.member
                   and (item.brief or not re.search("::|<", item.name))]
        anchor = header.rpartition("/")[2]
        parts.append(f'<section class="header-of-room"><h2 id="{anchor}"><a href="{headers[header]}">{anchor}</a></h2>'
                     f"<p>{markup(first_comment(header))}</p>")
        if offered:
            rows = [f'<tr><td class="kind">{KIND_NAMES.get(item.kind, item.kind)}</td>'
                    f'<td><a href="{item.href}"><code>{html.escape(item.name)}</code></a></td>'
                    f"<td>{markup(item.brief)}</td></tr>"
                    for item in unique_items(offered)]
            parts.append(f'<div class="wide"><table class="items">{"".join(rows)}</table></div>')
        parts.append("</section>")
    return "\n".join(parts)


def names_content(items):
    """Everything public, by its first letter."""
    def last(item):
        return item.name.partition("<")[0].rpartition("::")[2].lower()

    letters = {}
    for item in unique_items([item for item in items if not item.member]):
        letters.setdefault(last(item)[0].upper(), []).append(item)
    parts = []
    for letter in sorted(letters):
        listed = sorted(letters[letter], key=lambda item: (last(item), item.name))
        links = "".join(f'<li><a href="{item.href}"><code>{html.escape(item.name)}</code></a></li>' for item in listed)
        parts.append(f'<h2 id="{letter}">{letter}</h2><ul class="names">{links}</ul>')
    return "".join(parts)


def unique_items(items):
    """Overloads once, the one that has a docstring first; in the order of KIND_ORDER."""
    ordered = sorted(items, key=lambda item: (KIND_ORDER.index(item.kind), item.name, not item.brief))
    return [item for i, item in enumerate(ordered) if i == 0 or item.name != ordered[i - 1].name]


def contents(sections):
    """The list of a page's sections, for wide windows."""
    listed = [(title, anchor) for level, title, anchor, _ in sections if level in (2, 3)]
    if len(listed) < 3:
        return ""
    links = "".join(f'<a href="#{anchor}">{html.escape(title)}</a>' for title, anchor in listed)
    return f'<aside class="contents-of-page"><b>On this page</b>{links}</aside>'


def mend_reference(site, shown):
    """Doxygen's pages: what a thing is comes first, the way to it leads through rooms and headers, and what only
    repeats is left out. `shown` is the header of each page."""
    for file in site.glob("dir_*.html"):
        file.unlink()
    for file in site.glob("*.html"):
        text = file.read_text()
        # The summary's links lead to sections that not every page has.
        text = re.sub(r'<div class="summary">.*?</div>', "", text, flags=re.S)
        text = re.sub(r' onclick="javascript:toggleInherit\([^"]*\)"|<img src="(?:closed|open)\.png"[^>]*>(?:&#160;)?', "", text)
        text = re.sub(r"<hr/>The documentation for this .*?</ul>", "", text, flags=re.S)
        details = re.search(r'<a name="details" id="details"></a><h2 class="groupheader">Detailed Description</h2>\n'
                            r'(<div class="textblock">.*?)(?=<h2 class="groupheader">|</div><!-- contents -->)', text, re.S)
        if details:
            text = text.replace(details[0], "")
            text = re.sub(r'(<div class="contents">\s*)(?:<p>.*?</p>)?', lambda m: m[1] + '<a id="details"></a>' + details[1],
                          text, count=1, flags=re.S)
        text = re.sub(r'<div class="title">(?:gradus::)?(.*?) (Struct|Class|Concept|Union|Namespace)(?: Template)? Reference(?=<)',
                      lambda m: f'<div class="title"><small>{m[2].lower()}</small> {m[1]}', text)
        header = shown.get(file.name)
        if header:
            name = header.rpartition("/")[2]
            text = re.sub(r'<div class="title">[^<]*File Reference', f'<div class="title">{header}', text)
            way = [(room_page(room_of(header)), room_title(room_of(header)))]
            if 'class="title"><small>' in text:
                way.append((header_page(shown, header), name))
            links = "".join(f'<li><a href="{page}">{title}</a></li>' for page, title in way)
            text = re.sub(r'<div id="nav-path" class="navpath">.*?</div>', f'<div class="navpath"><ul>{links}</ul></div>',
                          text, flags=re.S)
        file.write_text(text)


def header_page(shown, header):
    return next(page for page, of in shown.items() if of == header and page.endswith("8hpp.html"))


def dead_links(site):
    """Every link of the site that leads to a page or a place that is not there."""
    pages = {file.name: file.read_text() for file in site.glob("*.html")}
    places = {name: set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) for name, text in pages.items()}
    dead = set()
    for name, text in pages.items():
        for target in re.findall(r'\b(?:href|src)="([^"]+)"', text):
            target = html.unescape(target)
            if re.match(r"[a-z]+:", target):
                continue
            page, _, anchor = target.partition("#")
            page, anchor = page or name, urllib.parse.unquote(anchor)
            if page in pages and (not anchor or anchor in places[page]):
                continue
            if page not in pages and (site / page).is_file():
                continue
            dead.add(f"{name}: {target}")
    return sorted(dead)


def colours(formatter):
    """Pygments's colours of code, a style for light and one for dark windows, without their backgrounds."""
    def rules(style, within):
        found = re.findall(r"^pre (\.\w+) \{ ([^}]*) \}", formatter(style=style).get_style_defs("pre"), re.M)
        return "".join(f"{within} pre {name} {{ {re.sub('background-color: [^;]*;?|border: [^;]*;?', '', rule)} }}\n"
                       for name, rule in found)

    return (rules("friendly", "") + "@media (prefers-color-scheme: dark) {\n"
            + rules("github-dark", ':root:not([data-theme="light"])') + "}\n" + rules("github-dark", ':root[data-theme="dark"]'))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--doxygen", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--python-path", action="append", default=[])
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    sys.path[1:1] = arguments.python_path
    from pygments.formatters import HtmlFormatter

    import guide
    import reference

    out = arguments.out.resolve()
    work, site = out / "work", out / "site"
    for folder in (work, site):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True)

    version = re.search(r'version = "([^"]*)"', (ROOT / "include/gradus/version.hpp").read_text())[1]
    page = (HERE / "page.html").read_text().replace("$version", version)
    before, after = page.split("<!-- content -->\n")
    (work / "header.html").write_text(before.replace("$title", "$projectname: $title"))
    (work / "footer.html").write_text(after)
    (work / "style.css").write_text((HERE / "style.css").read_text() + colours(HtmlFormatter))
    reference.stage(ROOT / "include", work / "include")
    reference.run_doxygen(arguments.doxygen, (HERE / "Doxyfile").read_text(), work / "include", work,
                          work / "header.html", work / "footer.html", work / "style.css")
    (work / "html").rename(site)
    items, headers = reference.read_items(work / "xml", site)
    places = reference.symbols(items)

    # Headers of which nothing public is left are not offered.
    offered = {item.header for item in items} | {header for header in headers if "/" not in header[len("gradus/"):]}
    shown = {header: headers[header] for header in sorted(headers) if header in offered}
    rooms = {}
    for header in shown:
        rooms.setdefault(room_of(header), {})[header] = shown[header]
    order = sorted(rooms, key=lambda room: (ROOMS.index(room.split("/")[0]), room))
    owners = {page: header for header, page in headers.items()}
    owners |= {item.href: item.header for item in items if "#" not in item.href and not item.member}
    mend_reference(site, owners)

    def write(name, title, content):
        head = before.replace("$title", html.escape(title)).replace('<div id="top">', "")
        (site / name).write_text(head + content + "\n" + after)

    search, navigation = [], []
    groups = guide_pages()
    names = {path: page_name(path) for _, pages in groups for path, _, _ in pages}
    writer = guide.Guide(names, FOLDERS, headers, places)
    for group, pages in groups:
        navigation.append({"title": group, "pages": [[title, names[path]] for path, _, title in pages]})
        for path, text, title in pages:
            body, sections = writer.render(path, text)
            write(names[path], f"{title} · gradus" if path != "README.md" else "gradus",
                  f'<article class="page">{body}</article>{contents(sections)}')
            for level, heading, anchor, words in sections:
                search.append([heading, group.lower() if level == 1 else f"{group.lower()} · {title}",
                               f"{names[path]}#{anchor}", words])
    listed = []
    for room in order:
        write(room_page(room), f"{room_title(room)} · gradus", f'<article class="page room">{room_content(room, rooms[room], items)}</article>')
        listed.append([room_title(room), room_page(room)])
    navigation.append({"title": "Reference", "pages": listed + [["all names", "names.html"]]})
    for item in items:
        if item.member and "<" in item.name:  # of a specialization
            continue
        kind = KIND_NAMES.get(item.kind, item.kind)
        kind = "field" if item.member and kind == "constant" else kind
        search.append([item.name, f"member · {kind}" if item.member else f"{kind} · {room_of(item.header)}",
                       item.href, f"{item.brief} {item.detail}".strip()])
    write("names.html", "All names · gradus", f'<article class="page"><h1>All names</h1>{names_content(items)}</article>')
    everything = "".join(f"<h2>{group['title']}</h2><ul>" + "".join(
        f'<li><a href="{name}">{html.escape(title)}</a></li>' for title, name in group["pages"]) + "</ul>"
        for group in navigation)
    write("contents.html", "Contents · gradus", f'<article class="page"><h1>Contents</h1>{everything}</article>')

    owners = {page: room_page(room_of(header)) for page, header in owners.items()}
    (site / "navigation.js").write_text(f"window.gradusNavigation = {json.dumps(navigation, ensure_ascii=False)};\n"
                                        f"window.gradusOwners = {json.dumps(owners)};\n")
    (site / "search-index.js").write_text(f"window.gradusSearch = {json.dumps(search, ensure_ascii=False)};\n")
    shutil.copy(HERE / "site.js", site)
    lists = [file for name in ("annotated", "classes", "concepts", "files", "functions*", "globals*", "hierarchy",
                               "inherits", "namespacemembers*", "namespaces", "*-members") for file in site.glob(name + ".html")]
    for useless in [*lists, *site.glob("*.png"), *site.glob("*.svg"), *site.glob("dynsections.js"), *site.glob("jquery.js"),
                    *site.glob("tab*.css"), *site.glob("doxygen.css")]:
        useless.unlink()

    for name, picture in writer.pictures.items():
        (site / picture).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, site / picture)
    dead = dead_links(site)
    if dead:
        raise SystemExit("Links that lead nowhere:\n  " + "\n  ".join(dead))
    print(f"{len(list(site.glob('*.html')))} pages: {site / 'index.html'}")


if __name__ == "__main__":
    main()
