"""backup while the gateway serves and others write; restore while it does not."""
import json
import os
import sqlite3
import threading

from conftest import running_gateway
from test_cli import run


def data_of(gateway):
    return ["--data-dir", gateway.folder / "data", "--json"]


def make_key(name, data):
    code, out, err = run("keys", "create", "--name", name, "--scope", "models:read", *data)
    assert code == 0, err
    return json.loads(out)["key"]


def names_in(file):
    with sqlite3.connect(f"file:{file}?immutable=1", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name for (name,) in database.execute("SELECT name FROM api_keys")}


def test_a_backup_under_load_is_whole_and_as_of_one_moment(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        data = data_of(gateway)
        begun, done, stop, failures = set(), set(), threading.Event(), []

        def write(worker):
            try:
                for i in range(1000):
                    if stop.is_set():
                        return
                    begun.add(f"key-{worker}-{i}")
                    make_key(f"key-{worker}-{i}", data)
                    done.add(f"key-{worker}-{i}")
            except BaseException as error:
                failures.append(error)
                raise

        writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
        for writer in writers:
            writer.start()
        try:
            for n in range(5):
                file = tmp_path / f"copy-{n}.db"
                before = set(done)
                code, out, err = run("backup", file, *data)
                after = set(begun)
                assert code == 0, err
                assert before <= names_in(file) <= after
                answer = json.loads(out)
                assert answer == {"file": str(file), "jobs": 0, "bytes": file.stat().st_size}
                assert file.stat().st_mode & 0o777 == 0o600
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert not failures
        assert sorted(os.listdir(tmp_path / "data")).count("headgate.db") == 1
        assert not [name for name in os.listdir(tmp_path) if "partial" in name]
        assert gateway.call("/v1/models")[0] == 200


def test_a_backup_never_overwrites(tmp_path):
    data = ["--data-dir", tmp_path / "data"]
    run("keys", "create", "--name", "x", *data)
    file = tmp_path / "precious"
    file.write_text("precious")
    code, out, err = run("backup", file, *data)
    assert code == 1 and "exists already" in err and not out and file.read_text() == "precious"
    code, _, err = run("backup", tmp_path / "new", "--data-dir", tmp_path / "none")
    assert code == 1 and "no database" in err and not (tmp_path / "new").exists() and not (tmp_path / "none").exists()


def test_a_restored_gateway_knows_what_the_backup_knew(tmp_path, upstream):
    copy = tmp_path / "copy.db"
    with running_gateway(tmp_path, upstream.url) as gateway:
        data = data_of(gateway)
        early = make_key("early", data)
        assert run("backup", copy, *data)[0] == 0
        late = make_key("late", data)
        code, out, err = run("restore", copy, *data)
        assert code == 1 and "Another gateway is using" in err and not out
    code, out, err = run("restore", copy, *data)
    assert code == 0, err
    answer = json.loads(out)
    assert answer["file"] == str(copy) and answer["jobs"] == 0
    assert names_in(copy) == {"early"}
    replaced = answer["replaced"]
    assert replaced.startswith(str(tmp_path / "data" / "headgate.db.before-restore-2")) and names_in(replaced) == {"early", "late"}
    with running_gateway(tmp_path, upstream.url) as gateway:
        assert gateway.call("/v1/models", key=early)[0] == 200
        assert gateway.call("/v1/models", key=late)[0] == 401


def test_a_bad_backup_is_not_restored(tmp_path):
    data = ["--data-dir", tmp_path / "data"]
    run("keys", "create", "--name", "kept", *data)
    copy = tmp_path / "copy.db"
    assert run("backup", copy, *data)[0] == 0
    content = bytearray(copy.read_bytes())
    before = (tmp_path / "data" / "headgate.db").read_bytes()
    content[4096:8192] = bytes(4096)
    for bad, told in ((bytes(content), "damaged"), (b"text " * 2000, "not a database"), (b"", "not a database of Headgate")):
        copy.write_bytes(bad)
        code, out, err = run("restore", copy, *data)
        assert code == 1 and told in err and str(copy) in err and not out, err
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.executescript("CREATE TABLE api_keys (id); PRAGMA user_version=999")
    newer.close()
    code, _, err = run("restore", tmp_path / "newer.db", *data)
    assert code == 1 and "schema version 999" in err
    assert run("restore", tmp_path / "none.db", *data)[0] == 1
    assert (tmp_path / "data" / "headgate.db").read_bytes() == before
    assert [name for name in os.listdir(tmp_path / "data") if "restor" in name] == []
