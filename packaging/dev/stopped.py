#!/usr/bin/python3
"""A call while no server runs, by a client as RabbitMQ's tutorial teaches it, and by fibrpcctl; as a picture that plays.

    stopped.py FILE.svg

Runs both against a private broker whose queue is there and nobody's, and draws what they said, and when. Needs pika,
which `make test` installs.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
import time

from demo import TARGET, Daemon, broker, free_ports
from film import Film

STEP = 0.1
# How long the film is, and how long the client that hangs is watched.
LENGTH = 8


def say_when(command, environment):
    """Runs it for so long at most; what it said, when it ended, and its exit code (None if it did not)."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    )
    try:
        said, _ = process.communicate(timeout=LENGTH)
        return said.splitlines(), time.monotonic() - began, process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        return said.splitlines(), None, None


def leave_a_queue(uri):
    """The queue is declared by a daemon that was there before."""
    daemon = Daemon(uri, free_ports(1)[0])
    while daemon.state() != "up":
        if daemon.process.poll() is not None:
            sys.exit("stopped.py: the daemon ended instead of serving")
        time.sleep(0.1)
    daemon.process.terminate()
    daemon.process.wait(40)


def pane(film, top, title, command, outcome):
    said, ended, code = outcome
    frames = [index * STEP for index in range(film.frames)]
    film.text(24, top, title, "soft", 14)
    film.text(24, top + 26, f"$ {command}", "strong", 16)
    clock = [("bad", f"{at:.1f} s") if ended is None else ("win", f"{min(at, ended):.2f} s") for at in frames]
    film.strip(660, top + 26, 176, 30, clock, "end")
    if ended is None:
        film.appear(round(2 / STEP), 836, top + 54, "waits, and will for ever", "bad", 14, "end")
        return
    then = round(ended / STEP)
    for row, line in enumerate(line for told in said for line in textwrap.wrap(told, 96, subsequent_indent="  ")):
        film.appear(then, 24, top + 50 + row * 19, line, "text", 13)
    film.appear(then, 600, top + 26, f"exit code {code}", "win", 14, "end")


def main(path):
    with tempfile.TemporaryDirectory(prefix="fibrpc-stopped.") as work, broker(work) as uri:
        leave_a_queue(uri)
        careless = say_when(["/usr/bin/python3", "tests/interop/rpc_client.py", uri], {})
        careful = say_when([f"{TARGET}/fibrpcctl", "call", "30"], {"FIBRPCCTL_URI": uri})
    if careless[1] is not None or careful[2] != 5:
        sys.exit(f"stopped.py: that is not what should be shown: {careless}, {careful}")
    film = Film(
        860, 246, round(LENGTH / STEP) + 1, STEP, 3,
        "A call while no server runs: a client without care hangs, fibrpcctl says why it fails",
    )
    pane(film, 34, "no server runs: a client as the tutorial teaches it", "python3 rpc_client.py", careless)
    pane(film, 138, "no server runs: fibrpcctl", "fibrpcctl call 30", careful)
    film.write(path)
    print(f"fibrpcctl ended after {careful[1]:.2f} s with {careful[2]}: {' / '.join(careful[0])}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
