"""A broker, servers that stay attached to it, and single measurements."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from programs import ROOT, Missing, run


@dataclass(frozen=True)
class Setting:
    """How a program serves, and how many of it."""

    queue: str = "transient"
    prefetch: int = 100
    servers: int = 1
    tls: bool = False


@dataclass
class Server:
    uri: str
    queue: str
    prefetch: int
    ca_file: str


def cpu_ns(pid):
    """The CPU time of each thread of a process, in ns. What has ended is not there."""
    times = {}
    for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            times[schedstat.parent.name] = int(schedstat.read_text().split()[0])
        except OSError:
            pass
    return times


def with_descendants(pid):
    """A process and all that it started."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def memory_kib(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def busy_seconds():
    """What all processes of the machine have taken of all cores."""
    user, nice, system, _idle, _wait, hard, soft, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + hard + soft + steal) / os.sysconf("SC_CLK_TCK")


class Cpu:
    """The CPU time of some processes from here on."""

    def __init__(self, pids):
        self.before = {pid: cpu_ns(pid) for pid in pids}

    def microseconds(self):
        total = 0
        for pid, before in self.before.items():
            total += sum(time - before.get(task, 0) for task, time in cpu_ns(pid).items())
        return total / 1000


class Bench:
    """A private broker and all servers; leaves no process behind."""

    def __init__(self, load):
        self.load = load
        self.directory = tempfile.TemporaryDirectory(prefix="fibrpc-bench.")
        self.path = Path(self.directory.name)
        self.running = {}  # (program, setting) -> (queue, processes)
        self.broker = None
        self.tls = ""
        self.no_tls = ""

    def __enter__(self):
        command = [ROOT / "packaging/dev/broker.sh", "--dir", self.path / "broker", "--until-eof"]
        try:
            command += ["--tls", self.certificates()]
        except Missing as missing:
            self.no_tls = str(missing)
        self.broker = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
        )
        said = self.broker.stdout.readline()  # ends when the broker does, which gives up by itself
        if not said.startswith("ready "):
            self.__exit__()
            raise SystemExit("bench: the broker does not start")
        ports = dict(part.split("=", 1) for part in said.split()[1:])
        self.uri = f"amqp://127.0.0.1:{ports['port']}"
        self.tls = f"amqps://localhost:{ports['tls']}" if "tls" in ports else ""
        self.broker_pids = with_descendants(int((self.path / "broker/node.pid").read_text()))
        return self

    def __exit__(self, *_):
        processes = [process for _, started in self.running.values() for process in started]
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.broker:
            self.broker.stdin.close()
            try:
                self.broker.wait(60)
            except subprocess.TimeoutExpired:
                self.broker.kill()
        self.directory.cleanup()

    def certificates(self):
        """An authority for an hour, and a certificate for localhost."""
        tls = self.path / "tls"
        tls.mkdir()
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        run(*new, "-keyout", tls / "ca.key", "-out", tls / "ca.pem", "-subj", "/CN=fibrpc bench")
        extensions = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
        signed = ["-CA", tls / "ca.pem", "-CAkey", tls / "ca.key", "-subj", "/CN=localhost"]
        run(*new, *signed, *extensions, "-keyout", tls / "key.pem", "-out", tls / "cert.pem")
        return tls

    def broker_version(self):
        version = run(self.path / "broker/ctl", "version").splitlines()[-1]
        return f"RabbitMQ {version}"

    def start(self, program, setting):
        """Starts what a measurement needs, unless it is there."""
        if (program.name, setting) in self.running:
            return
        queue = f"bench-{len(self.running)}"
        self.load_run(queue, "--declare", setting.queue)
        uri = self.tls if setting.tls else self.uri
        server = Server(uri, queue, setting.prefetch, str(self.path / "tls/ca.pem") if setting.tls else "")
        log = self.path / f"{queue}.log"
        processes = []
        self.running[program.name, setting] = (queue, processes)
        with log.open("wb") as output:
            for _ in range(setting.servers):
                processes.append(program.start(server, output))
        try:
            self.load_run(queue, "--consumers", setting.servers, "--timeout", 20)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"bench: {program.name} does not serve: {error.stderr}\n{log.read_text()[-2000:]}") from None

    def load_run(self, queue, *arguments):
        command = [self.load, "--uri", self.uri, "--queue", queue, *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)

    def pids(self, program, setting):
        return [process.pid for process in self.running[program.name, setting][1]]

    def measure(self, program, setting, in_flight, seconds, warm_up):
        """One measurement: what the load says, and CPU time per call, in microseconds."""
        queue, processes = self.running[program.name, setting]
        command = [self.load, "--uri", self.uri, "--queue", queue, "--in-flight", in_flight]
        command += ["--seconds", seconds, "--warm-up", warm_up]
        load = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said = load.stderr.readline()  # the load ends in time, whatever happens
            server, broker, busy = Cpu(self.pids(program, setting)), Cpu(self.broker_pids), busy_seconds()
            began = time.monotonic()
            said += load.stderr.readline()
            server, broker, busy = server.microseconds(), broker.microseconds(), busy_seconds() - busy
            took = time.monotonic() - began
            output, rest = load.communicate(timeout=60)
        finally:
            load.kill()
            load.wait()
        if load.returncode or said != "measuring\nmeasured\n":
            log = (self.path / f"{queue}.log").read_text()[-2000:]
            raise SystemExit(f"bench: {program.name} with {in_flight} in flight: {said}{rest}\n{log}")
        result = json.loads(output)
        calls = result["calls"]
        ours = server / 1e6 + broker / 1e6 + result["load_cpu_us"] * calls / 1e6
        return {
            "calls_per_second": result["calls_per_second"],
            "p50": result["p50_us"],
            "p99": result["p99_us"],
            "server": server / calls,
            "broker": broker / calls,
            "load": result["load_cpu_us"],
            "other_work": max(0.0, busy - ours) / (took * os.cpu_count()),
        }

    def memory(self, program, setting, field):
        """Of all processes together, in MiB."""
        return sum(memory_kib(pid, field) for pid in self.pids(program, setting)) / 1024
