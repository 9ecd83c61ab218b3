// SPDX-License-Identifier: GPL-2.0

//! Pairs each structure that the library touches with the stock kernel's, and
//! writes the comparison of their layouts as Rust, for the compiler to make.

mod table;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt::Write as _,
};

use anyhow::{ensure, Result};

use crate::{
    bindings::{Bindings, Composite, Shape},
    prototypes::List,
    sources::Sources,
    stock::{self, Stock},
};
use table::{counterpart, is_incomplete, table, Pair, Row, Table};

/// How the names of our own C begin, which no kernel has.
const OURS: &str = "faultline_";

/// What is compared.
#[derive(Default)]
pub struct Plan {
    tables: BTreeMap<String, Table>,
    /// Structures of which bindgen shows the size only.
    pub opaque: Vec<String>,
    /// Structures of which the stock kernel's BTF has no more than the name.
    pub unknown: Vec<String>,
    /// What is wrong before anything is computed, each complete.
    pub errors: Vec<String>,
}

/// Begins with the structures that `sources` names and those that `own` bindings
/// have or hand to a function, and goes on with what these contain, and what
/// they point at by a field that the sources use.
pub fn plan(stock: &Stock, all: &Bindings, own: &Bindings, sources: &Sources) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut pairs = VecDeque::new();
    // Those that are part of another structure, which has to lead to them.
    let mut parts = Vec::new();
    for name in roots(all, own, sources) {
        let found = stock.composites(&name)?;
        let mut fitting = Vec::new();
        let mut misfit = None;
        for id in &found {
            let pair = Pair {
                ours: name.clone(),
                stock: *id,
                label: name.clone(),
            };
            match table(stock, all, &pair)? {
                Ok(_) => fitting.push(pair),
                Err(error) => misfit = Some(error),
            }
        }
        match (fitting.len(), misfit) {
            (1, _) => pairs.extend(fitting),
            (0, Some(error)) => plan.errors.push(error),
            (0, None) if name.contains("__bindgen_ty_") => parts.push(name),
            (0, None) if !sources.named.contains(&name) => plan.unknown.push(name),
            (0, None) => plan.errors.push(format!(
                "struct {name}: the stock kernel's BTF has none of this name"
            )),
            (several, _) => plan.errors.push(format!(
                "struct {name}: the stock kernel's BTF has {several} of this name, with the same fields"
            )),
        }
    }
    let mut seen = HashSet::new();
    while let Some(pair) = pairs.pop_front() {
        if !seen.insert(pair.ours.clone()) {
            continue;
        }
        let Some((_, ours)) = all.composite(&pair.ours) else {
            continue;
        };
        let Some(theirs) = stock.composite(pair.stock)? else {
            plan.unknown.push(pair.label);
            continue;
        };
        match table(stock, all, &pair)? {
            Ok(table) => {
                if table.rows.is_empty() && table.size != 0 {
                    plan.opaque.push(pair.label.clone());
                }
                plan.tables.insert(pair.ours.clone(), table);
            }
            Err(error) => {
                plan.errors.push(error);
                continue;
            }
        }
        pairs.extend(inside(stock, all, sources, ours, &theirs, &pair.label)?);
    }
    // Nothing leads into what is opaque, which is said of that.
    let is_around = |outer: &String, part: &str| part.starts_with(&format!("{outer}__bindgen_ty_"));
    parts.retain(|part| {
        !seen.contains(part) && !plan.opaque.iter().any(|outer| is_around(outer, part))
    });
    let (named, unused): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .partition(|part| sources.named.contains(part));
    plan.unknown.extend(unused);
    plan.errors.extend(named.iter().map(|name| {
        format!("struct {name}: none of the structures that are compared contains it")
    }));
    plan.unknown.retain(|name| !plan.tables.contains_key(name));
    Ok(plan)
}

/// The names to begin with, of structures that our bindings know the inside of.
fn roots(all: &Bindings, own: &Bindings, sources: &Sources) -> Vec<String> {
    let named = sources.named.iter().map(String::as_str);
    let by_type = named.clone().flat_map(|name| all.mentioned_by(name));
    let by_call = own.functions().flat_map(|name| own.mentioned_by(name));
    let mut roots: Vec<_> = named
        .chain(by_type)
        .chain(by_call)
        .chain(own.composites())
        .filter(|name| {
            !["__Bindgen", "__Incomplete", OURS]
                .iter()
                .any(|made| name.starts_with(made))
        })
        .filter_map(|name| all.composite(name))
        .filter(|(_, composite)| !is_incomplete(composite))
        .map(|(name, _)| name.to_string())
        .collect();
    roots.sort();
    roots.dedup();
    roots
}

/// What a structure leads to: what it contains, and what it points at by a
/// field that the sources use.
fn inside(
    stock: &Stock,
    all: &Bindings,
    sources: &Sources,
    ours: &Composite,
    theirs: &stock::Composite,
    label: &str,
) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for field in &ours.fields {
        let Some(member) = counterpart(field, theirs) else {
            continue;
        };
        let (name, id) = match all.resolve(&field.shape) {
            Shape::Named(name) => (name, Some(member.type_id)),
            Shape::Pointer(behind) if sources.fields.contains(&field.name) => {
                match all.resolve(behind) {
                    Shape::Named(name) => (name, stock.pointee(member.type_id)?),
                    _ => continue,
                }
            }
            _ => continue,
        };
        let (Some((name, composite)), Some(id)) = (all.composite(name), id) else {
            continue;
        };
        if is_incomplete(composite) {
            continue;
        }
        pairs.push(Pair {
            ours: name.into(),
            stock: id,
            label: match name.contains("__bindgen_ty_") {
                true if member.name.is_empty() => label.into(),
                true => format!("{label}.{}", member.name),
                false => name.into(),
            },
        });
    }
    Ok(pairs)
}

/// Functions that the library calls and that the list has not.
pub fn unlisted(list: &List, all: &Bindings, own: &Bindings, sources: &Sources) -> Vec<String> {
    let named = sources
        .named
        .iter()
        .map(String::as_str)
        .filter(|name| all.is_function(name));
    let mut unlisted: Vec<_> = named
        .chain(own.functions())
        .filter(|name| !name.starts_with(OURS) && !list.contains(name))
        .map(str::to_string)
        .collect();
    unlisted.sort();
    unlisted.dedup();
    unlisted
}

impl Plan {
    pub fn structures(&self) -> usize {
        self.tables.len()
    }

    pub fn fields(&self) -> usize {
        self.tables.values().map(|table| table.rows.len()).sum()
    }

    /// The file that rust/bindings/layout.rs includes.
    pub fn to_rust(&self) -> Result<String> {
        ensure!(
            self.structures() > 0,
            "there is nothing to compare: no structure was found"
        );
        let mut rust = format!(
            "// {} structures, {} fields: where the stock kernel has them.\n",
            self.structures(),
            self.fields()
        );
        for (name, table) in &self.tables {
            writeln!(
                rust,
                "layout!({name}, \"{}\", {}, [",
                table.label, table.size
            )?;
            for row in &table.rows {
                let Row {
                    field,
                    label,
                    offset,
                    size,
                } = row;
                let label = if label.is_empty() { field } else { label };
                match size {
                    Some(size) => {
                        writeln!(rust, "    {field}, \"{label}\", {offset}, Some({size});")?
                    }
                    None => writeln!(rust, "    {field}, \"{label}\", {offset}, None;")?,
                }
            }
            rust += "]);\n";
        }
        Ok(rust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bindings::tests::{bindings, SAMPLE},
        stock::tests::sample,
    };

    fn plan_of(text: &str, named: &[&str], fields: &[&str]) -> Plan {
        let sources = Sources {
            named: named.iter().map(|name| name.to_string()).collect(),
            fields: fields.iter().map(|name| name.to_string()).collect(),
        };
        plan(&sample(), &bindings(text), &bindings(""), &sources).unwrap()
    }

    fn rows(plan: &Plan, structure: &str) -> Vec<(String, usize, Option<usize>)> {
        let rows = plan.tables[structure].rows.iter();
        rows.map(|row| (row.label.clone(), row.offset, row.size))
            .collect()
    }

    #[test]
    fn all_that_a_structure_contains() {
        let plan = plan_of(SAMPLE, &["outer", "O_RDONLY"], &[]);
        assert_eq!(plan.errors, [""; 0]);
        let found: Vec<_> = plan.tables.keys().map(String::as_str).collect();
        assert_eq!(
            found,
            ["atomic_t", "inner", "outer", "outer__bindgen_ty_1", "word"]
        );
        let row = |name: &str, offset, size| (name.to_string(), offset, size);
        assert_eq!(
            rows(&plan, "outer"),
            [
                row("type", 0, Some(4)),
                row("", 8, Some(16)),
                row("inner", 32, Some(32)),
                row("next", 64, Some(8)),
                row("hidden", 72, Some(8)),
                row("callback", 80, Some(8)),
                row("tail", 88, Some(0)),
                row("low", 24, None),
                row("high", 24, None),
            ]
        );
        assert_eq!(plan.fields(), 9 + 2 + 2 + 1 + 2);
        assert_eq!(plan.tables["outer__bindgen_ty_1"].label, "outer");
    }

    #[test]
    fn the_compiler_gets_every_row() {
        let rust = plan_of(SAMPLE, &["inner"], &[]).to_rust().unwrap();
        let table = "layout!(inner, \"inner\", 16, [\n    first, \"first\", 0, Some(8);\n    count, \"count\", 8, Some(4);\n]);\n";
        assert!(rust.contains(table), "{rust}");
    }

    #[test]
    fn a_pointer_leads_on_if_its_field_is_used() {
        let text = SAMPLE.replace(
            "pub inner: [inner; 2usize]",
            "pub inner: [[u64; 2]; 2usize]",
        );
        assert!(!plan_of(&text, &["outer"], &[]).tables.contains_key("inner"));
        assert!(plan_of(&text, &["outer"], &["next"])
            .tables
            .contains_key("inner"));
    }

    #[test]
    fn what_functions_are_given() {
        let own = bindings(SAMPLE);
        let found = roots(&own, &own, &Sources::default());
        assert!(
            ["outer", "inner"]
                .iter()
                .all(|name| found.contains(&name.to_string())),
            "{found:?}"
        );
        assert!(!found.contains(&"hidden".to_string()), "{found:?}");
    }

    #[test]
    fn a_field_that_one_side_has_not() {
        let renamed = plan_of(&SAMPLE.replace("pub first:", "pub frist:"), &["inner"], &[]);
        assert_eq!(
            renamed.errors,
            ["struct inner: the field `frist` of these bindings is not in the stock kernel's"]
        );
        let gone = plan_of(
            &SAMPLE.replace("pub first: ffi::c_long,", ""),
            &["inner"],
            &[],
        );
        assert_eq!(
            gone.errors,
            ["struct inner: the field `first` of the stock kernel's is not in these bindings"]
        );
        let contained = plan_of(
            &SAMPLE.replace("pub counter:", "pub conuter:"),
            &["outer"],
            &[],
        );
        assert!(
            contained.errors[0].starts_with("struct atomic_t: the field `conuter`"),
            "{:?}",
            contained.errors
        );
    }

    #[test]
    fn bit_fields_that_moved() {
        let shifted = plan_of(
            &SAMPLE.replace("get(0usize, 3u8)", "get(1usize, 3u8)"),
            &["outer"],
            &[],
        );
        assert!(
            shifted.errors[0].contains("`low` is bit 1 of its storage"),
            "{:?}",
            shifted.errors
        );
        let wider = plan_of(
            &SAMPLE.replace("get(0usize, 3u8)", "get(0usize, 4u8)"),
            &["outer"],
            &[],
        );
        assert!(
            wider.errors[0].contains("`low` has 4 bits in these bindings, and 3"),
            "{:?}",
            wider.errors
        );
        let gone = plan_of(
            &SAMPLE.replace("pub fn low", "pub fn lower"),
            &["outer"],
            &[],
        );
        assert!(
            gone.errors[0].contains("the field `low` of the stock"),
            "{:?}",
            gone.errors
        );
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let opaque = plan_of(
            "pub struct inner { pub _bindgen_opaque_blob: [u64; 2usize] }",
            &["inner"],
            &[],
        );
        assert_eq!(
            (opaque.opaque, opaque.errors.len()),
            (vec!["inner".to_string()], 0)
        );
        let hidden = SAMPLE.replace("_unused: [u8; 0]", "pub secret: ffi::c_int");
        assert_eq!(
            plan_of(&hidden, &["outer"], &["hidden"]).unknown,
            ["hidden"]
        );
        let named = plan_of(&hidden, &["hidden"], &[]);
        assert_eq!(
            named.errors,
            ["struct hidden: the stock kernel's BTF has none of this name"]
        );
        let part = plan_of(SAMPLE, &["outer__bindgen_ty_1"], &[]);
        assert!(part.errors[0].contains("none of the structures that are compared contains it"));
        assert!(plan_of(SAMPLE, &[], &[]).to_rust().is_err());
    }

    #[test]
    fn what_nobody_uses_need_not_be_there() {
        let own = bindings(
            "pub struct unused { pub a: ffi::c_int }
             pub struct inner { pub _bindgen_opaque_blob: [u64; 2usize] }
             pub union inner__bindgen_ty_1 { pub a: ffi::c_int }
             pub struct faultline_event { pub a: ffi::c_int }",
        );
        let found = plan(&sample(), &own, &own, &Sources::default()).unwrap();
        assert_eq!(
            (found.unknown, found.errors),
            (vec!["unused".to_string()], vec![])
        );
        let mut sources = Sources::default();
        sources.named.insert("unused".into());
        assert_eq!(
            plan(&sample(), &own, &own, &sources).unwrap().errors.len(),
            1
        );
    }

    #[test]
    fn calls_that_are_not_listed() {
        let own =
            bindings("extern \"C\" { pub fn find(); pub fn faultline_helper_x(); pub fn walk(); }");
        let sources = Sources::default();
        let list = List::parse("call: void walk(void);", "list").unwrap();
        assert_eq!(unlisted(&list, &own, &own, &sources), ["find"]);
    }
}
