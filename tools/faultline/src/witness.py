# SPDX-License-Identifier: GPL-2.0
"""Reads with drgn what a verdict needs from a vmcore, and prints it as JSON.

usage: python3 witness.py VMCORE VMLINUX VARIABLE MODULE

VMLINUX is the kernel's vmlinux with debug information, VARIABLE (or sysctl_VARIABLE)
the number in it that is the detector's threshold, MODULE the one whose threads are looked for. The
document printed:

  release, panic_message  what the dumped kernel says of itself
  crashed                 the thread that ran on the CPU that panicked
  threads                 all threads that are in a function of MODULE
  threshold               the variable's value, null if there is none
  missing                 what drgn says of memory that the dump does not have

A thread has its name, pid, cpu, state, and frames: functions and their modules,
innermost first.

On failure there is no document, and the last line of stderr says why.
"""

import json
import logging
import sys

import drgn
from drgn.helpers.linux.kallsyms import load_module_kallsyms
from drgn.helpers.linux.panic import panic_message
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_cpu, task_state_to_char


class Missing(logging.Handler):
    """Keeps drgn's messages about memory that it could not read."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        if "could not read memory" in record.getMessage():
            self.messages.append(record.getMessage())


def read(vmcore, vmlinux, variable, module):
    missing = Missing()
    logging.getLogger("drgn").addHandler(missing)
    prog = drgn.Program()
    prog.set_core_dump(vmcore)
    prog.load_debug_info([vmlinux])
    # Modules have no debug information here; the kernel's own symbols name them.
    symbols = load_module_kallsyms(prog)
    prog.register_symbol_finder("module_kallsyms", symbols, enable_index=1)
    crashed = prog.crashed_thread()
    threshold = None
    for symbol in (variable, f"sysctl_{variable}"):
        try:
            threshold = prog[symbol].value_()
        except (KeyError, ValueError):
            continue
    return {
        "release": prog["init_uts_ns"].name.release.string_().decode(),
        "panic_message": panic_message(prog).decode(errors="replace"),
        "crashed": thread(prog, crashed.object, crashed.stack_trace()),
        "threads": threads(prog, module),
        "threshold": threshold,
        "missing": missing.messages,
    }


def threads(prog, module):
    """All threads with a function of a module on their stack."""
    found = []
    for task in for_each_task(prog):
        try:
            known = thread(prog, task, prog.stack_trace(task))
        except (ValueError, drgn.FaultError):
            # It ran, and its registers are not in the dump.
            continue
        if any(frame["module"] == module for frame in known["frames"]):
            found.append(known)
    return found


def thread(prog, task, trace):
    """A thread as the document has it."""
    return {
        "thread": task.comm.string_().decode(errors="replace"),
        "pid": task.pid.value_(),
        "cpu": task_cpu(task),
        "state": task_state_to_char(task),
        "frames": [name(prog, frame) for frame in trace],
    }


def name(prog, frame):
    """A frame's function (or address) and the module that it is in."""
    try:
        module = prog.module(frame.pc).name
    except LookupError:
        module = None
    return {"function": frame.name or hex(frame.pc), "module": module}


if __name__ == "__main__":
    print(json.dumps(read(*sys.argv[1:])))
