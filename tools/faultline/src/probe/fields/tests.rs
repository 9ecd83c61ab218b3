// SPDX-License-Identifier: GPL-2.0

//! What expressions become, with the types of a kernel in small.

mod conditions;

use super::expression::Expression;
use super::program::{Field, Program, Source};
use super::{Scene, CARRIED};
use crate::btf::testing::{Encoder, BOOL, CONST, SIGNED};
use crate::btf::Types;
use crate::probe::fields::form::Form;

/// `struct file` as it leads to a name, and functions that have what can go wrong.
fn types() -> Types {
    let mut btf = Encoder::new();
    let int = btf.int("int", 4, SIGNED);
    let long = btf.int("long int", 8, SIGNED);
    let word = btf.int("long unsigned int", 8, 0);
    let unsigned = btf.int("unsigned int", 4, 0);
    let short = btf.int("short unsigned int", 2, 0);
    let byte = btf.int("unsigned char", 1, 0);
    let character = btf.int("char", 1, SIGNED);
    let truth = btf.int("_Bool", 1, BOOL);
    let wide = btf.int("__int128", 16, SIGNED);
    let port = btf.typedef("__be16", short);
    let constant = btf.qualified(CONST, character);
    let text = btf.pointer(constant);
    let constant = btf.qualified(CONST, byte);
    let bytes = btf.pointer(constant);
    let name = btf.array(character, 16, int);
    let address = btf.array(byte, 6, int);
    let string = btf.structure(
        "qstr",
        16,
        &[("hash", unsigned, 0, 0), ("name", bytes, 64, 0)],
    );
    let dentry = btf.structure(
        "dentry",
        56,
        &[("d_name", string, 256, 0), ("d_iname", name, 384, 0)],
    );
    let dentry = btf.pointer(dentry);
    let path = btf.structure(
        "path",
        16,
        &[("mnt", word, 0, 0), ("dentry", dentry, 64, 0)],
    );
    let how = btf.enumeration("how", 4, false, &[("COPY", 0), ("MOVE", 1)]);
    let fields = [
        ("f_path", path, 128, 0),
        ("f_mode", unsigned, 256, 0),
        ("is_open", truth, 288, 0),
        ("f_how", how, 320, 0),
        ("low", unsigned, 352, 3),
        ("port", port, 384, 0),
        ("mac", address, 400, 0),
        ("far", int, (1 << 23) | 32, 0),
        ("too_far", int, (1 << 23) + 64, 0),
    ];
    let file = btf.structure("file", (1 << 20) + 12, &fields);
    let file = btf.pointer(file);
    let files = btf.pointer(file);
    let position = btf.pointer(long);
    let params = [
        ("file", file),
        ("buf", text),
        ("count", word),
        ("pos", position),
    ];
    btf.function("vfs_read", long, &params);
    let params = [
        ("how", how),
        ("sure", truth),
        ("n", int),
        ("pid", int),
        ("files", files),
        ("f", file),
        ("seventh", short),
    ];
    btf.function("many", file, &params);
    btf.function("nothing", 0, &[]);
    let params = [("first", int), ("path", path), ("after", int)];
    btf.function("by_value", int, &params);
    btf.function("wide", int, &[("wide", wide)]);
    btf.function("said", text, &[("format", text), ("", 0)]);
    let link = btf.structure("link", 8, &[]);
    let link = btf.pointer(link);
    btf.function("linked", int, &[("link", link)]);
    Types::parse(&btf.bytes(), None).unwrap()
}

/// Does it in a function, when it returns.
fn within<R>(function: &str, body: impl FnOnce(&Scene<'_>) -> R) -> R {
    let types = types();
    let prototype = types.function(function);
    body(&Scene {
        name: function,
        types: Some(&types),
        prototype: prototype.as_ref(),
        returns: true,
    })
}

fn field(function: &str, text: &str) -> Result<(Field, String), String> {
    within(function, |scene| {
        let mut program = Program::new(false, &Form::Word);
        let field = program.field(scene, &Expression::parse(text).unwrap())?;
        let line = program.line(0);
        let fetched = line.strip_prefix("program 0 errors:s64").unwrap();
        Ok((field, fetched.trim_start().into()))
    })
}

fn fetched(function: &str, text: &str) -> (String, Form) {
    let (field, fetched) = field(function, text).unwrap_or_else(|error| panic!("{error}"));
    (fetched, field.form)
}

#[test]
fn what_comes_with_each_event_is_not_fetched() {
    for (text, source, form) in [
        ("count", Source::Argument(2), Form::Unsigned { bytes: 8 }),
        ("arg2", Source::Argument(2), Form::Unsigned { bytes: 8 }),
        ("$count", Source::Argument(2), Form::Unsigned { bytes: 8 }),
        ("file", Source::Argument(0), Form::Pointer),
        // A text of a parameter may be in user space.
        ("buf", Source::Argument(1), Form::Pointer),
        (
            "ret",
            Source::Return,
            Form::Result(Box::new(Form::Signed { bytes: 8 })),
        ),
    ] {
        let (field, fetched) = field("vfs_read", text).unwrap();
        assert_eq!(
            (field.source, field.form, fetched.as_str()),
            (source, form, ""),
            "{text}"
        );
    }
}

#[test]
fn members_elements_and_texts() {
    for (function, text, spec) in [
        ("vfs_read", "file->f_mode", "f0=a0.32:u32"),
        ("vfs_read", "file.f_mode", "f0=a0.32:u32"),
        ("vfs_read", "file->f_path.dentry", "f0=a0.24:u64"),
        (
            "vfs_read",
            "file->f_path.dentry->d_name.hash",
            "f0=a0.24.32:u32",
        ),
        (
            "vfs_read",
            "file->f_path.dentry->d_name.name",
            "t0=a0.24.40:str",
        ),
        (
            "vfs_read",
            "file->f_path.dentry->d_iname",
            "t0=a0.24+48:str",
        ),
        (
            "vfs_read",
            "file->f_path.dentry->d_iname[2]",
            "f0=a0.24.50:s8",
        ),
        (
            "vfs_read",
            "hex(file->f_path.dentry->d_name.name)",
            "f0=a0.24.40:u64",
        ),
        ("vfs_read", "ustr(buf)", "t0=a1:ustr"),
        ("vfs_read", "str(buf)", "t0=a1:str"),
        ("vfs_read", "*pos", "f0=a3.0:s64"),
        ("vfs_read", "pos[2]", "f0=a3.16:s64"),
        ("vfs_read", "u8(count)", "f0=a2:u8"),
        ("vfs_read", "s32(ret)", "f0=ret:s32"),
        ("vfs_read", "hex(count)", "f0=a2:u64"),
        ("vfs_read", "ip(file->f_mode)", "f0=a0.32:u32"),
        ("vfs_read", "file->is_open", "f0=a0.36:u8"),
        ("vfs_read", "file->f_how", "f0=a0.40:u32"),
        ("vfs_read", "file->low", "f0=a0.44:u3@0/32"),
        ("vfs_read", "file->port", "f0=a0.48:u16"),
        ("vfs_read", "file->mac[5]", "f0=a0.55:u8"),
        ("vfs_read", "str(file->mac)", "t0=a0+50:str"),
        ("many", "ret->f_mode", "f0=ret.32:u32"),
        ("many", "files[1]->f_mode", "f0=a4.8.32:u32"),
        ("many", "(*files)", ""),
        ("many", "seventh", "f0=a6:u16"),
        ("said", "str(arg3)", "t0=a3:str"),
        ("said", "str(ret)", "t0=ret:str"),
    ] {
        if spec.is_empty() {
            assert!(Expression::parse(text).is_err());
            continue;
        }
        assert_eq!(fetched(function, text).0, spec, "{text}");
    }
    assert_eq!(
        fetched("vfs_read", "file->port").1,
        Form::BigEndian { bytes: 2 }
    );
    assert_eq!(fetched("vfs_read", "ip(file->f_mode)").1, Form::Ipv4);
}

#[test]
fn functions_of_which_no_types_are_known() {
    let scene = Scene {
        name: "unknown",
        types: None,
        prototype: None,
        returns: true,
    };
    let compile = |text: &str| {
        let mut program = Program::new(false, &Form::Word);
        let field = program.field(&scene, &Expression::parse(text).unwrap())?;
        Ok::<_, String>((field.form, program.line(0)))
    };
    assert_eq!(compile("arg0").unwrap().0, Form::Word);
    assert_eq!(compile("arg7").unwrap().1, "program 0 errors:s64 f0=a7:u64");
    assert_eq!(
        compile("ustr(arg1)").unwrap().1,
        "program 0 errors:s64 t0=a1:ustr"
    );
    assert_eq!(
        compile("s32(ret)").unwrap().1,
        "program 0 errors:s64 f0=ret:s32"
    );
    for (text, complaint) in [
        (
            "count",
            "no types of unknown are known: its arguments are arg0, arg1",
        ),
        ("arg0->x", "the types that it goes through are not known"),
        ("arg12", "only the first 12 can be read"),
    ] {
        let error = compile(text).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
    assert_eq!(
        (0..CARRIED).filter_map(|at| scene.carried(at)).count(),
        CARRIED
    );
    assert_eq!(scene.result(), Form::Result(Box::new(Form::Word)));
}

#[test]
fn what_cannot_be_fetched() {
    for (function, text, complaint) in [
        (
            "vfs_read",
            "cuont",
            "'cuont': no parameter of vfs_read, which has file, buf, count, pos",
        ),
        ("nothing", "x", "nothing has no parameters"),
        ("nothing", "ret", "nothing returns nothing"),
        ("vfs_read", "arg4", "vfs_read has 4 parameters, from arg0"),
        (
            "vfs_read",
            "file->f_pth",
            "no member 'f_pth' in struct file, which has f_path, ",
        ),
        (
            "vfs_read",
            "count->x",
            "unsigned long has no members, so no 'x'",
        ),
        (
            "vfs_read",
            "count[1]",
            "unsigned long is no pointer and no array",
        ),
        (
            "vfs_read",
            "file->f_path",
            "is of type struct path: name a member of it: mnt, dentry",
        ),
        (
            "vfs_read",
            "file->mac",
            "name an element of it, file->mac[0]",
        ),
        (
            "vfs_read",
            "file->mac[6]",
            "the array has 6 elements, from 0",
        ),
        ("vfs_read", "file->low.x", "a bit-field is no structure"),
        (
            "vfs_read",
            "u8(file->low)",
            "a bit-field is read as its type says",
        ),
        ("vfs_read", "file->too_far", "more than 1048576 bytes away"),
        ("vfs_read", "pos[99999999]", "more than 1048576 bytes away"),
        (
            "vfs_read",
            "str(file->f_mode)",
            "unsigned int is no address of a text",
        ),
        (
            "vfs_read",
            "pid->x",
            "pid is no parameter here: one of that name is $pid",
        ),
        (
            "by_value",
            "path.dentry",
            "'path' of by_value is of type struct path, which is no number of 64 bits",
        ),
        (
            "by_value",
            "after",
            "'after': where it is passed is not known: 'path' of by_value",
        ),
        ("wide", "wide", "which is no number of 64 bits"),
        (
            "linked",
            "link->x",
            "no member 'x' in struct link, which has none",
        ),
    ] {
        let error = field(function, text).unwrap_err();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    // What comes before is known.
    assert_eq!(
        field("by_value", "first").unwrap().0.source,
        Source::Argument(0)
    );
    assert_eq!(field("many", "$pid").unwrap().0.source, Source::Argument(3));
    let entry = within("vfs_read", |scene| {
        let scene = Scene {
            returns: false,
            ..*scene
        };
        let compile = |text| {
            scene
                .compile(&Expression::parse(text).unwrap())
                .unwrap_err()
        };
        [compile("ret"), compile("ns"), compile("ret->x")]
    });
    for error in entry {
        assert!(error.contains("is known when vfs_read returns"), "{error}");
    }
}

#[test]
fn too_much_is_refused_and_the_same_is_fetched_once() {
    let all = |texts: &[&str]| {
        within("vfs_read", |scene| {
            let mut program = Program::new(false, &Form::Word);
            for text in texts {
                program.field(scene, &Expression::parse(text).unwrap())?;
            }
            Ok::<_, String>(program.line(0).matches('=').count())
        })
    };
    let six = [
        "u8(count)",
        "u16(count)",
        "u32(count)",
        "u64(count)",
        "s8(count)",
        "s16(count)",
    ];
    assert_eq!(all(&six), Ok(6));
    assert_eq!(
        all(&[&six[..], &["u8( count )", "count", "ret", "str(buf)"]].concat()),
        Ok(7)
    );
    let error = all(&[&six[..], &["s32(count)"]].concat()).unwrap_err();
    assert!(
        error.starts_with("'s32(count)' is one too many: at most 6 numbers"),
        "{error}"
    );
    let error = all(&["str(buf)", "ustr(buf)", "str(file)"]).unwrap_err();
    assert!(
        error.starts_with("'str(file)' is one too many: at most 2 texts"),
        "{error}"
    );
}
