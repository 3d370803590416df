"""Tries what the unit is to forbid. Prints one line for each attempt: "denied" or "ALLOWED", and the name."""

import mmap
import os
import socket
import subprocess


def write(path):
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def capabilities():
    for line in open("/proc/self/status"):
        if line.startswith(("CapEff", "CapPrm", "CapBnd", "CapAmb")) and int(line.split()[1], 16):
            return
    raise PermissionError


def port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 80))


ATTEMPTS = {
    "write to /usr (ProtectSystem)": lambda: write("/usr/bin/probe"),
    "write to /etc (ProtectSystem)": lambda: write("/etc/probe"),
    "write to /var (ProtectSystem)": lambda: write("/var/lib/probe"),
    "read a home (ProtectHome)": lambda: open("/home/plain/secret").read(),
    "list /root (ProtectHome)": lambda: os.listdir("/root"),
    "memory to write and execute (MemoryDenyWriteExecute)": lambda: mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ),
    "have a capability (CapabilityBoundingSet)": capabilities,
    "become root (NoNewPrivileges)": lambda: os.setuid(0),
    "listen on port 80 (no capability)": port,
    "see process 1 (ProtectProc)": lambda: open("/proc/1/cmdline").read(),
    "write a kernel setting (ProtectKernelTunables)": lambda: write_setting(),
    "a netlink socket (RestrictAddressFamilies)": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a user namespace (RestrictNamespaces)": lambda: run("unshare", "--user", "true"),
    "mount (SystemCallFilter)": lambda: run("mount", "-t", "tmpfs", "none", "/mnt"),
    "change a priority (SystemCallFilter)": lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
    "real-time scheduling (RestrictRealtime)": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "a set-user-id file (RestrictSUIDSGID)": lambda: set_user_id(),
}


def write_setting():
    with open("/proc/sys/kernel/domainname", "r+") as file:
        file.write(file.read())


def set_user_id():
    open("/tmp/probe", "w").close()
    os.chmod("/tmp/probe", 0o4755)


for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        print("ALLOWED", name)
    except (OSError, ValueError, subprocess.CalledProcessError):
        print("denied", name)
