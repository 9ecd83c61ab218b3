// SPDX-License-Identifier: GPL-2.0

//! A machine in small: the files by which a kernel tells of its functions, in a directory.

use super::System;
use crate::btf::testing::kernel;
use std::fs;
use tempfile::TempDir;

pub const KALLSYMS: &str = "\
ffffffff81000000 T _stext
ffffffff81000100 t __pfx_vfs_read
ffffffff81000110 T vfs_read
ffffffff81000200 T vfs_write
ffffffff81000300 t walk
ffffffff81000300 t walk_alias
ffffffff81000400 t twice
ffffffff81000500 t twice
ffffffff81000600 t changed.part.0
ffffffff81000700 t changed.constprop.0
ffffffff81000780 t changed.part.0.cold
ffffffff81000800 T notraced
ffffffff81000900 T forbidden
ffffffff81000a00 T __switch_to
ffffffff81000b00 T do_exit
ffffffff81000c00 T schedule
ffffffff82000000 D jiffies
ffffffff83000000 T _sinittext
ffffffff83000010 t vfs_init
ffffffff83000100 T _einittext
ffffffffc0000000 t veth_xmit\t[veth]
ffffffffc0000100 t veth_open\t[veth]
ffffffffc0000200 t vfs_read\t[veth]
ffffffffc0001000 t probe_hit\t[func_probe]
ffffffffc0002000 t bpf_prog_0123456789abcdef_vfs\t[bpf]
";

pub const TRACEABLE: &str = "\
vfs_read
vfs_write
walk
twice
changed.part.0
changed.constprop.0
do_exit
schedule
__ftrace_invalid_address___1234
veth_xmit [veth]
vfs_read [veth]
probe_hit [func_probe]
";

pub const BLACKLIST: &str = "\
0xffffffff81000900-0xffffffff81000980\tforbidden
";

/// The machine; its directory goes with it.
pub struct Machine {
    folder: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Machine {
            folder: tempfile::tempdir().unwrap(),
        };
        let (vmlinux, veth) = kernel();
        machine
            .file("proc/kallsyms", KALLSYMS)
            .file("proc/sys/kernel/ftrace_enabled", "1\n")
            .file("proc/sys/kernel/kptr_restrict", "0\n")
            .file("sys/kernel/tracing/trace", "")
            .file("sys/kernel/tracing/available_filter_functions", TRACEABLE)
            .file("sys/kernel/debug/kprobes/blacklist", BLACKLIST)
            .file("sys/kernel/debug/kprobes/enabled", "1\n")
            .file("sys/kernel/btf/vmlinux", vmlinux)
            .file("sys/kernel/btf/veth", veth)
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let place = self.folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
        self
    }

    /// Takes a file away.
    pub fn without(self, path: &str) -> Self {
        fs::remove_file(self.folder.path().join(path)).unwrap();
        self
    }

    /// As the kernel shows itself to who may not see addresses.
    pub fn hidden(self) -> Self {
        let hide = |line: &str| format!("{:016}{}\n", 0, &line[16..]);
        let kallsyms: String = KALLSYMS.lines().map(hide).collect();
        let nothing = "0x0000000000000000-0x0000000000000000\tforbidden\n";
        self.file("proc/kallsyms", kallsyms)
            .file("proc/sys/kernel/kptr_restrict", "2\n")
            .file("sys/kernel/debug/kprobes/blacklist", nothing)
    }

    pub fn system(&self) -> System {
        System::at(self.folder.path())
    }
}
