"""What stands in the documents: blocks of code, how each is tried, and what it is said to print.

A block of Python runs, and the blocks of a document are one session in a folder of their own. Of
a block of the shell each command is parsed by its own parser. A comment right above a block says
more:

    <!-- run -->             a block of the shell is run, too
    <!-- slow -->            it is run by `pytest -m slow` alone, after those above it
    <!-- names: REASON -->   it can't run here: it is only looked up whether its names are there

A block of `text` right below another is what that one prints; `...` stands for anything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import doctest
import io
import re
import shlex
from pathlib import Path

from musegen.cli import main

ROOT = Path(__file__).parents[1]

HOW = re.compile(r"<!-- (run|slow|names: .+) -->")
INDENTED = re.compile(r"^ {4,}((?:[A-Z_]+=\S+ )*(?:musegen|python|pytest) .*)$", re.MULTILINE)
ASSIGNED = re.compile(r"[A-Z_]+=.*")

COMPARED = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of code in a document: where, what, how it is tried, and what it prints."""

    document: str
    line: int
    language: str
    code: str
    how: str = ""
    output: str | None = None

    @property
    def slow(self) -> bool:
        return self.how == "slow"

    @property
    def runs(self) -> bool:
        if self.language == "python":
            return not self.how.startswith("names")
        return self.language == "sh" and self.how in ("run", "slow")

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a block of the shell, as words, lines that end in a backslash joined."""
        text = self.code.replace("\\\n", " ")
        return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def documents() -> list[Path]:
    """All documents: at the root, and those of the site that are written by hand."""
    pages = [
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if not {"generated", "gallery"} & set(page.relative_to(ROOT / "docs").parts)
    ]
    return [*sorted(ROOT.glob("*.md")), *pages]


def blocks_of(path: Path) -> list[Block]:
    """The fenced blocks of a document, in order; those of Sphinx's directives are left out."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    number, how, last = 0, "", None  # `last` is the block that a block of text is the output of
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if line.startswith("```"):
            begin = number
            while lines[number].strip() != line[: len(line) - len(line.lstrip("`"))]:
                number += 1
            code = "".join(lines[begin:number])
            number += 1
            language = line.lstrip("`")
            if language == "text" and last is not None:
                found[-1] = dataclasses.replace(last, output=code)
            elif not language.startswith("{"):
                found.append(Block(name, begin + 1, language, code, how))
            last = found[-1] if language in ("python", "sh") else None
            how = ""
        elif line:
            comment = HOW.fullmatch(line)
            how, last = comment[1] if comment else "", None
    return found


def indented_commands(text: str) -> list[list[str]]:
    """The commands that stand alone on indented lines, as they do in docstrings and cards."""
    return [shlex.split(line, comments=True) for line in INDENTED.findall(text)]


def run(block: Block, session: dict) -> str:
    """Runs a block in a session, and returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if block.language == "sh":
            for words in block.commands:
                run_command(words)
        elif ">>> " in block.code:
            run_doctest(block, session)
        else:
            code = block.code.replace("epochs=500", "epochs=1")  # what takes minutes
            if "epochs=" not in code:
                code = code.replace('="mine.safetensors")', '="mine.safetensors", epochs=1)')
            # Lines are counted as in the document, so that a traceback shows the place.
            exec(compile("\n" * (block.line - 1) + code, block.document, "exec"), session)
    return printed.getvalue()


def run_doctest(block: Block, session: dict) -> None:
    """Runs a block that looks like a session at the prompt, and compares what it prints."""
    test = doctest.DocTestParser().get_doctest(
        block.code, session, block.document, block.document, block.line - 1
    )
    said: list[str] = []
    doctest.DocTestRunner(optionflags=COMPARED).run(test, out=said.append, clear_globs=False)
    session.update(test.globs)
    assert not said, "".join(said)


def run_command(words: list[str]) -> None:
    """Runs a `musegen` command in this process; training takes one epoch."""
    assert words[0] == "musegen", words
    if words[1] == "train" and "--epochs" not in words:
        words = [*words, "--epochs", "1"]
    assert main(words[1:]) == 0, shlex.join(words)


def same(expected: str, printed: str) -> bool:
    """Whether something was printed as it is said to be; a line of `...` stands for any lines."""
    return doctest.OutputChecker().check_output(expected, printed, COMPARED)
