# SPDX-License-Identifier: GPL-2.0
"""Reads the evidence for a verdict from a vmcore with drgn, and prints it as JSON.

usage: python3 witness.py VMCORE VMLINUX VARIABLE MODULE

VMLINUX is the kernel's vmlinux with debug information, VARIABLE (or sysctl_VARIABLE) the variable
with the detector's threshold, MODULE the module whose threads are wanted. The document:

  release, panic_message  of the dumped kernel
  crashed                 the thread on the CPU that panicked
  threads                 all threads with a function of MODULE on their stack
  unread                  threads whose stack cannot be read, and why
  threshold               the variable's value, null if there is none
  missing                 drgn's messages on memory that is missing from the dump
  failed                  the keys above without an answer (null, or an empty list), and why

A thread has its name, pid, cpu, state and frames: functions and their modules, innermost first.

If the dump or its debug information cannot be opened, there is no document, and the last line of
stderr says why.
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
    """Collects drgn's messages about memory that it could not read."""

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
    failed = {}
    unread = []

    def ask(question, answer, otherwise=None):
        """Returns the answer to a question, or none: an error does not affect other questions."""
        try:
            return answer()
        except drgn.FaultError as error:
            missing.messages.append(f"{question}: could not read memory: {error}")
            failed[question] = str(error)
        except Exception as error:
            failed[question] = f"{type(error).__name__}: {error}"
        return otherwise

    # Modules have no debug information here; the kernel's symbol table names them.
    ask("symbols", lambda: name_modules(prog))
    return {
        "release": ask("release", lambda: release(prog)),
        "panic_message": ask("panic_message", lambda: message(prog)),
        "crashed": ask("crashed", lambda: crashed(prog)),
        "threads": ask("threads", lambda: threads(prog, module, unread), []),
        "unread": unread,
        "threshold": ask("threshold", lambda: threshold(prog, variable)),
        "missing": missing.messages,
        "failed": failed,
    }


def name_modules(prog):
    symbols = load_module_kallsyms(prog)
    prog.register_symbol_finder("module_kallsyms", symbols, enable_index=1)


def release(prog):
    return prog["init_uts_ns"].name.release.string_().decode()


def message(prog):
    """Returns the message of the panic; null without one."""
    text = panic_message(prog)
    if text is None:
        raise ValueError("it did not panic")
    return text.decode(errors="replace")


def crashed(prog):
    found = prog.crashed_thread()
    return thread(prog, found.object, found.stack_trace())


def threshold(prog, variable):
    """Returns the variable's value; null for a detector without one."""
    for symbol in (variable, f"sysctl_{variable}"):
        try:
            return prog[symbol].value_()
        except (KeyError, ValueError):
            continue
    return None


def threads(prog, module, unread):
    """Returns all threads with a function of a module on their stack."""
    found = []
    for task in for_each_task(prog):
        try:
            known = thread(prog, task, prog.stack_trace(task))
        except (ValueError, drgn.FaultError) as error:
            # It was running and its registers are missing, or a page of its stack is.
            unread.append(f"{task.comm.string_().decode(errors='replace')}: {error}")
            continue
        if any(frame["module"] == module for frame in known["frames"]):
            found.append(known)
    return found


def thread(prog, task, trace):
    """Returns a thread for the document."""
    return {
        "thread": task.comm.string_().decode(errors="replace"),
        "pid": task.pid.value_(),
        "cpu": task_cpu(task),
        "state": task_state_to_char(task),
        "frames": [name(prog, frame) for frame in trace],
    }


def name(prog, frame):
    """Returns a frame's function (or address) and its module."""
    try:
        module = prog.module(frame.pc).name
    except LookupError:
        module = None
    return {"function": frame.name or hex(frame.pc), "module": module}


if __name__ == "__main__":
    print(json.dumps(read(*sys.argv[1:])))
