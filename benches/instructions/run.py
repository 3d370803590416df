#!/usr/bin/python3
"""Counts the instructions that fibrpcd spends on a call, and says in whose code.

They are counted by callgrind, so other work of the machine does not matter, nor does the processor; what the
kernel does is not counted. `make bench-instructions` runs it; nothing is asserted.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches/peers"))
sys.dont_write_bytecode = True  # nothing is to be left among the sources

import programs  # noqa: E402

# Whose code a function is, by how its name begins; the first that fits.
OWNERS = [
    ("the rules of a request's life", r"fibrpc_core::"),
    ("the number", r"fibonacci::"),
    ("our transport under lapin", r"fibrpc::amqp::transport"),
    ("our link", r"fibrpc::amqp::"),
    ("the rest of fibrpcd", r"fibrpc"),
    ("lapin and its protocol", r"lapin|amq_protocol|nom|cookie_factory|flume|event_listener|parking"),
    ("tokio and futures", r"tokio|futures|mio|async_rs"),
    ("memory: malloc, memcpy", r"malloc|free|_int_|realloc|calloc|mem(cpy|move|set|cmp)|__mem|_mid_memalign|tcache|unlink_chunk|arena|sysmalloc|checked_request"),
    ("the standard library", r"core::|alloc::|std::|hashbrown"),
]


def say(text):
    print(f"instructions: {text}", file=sys.stderr, flush=True)


def wait_until(what, check, seconds=120):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise SystemExit(f"instructions: {what} did not happen within {seconds} s")
        time.sleep(0.1)


def load(uri, in_flight, seconds):
    """Makes calls; returns how many."""
    command = [programs.BUILT / "load", "--uri", uri, "--queue", "rpc_queue", "--in-flight", str(in_flight), "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["calls"]


def owner(name):
    """Whose code a function is. `<a as b>::c` is a's."""
    plain = re.sub(r"^[<&]+(mut )?|^core::ptr::drop_in_place<|^\(below main\)", "", name)
    for who, pattern in OWNERS:
        if re.match(pattern, plain):
            return who
    return "others"


def costs(profile):
    """Instructions by function."""
    command = ["callgrind_annotate", "--threshold=100", "--show-percs=no", "--auto=no", profile]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = collections.Counter()
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+)\s+(?:\([\d. ]+%\)\s+)?\S*?:(.+?)(?: \[.*\])?$", line)
        if match and not line.lstrip().startswith("--"):
            found[match[2].strip()] += int(match[1].replace(",", ""))
    return found


def measure(fibrpcd, port, place, in_flight, seconds):
    uri = f"amqp://127.0.0.1:{port}"
    log, profile = place / "fibrpcd.log", place / f"profile.{in_flight}"
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}", fibrpcd]
    settings = {"amqp.uris": uri, "http.listen": "127.0.0.1:0", "amqp.queue_type": "transient", "amqp.prefetch": "100"}
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    with log.open("w") as out:
        daemon = subprocess.Popen([str(part) for part in command], stderr=out, stdout=out)
    try:
        wait_until("the daemon's attaching", lambda: "consuming" in log.read_text())
        load(uri, in_flight, 1)  # tables and pools are made
        subprocess.run(["callgrind_control", "-i", "on", str(daemon.pid)], check=True, capture_output=True)
        calls = load(uri, in_flight, seconds)
        subprocess.run(["callgrind_control", "-i", "off", str(daemon.pid)], check=True, capture_output=True)
    finally:
        daemon.terminate()
        daemon.wait()
    return calls, costs(profile)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", default="1,64", help="calls in flight, one measurement for each (1,64)")
    parser.add_argument("--seconds", type=float, default=8, help="how long calls are counted (8)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the profiles go, for callgrind_annotate --tree=caller")
    parser.add_argument("--functions", type=int, default=0, help="so many of the costliest functions as well")
    options = parser.parse_args()
    programs.BUILT.mkdir(parents=True, exist_ok=True)
    try:
        say("building the load and fibrpcd")
        built, fibrpcd = programs.load(), programs.fibrpcd().command[0]
    except programs.Missing as missing:
        raise SystemExit(f"instructions: {missing}; packaging/dev/install-deps.sh bench installs it") from None
    port = 20000 + os.getpid() % 10000
    with tempfile.TemporaryDirectory(prefix="fibrpc-instructions.") as name:
        place = Path(name)
        with (place / "broker.log").open("w") as out:
            command = [ROOT / "packaging/dev/broker.sh", "--port", str(port), "--dir", place / "broker"]
            broker = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
        try:
            probe = [built, "--uri", f"amqp://127.0.0.1:{port}", "--queue", "probe", "--declare", "transient"]
            wait_until("the broker's start", lambda: subprocess.run(probe, capture_output=True).returncode == 0)
            for in_flight in options.in_flight.split(","):
                profiles = options.keep or place
                report(in_flight, *measure(fibrpcd, port, profiles, int(in_flight), options.seconds), options.functions)
        finally:
            broker.terminate()
            broker.wait()


def report(in_flight, calls, found, functions):
    total = sum(found.values()) / calls
    print(f"\n{in_flight} in flight: {total:,.0f} instructions a call, over {calls} calls\n")
    owners = collections.Counter()
    for name, cost in found.items():
        owners[owner(name)] += cost
    print("| whose code | instructions a call | share |\n|---|---|---|")
    for who, cost in owners.most_common():
        print(f"| {who} | {cost / calls:,.0f} | {cost / calls / total:.0%} |")
    for name, cost in found.most_common(functions):
        print(f"{cost / calls:10,.0f}  {name[:150]}")


if __name__ == "__main__":
    main()
