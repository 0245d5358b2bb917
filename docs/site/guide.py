"""The pages of the guide: markdown, with links that lead into the site and C++ in colours."""

import html
import posixpath
import re

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from outline import slug, unique

FORMATTER = HtmlFormatter(nowrap=True)


def coloured(code, language, _):
    try:
        return highlight(code, get_lexer_by_name(language), FORMATTER)
    except ClassNotFound:
        return html.escape(code)


class Guide:
    """Renders pages. `pages` is the site's file of each markdown file, `folders` that of a folder,
    `headers` and `symbols` lead into the reference."""

    def __init__(self, pages, folders, headers, symbols):
        self.pages, self.folders, self.headers, self.symbols = pages, folders, headers, symbols
        self.pictures = {}  # of the pages: the site's file of each file of the repository
        self.markdown = MarkdownIt("commonmark", {"highlight": coloured, "html": True}).enable("table")

    def render(self, path, text):
        """The page's HTML, and its sections: (level, title, anchor, plain text)."""
        text = re.sub(r"^<!--.*?-->\n?", "", text, flags=re.S | re.M)
        tokens = self.markdown.parse(text)
        sections, seen = [], {}
        for i, token in enumerate(tokens):
            if token.type == "heading_open":
                inline = tokens[i + 1]
                anchor = unique(slug(inline.content), seen)
                token.attrSet("id", anchor)
                title = "".join(t.content for t in inline.children if t.type in ("text", "code_inline"))
                sections.append([int(token.tag[1]), title, anchor, []])
            elif token.type == "inline":
                if sections and tokens[i - 1].type != "heading_open":
                    words = (t.content if t.content else " " for t in token.children if t.type != "html_inline")
                    sections[-1][3].append("".join(words))
                self.link(path, token, tokens[i - 1].type == "heading_open")
        body = self.markdown.renderer.render(tokens, self.markdown.options, {})
        body = re.sub(r"<table>.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.S)
        return body, [(level, title, anchor, " ".join(words)) for level, title, anchor, words in sections]

    def link(self, path, inline, heading):
        """Turns links to files into links within the site, pictures into the site's, and names in code into links."""
        inside, dropped = False, False
        for token in inline.children:
            if token.type == "link_open":
                inside = True
                place = self.place(path, token.attrs["href"])
                dropped = place is None
                if dropped:  # a file that the site does not have: its place in the repository is shown
                    name = posixpath.normpath(posixpath.join(posixpath.dirname(path), token.attrs["href"]))
                    token.tag, token.attrs = "span", {"class": "file", "title": f"{name} in the repository"}
                else:
                    token.attrs["href"] = place
            elif token.type == "link_close":
                token.tag = "span" if dropped else "a"
                inside = dropped = False
            elif token.type == "image":
                name = posixpath.normpath(posixpath.join(posixpath.dirname(path), token.attrs["src"]))
                token.attrs["src"] = self.pictures[name] = "pictures/" + posixpath.basename(name)
            elif token.type == "code_inline" and not inside and not heading:
                found = self.named(token.content)
                if found:
                    token.type = "html_inline"
                    token.content = f'<a class="code" href="{found}"><code>{html.escape(token.content)}</code></a>'

    def place(self, path, target):
        if re.match(r"[a-z]+:", target):
            return target
        file, _, anchor = target.partition("#")
        if not file:
            return target
        name = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        found = self.pages.get(name) or self.folders.get(name) or self.headers.get(re.sub("^include/", "", name))
        return found and (f"{found}#{anchor}" if anchor else found)

    def named(self, code):
        """Where the thing is documented that a piece of code names, if it names one."""
        if re.fullmatch(r"[\w/]+\.hpp", code):
            return self.headers.get(code) or self.headers.get("gradus/" + code)
        match = re.fullmatch(r"([A-Za-z_][\w:]*)(<.*>)?(\(.*\))?", code)
        if not match:
            return None
        name = match[1] + ("()" if match[3] is not None else "")
        return self.symbols.get(name) or (match[3] is not None and self.symbols.get(match[1])) or None
