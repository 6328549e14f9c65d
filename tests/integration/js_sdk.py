"""Runs the tests of a folder with npm packages, one file at a time, in a Node of its own."""
import os
import re
import shutil
import subprocess

from node_packages import installed

RUN_LIMIT_SECONDS = 120


def test_files(sources):
    return sorted(file.name for file in sources.glob("*.test.mjs"))


def prepare(sources):
    """A folder with the test files beside the installed packages."""
    folder = installed(sources)
    for file in sources.glob("*.mjs"):
        shutil.copy(file, folder)
    return folder


def run(folder, file, settings):
    """Fails unless every test of `file` passes. Of this process's environment Node sees only the path: a user's
    OPENAI_* or proxy must not decide."""
    # The reporter of the TAP protocol is the one whose summary is the same in every Node since 18.
    ended = subprocess.run(
        ["node", "--test", "--test-reporter=tap", file], cwd=folder, env={"PATH": os.environ["PATH"], **settings}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_LIMIT_SECONDS)
    summary = dict(re.findall(r"^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$", ended.stdout, re.M))
    assert ended.returncode == 0, ended.stdout
    assert int(summary["pass"]) > 0 and summary["pass"] == summary["tests"], ended.stdout
    assert summary["fail"] == summary["cancelled"] == summary["skipped"] == summary["todo"] == "0", ended.stdout
