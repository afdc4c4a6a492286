"""What the Dockerfile promises. Whether it works: test_bare_debian.py."""

import re

from tests.deploy.dockerfile import ROOT, stages

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def final():
    return stages()[-1]


def test_it_runs_as_a_user_who_is_not_root():
    uid, gid = final().last("USER").text.split(":")
    assert int(uid) >= 10000  # a number, so that an orchestrator can see that it is not root
    assert int(gid) >= 10000
    words = [step.word for step in final().steps]
    assert not {"RUN", "COPY"} & set(words[words.index("USER") :])


def test_everything_it_runs_on_comes_from_the_lock_file_by_its_hash():
    installs = [step.text for stage in stages() for step in stage.all("RUN") if "pip" in step.text]
    download, install = installs
    assert "--require-hashes" in download
    assert "--only-binary :all:" in download
    assert "--no-index" in install
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", locked, flags=re.MULTILINE)[1:]
    assert len(packages) > 50
    assert [text.split()[0] for text in packages if not HASH.search(text) or "==" not in text] == []


def test_nothing_in_it_comes_from_an_address():
    words = {step.word for stage in stages() for step in stage.steps}
    assert "ADD" not in words
    assert not [step for stage in stages() for step in stage.steps if "://" in step.text and step.word != "HEALTHCHECK"]


def test_its_health_is_that_it_answers_and_not_that_all_is_well():
    health = final().health()
    port = final().last("EXPOSE").text
    assert "/healthz" in health[-1]
    assert port in health[-1]
    assert port in final().last("CMD").words()


def test_everything_it_writes_is_on_the_volume():
    volume = final().last("VOLUME").text
    environment = final().environment()
    for name in ("RELANCE_CONFIG", "HOME", "TMPDIR"):
        assert environment[name].startswith(volume)
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_only_what_it_copies_is_sent_to_the_builder():
    copied = {
        word for stage in stages() for step in stage.all("COPY") if not step.options for word in step.words()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
