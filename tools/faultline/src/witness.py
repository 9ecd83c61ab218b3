# SPDX-License-Identifier: GPL-2.0
"""Reads with drgn what a verdict needs from a vmcore, and prints it as JSON.

usage: python3 witness.py VMCORE VMLINUX VARIABLE

VMLINUX is the kernel's vmlinux with debug information, VARIABLE the number in it
that is the detector's threshold. The document printed:

  release, panic_message  what the dumped kernel says of itself
  cpu                     the CPU that panicked
  thread                  comm and pid of the thread that ran there
  stack                   its functions and their modules, innermost first
  threshold               the variable's value, null if there is none
  missing                 what drgn says of memory that the dump does not have

On failure there is no document, and the last line of stderr says why.
"""

import json
import logging
import sys

import drgn
from drgn.helpers.linux.kallsyms import load_module_kallsyms
from drgn.helpers.linux.panic import panic_message
from drgn.helpers.linux.sched import task_cpu


class Missing(logging.Handler):
    """Keeps drgn's messages about memory that it could not read."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        if "could not read memory" in record.getMessage():
            self.messages.append(record.getMessage())


def read(vmcore, vmlinux, variable):
    missing = Missing()
    logging.getLogger("drgn").addHandler(missing)
    prog = drgn.Program()
    prog.set_core_dump(vmcore)
    prog.load_debug_info([vmlinux])
    # Modules have no debug information here; the kernel's own symbols name them.
    symbols = load_module_kallsyms(prog)
    prog.register_symbol_finder("module_kallsyms", symbols, enable_index=1)
    thread = prog.crashed_thread()
    task = thread.object
    try:
        threshold = prog[variable].value_()
    except KeyError:
        threshold = None
    return {
        "release": prog["init_uts_ns"].name.release.string_().decode(),
        "panic_message": panic_message(prog).decode(errors="replace"),
        "cpu": task_cpu(task),
        "thread": {
            "comm": task.comm.string_().decode(errors="replace"),
            "pid": task.pid.value_(),
        },
        "stack": [name(prog, frame) for frame in thread.stack_trace()],
        "threshold": threshold,
        "missing": missing.messages,
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
