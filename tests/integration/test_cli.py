"""The command line: help, exit codes, output for people and for programs."""
import json
import os
import pathlib
import subprocess

import pytest

from conftest import BINARIES, ROOT

COMMANDS = [["serve"], ["check-config"], ["keys"], ["keys", "create"], ["keys", "list"], ["keys", "revoke"], ["users"],
            ["users", "add"], ["users", "passwd"], ["users", "list"], ["backup"], ["restore"], ["ocr"], ["classify"], ["extract"], ["version"]]
SECRET = "9f3b1c77d2e84a5690ab"  * 2
SAMPLES = ROOT / "examples/documents"


def run(*arguments, stdin="", environment=None):
    """(exit code, stdout, stderr)"""
    done = subprocess.run([BINARIES / "headgate", *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=120, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command):
    code, out, _ = run(*command, "--help")
    assert code == 0 and "--help" in out and len(out.splitlines()) >= 3


def test_the_help_of_the_program_teaches():
    code, out, _ = run("--help")
    assert code == 0 and "headgate keys create" in out and "Exit codes" in out


@pytest.mark.parametrize("arguments, told", [
    ([], "a command is missing"), (["fly"], "fly"), (["keys"], "create"), (["keys", "fly"], "fly"), (["keys", "create"], "--name"), (["extract"], "file"), (["backup"], "file"), (["restore"], "file"),
    (["serve", "--banana"], "--banana"), (["keys", "create", "--name", "x", "--tier", "gold"], "gold"),
    (["keys", "create", "--name", "x", "--scope", "everything"], "everything"), (["keys", "create", "--name", ""], "--name"),
    (["users", "add", "a b"], "name"), (["users", "add", "ann", "--tier", "gold"], "gold"),
])
def test_wrong_usage_is_exit_code_2_and_says_what(arguments, told, tmp_path):
    folder = ["--data-dir", tmp_path / "data"] if arguments[:1] in (["keys"], ["users"]) else []
    code, out, err = run(*arguments, *folder, stdin="a-good-password-1\n")
    assert code == 2 and told in err, (code, out, err)


def test_version():
    code, out, _ = run("version", "--json")
    assert code == 0 and out == json.dumps(json.loads(out), separators=(",", ":")) + "\n"
    assert run("version") == (0, f"headgate {json.loads(out)['version']}\n", "")


def test_check_config_shows_what_is_in_force_and_names_what_is_wrong(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("server: { listen: '127.0.0.1:1234' }\nauth: { jwt: { secret: '${SECRET}' } }\n")
    code, out, _ = run("check-config", "-c", good, "--json", environment={"SECRET": SECRET})
    assert code == 0 and json.loads(out)["server"]["listen"] == ["127.0.0.1:1234"] and SECRET not in out
    bad = tmp_path / "bad.yaml"
    bad.write_text("server:\n  lisen: '127.0.0.1:1234'\n")
    code, _, err = run("check-config", "-c", bad)
    assert code == 2 and "bad.yaml:2" in err and "server.listen" in err
    code, _, err = run("check-config", "-c", tmp_path / "none.yaml")
    assert code == 2 and "none.yaml" in err


def test_keys_are_made_listed_and_revoked(tmp_path):
    data = ["--data-dir", tmp_path / "data", "--json"]
    code, out, _ = run("keys", "create", "--name", "first", "--scope", "models:read", *data)
    key = json.loads(out)
    assert code == 0 and key["key"].startswith("hg_" + key["id"]) and key["scopes"] == ["models:read"]
    code, out, _ = run("keys", "list", *data)
    assert code == 0 and [entry["name"] for entry in json.loads(out)] == ["first"] and key["key"] not in out
    assert run("keys", "revoke", key["id"], *data) == (0, json.dumps({"id": key["id"], "revoked": True}, separators=(",", ":")) + "\n", "")
    assert json.loads(run("keys", "list", *data)[1])[0]["revoked_at"]
    code, _, err = run("keys", "revoke", "nobody", *data)
    assert code == 1 and "nobody" in err
    assert oct((tmp_path / "data").stat().st_mode & 0o777) == "0o700"
    assert not any(key["key"].encode() in path.read_bytes() for path in (tmp_path / "data").iterdir())


def test_users_are_added_and_change_their_passwords(tmp_path):
    data = ["--data-dir", tmp_path / "data"]
    for weak in ("", "short", "ann", "password", "admin"):
        code, _, err = run("users", "add", "ann", *data, stdin=weak + "\n")
        assert code == 2 and "password" in err, weak
    assert run("users", "add", "ann", *data, stdin="correct-horse-7\n") == (0, "User ann is added.\n", "")
    assert run("users", "add", "ann", *data, stdin="correct-horse-7\n")[0] == 1
    assert run("users", "passwd", "ann", *data, stdin="another-horse-8\n")[0] == 0
    assert run("users", "passwd", "ann", *data, stdin="12345678\n")[0] == 2
    assert run("users", "passwd", "bob", *data, stdin="another-horse-8\n")[0] == 1
    assert [user["name"] for user in json.loads(run("users", "list", *data, "--json")[1])] == ["ann"]


def test_documents_are_read_without_a_server():
    code, out, _ = run("extract", SAMPLES / "w2.png", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["doc_type"] == "W2" and answer["data"]["boxes"]
    code, out, _ = run("classify", SAMPLES / "w2.png", "--json")
    assert code == 0 and json.loads(out)["type"] == "W2"
    code, out, _ = run("ocr", SAMPLES / "w2.png")
    assert code == 0 and "Wage" in out


@pytest.mark.parametrize("name, content, told", [
    ("none.png", None, "none.png"), ("empty.png", b"", ""), ("text.png", b"just some text\n" * 20, ""), ("cut.png", "half", "")])
def test_files_that_cannot_be_read_fail_with_a_reason(tmp_path, name, content, told):
    path = tmp_path / name
    if content == "half":
        content = (SAMPLES / "w2.png").read_bytes()[:5000]
    if content is not None:
        path.write_bytes(content)
    code, out, err = run("classify", path)
    assert code in (1, 2) and told in err and err.startswith("headgate: ") and not out, (code, out, err)
