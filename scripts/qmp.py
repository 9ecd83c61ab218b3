#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""qmp.py SOCKET COMMAND [ARGUMENTS]

Sends QEMU a command of its machine protocol, with ARGUMENTS in JSON, and prints the answer in
JSON. On an error it fails with QEMU's message. `qmp.py SOCKET quit` ends QEMU.
"""

import json
import os
import socket
import sys


def main():
    path, command, *arguments = sys.argv[1:]
    channel = socket.socket(socket.AF_UNIX)
    channel.settimeout(60)
    # A path may be too long for a socket's name.
    os.chdir(os.path.dirname(path) or ".")
    channel.connect(os.path.basename(path))
    lines = channel.makefile("rw")
    lines.readline()
    answer = {}
    for request in (
        {"execute": "qmp_capabilities"},
        {
            "execute": command,
            "arguments": json.loads(arguments[0]) if arguments else {},
        },
    ):
        print(json.dumps(request), file=lines, flush=True)
        answer = {}
        while not answer.keys() & {"return", "error"}:
            line = lines.readline()
            answer = json.loads(line) if line else {"return": "QEMU ended"}
    if "error" in answer:
        sys.exit(f"qmp: {command}: {answer['error']['desc']}")
    print(json.dumps(answer["return"]))


main()
