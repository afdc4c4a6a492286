"""A bare Debian in a folder: what docker would do to an image and to a container, done with debootstrap and unshare.

How this machine reaches its Debian mirror and its Python packages is asked of apt and pip when it runs.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.dockerfile import ROOT, Stage

NEEDED = ("debootstrap", "unshare", "nsenter", "setpriv", "chroot", "apt-get")
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout")
CERTIFICATE = "/etc/as-outside.pem"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A container: its root read-only but for /data, its own processes, a network of its own that has loopback only.
CONTAINER = """set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1/data"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
"$3" -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))'
"""
# A room to build in: it may be written, and the network is this machine's.
WORKSHOP = """set -e
mount -t proc proc "$1/proc"
"""


def why_not():
    """Why no tree can be made here, or nothing."""
    if os.geteuid() != 0:
        return "needs root, for debootstrap and chroot"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return f"needs {', '.join(missing)}" if missing else ""


def debootstrap(tree, suite):
    """Make a bare Debian: no more in it than in Debian's own slim image."""
    log = tree.with_name(f"{tree.name}.log")
    with log.open("w") as said:
        command = ["debootstrap", "--variant=minbase", suite, tree, mirror(suite)]
        done = subprocess.run(command, stdout=said, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, log.read_text()[-2000:]
    shutil.copy("/etc/resolv.conf", tree / "etc")
    (tree / "etc/apt/apt.conf.d/99as-outside").write_text(_apt_ways())


def mirror(suite):
    """The mirror of a Debian release that apt uses here."""
    found = _said("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages")
    uris = [line.split()[0] for line in found.splitlines() if line.split()[1:] == [suite]]
    assert uris, f"apt knows no mirror of {suite} here"
    return uris[0]


def _apt_ways():
    lines = _said("apt-config", "dump", "Acquire").splitlines()
    return "".join(f"{line}\n" for line in lines if "::proxy" in line.lower() and not line.endswith('"";'))


def pip_ways(tree):
    """How pip reaches its packages here, as environment; a certificate is laid into the tree."""
    ways = {}
    for line in _said(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        setting = name.rpartition(".")[2]
        if setting in PIP_SETTINGS and "file:" not in value:
            ways["PIP_" + setting.upper().replace("-", "_")] = value.strip("'")
    if "PIP_CERT" in ways:  # under a name of its own: a package may write where it stands here
        shutil.copyfile(ways["PIP_CERT"], tree / CERTIFICATE.removeprefix("/"))
        ways["PIP_CERT"] = CERTIFICATE
    return ways


def _said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def enter(script, tree, data, who, environment, command):
    """The words that run a command in a tree, as somebody who can never become more."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    return [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
        *(["--net"] if script == CONTAINER else []),
        *("bash", "-c", script + 'shift 3; exec "$@"', "bash", tree, data, sys.executable),
        *("setpriv", "--no-new-privs", "chroot", f"--userspec={who}", "--groups=", tree, "env", "-i", *variables),
        *command,
    ]


# --- building --------------------------------------------------------------------------------------------------------


def work(tree, command, environment=None, who="0:0", patience=900):
    """Run a command in a tree that may be written; returns what it said."""
    full = {"PATH": PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", **pip_ways(tree), **(environment or {})}
    words = enter(WORKSHOP, tree, "", who, full, command)
    done = subprocess.run(words, capture_output=True, text=True, timeout=patience, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def build(stage: Stage, tree, earlier):
    """Do the instructions of a stage to a bare tree. `earlier`: the trees of the stages before, by name."""
    environment: dict[str, str] = {}
    for step in stage.steps:
        if step.word == "RUN":
            work(tree, ["/bin/sh", "-c", step.text], environment)
        elif step.word == "ENV":
            environment |= step.pairs()
        elif step.word == "COPY":
            *sources, target = step.words()
            for source in sources:
                _copy(source, step.options.get("from"), tree / target.removeprefix("/"), target, earlier)
        elif step.word == "WORKDIR":
            (tree / step.text.removeprefix("/")).mkdir(parents=True, exist_ok=True)


def _copy(source, stage, inside, target, earlier):
    """COPY: a folder's content, or a file into a folder; of the project, only what git would have."""
    if stage:
        shutil.copytree(earlier[stage] / source.removeprefix("/"), inside, symlinks=True)
        return
    for path in project_files(source):
        rest = path.relative_to(source) if (ROOT / source).is_dir() else Path(path.name)
        place = inside / rest if (ROOT / source).is_dir() or target.endswith("/") else inside
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place)


def lay_project(folder):
    """Lay the project's files into a folder, as a clone would."""
    for path in project_files():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place)


def project_files(*under):
    """The project's own files, as git knows them (those not committed yet included)."""
    command = ("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", *under)
    return sorted(Path(name) for name in set(_said(*command).split("\0")) if name and (ROOT / name).is_file())


# --- running ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Image:
    """A built tree, with what its last stage says of running it."""

    tree: Path
    stage: Stage

    def _enter(self, data, command):
        who = self.stage.last("USER").text
        inside = ["env", f"--chdir={self.stage.last('WORKDIR').text}", *command]
        return enter(CONTAINER, self.tree, data, who, self.stage.environment(), inside)

    def run(self, data, *words, program=None):
        """Run it once, as `docker run --rm --read-only --volume DATA:/data IMAGE WORDS` does."""
        command = [*(program or self.stage.last("ENTRYPOINT").words()), *words]
        return subprocess.run(self._enter(data, command), capture_output=True, text=True, timeout=120, check=False)

    @contextlib.contextmanager
    def started(self, data):
        """Run what it runs by itself, as `docker run --detach` does, until the end of the block."""
        command = self._enter(data, [*self.stage.last("ENTRYPOINT").words(), *self.stage.last("CMD").words()])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield Container(self, process)
            finally:
                process.kill()


@dataclass(frozen=True, slots=True)
class Container:
    """A running image."""

    image: Image
    process: subprocess.Popen[str]

    def first(self):
        """Its first process, as it is known outside."""
        mine = self.process.pid
        return int(Path(f"/proc/{mine}/task/{mine}/children").read_text(encoding="ascii").split()[0])

    def execute(self, *command):
        """Run a command beside it, as `docker exec` does."""
        uid, gid = self.image.stage.last("USER").text.split(":")
        variables = [f"{name}={value}" for name, value in self.image.stage.environment().items()]
        words = [
            *("nsenter", f"--target={self.first()}", "--mount", "--net", "--pid", "--root"),
            *(f"--setuid={uid}", f"--setgid={gid}", "env", "-i", "--chdir=/data", *variables, *command),
        ]
        return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
