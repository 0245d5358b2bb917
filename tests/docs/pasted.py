"""Does what a newcomer does with a page: pastes its blocks into an empty folder, runs its commands, and compares what
they print with the page. Compiler, caches and LibTorch are those of the environment.

    python3 pasted.py PAGE --work FOLDER [--gradus CLONE]

A block to paste has a comment before it: `<!-- paste: FILE -->` (several for one file: one below the other),
`<!-- paste: commands -->` or `<!-- paste: output -->`. In commands /path/to/gradus is the clone, and so is the folder
gradus beside them. What is printed last must be the output, but that numbers with a point may differ by 0.1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"((?:^<!-- [a-z]+: [^\n]+ -->\n)*)^```([a-z]*)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"\d+\.\d+")


def blocks(text: str) -> list:
    """The blocks of a page, or of a part of it: what its comment `paste` says or None, its language, its text."""
    found = []
    for comments, language, block in BLOCK.findall(text):
        paste = re.search(r"<!-- paste: (.+) -->", comments)
        found.append((paste and paste.group(1), language, block))
    return found


def section(text: str, heading: str) -> str:
    """The part of a page under `## heading`."""
    return re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)


def clone(gradus: Path, folder: Path) -> Path:
    """The folder, made as a clone: links to all that gradus has, but the builds are its own."""
    folder.mkdir(parents=True)
    for entry in gradus.iterdir():
        if entry.name not in (".git", "build", "runs"):
            (folder / entry.name).symlink_to(entry)
    return folder


def shell(commands: str, folder: Path, **environment) -> str:
    """What the commands print, standard error too; the test ends where one fails."""
    done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", commands], cwd=folder, text=True,
                          env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{commands}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def differs(printed: list, told: list) -> bool:
    if len(printed) != len(told):
        return True
    for is_line, of_page in zip(printed, told):
        pairs = zip(NUMBER.findall(is_line), NUMBER.findall(of_page))
        if NUMBER.sub("#", is_line) != NUMBER.sub("#", of_page) or any(abs(float(a) - float(b)) > 0.1 for a, b in pairs):
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="is emptied")
    parser.add_argument("--gradus", type=Path, default=SOURCE)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    gradus = clone(arguments.gradus.resolve(), work / "gradus")
    (work / "home").mkdir()

    commands, told, files = "", [], set()
    for paste, _, text in blocks(arguments.page.read_text()):
        if paste == "commands":
            commands += text
        elif paste == "output":
            told += text.splitlines()
        elif paste:
            file = work / paste
            file.parent.mkdir(exist_ok=True)
            with file.open("a") as to:
                to.write(("\n" if file in files else "") + text)
            files.add(file)
    if not files or not commands or not told:
        sys.exit(f"{arguments.page} lacks files, commands or output to paste")
    output = shell(commands.replace("/path/to/gradus", str(gradus)), work, HOME=str(work / "home"))
    printed = output.splitlines()[-len(told):]
    if differs(printed, told):
        sys.exit(f"{output}\n{arguments.page} says that the last lines are\n" + "\n".join(told))
    print(output)


if __name__ == "__main__":
    main()
