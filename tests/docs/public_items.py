"""Fails on a public item without a docstring.

Rule: every class, struct, union, enum, concept, alias and free function at namespace scope in a header that
gradus.hpp, images.hpp, distributed.hpp, onnx.hpp or testing.hpp reaches, outside `detail` and `gradus::kernel`, has a `///`
comment above it, or is an overload of a function that has one.

Not items: forward declarations, specializations, members defined outside their class, operators, variables.

    public_items.py [FOLDER]    include folder; ours if none is named
"""

import re
import sys
from pathlib import Path

UMBRELLAS = ["gradus.hpp", "images.hpp", "distributed.hpp", "onnx.hpp", "testing.hpp"]
PRIVATE = {"detail", "kernel", "std", "torch", "nn", "c10", "at"}
HIDDEN = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\""
                    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S | re.M)


def reached(include):
    """The headers that the umbrellas include, directly or not."""
    found, left = set(), [f"gradus/{name}" for name in UMBRELLAS if (include / "gradus" / name).exists()]
    while left:
        header = left.pop()
        if header in found or "/detail/" in header:
            continue
        found.add(header)
        left += re.findall(r"^#include <(gradus/[^>]+)>", (include / header).read_text(), re.M)
    return sorted(found)


def blank(text):
    """Comments, strings and preprocessor lines as spaces, so that places stay."""
    return HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def closing(text, at):
    """The place of the bracket that closes the one at `at`."""
    pairs = {"{": "}", "(": ")", "[": "]"}
    depth, opened = 0, text[at]
    for i in range(at, len(text)):
        depth += (text[i] == opened) - (text[i] == pairs[opened])
        if depth == 0:
            return i
    raise ValueError(f"an unclosed {opened}")


def declarations(text):
    """(namespaces, place, declaration without its body, whether it has one) for each at namespace scope."""
    scopes, begin, i, body = [], 0, 0, False
    while i < len(text):
        letter = text[i]
        if letter in "([":
            i = closing(text, i)
        elif letter == "}":
            scopes.pop()
            begin, body = i + 1, False
        elif letter == ";":
            yield from one(scopes, text, begin, i, body)
            begin, body = i + 1, False
        elif letter == "{":
            head = text[begin:i].strip()
            namespace = re.match(r"(?:inline )?namespace\s*([\w:]*)$", head)
            if namespace:
                scopes.append(namespace[1])
                begin = i + 1
            else:
                i = closing(text, i)
                of_function = re.search(r"\)[\w\s:<>,&*]*$", head) and not re.search(r"\brequires\s*(\([^()]*\))?$", head)
                if of_function and not re.search(r"\b(concept|using)\b|[^=!<>]=[^=]", strip_parentheses(bare(head))):
                    yield from one(scopes, text, begin, i + 1, True)
                    begin, body = i + 1, False
                else:
                    body = True
        i += 1


def one(scopes, text, begin, end, body):
    declaration = text[begin:end]
    if declaration.strip():
        yield (list(scopes), begin + len(declaration) - len(declaration.lstrip()), declaration.strip(), body)


def strip_parentheses(text):
    previous = None
    while text != previous:
        previous, text = text, re.sub(r"\([^()]*\)", "", text)
    return text


def bare(declaration):
    """Without template parameters, constraints and attributes before the thing itself."""
    rest = declaration
    while True:
        rest = re.sub(r"^\s*\[\[.*?\]\]\s*", "", rest).lstrip()
        if rest.startswith("template"):
            rest = rest[after_angles(rest, rest.index("<")):].lstrip()
        elif re.match(r"requires\b", rest):
            rest = rest[len("requires"):].lstrip()
            while True:
                rest = rest.lstrip("! \n")
                if rest.startswith("("):
                    rest = rest[closing(rest, 0) + 1:].lstrip()
                else:
                    name = re.match(r"[\w:]+", rest)[0]
                    rest = rest[len(name):].lstrip()
                    if rest.startswith("<"):
                        rest = rest[after_angles(rest, 0):].lstrip()
                    rest = re.sub(r"^::\w+", "", rest).lstrip()
                if not rest.startswith(("&&", "||")):
                    break
                rest = rest[2:]
        else:
            return rest


def after_angles(text, at):
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            return after_angles_from(text, closing(text, i) + 1, depth)
        depth += (text[i] == "<") - (text[i] == ">" and text[i - 1] != "-")
        if depth == 0:
            return i + 1
    return len(text)


def after_angles_from(text, at, depth):
    i = at
    while i < len(text) and depth:
        if text[i] in "([{":
            i = closing(text, i)
        depth += (text[i] == "<") - (text[i] == ">" and text[i - 1] != "-")
        i += 1
    return i


def item(declaration, body):
    """(kind, name) of what is declared, or nothing where it is no item."""
    rest = bare(declaration)
    match = re.match(r"(class|struct|union|enum class|enum struct|enum)\s+(?:alignas\s*\([^)]*\)\s*)?(\w+)\s*([<:\w{]*)", rest)
    if match and not re.match(r"\w+\s*\w+\s*[\w:<>]*\s*[&*]*\s*\w+\s*\(", rest):
        return (match[1].split()[0], match[2]) if body and not match[3].startswith("<") else None
    match = re.match(r"concept\s+(\w+)", rest)
    if match:
        return "concept", match[1]
    match = re.match(r"using\s+(\w+)\s*=", rest)
    if match:
        return "alias", match[1]
    match = re.match(r"(.*?)\b(\w+)\s*\(", rest, re.S)
    if not match or re.search(r"\boperator\b|\bstatic_assert\b|\bdecltype$|[^=!<>]=", match[0] + " "):
        return None
    words = re.sub(r"\b(explicit|constexpr|inline|extern|static)\b", "", match[1]).strip()
    return None if not words or words.endswith("::") else ("function", match[2])


def items(header, text):
    """(header, line, kind, name with namespaces, whether it has a docstring) for each item of a header."""
    lines = text.splitlines()
    for scopes, place, declaration, body in declarations(blank(text)):
        if PRIVATE & {part for scope in scopes for part in scope.split("::")}:
            continue
        this = item(declaration, body)
        if this:
            line = text.count("\n", 0, place)
            above = lines[line - 1].strip() if line else ""
            yield header, line + 1, this[0], "::".join([*scopes, this[1]]), above.startswith("///") or "///<" in lines[line]


def main():
    include = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "include"
    headers = reached(include)
    found = [one for header in headers for one in items(header, (include / header).read_text())]
    told = {name for _, _, kind, name, documented in found if documented and kind == "function"}
    missing = [one for one in found if not one[4] and one[3] not in told]
    for header, line, kind, name, _ in missing:
        print(f"{header}:{line}: {kind} {name} has no docstring: write /// above it, what it is for, units, what it throws")
    print(f"{len(headers)} headers, {len(found)} public items, {len(missing)} without a docstring")
    return 1 if missing or not found else 0


if __name__ == "__main__":
    sys.exit(main())
