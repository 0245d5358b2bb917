"""What a markdown page holds besides its prose: headings with the anchors that GitHub gives them, and links."""

import re

FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.S | re.M)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)", re.S)


def slug(heading):
    """The anchor of a heading: its text in small letters, blanks as hyphens, without punctuation."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def unique(anchor, seen):
    """The second heading of the same text gets `-1`, as on GitHub. `seen` counts, by anchor."""
    seen[anchor] = seen.get(anchor, -1) + 1
    return f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor


def anchors(text):
    """The anchors of all headings of a page."""
    seen = {}
    headings = re.findall(r"^#{1,6} +(.*?) *#*$", FENCE.sub("", text), re.M)
    return {unique(slug(heading), seen) for heading in headings}


def links(text):
    """The targets of all links of a page, outside code."""
    return LINK.findall(re.sub(r"(`+).*?\1", "", FENCE.sub("", text), flags=re.S))
