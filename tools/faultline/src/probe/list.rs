// SPDX-License-Identifier: GPL-2.0

//! What can be probed, with prototypes if asked for, and of the rest why not: `-l` and `-L`.

mod json;

use super::choose::{
    resolve, Backend, Function, Line, Pattern, Refused, Resolved, Sources, System,
};
use crate::btf::{Cache, Prototype};
use crate::terminal::layout::{lay_out, wrapped, Part, WIDTH};
use crate::terminal::tell::tell;
use crate::terminal::{escape, out};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// What is to be listed.
pub struct Ask {
    pub patterns: Vec<Pattern>,
    pub prototypes: bool,
    pub json: bool,
}

/// What is known of functions, in their order, if it was asked for.
type Prototypes = Option<Vec<Known>>;

/// What is known of a function.
#[derive(Default)]
struct Known {
    prototype: Option<Prototype>,
    /// Where its source begins.
    line: Option<Line>,
}

/// Lists, and tells whether anything can be probed.
///
/// # Errors
///
/// Fails where the kernel does not tell that.
pub fn run(ask: &Ask) -> anyhow::Result<ExitCode> {
    let system = System::here();
    let mut resolved = resolve(&ask.patterns, &system)?;
    let prototypes = ask.prototypes.then(|| {
        let mut prototypes = prototypes(&mut resolved, &system);
        add_lines(&mut prototypes, &mut resolved, &system);
        prototypes
    });
    let text = match ask.json {
        true => json::text(&resolved, &prototypes)?,
        false => {
            for note in &resolved.notes {
                tell(note);
            }
            text(&resolved, &prototypes)
        }
    };
    out::print(&text)?;
    Ok(match resolved.functions.is_empty() {
        true => ExitCode::from(1),
        false => ExitCode::SUCCESS,
    })
}

/// The prototypes; of what has no BTF there is a note.
fn prototypes(resolved: &mut Resolved, system: &System) -> Vec<Known> {
    let mut cache = Cache::new(system.btf());
    cache.expect(resolved.functions.len());
    let mut without = BTreeSet::new();
    let each =
        resolved
            .functions
            .iter()
            .map(|function| match cache.types(function.module.as_deref()) {
                Ok(types) => types.function(&function.name),
                Err(error) => {
                    without.insert(format!("no prototypes: {error:#}"));
                    None
                }
            });
    let prototypes = each.map(|prototype| Known {
        prototype,
        line: None,
    });
    let prototypes = prototypes.collect();
    resolved.notes.extend(without);
    prototypes
}

/// Adds the lines of those of the kernel itself, if its debug symbols are there; else there is a note.
fn add_lines(known: &mut [Known], resolved: &mut Resolved, system: &System) {
    let of_kernel = |function: &&Function| function.module.is_none();
    let addresses: Vec<_> = resolved
        .functions
        .iter()
        .filter(of_kernel)
        .map(|one| one.address)
        .collect();
    if addresses.is_empty() {
        return;
    }
    match Sources::find(system, resolved.text).and_then(|sources| sources.lines(&addresses)) {
        Ok(mut lines) => {
            for (known, function) in known.iter_mut().zip(&resolved.functions) {
                known.line = lines.remove(&function.address);
            }
        }
        Err(error) => resolved.notes.push(format!("no source lines: {error:#}")),
    }
}

/// For people: a function a line, in words that choose it alone.
fn text(resolved: &Resolved, prototypes: &Prototypes) -> String {
    let mut text = String::new();
    for (number, function) in resolved.functions.iter().enumerate() {
        let mut line = function.to_string();
        if let [only @ (Backend::Kprobe | Backend::Kretprobe)] = function.backends[..] {
            line += &format!("  # by a {} only", only.word());
        }
        text += &escape::line(&line);
        text.push('\n');
        if let Some(known) = prototypes.as_ref().and_then(|all| all.get(number)) {
            text += &match &known.prototype {
                Some(prototype) => wrapped("    ", &prototype.to_string()),
                None => wrapped("    ", no_prototype(function)),
            };
            if let Some(Line { file, line }) = &known.line {
                text += &wrapped("    ", &format!("{file}:{line}"));
            }
        }
    }
    if resolved.refused.is_empty() {
        return text;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let (can, cannot) = (resolved.functions.len(), resolved.refused.len());
    text += &format!("{can} can be probed, {cannot} cannot:\n");
    let mut groups = BTreeMap::<_, Vec<&Refused>>::new();
    for refused in &resolved.refused {
        let key = (refused.reason.word(), refused.reason.common());
        groups.entry(key).or_default().push(refused);
    }
    for ((word, common), group) in groups {
        text.push('\n');
        text += &wrapped("", &format!("{word} ({}): {common}", group.len()));
        let last = group.len() - 1;
        let mut words = Vec::new();
        for (number, refused) in group.into_iter().enumerate() {
            let end = if number == last { "" } else { "," };
            let mut item = symbol(refused);
            if let Some(detail) = refused.reason.detail() {
                item += &format!(" ({detail})");
            }
            item += end;
            words.extend(item.split(' ').map(Part::plain));
        }
        text += &lay_out("    ", &words, Some(WIDTH), false);
    }
    text
}

fn no_prototype(function: &Function) -> &'static str {
    match function.name.contains('.') {
        true => "no prototype: the compiler made it, with parameters of its own",
        false => "no prototype: the BTF leaves it out",
    }
}

fn symbol(refused: &Refused) -> String {
    match &refused.module {
        Some(module) => format!("{module}:{}", refused.name),
        None => refused.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::choose::testing::Machine;
    use super::*;
    use crate::schema::complaint;

    fn listed(patterns: &[&str], with: bool) -> (Resolved, Prototypes) {
        listed_on(&Machine::new(), patterns, with)
    }

    fn listed_on(machine: &Machine, patterns: &[&str], with: bool) -> (Resolved, Prototypes) {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let system = machine.system();
        let mut resolved = resolve(&patterns, &system).unwrap();
        let found = with.then(|| prototypes(&mut resolved, &system));
        (resolved, found)
    }

    #[test]
    fn functions_and_reasons() {
        let patterns = [
            "vfs_*",
            "notraced.return",
            "twice",
            "module(\"veth\").function(\"veth*\")",
        ];
        let (resolved, none) = listed(&patterns, false);
        assert_eq!(
            text(&resolved, &none),
            "kernel.function(\"notraced\").return  # by a kretprobe only\n\
             kernel.function(\"vfs_read\")\n\
             kernel.function(\"vfs_write\")\n\
             module(\"veth\").function(\"veth_xmit\")\n\
             module(\"veth\").function(\"vfs_read\")\n\
             \n\
             5 can be probed, 3 cannot:\n\
             \n\
             ambiguous (1): several functions have this name\n    \
             twice (at ffffffff81000400, ffffffff81000500)\n\
             \n\
             init (1): its code is gone: it ran once, during the boot\n    \
             vfs_init\n\
             \n\
             notrace (1): ftrace does not trace it; a kprobe or kretprobe is left, for which\n\
             it is to be named without a pattern\n    \
             veth:veth_open\n"
        );
        let (resolved, none) = listed(&["vfs_write"], false);
        assert_eq!(text(&resolved, &none), "kernel.function(\"vfs_write\")\n");
        let (resolved, none) = listed(&["missing"], false);
        assert!(text(&resolved, &none).starts_with("0 can be probed, 1 cannot:\n\nnot-found (1):"));
    }

    #[test]
    fn prototypes_of_the_kernel_and_of_modules() {
        let patterns = ["vfs_*", "changed.part.0", "walk", "veth_xmit"];
        let (resolved, found) = listed(&patterns, true);
        assert_eq!(
            text(&resolved, &found).split("\n\n").next().unwrap(),
            "kernel.function(\"changed.part.0\")\n    \
             no prototype: the compiler made it, with parameters of its own\n\
             kernel.function(\"vfs_read\")\n    \
             ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)\n\
             kernel.function(\"vfs_write\")\n    \
             no prototype: the BTF leaves it out\n\
             kernel.function(\"walk\")\n    \
             unsigned long walk(int (*visit)(void *, unsigned int), volatile unsigned int\n    \
             *at, struct file *const *restrict table, ...)\n\
             module(\"veth\").function(\"veth_xmit\")\n    \
             int veth_xmit(struct veth_priv *priv, struct sock *sk)\n\
             module(\"veth\").function(\"vfs_read\")\n    \
             no prototype: the BTF leaves it out"
        );
        assert_eq!(resolved.notes, [""; 0]);
        let machine = Machine::new().without("sys/kernel/btf/veth");
        let (resolved, found) = listed_on(&machine, &["veth_xmit", "vfs_read"], true);
        assert!(text(&resolved, &found).contains("ssize_t vfs_read("));
        let [note] = &resolved.notes[..] else {
            panic!("{:?}", resolved.notes)
        };
        assert!(note.contains("/btf/veth: No such file"), "{note}");
    }

    #[test]
    fn lines_have_80_columns_where_names_let_them() {
        let (resolved, found) = listed(&["*", "*.return", "jiffies", "changed"], true);
        let text = text(&resolved, &found);
        assert!(text.lines().count() > 40);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn the_document_is_as_its_schema_says() {
        let patterns = [
            "vfs_*",
            "walk",
            "twice",
            "veth_xmit.return.maxactive(3)",
            "missing",
        ];
        for with in [false, true] {
            let (resolved, found) = listed(&patterns, with);
            let document = serde_json::from_str(&json::text(&resolved, &found).unwrap()).unwrap();
            assert_eq!(complaint("probe-list.schema.json", &document), None);
            let read = &document["functions"][0];
            assert_eq!(
                (&read["name"], &read["module"]),
                (&"vfs_read".into(), &None::<()>.into())
            );
            assert_eq!(read.get("prototype").is_some(), with);
            if with {
                assert_eq!(read["prototype"]["parameters"][2]["type"], "size_t");
                assert!(document["functions"][1]["prototype"].is_null());
            }
            assert_eq!(document["refused"][0]["reason"], "not-found");
        }
    }
}
