"""A real Postfix on loopback, of its own: configuration, queue and ports are the test's, and go away with it.

Two doors of one Postfix stand for two servers. `near` is the relay that Relance hands its mail to: it takes everything
(but what `refused` says at once) and hands it on to `far`, the servers of the associations, which say to each recipient
what `answers` says, and keep the rest in a maildir. What comes back is for the return path: kept in a maildir too, or
piped into a program.
"""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections import defaultdict
from email import message_from_bytes
from pathlib import Path
from time import monotonic, sleep

DAEMONS = Path("/usr/lib/postfix/sbin")
RETURN_PATH = "rebonds@lepic.example"
ACCOUNT = "nobody"
PATIENCE = 60
OF_POSTFIX = "active bounce corrupt defer deferred flush hold incoming private saved trace"
OF_ALL_WHO_POST = "maildrop public"

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.lepic.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_host_lookup = native
disable_dns_lookups = yes
smtpd_peername_lookup = no
in_flow_delay = 0
local_recipient_maps =
local_transport = virtual:
default_transport = smtp:[127.0.0.1]:{far}
transport_maps = texthash:{folder}/transports
virtual_mailbox_domains =
virtual_mailbox_base = {folder}/mailboxes
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/refused
queue_run_delay = 1s
minimal_backoff_time = {again}s
maximal_backoff_time = {again}s
delay_warning_time = {warning}s
maximal_queue_lifetime = {lifetime}s
bounce_queue_lifetime = 1h
relance_destination_recipient_limit = 1
"""
MASTER = """
{near} inet n - n - - smtpd
{far} inet n - n - - smtpd
  -o myhostname=mx.associations.example
  -o content_filter=virtual:
  -o smtpd_recipient_restrictions=check_recipient_access,texthash:{folder}/answers
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
relance unix - n n - 1 pipe
  flags=q user={account} argv={argv}
"""
PRESEED = "postfix postfix/main_mailer_type select No configuration\n"


def why_not():
    """Why no Postfix can be run here, or nothing. As root it is installed first where it is missing."""
    if os.geteuid() != 0:
        return "a Postfix of its own needs root"
    if (DAEMONS / "master").exists():
        return ""
    if shutil.which("apt-get") is None:
        return "needs Debian's package postfix"
    return _install()


def _install():
    """Install the package, without a configuration: it starts nothing."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = "apt-get update -qq && apt-get install -y -qq --no-install-recommends postfix"
    with Path(tempfile.gettempdir(), "relance-tests-postfix.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest's workers come here together
        if (DAEMONS / "master").exists():
            return ""
        subprocess.run(["debconf-set-selections"], input=PRESEED, text=True, check=False, env=environment)
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=environment)
    return "" if done.returncode == 0 else f"postfix cannot be installed: {done.stderr.strip().splitlines()[-1:]}"


class Postfix:
    """One Postfix. `answers`: what the far servers say to a recipient; `refused`: what the relay says itself."""

    def __init__(self, folder, *, answers=None, refused=None, argv=None, lifetime=3, again=1, warning=1):
        self.folder = Path(folder)
        self.near, self.far = _free_port(), _free_port()
        self._argv = argv
        who = pwd.getpwnam(ACCOUNT)
        given = {"folder": folder, "near": self.near, "far": self.far, "uid": who.pw_uid, "gid": who.pw_gid}
        given |= {
            "account": ACCOUNT,
            "argv": argv or "/bin/true",
            "lifetime": lifetime,
            "again": again,
            "warning": warning,
        }
        self._make_folders(who)
        self._write("main.cf", MAIN.format(**given))
        self._write("master.cf", MASTER.format(**given))
        self._write("transports", f"{RETURN_PATH} {'relance' if argv else 'virtual'}:\n")
        self._write("answers", _table(answers or {}))
        self._write("refused", _table(refused or {}))
        self._read = set()

    def _write(self, name, text):
        (self.folder / name).write_text(text)

    def _make_folders(self, who):
        postfix, queue = pwd.getpwnam("postfix"), self.folder / "queue"
        self.folder.chmod(0o755)
        (queue / "pid").mkdir(parents=True)
        for name in (*OF_POSTFIX.split(), *OF_ALL_WHO_POST.split()):
            (queue / name).mkdir()
            shutil.chown(queue / name, "postfix", "postdrop" if name in OF_ALL_WHO_POST else "root")
        for name, owner in (("data", postfix), ("mailboxes", who)):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)

    def __enter__(self):
        command = [str(DAEMONS / "master"), "-c", str(self.folder), "-d"]
        with (self.folder / "said").open("w") as said:
            self._master = subprocess.Popen(command, stdout=said, stderr=said)
        self.wait_for(self._answers, "it does not answer")
        return self

    def __exit__(self, *_):
        self._master.terminate()
        self._master.wait(PATIENCE)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.near), 1) as line:
                return line.recv(4).startswith(b"220")
        except OSError:
            return False

    def wait_for(self, true, otherwise):
        """Wait until something is true. A Postfix that does not come to it says in its log why."""
        until = monotonic() + PATIENCE
        while not true():
            if monotonic() > until or self._master.poll() is not None:
                raise AssertionError(f"{otherwise}\n{self.log()}")
            sleep(0.02)

    def log(self):
        """The end of what Postfix says of itself."""
        return "".join(
            path.read_text()[-6000:] for path in (self.folder / "said", self.folder / "log") if path.exists()
        )

    def settle(self, accepted):
        """Wait until that many mails, since it began, have arrived or come back for good, and no more is left."""
        self.wait_for(lambda: self._ended() >= accepted, f"{accepted} mails have not all arrived or come back")
        self.wait_for(self.is_empty, "some mail is still on its way")

    def _ended(self):
        return sum(b"\nAction: delayed" not in path.read_bytes() for path in self._arrived())

    def is_empty(self):
        """Whether nothing is on its way."""
        waiting = ("incoming", "active", "deferred", "incoming")
        return not any(path.is_file() for name in waiting for path in (self.folder / "queue" / name).rglob("*"))

    def arrived(self):
        """Each address that got something, with the Message-IDs of what it got."""
        found = defaultdict(list)
        for path in self._arrived():
            mail = message_from_bytes(path.read_bytes())
            found[mail["Delivered-To"]].append(mail["Message-ID"])
        return found

    def came_back(self):
        """What came back since the last time: the bytes of each message, oldest first."""
        new = [path for path in self._arrived() if path not in self._read]
        self._read.update(new)
        return [
            raw for raw in (path.read_bytes() for path in new) if message_from_bytes(raw)["Delivered-To"] == RETURN_PATH
        ]

    def _arrived(self):
        return sorted((self.folder / "mailboxes" / "all" / "new").glob("*"))


def _table(rows):
    return "".join(f"{address} {answer}\n" for address, answer in rows.items())


def _free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]
