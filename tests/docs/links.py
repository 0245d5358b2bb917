"""Fails on a link in README.md, docs/ or findings/README.md to a file, folder or heading that is not there."""

import posixpath
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "site"))

from outline import anchors, links  # noqa: E402


def dead(page, texts):
    """A line for each dead link of a page."""
    for target in links(texts[page]):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        name = posixpath.normpath(posixpath.join(posixpath.dirname(page), file)) if file else page
        if name.startswith("../") or not (ROOT / name).exists():
            yield f"{page}: {target} leads to no file"
        elif anchor and (name not in texts or anchor not in anchors(texts[name])):
            yield f"{page}: {target} leads to no heading"


def main():
    pages = [*ROOT.glob("README.md"), *sorted(ROOT.glob("docs/**/*.md")), *ROOT.glob("findings/README.md")]
    texts = {page.relative_to(ROOT).as_posix(): page.read_text() for page in pages}
    count = sum(len(links(text)) for text in texts.values())
    found = [line for page in texts for line in dead(page, texts)]
    print("\n".join([*found, f"{len(texts)} pages, {count} links, {len(found)} of them dead"]))
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
