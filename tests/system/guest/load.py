"""Calls of an ordinary user, without end until /tmp/load.stop is there: every answer is checked.

Writes how many answers there are to /tmp/load.count, and at the end what became of all calls to standard output.
"""

import os
import subprocess
import sys
import threading

NUMBERS = [0, 1, 30, 93, 1000, 20001, 10, 50]


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return str(a)


def main():
    right = [fibonacci(n) for n in NUMBERS]
    client = subprocess.Popen(
        ["fibrpcctl", "--wait", "--timeout", "60s", "call", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    )
    made = 0
    complaints = []

    def feed():
        nonlocal made
        while not os.path.exists("/tmp/load.stop") and client.poll() is None:
            for _ in range(10):
                client.stdin.write(f"{NUMBERS[made % len(NUMBERS)]}\n")
                made += 1
            stopped.wait(0.02)
        client.stdin.close()

    stopped = threading.Event()
    feeder = threading.Thread(target=feed)
    # What it waits for is no complaint.
    said = (line for line in client.stderr if not line.startswith("fibrpcctl: waiting: "))
    listener = threading.Thread(target=lambda: complaints.extend(said))
    feeder.start()
    listener.start()
    answers = wrong = 0
    # In the order of the numbers; a call that failed has no line here but one on standard error.
    for line in client.stdout:
        wrong += line.rstrip("\n") not in right if complaints else line.rstrip("\n") != right[answers % len(NUMBERS)]
        answers += 1
        with open("/tmp/load.count.new", "w") as count:
            count.write(f"{answers}\n")
        os.rename("/tmp/load.count.new", "/tmp/load.count")
    feeder.join()
    listener.join()
    client.wait()
    sys.stderr.writelines(complaints)
    print(f"{made} calls, {made - answers} lost, {wrong} wrong")
    return 0 if made == answers and not wrong and not complaints and made else 1


sys.exit(main())
