// SPDX-License-Identifier: GPL-2.0

//! What is asked of a kernel in small.

use super::testing::{kernel, types};
use super::*;

fn prototype(types: &Types, name: &str) -> String {
    types.function(name).unwrap().to_string()
}

#[test]
fn prototypes_are_as_c_declares_them() {
    let (vmlinux, veth) = types();
    assert_eq!(
        prototype(&vmlinux, "vfs_read"),
        "ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)"
    );
    assert_eq!(
        prototype(&vmlinux, "walk"),
        "unsigned long walk(int (*visit)(void *, unsigned int), volatile unsigned int *at, \
         struct file *const *restrict table, ...)"
    );
    assert_eq!(prototype(&vmlinux, "nothing"), "void nothing(void)");
    assert_eq!(
        prototype(&veth, "veth_xmit"),
        "int veth_xmit(struct veth_priv *priv, struct sock *sk)"
    );
    let walk = vmlinux.function("walk").unwrap();
    assert!(walk.is_variadic && walk.params.len() == 3);
    assert_eq!(
        walk.params[0].ty.to_string(),
        "int (*)(void *, unsigned int)"
    );
}

#[test]
fn functions_that_have_no_prototype() {
    let (vmlinux, veth) = types();
    for name in ["missing", "", "file", "size_t", "veth_xmit", "differs"] {
        assert!(vmlinux.function(name).is_none(), "{name}");
    }
    // A function of vmlinux is not the module's of that name.
    assert!(veth.function("vfs_read").is_none());
}

#[test]
fn types_by_name() {
    let (types, veth) = types();
    for (name, spelled) in [
        ("struct sock", "struct sock"),
        ("enum pid_type", "enum pid_type"),
        ("size_t", "size_t"),
        ("unsigned long", "unsigned long"),
        ("long unsigned int", "unsigned long"),
        ("int", "int"),
    ] {
        assert_eq!(types.named(name).unwrap().to_string(), spelled);
    }
    for name in ["sock", "struct int", "union sock", "", "struct", "vfs_read"] {
        assert!(types.named(name).is_none(), "{name}");
    }
    assert!(types.named("struct veth_priv").is_none());
    assert!(veth.named("struct veth_priv").is_some() && veth.named("struct sock").is_some());
}

#[test]
fn shapes() {
    let (types, veth) = types();
    let shape = |name| types.named(name).unwrap().shape(&types);
    let int = |size, signed, is_bool, is_char| Shape::Int {
        size,
        signed,
        is_bool,
        is_char,
    };
    assert_eq!(shape("size_t"), int(8, false, false, false));
    assert_eq!(shape("ssize_t"), int(8, true, false, false));
    assert_eq!(shape("bool"), int(1, false, true, false));
    assert_eq!(shape("char"), int(1, true, false, true));
    assert_eq!(shape("unsigned char"), int(1, false, false, false));
    assert_eq!(shape("double"), Shape::Float { size: 8 });
    assert_eq!(shape("struct sock"), Shape::Struct { size: 32 });
    assert_eq!(shape("circle"), Shape::Unknown);
    let values = |name| match shape(name) {
        Shape::Enum {
            size,
            signed,
            values,
        } => (size, signed, values),
        other => panic!("{other:?}"),
    };
    let named = |name: &str, value| (name.to_string(), value);
    assert_eq!(
        values("enum way"),
        (4, true, vec![named("BACK", -1), named("ON", 1)])
    );
    assert_eq!(
        values("enum mask"),
        (8, false, vec![named("LOW", 1), named("HIGH", 1 << 40)])
    );

    let walk = types.function("walk").unwrap();
    let Shape::Pointer(visit) = walk.params[0].ty.shape(&types) else {
        panic!()
    };
    assert_eq!(visit.shape(&types), Shape::Function);
    assert_eq!(
        types.function("nothing").unwrap().ret.shape(&types),
        Shape::Void
    );
    // The text is behind an attribute.
    let read = types.function("vfs_read").unwrap();
    let Shape::Pointer(text) = read.params[1].ty.shape(&types) else {
        panic!()
    };
    assert_eq!(text.shape(&types), int(1, true, false, true));
    // What the module only declares is vmlinux's.
    let xmit = veth.function("veth_xmit").unwrap();
    let Shape::Pointer(sock) = xmit.params[1].ty.shape(&veth) else {
        panic!()
    };
    assert_eq!(sock.shape(&veth), Shape::Struct { size: 32 });
    // What nobody defines.
    let file = types.named("struct file").unwrap();
    let Shape::Pointer(operations) = types.member(&file, "f_op").unwrap().ty.shape(&types) else {
        panic!()
    };
    assert_eq!(operations.to_string(), "const struct file_operations");
    assert_eq!(operations.shape(&types), Shape::Unknown);
}

#[test]
fn members_have_their_place() {
    let (types, veth) = types();
    let place = |structure: &str, name: &str| {
        let of = types.named(structure).unwrap();
        let member = types.member(&of, name)?;
        Some((member.offset_bytes, member.bits, member.ty.to_string()))
    };
    let whole = |at, ty: &str| Some((at, None, ty.to_string()));
    assert_eq!(place("struct file", "f_flags"), whole(0, "unsigned int"));
    assert_eq!(place("struct file", "f_pos"), whole(8, "loff_t"));
    assert_eq!(place("struct file", "f_version"), whole(8, "unsigned long"));
    assert_eq!(place("struct file", "f_name"), whole(24, "char [16]"));
    assert_eq!(
        place("struct sock", "__sk_common"),
        whole(0, "struct sock_common")
    );
    assert_eq!(
        place("struct sock_common", "skc_dport"),
        whole(10, "__be16")
    );
    for name in ["skc_dport", "", "f_flags"] {
        assert_eq!(place("struct sock", name), None, "{name}");
    }
    assert_eq!(place("int", "x"), None);
    assert_eq!(place("circle", "x"), None);

    let bits = |at, shift, width, ty: &str| Some((at, Some((shift, width)), ty.to_string()));
    assert_eq!(place("struct bits", "plain"), whole(0, "unsigned int"));
    assert_eq!(place("struct bits", "low"), bits(4, 0, 3, "unsigned int"));
    assert_eq!(place("struct bits", "high"), bits(4, 3, 12, "unsigned int"));
    assert_eq!(place("struct bits", "one"), bits(8, 0, 1, "unsigned char"));
    let packed = bits(9, 0, 13, "unsigned short");
    assert_eq!(place("struct bits", "packed"), packed);
    assert_eq!(place("struct bits", "nowhere"), None);

    let file = types.named("struct file").unwrap();
    let names = types.member_names(&file);
    assert_eq!(names[..3], ["f_flags", "f_pos", "f_version"]);
    let sock = veth.named("struct sock").unwrap();
    assert_eq!(veth.member(&sock, "sk_err").unwrap().offset_bytes, 16);
}

#[test]
fn files_that_are_not_there_and_that_are_no_btf() {
    let folder = tempfile::tempdir().unwrap();
    let (vmlinux, veth) = kernel();
    let message = |module| match Types::load(folder.path(), module) {
        Ok(_) => panic!("loaded"),
        Err(error) => format!("{error:#}"),
    };
    let place = |name: &str| folder.path().join(name);
    assert!(message(None).contains("vmlinux: No such file"));
    std::fs::write(place("vmlinux"), "no BTF at all").unwrap();
    assert!(message(None).contains("this is no BTF"));
    std::fs::write(place("vmlinux"), vmlinux).unwrap();
    assert!(Types::load(folder.path(), None).is_ok());
    assert!(message(Some("veth")).contains("veth: No such file"));
    assert!(message(Some("../veth")).contains("no name of a module"));
    std::fs::write(place("veth"), veth).unwrap();
    let mut cache = Cache::new(folder.path());
    for _ in 0..2 {
        let types = cache.types(Some("veth")).unwrap();
        assert!(types.function("veth_xmit").is_some());
        assert!(cache.types(None).unwrap().function("vfs_read").is_some());
    }
    std::fs::write(place("veth"), "x").unwrap();
    assert!(cache.types(Some("veth")).is_ok());
    cache.forget("veth");
    assert!(cache.types(Some("veth")).is_err());
}
