#!/usr/bin/python3
"""Takes the terminal captures of docs/fibrpcctl.md again, each on a terminal of 80 columns and 24 lines.

    captures.py --programs DIR --uri URI --http URL

Runs what stands behind `$ ` in the document's blocks, in their order, with the programs in DIR against the broker at
URI, whose fibrpcd has answered some calls for ten seconds, and answers HTTP at URL; then writes the document anew. A line that is longer than
the terminal is wrapped as the terminal does it. `cargo test --test it operations::c` compares what the programs print
with these captures.
"""

import argparse
import os
import pty
import re
import subprocess
import tempfile
import termios
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/fibrpcctl.md"
COLUMNS, LINES = 80, 24

options = argparse.ArgumentParser()
options.add_argument("--programs", required=True)
options.add_argument("--uri", required=True)
options.add_argument("--http", required=True)
options = options.parse_args()

place = tempfile.TemporaryDirectory()
home = Path(place.name)
(home / "fibrpc").mkdir()
PATH = {"PATH": f"{Path(options.programs).resolve()}:{os.environ['PATH']}", "TERM": "xterm", "LANG": "C.UTF-8"}
PLAIN = PATH | {"XDG_CONFIG_HOME": place.name, "HOME": place.name}
USUAL = PLAIN | {"FIBRPCCTL_URI": options.uri, "FIBRPCCTL_QUEUE": "rpc_queue"}


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command, environment):
        self.shown = b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(home)
            termios.tcsetwinsize(0, (LINES, COLUMNS))
            os.execvpe("bash", ["bash", "-c", command], environment)

    def read(self, until=None):
        """Reads until this is shown, or to the end."""
        while until is None or until not in self.shown:
            try:
                chunk = os.read(self.terminal, 65536)
            except OSError:  # EIO: nobody has the terminal any more
                return
            if not chunk:
                return
            self.shown += chunk

    def type(self, text):
        os.write(self.terminal, text)

    def end(self):
        """What a screen shows of it, and the exit code."""
        self.read()
        _, status = os.waitpid(self.child, 0)
        os.close(self.terminal)
        return screen(self.shown.decode(errors="replace")), os.waitstatus_to_exitcode(status)


def screen(text):
    text = re.sub(r"[^\n]*\r\x1b\[K", "", text)  # a line of progress that was taken away
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    broker, page = re.search(r":(\d+)/", options.uri)[1], options.http.rsplit(":", 1)[1]
    text = text.replace(f":{broker}", ":5672").replace(f":{page}", ":9674")
    text = text.replace(place.name, "/home/ada/.config").replace("\r", "")
    lines = []
    for line in text.split("\n"):
        wrapped = [line[at : at + COLUMNS] for at in range(0, len(line), COLUMNS)] or [""]
        lines += [*wrapped[:-1], wrapped[-1].rstrip()]
    return lines[:-1] if lines[-1] == "" else lines


def typed(block):
    """The commands of a block, each with the lines that it is typed in."""
    commands = []
    for line in block:
        if line.startswith("$ "):
            commands.append([line])
        elif line.startswith("> ") and commands[-1][-1].endswith(("|", "\\")):
            commands[-1].append(line)
    return commands


def text_of(lines):
    return "\n".join(line[2:] for line in lines).replace("http://127.0.0.1:9674", options.http)


def is_open_ended(command):
    return " serve" in command and "--declare" in command and "--count" not in command


def run(command, last_code):
    """What is shown, and the exit code."""
    if command == "echo $?":
        return [str(last_code)], 0
    if "--ask-password" in command:
        terminal = Terminal(command, USUAL)
        terminal.read(b": ")
        terminal.type(b"guest\n")
        return terminal.end()
    if "--count" in command:
        terminal = Terminal(command, USUAL)
        terminal.read(b"serving")
        queue = re.search(r"--queue (\w+)", command)[1]
        load = f"seq 100 | fibrpcctl --queue {queue} request --lines >/dev/null 2>&1"
        subprocess.run(["bash", "-c", load], env=USUAL, check=False)
        return terminal.end()
    return Terminal(command, PLAIN if " context " in command else USUAL).end()


def until_fence(lines):
    block = []
    while (line := next(lines)) != "```":
        block.append(line)
    return block


document, code = [], 0
serving = None  # a stub that the next block asks, and where what it shows belongs
lines = iter(DOCUMENT.read_text().split("\n"))
for line in lines:
    document.append(line)
    if line == "```toml":
        settings = until_fence(lines)
        (home / "fibrpc/fibrpcctl.toml").write_text("\n".join(settings) + "\n")
        document += [*settings, "```"]
    elif line == "```console":
        asked, begin = serving, len(document)
        for command in typed(until_fence(lines)):
            document += command
            text = text_of(command)
            if is_open_ended(text):
                serving = (Terminal(text, USUAL), len(document))
                serving[0].read(b"serving")
            else:
                shown, code = run(text, code)
                document += shown
        if len(document) - begin > LINES:
            print(f"more than {LINES} lines: {document[begin]}")
        document.append("```")
        if asked:
            asked[0].type(b"\x03")
            document[asked[1] : asked[1]] = asked[0].end()[0]
            serving = None
DOCUMENT.write_text("\n".join(document))
