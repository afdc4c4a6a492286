"""The guides as text: their code blocks, and the commands of relance that stand in them."""

import re
import shlex

from tests.deploy.dockerfile import ROOT

GUIDES = ("README.md", "LISEZMOI.md", "docs/operating.md", "docs/exploitation.md", "docs/templates.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(r".*(?:^|\s|bin/)(?:relance|trial) ([a-z].*)")
_COMMENT = re.compile(r"(?:^|\s)#\s.*")
_ENDS = {"&&", "|", ">", "<", "||", ";"}


def text_of(guide):
    return (ROOT / guide).read_text(encoding="utf-8")


def section(guide, title):
    """What stands under a heading, its own sub-headings included."""
    level = title.split()[0]
    _, _, rest = text_of(guide).partition(f"\n{title}\n")
    assert rest, title
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text, language="sh"):
    return [code for found, code in _BLOCK.findall(text) if found == language]


def commands(guide):
    """Every command of relance that a guide shows, in blocks and in the text, as its words."""
    text = text_of(guide)
    shell = "\n".join(blocks(text) + blocks(text, ""))
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _BLOCK.sub("", text))]
    for line in [*shell.replace("\\\n", " ").splitlines(), *spans]:
        found = _TYPED.fullmatch(_COMMENT.sub("", line).strip())
        if found:
            words = shlex.split(found[1])
            end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
            yield tuple(words[:end])
