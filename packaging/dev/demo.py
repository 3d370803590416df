#!/usr/bin/python3
"""`make demo`: two daemons under load, one of which is killed every few seconds; a counter of lost calls that stays 0.

    demo.py [--seconds N] [--kill-every N] [--record FILE.svg]

Starts a private broker and two daemons (target/quick), keeps `fibrpcctl call -` busy, and checks every answer. It stays
until Ctrl-C, or for so many seconds; then it waits for the answers that are still due, and says what became of all
calls. Exit code 1 if a call was lost or answered wrongly. --record also writes what the terminal showed as a picture
that plays.
"""

import argparse
import html
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

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


def show(seconds, load, daemons, kills, rate):
    states = "  ".join(f"{index + 1}: {daemon.state():5}" for index, daemon in enumerate(daemons))
    under_way = load.made - load.answered
    return (
        f"{seconds:3.0f} s  daemon {states} kills {kills:2}  calls {load.made:8,} {rate:6,.0f}/s  "
        f"under way {under_way:5,}  wrong {load.wrong}  lost {load.failed}"
    )


def run(arguments, uri):
    daemons = [Daemon(uri, 9674), Daemon(uri, 9675)]
    load = Load(uri)
    frames, kills, began = [], 0, time.monotonic()
    next_kill, revive, answered = began + arguments.kill_every, None, 0
    print("pages: http://127.0.0.1:9674/ and http://127.0.0.1:9675/; Ctrl-C ends it", flush=True)
    try:
        while not arguments.seconds or time.monotonic() < began + arguments.seconds:
            time.sleep(0.5)
            now = time.monotonic()
            if revive and now >= revive[0]:
                revive[1].start()
                revive = None
            if not revive and now >= next_kill:
                victim = daemons[kills % 2]
                victim.kill()
                kills, revive, next_kill = kills + 1, (now + 1.5, victim), now + arguments.kill_every
            line = show(now - began, load, daemons, kills, (load.answered - answered) / 0.5)
            answered = load.answered
            frames.append(line)
            if sys.stdout.isatty():
                print("\r" + line[: os.get_terminal_size().columns - 1], end="", flush=True)
            else:
                print(line, flush=True)
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
    verdict = f"{load.made:,} calls, {kills} kills: {load.lost:,} lost, {load.wrong:,} wrong"
    print(verdict)
    frames.append(verdict)
    if arguments.record:
        record(arguments.record, frames)
    return 1 if load.lost or load.wrong else 0


def record(path, frames):
    """The frames as an SVG that plays, without a script: each is shown in its turn."""
    step = 0.5
    total = (len(frames) + 6) * step  # the last one stays for a while
    text = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 100" font-family="monospace" font-size="13">',
        "<title>make demo: daemons are killed under load, and no call is lost</title>",
        '<rect width="900" height="100" rx="8" fill="#14202b"/>',
        '<text x="16" y="32" fill="#8fb3d1">$ make demo</text>',
        f"<style>.f{{opacity:0;animation:f {total:.1f}s steps(1) infinite}}",
        f"@keyframes f{{0%{{opacity:1}}{100 * step / total:.3f}%{{opacity:0}}}}",
        f".l{{opacity:0;animation:l {total:.1f}s steps(1) infinite}}",
        f"@keyframes l{{0%{{opacity:1}}{100 * 7 * step / total:.3f}%{{opacity:0}}}}</style>",
    ]
    for index, frame in enumerate(frames):
        last = index == len(frames) - 1
        text.append(
            f'<text class="{"l" if last else "f"}" style="animation-delay:{index * step:.1f}s" x="16" y="68" '
            f'fill="#e8eef3" xml:space="preserve">{html.escape(frame)}</text>'
        )
    text.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--kill-every", type=float, default=4)
    parser.add_argument("--record")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="fibrpc-demo.") as work:
        # It ends with us: when its standard input does.
        broker = subprocess.Popen(
            ["packaging/dev/broker.sh", "--dir", f"{work}/broker", "--until-eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        ready = broker.stdout.readline().split()
        try:
            if not ready:
                sys.exit("demo.py: the broker did not start")
            port = dict(part.split("=", 1) for part in ready[1:])["port"]
            return run(arguments, f"amqp://guest:guest@127.0.0.1:{port}/%2f")
        finally:
            broker.stdin.close()
            broker.wait(40)


if __name__ == "__main__":
    sys.exit(main())
