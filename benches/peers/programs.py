"""The programs that are measured: how each is built, started, and what it is made with."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "tests/peers"
BUILT = (Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "bench").resolve()


class Missing(Exception):
    """What a program needs and this machine has not got."""


@dataclass
class Program:
    """A program that can be started."""

    name: str
    made_with: str
    command: list  # URI and queue follow, unless it is ours
    ours: bool = False

    def start(self, server, log):
        """Starts one that serves as `server` says (uri, queue, prefetch, ca_file)."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FIBRPCD")}
        if self.ours:
            command = self.command + ["--config", "/dev/null", "--set", f"amqp.queue={server.queue}"]
            # The queue is there: the load has declared it, alike for all.
            settings = {"amqp.queue_type": "passive", "amqp.prefetch": server.prefetch, "http.listen": "127.0.0.1:0"}
            if server.ca_file:
                settings["amqp.ca_file"] = server.ca_file
            for key, value in settings.items():
                command += ["--set", f"{key}={value}"]
            environment["FIBRPCD_AMQP__URIS"] = server.uri
        else:
            command = self.command + [server.uri, server.queue]
            environment |= {"PREFETCH": str(server.prefetch), "CA_FILE": server.ca_file}
        command = ["setpriv", "--pdeathsig", "TERM", *command]  # so that none outlives us, even if we are killed
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def run(*command, **options):
    """Runs a step of a build. What is not there, or fails, makes its program missing."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1800, **options
        )
    except FileNotFoundError:
        raise Missing(f"there is no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} does not end") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise Missing(f"{Path(str(command[0])).name} failed: {last[0]}")
    return done.stdout.strip()


def in_c(name, source):
    run(os.environ.get("CC", "cc"), "-O2", "-Wall", "-o", BUILT / name, source, "-lrabbitmq")
    return str(BUILT / name)


def load():
    return in_c("load", ROOT / "benches/load/load.c")


def fibrpcd():
    """Ours, as users build it; FIBRPCD names one that is built."""
    program = os.environ.get("FIBRPCD")
    if not program:
        run("cargo", "build", "--release", "--locked", "--bin", "fibrpcd", cwd=ROOT)
        program = BUILT.parent / "release/fibrpcd"
    return Program("fibrpcd", locked(ROOT / "Cargo.lock", "lapin"), [str(program)], ours=True)


def c():
    return Program("C", "librabbitmq " + run("pkg-config", "--modversion", "librabbitmq"), [in_c("fair-c", PEERS / "c/fair/server.c")])


def go():
    """With Debian's package of the library, which is found without modules."""
    library = Path("/usr/share/gocode/src/github.com/rabbitmq/amqp091-go")
    if not library.is_dir():
        raise Missing("golang-github-rabbitmq-amqp091-go-dev is not installed")
    version = re.search(r'Version\s*=\s*"([0-9.]+)"', (library / "connection.go").read_text())
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(BUILT / "go-cache")}
    run("go", "build", "-o", BUILT / "fair-go", PEERS / "go/fair/server.go", env=environment)
    return Program("Go", f"amqp091-go {version[1] if version else ''}".strip(), [str(BUILT / "fair-go")])


def java():
    """With Debian's package of the library."""
    jars = Path("/usr/share/java")
    library = jars / "amqp-client.jar"
    if not library.exists():
        raise Missing("librabbitmq-client-java is not installed")
    path = f"{BUILT / 'java'}:{library}:{jars / 'slf4j-api.jar'}:{jars / 'slf4j-nop.jar'}"
    run("javac", "-d", BUILT / "java", "-cp", path, PEERS / "java/fair/Server.java")
    version = next((jar.stem.removeprefix(library.stem + "-") for jar in jars.glob("amqp-client-*.jar")), "")
    return Program("Java", f"amqp-client {version}".strip(), ["java", "-cp", path, "Server"])


def node():
    source, built = PEERS / "node/fair", BUILT / "node"
    built.mkdir(exist_ok=True)
    for file in source.iterdir():
        shutil.copy(file, built)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=built)
    version = json.loads((source / "package.json").read_text())["dependencies"]["amqplib"]
    return Program("Node", f"amqplib {version}", [shutil.which("node"), str(built / "server.js")])


def python(library, source):
    """In a virtual environment of the pinned libraries, made once for both and anew when the pins change."""
    pins, built = PEERS / "python/fair/requirements.txt", BUILT / "python"
    done = built / pins.name
    if not done.exists() or done.read_text() != pins.read_text():
        shutil.rmtree(built, ignore_errors=True)
        run("/usr/bin/python3", "-m", "venv", built)
        run(built / "bin/pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", pins)
        shutil.copy(pins, done)
    version = re.search(rf"^{library}==(\S+)", pins.read_text(), re.MULTILINE)[1]
    return Program(f"Python, {library}", f"{library} {version}", [str(built / "bin/python"), str(PEERS / "python/fair" / source)])


def rust(library):
    crate = PEERS / "rust"
    run("cargo", "build", "--release", "--locked", cwd=crate, env=os.environ | {"CARGO_TARGET_DIR": str(BUILT / "rust")})
    program = BUILT / f"rust/release/fair-{library}"
    return Program(f"Rust, {library}", locked(crate / "Cargo.lock", library), [str(program)])


def locked(file, crate):
    return f"{crate} " + re.search(rf'name = "{crate}"\nversion = "([^"]+)"', file.read_text())[1]


def others(say):
    """The peers beside C. What cannot be had here is left out, and said."""
    makers = {
        "Go": go,
        "Java": java,
        "Node": node,
        "Python, pika": lambda: python("pika", "server_pika.py"),
        "Python, aio-pika": lambda: python("aio-pika", "server_aio_pika.py"),
        "Rust, lapin": lambda: rust("lapin"),
        "Rust, amqprs": lambda: rust("amqprs"),
    }
    programs, left_out = [], []
    for name, make in makers.items():
        say(f"building {name}")
        try:
            programs.append(make())
        except Missing as missing:
            left_out.append(f"{name} is left out: {missing}")
            say(left_out[-1])
    return programs, left_out
