"""Starts one program so that it can't outlive the process that asked for it.

``python launch.py PARENT SIGNAL UID:GID PROGRAM ARGS...``: on Linux it asks the kernel to send SIGNAL to the
program when PARENT dies, however that happens, and becomes the program. Elsewhere it stays beside the
program, watches PARENT and stops the program itself. ``UID:GID`` (or ``-``) is whom to become first:
PostgreSQL refuses to run as root.

Stands alone (standard library only, no package imports): it runs once for every program that is started.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become, or watch, the program named in ``arguments``; never returns normally."""
    parent, number, owner, program = int(arguments[0]), int(arguments[1]), arguments[2], arguments[3:]
    if owner != "-":
        uid, gid = (int(part) for part in owner.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform != "linux":
        _watch(parent, number, program)
    # After the change of user: changing it clears this setting.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        _watch(parent, number, program)
    if os.getppid() != parent:
        sys.exit(f"The process {parent} that asked for {program[0]} is gone.")
    os.execvp(program[0], program)  # noqa: S606 - the program is our own choice, no shell


def _watch(parent: int, number: int, program: list[str]) -> None:
    child = subprocess.Popen(program)  # noqa: S603
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(each, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.send_signal(number)
        time.sleep(0.2)
    sys.exit(child.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
