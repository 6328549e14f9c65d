"""Starts the project's programs for tests and ends them again, by their own process id."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import subprocess

START_LIMIT_SECONDS = 20
STOP_LIMIT_SECONDS = 10


def binary(name):
    """The built program `name`: in HEADGATE_BIN_DIR, or the dev preset's folder."""
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(os.environ.get("HEADGATE_BIN_DIR", root / "build" / "dev" / "bin"))
    return folder / name


def stop(process):
    """Ends `process` and waits for it; kills it if it does not go."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_LIMIT_SECONDS)


class Simulator:
    """A running headgate-sim. `port` stays the same over kill() and start()."""

    def __init__(self, options):
        self.options = [str(option) for option in options]
        self.port = 0
        self.process = None

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self):
        command = [binary("headgate-sim"), "--port", str(self.port), "--exit-with-parent"]
        self.process = subprocess.Popen(command + self.options, stdout=subprocess.PIPE)
        readable, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_SECONDS)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("listening on "):
            self.kill()
            raise RuntimeError(f"headgate-sim did not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])

    def kill(self):
        """Ends it at once, as a crash would."""
        self.process.kill()
        self.process.wait(STOP_LIMIT_SECONDS)
        self.process.stdout.close()

    def stop(self):
        stop(self.process)
        self.process.stdout.close()

    def admin(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def log(self):
        """`stats`, `models` (requests by name) and `requests`, oldest first."""
        return self.admin("GET", "/sim/log")

    def stats(self):
        return self.admin("GET", "/sim/stats")

    def jobs(self):
        """The jobs of the queue protocol, oldest first."""
        return self.admin("GET", "/sim/jobs")

    def control(self, name, **members):
        """`down`, `up`, `model` or `key`: changes how it answers from now on."""
        answer = self.admin("POST", f"/sim/{name}", json.dumps(members))
        if answer != {}:
            raise RuntimeError(f"headgate-sim refused {name}: {answer}")

    def clear(self):
        """Forgets the log and the counters; `times=N` begins again."""
        return self.admin("DELETE", "/sim/log")


@contextlib.contextmanager
def start_simulator(*options):
    """A Simulator on a free port, gone at the end."""
    simulator = Simulator(options)
    simulator.start()
    try:
        yield simulator
    finally:
        if simulator.process.poll() is None:
            simulator.stop()
