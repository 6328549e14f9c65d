"""What goes wrong around a gateway: no descriptors, no disk, model servers that die, clients that vanish."""
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import KEY, running_gateway
from processes import start_simulator
from test_operations import RawClient, until

JSON = {"Content-Type": "application/json"}
CHAT = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}).encode()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_running_out_of_descriptors_neither_spins_nor_kills(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        pid = gateway.process.pid
        client = RawClient(gateway.port)
        client.send("GET", "/live")
        client.read_until(b"live")
        used = descriptors(pid)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 8, 4096))
        crowd = [socket.create_connection(("127.0.0.1", gateway.port), timeout=10) for _ in range(60)]
        until(lambda: descriptors(pid) >= used + 8)
        before, begin = cpu_seconds(pid), time.monotonic()
        while time.monotonic() - begin < 1:
            client.received = b""
            client.send("GET", "/live")
            client.read_until(b"live")
            time.sleep(0.05)
        assert cpu_seconds(pid) - before < 0.5 * (time.monotonic() - begin), "accept spins"
        for one in crowd:
            one.close()
        until(lambda: gateway.call("/live", key=None)[0] == 200)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))


class SmallDisk:
    """A folder that can be full: a file system of 4 MiB for root, else a limit on the size of files."""

    def __init__(self, folder):
        self.folder = folder
        self.mounted = os.geteuid() == 0
        folder.mkdir()
        if self.mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)

    def fill(self, pid):
        if not self.mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return
        with open(self.folder / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def empty(self, pid):
        if self.mounted:
            (self.folder / "filler").unlink()
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        if self.mounted:
            subprocess.run(["umount", self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_full_disk_is_told_and_outlived(tmp_path, upstream, small_disk):
    with running_gateway(tmp_path, upstream.url, options=[f"data_dir={small_disk.folder}/data"]) as gateway:
        def create(name):
            return gateway.call("/admin/keys", json.dumps({"name": name, "scopes": ["models:read"]}).encode(), JSON)
        assert create("before")[0] == 201
        small_disk.fill(gateway.process.pid)
        refused = []
        for number in range(200):
            status, _, body = create("n" * 100 + str(number))
            if status != 201:
                refused.append((status, json.loads(body)))
                break
        assert refused and refused[0][0] in (500, 503) and refused[0][1]["error"]["message"], refused
        assert str(small_disk.folder) not in json.dumps(refused[0][1]), "paths are not the caller's business"
        assert gateway.call("/v1/chat/completions", CHAT, JSON)[0] == 200, "what needs no disk goes on"
        small_disk.empty(gateway.process.pid)
        until(lambda: create("after")[0] == 201)
        names = [key["name"] for key in json.loads(gateway.call("/admin/keys?limit=100")[2])["data"]]
        assert "before" in names and "after" in names


def test_clients_that_leave_in_mid_stream_leave_no_memory_behind(tmp_path):
    with start_simulator("--model", "paced=tokens=2000:tps=20") as simulator, \
            running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}", options=[
                "models.slow.targets=[{provider: local, model: paced}]", "queue.max_concurrent=4000"]) as gateway:
        pid = gateway.process.pid

        def leave(count):
            clients = []
            for _ in range(count):
                client = RawClient(gateway.port)
                client.send("POST", "/v1/chat/completions", {
                    "model": "slow", "stream": True, "messages": [{"role": "user", "content": "x" * 2000}]})
                clients.append(client)
            for client in clients:
                client.read_until(b"data: ")
            for client in clients:
                client.close()
        idle, at_rest = descriptors(pid), resident_bytes(pid)
        for _ in range(2):
            leave(1000)
            until(lambda: descriptors(pid) <= idle)
        # What stays is the log's ring and the allocator's own; 1,000 streams had taken 50 MB.
        until(lambda: resident_bytes(pid) - at_rest < 20 << 20)
        until(lambda: simulator.stats()["in_flight"] == 0)


def test_a_model_server_killed_under_load_costs_only_what_was_under_way(tmp_path):
    with start_simulator("--model", "tiny-upstream=latency=5ms") as simulator, \
            running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}") as gateway:
        stop = threading.Event()
        outcomes = []  # (time, status, body)

        def load():
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
            while not stop.is_set():
                connection.request("POST", "/v1/chat/completions", CHAT, {**JSON, "X-API-Key": KEY})
                try:
                    answer = connection.getresponse()
                    outcomes.append((time.monotonic(), answer.status, answer.read()))
                except (http.client.HTTPException, ConnectionError) as error:  # cut in the middle of an answer
                    outcomes.append((time.monotonic(), 0, repr(error).encode()))
                    connection.close()
        threads = [threading.Thread(target=load) for _ in range(16)]
        for thread in threads:
            thread.start()
        away = []
        for _ in range(5):
            seen = len(outcomes)
            until(lambda: len(outcomes) > seen + 100)
            killed = time.monotonic()
            simulator.kill()
            until(lambda: any(status == 502 for when, status, _ in outcomes if when > killed))
            simulator.start()
            until(lambda: any(status == 200 for _, status, _ in outcomes[-16:]))
            away.append((killed, time.monotonic()))
        back = len(outcomes)
        until(lambda: len(outcomes) > back + 200)
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "a request hangs"
        assert all(status == 200 for _, status, _ in outcomes[back + 32:])
        for when, status, body in outcomes:
            if status == 200:
                continue
            assert any(begin <= when <= end + 1 for begin, end in away), "an error while the server was there"
            if status:
                error = json.loads(body)["error"]
                assert (status, error["type"]) in [(502, "upstream_error"), (504, "upstream_error"), (503, "overloaded_error")], body
        assert gateway.process.poll() is None


def test_sigpipe_and_a_closed_log_do_not_kill_it(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        gateway.process.send_signal(signal.SIGPIPE)
        for _ in range(20):
            client = RawClient(gateway.port)
            client.send("GET", "/v1/models")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        assert gateway.call("/live", key=None)[0] == 200
        assert gateway.process.poll() is None
