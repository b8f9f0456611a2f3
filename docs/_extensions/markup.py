"""Docstrings as reStructuredText: what is a table of Markdown or a diagram in them becomes its own.

A section of Google's style, such as `Args:`, is left to napoleon.
"""

from __future__ import annotations

import re

SECTION = re.compile(r"^(Args|Returns|Raises|Warns|Attributes|Yields|Examples?):$")
RULE = re.compile(r"^\|[-:| ]+\|$")


def rewritten(lines: list[str]) -> list[str]:
    """Returns the lines of a docstring with its tables and diagrams as reStructuredText."""
    found: list[str] = []
    section = False
    position = 0
    while position < len(lines):
        line = lines[position]
        if line and not line.startswith(" "):
            section = bool(SECTION.match(line))
        following = lines[position + 1] if position + 1 < len(lines) else ""
        if line.startswith("|") and RULE.match(following.strip()):
            end = position
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            found += table([lines[position], *lines[position + 2 : end]])
            position = end
            continue
        if line.startswith("    ") and not section and (not found or not found[-1].strip()):
            found += ["::", ""]
            while position < len(lines) and (not lines[position] or lines[position][0] == " "):
                found.append(lines[position])
                position += 1
            continue
        found.append(line)
        position += 1
    return found


def table(rows: list[str]) -> list[str]:
    """Returns rows of a Markdown table as a list-table, of which the first row is the head."""
    found = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for number, cell in enumerate(row.strip().strip("|").split(" | ")):
            found.append(f"   {'* -' if number == 0 else '  -'} {cell.strip()}")
    return [*found, ""]
