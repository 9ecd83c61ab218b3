#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Calls functions of the kernel whose results it sees.

    known_calls.py READY RESULTS

makes READY, waits for SIGUSR1, and makes its calls while its thread is called `known`. RESULTS then has a
line for each, in order: the kernel's function, and what it returned (an error as -errno).
"""

import ctypes
import errno
import os
import signal
import sys
import tempfile

AT_FDCWD = -100
PR_SET_NAME = 15
NOWHERE = b"/does/not/exist"

libc = ctypes.CDLL(None, use_errno=True)
libc.lseek.restype = ctypes.c_longlong
libc.lseek.argtypes = [ctypes.c_int, ctypes.c_longlong, ctypes.c_int]
for function in ("read", "write", "sendto", "recvfrom", "readlink"):
    getattr(libc, function).restype = ctypes.c_ssize_t

results = []


def call(function, wrapper, *arguments):
    """Calls `function` by the C library's wrapper, which makes one system call."""
    ctypes.set_errno(0)
    result = getattr(libc, wrapper)(*arguments)
    if result == -1 and ctypes.get_errno():
        result = -ctypes.get_errno()
    results.append((function, result))
    return result


def files():
    data = ctypes.create_string_buffer(4096)
    fd = call(
        "do_sys_openat2", "openat", AT_FDCWD, b"file", os.O_RDWR | os.O_CREAT, 0o600
    )
    call(
        "do_sys_openat2",
        "openat",
        AT_FDCWD,
        b"file",
        os.O_RDWR | os.O_CREAT | os.O_EXCL,
        0o600,
    )
    call("do_sys_openat2", "openat", AT_FDCWD, NOWHERE, os.O_RDONLY, 0)
    call("do_sys_openat2", "openat", AT_FDCWD, b"file/below", os.O_RDONLY, 0)
    call("vfs_write", "write", fd, data, 1234)
    call("vfs_llseek", "lseek", fd, 1000, os.SEEK_SET)
    call("vfs_llseek", "lseek", fd, -1, os.SEEK_SET)
    call("vfs_llseek", "lseek", fd, 5_000_000_000, os.SEEK_CUR)
    call("vfs_llseek", "lseek", fd, 1000, os.SEEK_SET)
    call("vfs_read", "read", fd, data, 4096)
    call("vfs_read", "read", fd, data, 4096)
    directory = call("do_sys_openat2", "openat", AT_FDCWD, b".", os.O_RDONLY, 0)
    call("vfs_read", "read", directory, data, 1)
    full = call("do_sys_openat2", "openat", AT_FDCWD, b"/dev/full", os.O_WRONLY, 0)
    call("vfs_write", "write", full, data, 10)
    call("dup3", "dup3", fd, 77, 0)
    call("dup3", "dup3", fd, fd, 0)
    call("dup3", "dup3", 999, 78, 0)
    call("fcntl", "fcntl", fd, 3, 0)  # F_GETFL
    call("fcntl", "fcntl", fd, 0, -1)  # F_DUPFD
    pair = (ctypes.c_int * 2)()
    call("do_pipe2", "pipe2", pair, 0)
    call("do_pipe2", "pipe2", pair, -1)
    memory = call("memfd_create", "memfd_create", b"name", 0)
    # Of a file on overlayfs it would be called twice.
    call("vfs_fallocate", "fallocate", memory, 0, 0, 100_000)
    call("vfs_fallocate", "fallocate", memory, 0, -1, 1)
    call("memfd_create", "memfd_create", b"name", 0x8000)


def names():
    data = ctypes.create_string_buffer(4096)
    call("do_faccessat", "access", b"file", os.R_OK)
    call("do_faccessat", "access", b"file", os.X_OK)
    call("do_faccessat", "access", NOWHERE, os.R_OK)
    call("do_mkdirat", "mkdir", b"folder", 0o700)
    call("do_mkdirat", "mkdir", b"folder", 0o700)
    call("do_mkdirat", "mkdir", b"folder/inner", 0o700)
    call("do_rmdir", "rmdir", b"folder")
    call("do_rmdir", "rmdir", b"folder/inner")
    call("do_rmdir", "rmdir", b"file")
    call("do_symlinkat", "symlink", b"some/where", b"link")
    call("do_symlinkat", "symlink", b"some/where", b"link")
    call("do_readlinkat", "readlink", b"link", data, 4096)
    call("do_readlinkat", "readlink", b"link", data, 4)
    call("do_readlinkat", "readlink", b"file", data, 4096)
    call("do_renameat2", "rename", b"link", b"other")
    call("do_renameat2", "rename", b"link", b"other")
    call("do_unlinkat", "unlink", b"other")
    call("do_unlinkat", "unlink", b"other")
    call("do_unlinkat", "unlink", b"folder")
    call("umask", "umask", 0o027)
    call("umask", "umask", 0o022)


def sockets():
    data = ctypes.create_string_buffer(4096)
    # 127.0.0.1, port 9 of which nobody has the other end.
    address = ctypes.create_string_buffer(b"\2\0\0\11\x7f\0\0\1" + bytes(8), 16)
    call("__sys_socket", "socket", 999, 2, 0)
    first = call("__sys_socket", "socket", 2, 2, 0)
    second = call("__sys_socket", "socket", 2, 2, 0)
    call("__sys_bind", "bind", first, address, 16)
    call("__sys_bind", "bind", second, address, 16)
    call("__sys_sendto", "sendto", second, data, 321, 0, address, 16)
    call("__sys_recvfrom", "recvfrom", first, data, 4096, 0, None, None)
    call(
        "__sys_recvfrom", "recvfrom", first, data, 4096, 0x40, None, None
    )  # MSG_DONTWAIT
    call("__sys_sendto", "sendto", second, data, 1, 0, None, 0)
    stream = call("__sys_socket", "socket", 2, 1, 0)
    call("__sys_connect", "connect", stream, address, 16)
    polled = ctypes.create_string_buffer(
        first.to_bytes(4, sys.byteorder) + b"\4\0\0\0", 8
    )
    call("poll", "poll", polled, 1, 0)
    call("poll", "poll", polled, 0, 0)


def tasks():
    own = call("getpid", "getpid")
    child = libc.fork()
    if child == 0:
        os._exit(0)
    results.append(("kernel_clone", child))
    call("kernel_wait4", "waitpid", child, None, 0)
    call("kernel_wait4", "waitpid", child, None, 0)
    call("kill", "kill", child, 0)
    call("kill", "kill", own, 99)
    limits = (ctypes.c_ulonglong * 2)()
    call("do_prlimit", "prlimit", 0, 7, None, limits)
    call("do_prlimit", "prlimit", 0, 999, None, limits)
    call("epoll_create1", "epoll_create1", 0)
    call("epoll_create1", "epoll_create1", 1)


def main():
    ready, kept = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.chdir(tempfile.mkdtemp())
    open(ready, "w").close()
    signal.sigwait([signal.SIGUSR1])
    libc.prctl(PR_SET_NAME, b"known")
    for calls in (files, names, sockets, tasks):
        calls()
    libc.prctl(PR_SET_NAME, b"python")
    with open(kept, "w") as file:
        for function, result in results:
            error = errno.errorcode[-result] if -4096 < result < 0 else "-"
            print(function, result, error, file=file)


main()
