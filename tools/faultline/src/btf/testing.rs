// SPDX-License-Identifier: GPL-2.0

//! BTF made type by type, for tests, and that of a kernel in small.

use super::Types;

/// What is being made: types and strings, both numbered on from those of the BTF below it.
pub struct Encoder {
    types: Vec<u32>,
    strings: Vec<u8>,
    next_id: u32,
    first_string: u32,
}

/// Qualifiers, by the number of their kind.
pub const VOLATILE: u32 = 9;
pub const CONST: u32 = 10;
pub const RESTRICT: u32 = 11;
pub const TYPE_TAG: u32 = 18;

/// Encodings of integers.
pub const SIGNED: u32 = 1;
pub const BOOL: u32 = 4;

/// A member: name, type, its first bit, and the width of a bit-field or 0.
pub type Field<'a> = (&'a str, u32, u32, u32);

impl Encoder {
    pub fn new() -> Self {
        Encoder {
            types: Vec::new(),
            strings: vec![0],
            next_id: 1,
            first_string: 0,
        }
    }

    /// Begins the BTF of a module on top of this one.
    pub fn split(&self) -> Self {
        Encoder {
            types: Vec::new(),
            strings: Vec::new(),
            next_id: self.next_id,
            first_string: self.first_string + self.strings.len() as u32,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32 * 4, self.strings.len() as u32);
        let header = [0x0001_eb9f, 24, 0, types, types, strings];
        let words = header.iter().chain(&self.types);
        let mut bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(&self.strings);
        bytes
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.first_string + self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        at
    }

    fn add(&mut self, kind: u32, flag: bool, name: &str, word: u32, parts: &[&[u32]]) -> u32 {
        let name = self.name(name);
        let info = (kind << 24) | parts.len() as u32 | (u32::from(flag) << 31);
        self.types.extend([name, info, word]);
        self.types.extend(parts.iter().flat_map(|part| part.iter()));
        self.next_id += 1;
        self.next_id - 1
    }

    pub fn int(&mut self, name: &str, size: u32, encoding: u32) -> u32 {
        let id = self.add(1, false, name, size, &[]);
        self.types.push((encoding << 24) | (size * 8));
        id
    }

    pub fn pointer(&mut self, to: u32) -> u32 {
        self.add(2, false, "", to, &[])
    }

    pub fn array(&mut self, of: u32, len: u32, index: u32) -> u32 {
        let id = self.add(3, false, "", 0, &[]);
        self.types.extend([of, index, len]);
        id
    }

    fn composite(&mut self, kind: u32, name: &str, size: u32, fields: &[Field<'_>]) -> u32 {
        let flag = fields.iter().any(|field| field.3 != 0);
        let parts: Vec<[u32; 3]> = fields
            .iter()
            .map(|&(name, ty, bit, width)| [self.name(name), ty, bit | (width << 24)])
            .collect();
        let parts: Vec<&[u32]> = parts.iter().map(|part| &part[..]).collect();
        self.add(kind, flag, name, size, &parts)
    }

    pub fn structure(&mut self, name: &str, size: u32, fields: &[Field<'_>]) -> u32 {
        self.composite(4, name, size, fields)
    }

    pub fn union(&mut self, name: &str, size: u32, fields: &[Field<'_>]) -> u32 {
        self.composite(5, name, size, fields)
    }

    /// An enumeration; one of 8 bytes has its own kind.
    pub fn enumeration(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, i64)],
    ) -> u32 {
        let parts: Vec<Vec<u32>> = values
            .iter()
            .map(|&(name, value)| {
                let mut part = vec![self.name(name), value as u32];
                part.extend((size == 8).then_some((value >> 32) as u32));
                part
            })
            .collect();
        let parts: Vec<&[u32]> = parts.iter().map(|part| &part[..]).collect();
        self.add(if size == 8 { 19 } else { 6 }, signed, name, size, &parts)
    }

    pub fn forward(&mut self, name: &str) -> u32 {
        self.add(7, false, name, 0, &[])
    }

    pub fn typedef(&mut self, name: &str, of: u32) -> u32 {
        self.add(8, false, name, of, &[])
    }

    pub fn qualified(&mut self, kind: u32, of: u32) -> u32 {
        self.add(
            kind,
            false,
            if kind == TYPE_TAG { "user" } else { "" },
            of,
            &[],
        )
    }

    pub fn float(&mut self, name: &str, size: u32) -> u32 {
        self.add(16, false, name, size, &[])
    }

    /// A function type; a parameter `("", 0)` stands for `...`.
    pub fn prototype(&mut self, ret: u32, params: &[(&str, u32)]) -> u32 {
        let parts: Vec<[u32; 2]> = params
            .iter()
            .map(|&(name, ty)| [self.name(name), ty])
            .collect();
        let parts: Vec<&[u32]> = parts.iter().map(|part| &part[..]).collect();
        self.add(13, false, "", ret, &parts)
    }

    pub fn function(&mut self, name: &str, ret: u32, params: &[(&str, u32)]) -> u32 {
        let prototype = self.prototype(ret, params);
        self.add(12, false, name, prototype, &[])
    }
}

/// The BTF of a kernel in small, and of its module `veth`.
pub fn kernel() -> (Vec<u8>, Vec<u8>) {
    let mut btf = Encoder::new();
    let int = btf.int("int", 4, SIGNED);
    let unsigned = btf.int("unsigned int", 4, 0);
    let long = btf.int("long int", 8, SIGNED);
    let unsigned_long = btf.int("long unsigned int", 8, 0);
    let character = btf.int("char", 1, SIGNED);
    let byte = btf.int("unsigned char", 1, 0);
    let truth = btf.int("_Bool", 1, BOOL);
    let short = btf.int("short unsigned int", 2, 0);
    btf.float("double", 8);
    let boolean = btf.typedef("bool", truth);
    let size_t = btf.typedef("size_t", unsigned_long);
    let ssize_t = btf.typedef("ssize_t", long);
    let loff_t = btf.typedef("loff_t", long);
    let port = btf.typedef("__be16", short);
    let kind = btf.enumeration(
        "pid_type",
        4,
        false,
        &[("PIDTYPE_PID", 0), ("PIDTYPE_TGID", 1)],
    );
    let signed_kind = btf.enumeration("way", 4, true, &[("BACK", -1), ("ON", 1)]);
    btf.enumeration("mask", 8, false, &[("LOW", 1), ("HIGH", 1 << 40)]);
    let name = btf.array(character, 16, int);
    let operations = btf.forward("file_operations");
    let constant = btf.qualified(CONST, operations);
    let operations = btf.pointer(constant);
    let inner = btf.structure("", 8, &[("f_pos", loff_t, 0, 0)]);
    let either = btf.union(
        "",
        8,
        &[("", inner, 0, 0), ("f_version", unsigned_long, 0, 0)],
    );
    let fields = [
        ("f_flags", unsigned, 0, 0),
        ("", either, 64, 0),
        ("f_op", operations, 128, 0),
        ("f_name", name, 192, 0),
        ("is_open", boolean, 320, 0),
        ("f_type", kind, 352, 0),
        ("f_way", signed_kind, 384, 0),
    ];
    let file = btf.structure("file", 56, &fields);
    let file = btf.pointer(file);
    // unsigned int low : 3, high : 12 in the word at byte 4, and then, as in a packed structure, what
    // is in no aligned number, and in none at all.
    let bits = [
        ("plain", unsigned, 0, 0),
        ("low", unsigned, 32, 3),
        ("high", unsigned, 35, 12),
        ("one", byte, 64, 1),
        ("packed", short, 72, 13),
        ("nowhere", byte, 87, 8),
    ];
    let bits = btf.structure("bits", 12, &bits);
    let bits = btf.pointer(bits);
    let text = btf.qualified(TYPE_TAG, character);
    let text = btf.pointer(text);
    let position = btf.pointer(loff_t);
    let params = [
        ("file", file),
        ("buf", text),
        ("count", size_t),
        ("pos", position),
    ];
    btf.function("vfs_read", ssize_t, &params);
    let void = btf.pointer(0);
    let visit = btf.prototype(int, &[("", void), ("", unsigned)]);
    let visit = btf.pointer(visit);
    let at = btf.qualified(VOLATILE, unsigned);
    let at = btf.pointer(at);
    let table = btf.qualified(CONST, file);
    let table = btf.pointer(table);
    let table = btf.qualified(RESTRICT, table);
    let params = [("visit", visit), ("at", at), ("table", table), ("", 0)];
    btf.function("walk", unsigned_long, &params);
    btf.function("nothing", 0, &[]);
    // Two files have a function of this name, and they differ.
    btf.function("differs", 0, &[("bits", bits)]);
    btf.function("differs", int, &[]);
    let common = btf.structure(
        "sock_common",
        16,
        &[("skc_num", short, 64, 0), ("skc_dport", port, 80, 0)],
    );
    let sock = btf.structure(
        "sock",
        32,
        &[("__sk_common", common, 0, 0), ("sk_err", int, 128, 0)],
    );
    btf.pointer(sock);
    let circle = btf.typedef("circle", 0);
    // The typedef is of itself.
    let at = btf.types.len() - 1;
    btf.types[at] = circle;

    let mut veth = btf.split();
    let device = veth.structure("veth_priv", 8, &[("dropped", unsigned_long, 0, 0)]);
    let device = veth.pointer(device);
    let sock = veth.forward("sock");
    let sock = veth.pointer(sock);
    veth.function("veth_xmit", int, &[("priv", device), ("sk", sock)]);
    (btf.bytes(), veth.bytes())
}

/// The types of that kernel, and with its module.
pub fn types() -> (Types, Types) {
    let (vmlinux, veth) = kernel();
    (
        Types::parse(&vmlinux, None).unwrap(),
        Types::parse(&vmlinux, Some(&veth)).unwrap(),
    )
}
