"""The programs under test, started on loopback and ended by their own process ids."""

import http.client
import json
import select
import signal
import subprocess
import time

KEY = "faults-tool-key"
START_LIMIT_SECONDS = 30
STOP_LIMIT_SECONDS = 10
LOG_SIZE = 100000  # calls that a model server remembers, its limit


class Program:
    def __init__(self, command, **files):
        self.process = subprocess.Popen([str(word) for word in command], **files)
        self.port = 0

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_LIMIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def port_in(line):
    """The port of the loopback address that `line` names."""
    digits = line.split("127.0.0.1:", 1)[1]
    return int(digits[:len(digits) - len(digits.lstrip("0123456789"))])


class Simulator(Program):
    def __init__(self, binaries, port=0):
        command = [binaries / "headgate-sim", "--port", port, "--exit-with-parent", "--log-size", LOG_SIZE]
        super().__init__(command, stdout=subprocess.PIPE)
        readable, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_SECONDS)
        line = self.process.stdout.readline().decode() if readable else ""
        if "listening on " not in line:
            self.stop(signal.SIGKILL)
            raise RuntimeError(f"headgate-sim did not start: {line!r}")
        self.port = port_in(line)

    def stop(self, how=signal.SIGTERM):
        super().stop(how)
        self.process.stdout.close()

    def admin(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def requests(self):
        """What reached it, oldest first."""
        return self.admin("GET", "/sim/log")["requests"]


class Gateway(Program):
    def __init__(self, binaries, folder, config):
        file = folder / "headgate.yaml"
        file.write_text(config)
        log = folder / "gateway.log"
        with log.open("wb") as errors, (folder / "requests.log").open("wb") as out:
            super().__init__([binaries / "headgate", "serve", "--config", file], stdout=out, stderr=errors,
                             stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_LIMIT_SECONDS
        while not self.port and time.monotonic() < end and self.process.poll() is None:
            lines = [line for line in log.read_text().splitlines() if '"listening"' in line]
            self.port = port_in(lines[0]) if lines else 0
            time.sleep(0.02)
        if not self.port:
            self.stop(signal.SIGKILL)
            raise RuntimeError("the gateway did not start: " + log.read_text()[-2000:])
