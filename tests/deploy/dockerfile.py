"""The Dockerfile, read: its stages, each with its instructions, so that what is checked is what docker would do."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTION = "--"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word, its options, and what follows."""

    word: str
    options: dict[str, str]
    text: str

    def words(self):
        """What follows, word by word: as JSON, else as a shell would part it."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)

    def pairs(self):
        """NAME=value, as a table."""
        return dict(word.split("=", 1) for word in self.words())


@dataclass(slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str = ""
    steps: list[Step] = field(default_factory=list)

    def all(self, word):
        """Every instruction of that word, in order."""
        return [step for step in self.steps if step.word == word]

    def last(self, word):
        """The instruction of that word that counts."""
        return self.all(word)[-1]

    def environment(self):
        """What ENV has set by the end."""
        return {name: value for step in self.all("ENV") for name, value in step.pairs().items()}

    def health(self):
        """The command of HEALTHCHECK."""
        word, _, command = self.last("HEALTHCHECK").text.partition(" ")
        assert word == "CMD"
        return json.loads(command)


def stages(path=ROOT / "Dockerfile"):
    """Read a Dockerfile."""
    found: list[Stage] = []
    for step in _steps(path.read_text(encoding="utf-8")):
        if step.word == "FROM":
            base, *name = step.words()
            found.append(Stage(base, name[-1] if name else ""))
        else:
            found[-1].steps.append(step)
    return found


def _steps(text):
    """Join what a backslash continues; comments are left out, also between continued lines."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        options = {}
        rest = rest.strip()
        while rest.startswith(OPTION):
            option, _, rest = rest.partition(" ")
            name, _, value = option.removeprefix(OPTION).partition("=")
            options[name], rest = value, rest.strip()
        yield Step(word.upper(), options, rest)
