#!/usr/bin/python3
"""`make demo`: two daemons under load, one of which is killed every few seconds; a counter of lost calls that stays 0.

    demo.py [--seconds N] [--kill-every N] [--record FILE.svg]

Starts a private broker and two daemons (target/quick), keeps `fibrpcctl call -` busy, and checks every answer. It stays
until Ctrl-C, or for so many seconds; then it waits for the answers that are still due, and says what became of all
calls. Exit code 1 if a call was lost or answered wrongly. --record also draws what happened as a picture that plays.
"""

import argparse
import contextlib
import dataclasses
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from film import Film

TARGET = os.environ.get("FIBRPC_PROGRAMS", "target/quick")
# Calls that are made and not answered yet, at most.
WINDOW = 2000
# How long the last answers may take.
PATIENCE = 60


def fibonacci(most):
    numbers = [0, 1]
    while len(numbers) <= most:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers


class Load:
    """`fibrpcctl call -`, whose answers come in the order of the calls."""

    def __init__(self, uri):
        command = [f"{TARGET}/fibrpcctl", "--wait", "--timeout", f"{PATIENCE}s", "call", "-"]
        self.client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "FIBRPCCTL_URI": uri},
        )
        self.made = self.answered = self.wrong = self.failed = 0
        self.stopping = False
        self.room = threading.Semaphore(WINDOW)
        self.due = []
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.call, self.check, self.listen)]
        for thread in self.threads:
            thread.start()

    def call(self):
        while not self.stopping:
            if self.room.acquire(timeout=0.2):
                n = random.randint(0, 90)
                self.due.append(n)
                self.made += 1
                self.client.stdin.write(f"{n}\n")
        self.client.stdin.close()

    def check(self):
        numbers = fibonacci(90)
        for place, line in enumerate(self.client.stdout):
            self.room.release()
            self.answered += 1
            # A call that failed has no line, so from there on the order says nothing; `failed` tells.
            if not self.failed and int(line) != numbers[self.due[place]]:
                self.wrong += 1

    def listen(self):
        for line in self.client.stderr:
            self.failed += "waiting: " not in line  # it says what it waits for

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(PATIENCE + 5)
        self.client.wait(5)

    @property
    def lost(self):
        return self.made - self.answered


class Daemon:
    def __init__(self, uri, port):
        self.command = [f"{TARGET}/fibrpcd", "--set", f"http.listen=127.0.0.1:{port}", "--set", "log.level=error"]
        self.uri, self.port, self.process = uri, port, None
        self.start()

    def start(self):
        environment = {**os.environ, "FIBRPCD_AMQP__URIS": self.uri}
        self.process = subprocess.Popen(self.command, env=environment, stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def state(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return "up" if answer.status == 200 else "waits"
        except urllib.error.HTTPError:
            return "waits"
        except OSError:
            return "DOWN"


STEP = 0.5  # seconds from one line to the next


@dataclasses.dataclass
class Frame:
    """What there is to say at one moment."""

    seconds: float
    states: list
    kills: int
    made: int
    answered: int
    rate: float
    lost: int
    wrong: int

    def line(self):
        states = "  ".join(f"{index + 1} {state:5}" for index, state in enumerate(self.states))
        return (
            f"{self.seconds:4.0f} s  {states}  {self.kills:2} kills  {self.answered:9,} calls {self.rate:7,.0f}/s  "
            f"lost {self.lost}  wrong {self.wrong}"
        )


def free_ports(count):
    """The first ports from the usual one on at which nobody listens."""
    ports, port = [], 9674
    while len(ports) < count:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                ports.append(port)
        port += 1
    return ports


def run(arguments, uri):
    daemons = [Daemon(uri, port) for port in free_ports(2)]
    pages = " and ".join(f"http://127.0.0.1:{daemon.port}/" for daemon in daemons)
    print(f"pages: {pages}; Ctrl-C ends it\nwaiting for both to serve", flush=True)
    while any(daemon.state() != "up" for daemon in daemons):
        if any(daemon.process.poll() is not None for daemon in daemons):
            sys.exit("demo.py: a daemon ended instead of serving; try `make run`, which shows its log")
        time.sleep(0.1)
    load = Load(uri)
    frames, kills, began = [], 0, time.monotonic()
    next_kill, revive, answered, then = began + arguments.kill_every, None, 0, began
    try:
        while not arguments.seconds or time.monotonic() < began + arguments.seconds:
            time.sleep(STEP)
            now = time.monotonic()
            if revive and now >= revive[0]:
                revive[1].start()
                revive = None
            if not revive and now >= next_kill:
                victim = daemons[kills % 2]
                victim.kill()
                kills, revive, next_kill = kills + 1, (now + 1.5, victim), now + arguments.kill_every
            total = load.answered
            frame = Frame(
                now - began, [daemon.state() for daemon in daemons], kills, load.made, total,
                (total - answered) / (now - then), load.failed, load.wrong,
            )
            answered, then = total, now
            frames.append(frame)
            if sys.stdout.isatty():
                print("\r" + frame.line()[: os.get_terminal_size().columns - 1], end="", flush=True)
            else:
                print(frame.line(), flush=True)
    except KeyboardInterrupt:
        pass
    if revive:
        revive[1].start()
    print("\nwaiting for the answers that are due", flush=True)
    load.stop()
    for daemon in daemons:
        daemon.process.terminate()
    for daemon in daemons:
        daemon.process.wait(40)
    print(f"{load.made:,} calls, {kills} kills: {load.lost:,} lost, {load.wrong:,} wrong")
    if arguments.record and frames:
        last = frames[-1]
        frames.append(dataclasses.replace(last, answered=load.answered, lost=load.lost, wrong=load.wrong))
        record(arguments.record, frames)
    return 1 if load.lost or load.wrong else 0


def record(path, frames):
    """Writes them as a picture that plays: counters, and how each daemon and the rate went."""
    film = Film(
        860, 318, len(frames), STEP, 5, "make demo: two daemons are killed in turn under load, and no call is lost"
    )
    film.text(24, 34, "$ make demo", "strong", 16)
    film.text(836, 34, "two daemons on one queue, one killed (SIGKILL) every few seconds", "soft", 14, "end")
    counters = [
        ("calls", 24, 240, lambda frame: ("strong", f"{frame.answered:,}")),
        ("kills", 320, 110, lambda frame: ("bad" if frame.kills else "strong", frame.kills)),
        ("lost", 500, 110, lambda frame: ("bad" if frame.lost else "win", frame.lost)),
        ("wrong", 680, 110, lambda frame: ("bad" if frame.wrong else "win", frame.wrong)),
    ]
    for name, x, width, value in counters:
        film.strip(x, 90, width, 36, [value(frame) for frame in frames])
        film.text(x, 114, name, "soft", 16)
    left, width = 116, 720
    share = width / len(frames)
    for index in range(len(frames[0].states)):
        top = 138 + index * 34
        film.text(24, top + 17, f"daemon {index + 1}", "text", 15)
        for state, first, count in runs([frame.states[index] for frame in frames]):
            x, long = left + first * share, count * share
            if state == "up":
                film.box(x, top + 4, long, 16, "good")
            else:
                film.box(x, top + 9, long, 6, "bad" if state == "DOWN" else "warn")
                if state == "DOWN" and long > 40:
                    film.text(x + long / 2, top + 6, "killed", "bad", 11, "middle")
    top, height = 214, 64
    most = max(frame.rate for frame in frames) * 1.1
    for part in (0, 0.5, 1):
        film.box(left, top + part * height, width, 1, "grid")
    at = [f"{left + (index + 0.5) * share:.1f},{top + height * (1 - frame.rate / most):.1f}"
          for index, frame in enumerate(frames)]
    film.raw(f'<polyline class="curve" points="{" ".join(at)}"/>')
    film.reveal(left, 128, width, 152)
    film.text(24, top + 24, "answers/s", "text", 15)
    film.strip(24, top + 48, 90, 15, [("line", f"{frame.rate:,.0f}") for frame in frames])
    film.text(left, 302, "0 s", "soft", 13)
    film.text(left + width, 302, f"{frames[-1].seconds:.0f} s", "soft", 13, "end")
    film.write(path)


def runs(values):
    """Each value that differs from the one before, where it begins, and how often it comes in a row."""
    first = 0
    for value, group in itertools.groupby(values):
        count = len(list(group))
        yield value, first, count
        first += count


@contextlib.contextmanager
def broker(work):
    """A private broker, by its URI. It ends with us: when its standard input does."""
    process = subprocess.Popen(
        ["packaging/dev/broker.sh", "--dir", f"{work}/broker", "--until-eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )
    try:
        ready = process.stdout.readline().split()
        if not ready:
            sys.exit("demo.py: the broker did not start")
        port = dict(part.split("=", 1) for part in ready[1:])["port"]
        yield f"amqp://guest:guest@127.0.0.1:{port}/%2f"
    finally:
        process.stdin.close()
        process.wait(40)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--kill-every", type=float, default=4)
    parser.add_argument("--record")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="fibrpc-demo.") as work, broker(work) as uri:
        return run(arguments, uri)


if __name__ == "__main__":
    sys.exit(main())
