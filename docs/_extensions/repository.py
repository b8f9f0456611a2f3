"""Pages made of what stands elsewhere in the repository, and links between the two.

The cards of the models, the files at the root and the help of the commands become pages in
`docs/generated`. A link to such a file, which is right where the file is read on its own, becomes a
link to its page.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
GENERATED = DOCS / "generated"

PAGES = {
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "CHANGELOG.md": "changelog",
    **{
        f"musegen/pretrained/{card.name}": f"cards/{card.stem}"
        for card in sorted((ROOT / "musegen" / "pretrained").glob("*.md"))
    },
}
"""The page in `docs/generated` that is made of a file of the repository."""

LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Any) -> dict[str, Any]:
    app.connect("config-inited", generate)
    app.connect("source-read", read)
    return {"parallel_read_safe": True}


def generate(app: Any, config: Any) -> None:
    """Writes the pages that are made of other files."""
    for file, page in PAGES.items():
        path = GENERATED / f"{page}.md"
        write(path, linked((ROOT / file).read_text(encoding="utf-8"), ROOT / file, path))
    write(GENERATED / "commands.md", commands())


def write(path: Path, text: str) -> None:
    """Writes a page, but for one that is the same, which Sphinx need not read again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def read(app: Any, name: str, source: list[str]) -> None:
    """Leads the links of a page of `docs` that leave that folder to the pages of what they name."""
    path = Path(app.env.doc2path(name))
    if path.suffix == ".md" and not path.is_relative_to(GENERATED):
        source[0] = linked(source[0], path, path)


def linked(text: str, original: Path, page: Path) -> str:
    """Returns the text of a file with links that are right from its page."""

    def link(match: re.Match[str]) -> str:
        target, anchor = Path(os.path.normpath(original.parent / match[1])), match[2] or ""
        if not target.is_relative_to(ROOT):
            return match[0]
        made = PAGES.get(target.relative_to(ROOT).as_posix())
        if made is not None:
            target = GENERATED / f"{made}.md"
        elif not target.is_relative_to(DOCS):
            return f"] (`{target.relative_to(ROOT)}`)" if target.exists() else match[0]
        return f"]({os.path.relpath(target, page.parent)}{anchor})"

    return LINK.sub(link, text)


def commands() -> str:
    """Returns the page of the command line, from its own help."""
    from musegen.cli.arguments import make_parser

    os.environ["COLUMNS"] = "96"
    parts = [
        "# The command line",
        "",
        "What `musegen COMMAND --help` prints. `musegen train melody --help` and the other two "
        "kinds also list every setting of the model and of its training, as the reference of "
        "`musegen.AttentionLSTM`, `musegen.VoiceModel` and `musegen.MuseGAN` does.",
    ]
    waiting = [("musegen", make_parser())]
    while waiting:
        name, parser = waiting.pop(0)
        inner = [
            (f"{name} {word}", one)
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
            for word, one in action.choices.items()
            if word != "harmonize"  # the same, spelled otherwise
        ]
        waiting += inner
        if not inner or name == "musegen":
            parts += ["", f"## {name}", "", "```text", parser.format_help().rstrip(), "```"]
    return "\n".join(parts) + "\n"
