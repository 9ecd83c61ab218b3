#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""machine-host.py DIR SECONDS [--incoming FILE] -- QEMU ARGUMENT...

Runs the QEMU of one machine, for SECONDS at most, in directory DIR, of which it holds `lock`.
`log` gets a line for each line of the serial console, and one beginning with `*` for each event
of QEMU, each with the seconds since the start; what is written to the socket `console` is typed on
the serial console. `monitor` is QEMU's machine protocol, and `port` has the port of 127.0.0.1 that
leads to the guest's ssh, once the guest runs. With --incoming the guest goes on from that snapshot.
"""

import contextlib
import fcntl
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time

# A prompt has no end of line: what came so long ago is taken for one.
PROMPT_SECS = 0.2
# What moves the cursor and changes colours.
ESCAPES = re.compile(rb"\x1b(\[[0-9;?!]*[A-Za-z]|c|\][^\x07\x1b]*(\x07|\x1b\\)?)")


class Log:
    """Writes lines, each with the seconds since the start."""

    def __init__(self, path):
        self.began = time.monotonic()
        self.file = open(path, "w", encoding="utf-8", errors="replace", buffering=1)
        self.pending, self.since = b"", 0.0
        self.line(f"* started {time.strftime('%FT%T%z')}")

    def line(self, text):
        self.file.write(f"{time.monotonic() - self.began:.2f} {text}\n")

    def console(self, data):
        *lines, rest = (self.pending + data).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            line = ESCAPES.sub(b"", line)
            if line.strip():
                self.line(line.decode(errors="replace"))
        self.pending, self.since = rest, time.monotonic()

    def flush(self):
        """Takes what has waited long enough for a line."""
        if self.pending and time.monotonic() - self.since >= PROMPT_SECS:
            self.console(b"\n")


class Control:
    """A connection of QEMU's machine protocol, of which events come as they happen."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rwb", buffering=0)
        self.data, self.events = b"", []
        self.answer(lambda message: "QMP" in message)
        self.ask("qmp_capabilities")

    def receive(self):
        """Returns the messages that are there, waiting for some."""
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        *lines, self.data = (self.data + data).split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def answer(self, wanted):
        while True:
            messages = self.receive()
            self.events += [message for message in messages if "event" in message]
            for message in messages:
                if wanted(message):
                    return message

    def ask(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.stream.write(json.dumps(request).encode() + b"\n")
        message = self.answer(lambda message: "return" in message or "error" in message)
        if "error" in message:
            raise RuntimeError(f"{command}: {message['error']['desc']}")
        return message["return"]

    def take(self):
        events, self.events = self.events, []
        return events


def serve(log, qemu, seconds, incoming):
    """Runs until QEMU has ended, or is ended after SECONDS; returns its exit status."""
    deadline = time.monotonic() + seconds
    selector = selectors.DefaultSelector()
    selector.register(qemu.stdout, selectors.EVENT_READ, "output")
    typed = socket.socket(socket.AF_UNIX)
    typed.bind("console")
    typed.listen()
    selector.register(typed, selectors.EVENT_READ, "accept")
    control = None

    def heard(events):
        for event in events:
            log.line(f"* {event['event']} {json.dumps(event.get('data', {}))}")
            if (
                event["event"] == "MIGRATION"
                and incoming
                and event["data"]["status"] == "completed"
            ):
                control.ask("cont")
                runs()

    def runs():
        # Of a line such as "  TCP[HOST_FORWARD] 12 127.0.0.1 PORT 10.0.2.15 22 0 0"
        for line in control.ask(
            "human-monitor-command", **{"command-line": "info usernet"}
        ).splitlines():
            words = line.split()
            if words and words[0].startswith("TCP[HOST_FORWARD]"):
                with open("port.new", "w", encoding="ascii") as file:
                    file.write(words[3] + "\n")
                os.rename("port.new", "port")

    while True:
        if control is None and os.path.exists("control"):
            with contextlib.suppress(ConnectionRefusedError):
                control = Control("control")
                selector.register(control.socket, selectors.EVENT_READ, "event")
                control.ask(
                    "migrate-set-capabilities",
                    capabilities=[{"capability": "events", "state": True}],
                )
                if incoming:
                    control.ask("migrate-incoming", uri=f"file:{incoming}")
                else:
                    runs()
                heard(control.take())
        for key, _ in selector.select(0.05 if control is None else PROMPT_SECS):
            if key.data == "accept":
                selector.register(typed.accept()[0], selectors.EVENT_READ, "typed")
            elif key.data == "typed":
                data = key.fileobj.recv(4096)
                if data:
                    qemu.stdin.write(data)
                    qemu.stdin.flush()
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            elif key.data == "event":
                try:
                    heard(
                        [message for message in control.receive() if "event" in message]
                        + control.take()
                    )
                except (EOFError, ConnectionResetError):
                    selector.unregister(control.socket)
            else:
                data = os.read(qemu.stdout.fileno(), 65536)
                if not data:
                    log.console(b"\n")
                    status = qemu.wait()
                    log.line(f"* ended with status {status}")
                    return status
                log.console(data)
        log.flush()
        if time.monotonic() >= deadline:
            log.line(f"* its time of {seconds} s is over")
            qemu.kill()
            deadline = float("inf")


def main():
    directory, seconds, *rest = sys.argv[1:]
    incoming = rest.pop(1) if rest[0] == "--incoming" else None
    command = rest[rest.index("--") + 1 :]
    os.chdir(directory)
    lock = open("lock", "w", encoding="ascii")
    fcntl.flock(lock, fcntl.LOCK_EX)
    for name in ("port", "monitor", "control", "console"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    log = Log("log")
    with open("errors", "wb") as errors:
        # It ends with us, whatever ends us.
        qemu = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        sys.exit(serve(log, qemu, int(seconds), incoming))


main()
