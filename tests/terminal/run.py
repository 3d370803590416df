#!/usr/bin/python3
"""Runs a program on a terminal of its own, and says what happened, as JSON.

    run.py --until TEXT (--type LINE | --signal NAME) -- PROGRAM ARGUMENT...
    run.py -- PROGRAM ARGUMENT...

When the terminal shows TEXT, the line is typed or the signal sent: `INT` by its key, others as kill(1) does.
Prints `screen` (all that was shown), `code`, and whether the terminal shows what is typed: `echo_before`, when TEXT
was there (`echo_at_prompt`), and `echo_after` the program.
"""

import argparse
import json
import os
import pty
import signal
import sys
import termios

options = argparse.ArgumentParser()
options.add_argument("--until", default="")
options.add_argument("--type")
options.add_argument("--signal")
options.add_argument("program", nargs="+")
options = options.parse_args()


def echo():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


# The child waits until the terminal was looked at.
started, start = os.pipe()
child, terminal = pty.fork()
if child == 0:
    os.read(started, 1)
    os.execvp(options.program[0], options.program)
said = {"echo_before": echo()}
os.write(start, b"x")

screen, acted = b"", not options.until
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # EIO: the child has closed the terminal
        break
    if not chunk:
        break
    screen += chunk
    if not acted and options.until.encode() in screen:
        acted = True
        said["echo_at_prompt"] = echo()
        if options.type is not None:
            os.write(terminal, options.type.encode() + b"\n")
        elif options.signal == "INT":
            os.write(terminal, b"\x03")
        else:
            os.kill(child, getattr(signal, "SIG" + options.signal))
_, status = os.waitpid(child, 0)
said |= {
    "echo_after": echo(),
    "screen": screen.decode(errors="replace"),
    "code": os.waitstatus_to_exitcode(status),
}
json.dump(said, sys.stdout)
