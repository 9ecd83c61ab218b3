// SPDX-License-Identifier: GPL-2.0

//! The list of C functions that the library's code was written for, and its
//! comparison with the stock kernel's. `rust/bindings/prototypes` describes it.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{bail, Context, Result};

use crate::stock::{Prototype, Stock};

/// How a line begins.
const KINDS: [&str; 3] = ["call", "helper", "probe"];

/// A line of the list.
#[derive(Debug)]
struct Entry {
    /// `file:line`, for messages.
    at: String,
    optional: bool,
    /// The `kernel_has` that it stands for.
    name: Option<String>,
    function: String,
    /// The prototype as it was written.
    text: String,
    result: Vec<String>,
    parameters: Vec<Vec<String>>,
}

pub struct List {
    entries: Vec<Entry>,
}

/// What the comparison found.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// How many functions are as listed.
    pub same: usize,
    /// Optional functions that this kernel has not.
    pub absent: Vec<String>,
    /// The names of `kernel_has`.
    pub has: Vec<String>,
    /// What is wrong, each complete.
    pub errors: Vec<String>,
}

impl List {
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text, &path.display().to_string())
    }

    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = format!("{file}:{}", number + 1);
            entries.push(Entry::parse(line, at.clone()).context(at)?);
        }
        Ok(Self { entries })
    }

    pub fn contains(&self, function: &str) -> bool {
        self.entries.iter().any(|entry| entry.function == function)
    }

    pub fn compare(&self, stock: &Stock) -> Result<Verdict> {
        self.compare_with(|function| stock.prototypes(function))
    }

    fn compare_with(&self, stock: impl Fn(&str) -> Result<Vec<Prototype>>) -> Result<Verdict> {
        let mut functions: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.entries {
            functions.entry(&entry.function).or_default().push(entry);
        }
        let mut verdict = Verdict::default();
        // For each name of kernel_has: the functions that say yes, and no.
        let mut names: BTreeMap<&str, [Vec<&str>; 2]> = BTreeMap::new();
        for (function, entries) in functions {
            let at = &entries[0].at;
            let chosen = match &stock(function)?[..] {
                [] if entries.iter().all(|entry| entry.optional) => {
                    verdict.absent.push(function.into());
                    None
                }
                [] => {
                    verdict.errors.push(format!(
                        "{at}: {function} is not in the stock kernel's BTF: it is inlined there, or left out \
                         (if faultline can do without it, say `optional`)"
                    ));
                    continue;
                }
                [one] => match entries.iter().find(|entry| entry.is(one)) {
                    Some(entry) => {
                        verdict.same += 1;
                        Some(entry)
                    }
                    None => {
                        let mut error =
                            format!("{at}: {function} has another prototype in the stock kernel");
                        for entry in &entries {
                            error += &format!("\n    listed: {}", entry.text);
                        }
                        verdict.errors.push(error + &format!("\n    stock:  {one}"));
                        continue;
                    }
                },
                several => {
                    let mut error = format!(
                        "{at}: {function} stands for several functions of the stock kernel"
                    );
                    for one in several {
                        error += &format!("\n    stock:  {one}");
                    }
                    verdict.errors.push(error);
                    continue;
                }
            };
            // One that is not there decides nothing.
            let Some(chosen) = chosen else { continue };
            for entry in &entries {
                if let Some(name) = &entry.name {
                    let yes = chosen.name.as_ref() == Some(name);
                    names.entry(name).or_default()[usize::from(!yes)].push(function);
                }
            }
        }
        for (name, [yes, no]) in names {
            match (&yes[..], &no[..]) {
                ([], _) => {}
                (_, []) => verdict.has.push(name.into()),
                ([a, ..], [b, ..]) => verdict.errors.push(format!(
                    "kernel_has = \"{name}\" is true by {a}, but not by {b}: they need a name each"
                )),
            }
        }
        Ok(verdict)
    }

    /// Functions that C source calls by name, of those that the kernel exports,
    /// and that are not listed.
    pub fn unlisted(&self, source: &str, exported: &HashSet<String>) -> Vec<String> {
        let tokens = tokens(&without_comments(source));
        let mut found: Vec<String> = tokens
            .windows(2)
            .filter(|pair| pair[1] == "(" && exported.contains(pair[0].as_str()))
            .map(|pair| pair[0].clone())
            .filter(|function| !self.contains(function))
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

impl Entry {
    fn parse(line: &str, at: String) -> Result<Self> {
        let (head, text) = line
            .split_once(':')
            .with_context(|| format!("'{line}' has no ':' before the prototype"))?;
        let mut words = head.split_whitespace().peekable();
        let kind = words.next().unwrap_or_default();
        if !KINDS.contains(&kind) {
            bail!("'{kind}' is none of: {}", KINDS.join(", "));
        }
        // A helper calls what a header's macro makes of the name in this kernel's config.
        let optional = words.next_if_eq(&"optional").is_some() || kind == "helper";
        let name = match words.collect::<Vec<_>>()[..] {
            [] => None,
            [name, "since", version] if is_version(version) => Some(name.to_string()),
            ref other => bail!(
                "'{}' is neither `optional` nor `NAME since X.Y`, with which Linux X.Y began to have it",
                other.join(" ")
            ),
        };
        let text = text.trim();
        let open = text.find('(').context("no parameters")?;
        let parameters = text[open..]
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(");"))
            .context("a prototype ends with ');'")?;
        let result = tokens(&text[..open]);
        let function = result.last().context("no function before '('")?.clone();
        Ok(Self {
            at,
            optional,
            name,
            function,
            text: text.into(),
            result,
            parameters: split_parameters(&tokens(parameters)),
        })
    }

    /// Whether it is the same prototype. A parameter's name that was left out
    /// may be any.
    fn is(&self, stock: &Prototype) -> bool {
        self.result == tokens(&stock.result)
            && self.parameters.len() == stock.parameters.len()
            && self
                .parameters
                .iter()
                .zip(&stock.parameters)
                .all(|(ours, stock)| {
                    *ours == tokens(&stock.named) || *ours == tokens(&stock.unnamed)
                })
    }
}

fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(text.split_once('.'), Some((major, minor)) if number(major) && number(minor))
}

/// C's words, without the space between them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut glue = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_' || c == '.';
        match tokens.last_mut() {
            Some(last) if word && glue => last.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push(c.into()),
        }
        glue = word;
    }
    tokens
}

fn split_parameters(tokens: &[String]) -> Vec<Vec<String>> {
    if tokens == ["void"] || tokens.is_empty() {
        return Vec::new();
    }
    let mut depth = 0;
    tokens
        .split(|token| {
            match token.as_str() {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                _ => {}
            }
            token == "," && depth == 0
        })
        .map(<[String]>::to_vec)
        .collect()
}

fn without_comments(source: &str) -> String {
    let mut kept = String::new();
    let mut rest = source;
    while let Some(start) = rest.find("/*") {
        kept += &rest[..start];
        kept.push(' ');
        rest = match rest[start + 2..].find("*/") {
            Some(end) => &rest[start + 2 + end + 2..],
            None => "",
        };
    }
    kept += rest;
    kept.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock::Parameter;

    fn list(text: &str) -> List {
        List::parse(text, "list").unwrap()
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", List::parse(text, "list").err().expect("accepted"))
    }

    fn stock(result: &str, parameters: &[(&str, &str)]) -> Prototype {
        Prototype {
            function: result.split([' ', '*']).next_back().unwrap().into(),
            result: result.into(),
            parameters: parameters
                .iter()
                .map(|(named, unnamed)| Parameter {
                    named: (*named).into(),
                    unnamed: (*unnamed).into(),
                })
                .collect(),
        }
    }

    fn verdict(text: &str, kernel: &[Prototype]) -> Verdict {
        list(text)
            .compare_with(|name| {
                Ok(kernel
                    .iter()
                    .filter(|p| p.function == name)
                    .cloned()
                    .collect())
            })
            .unwrap()
    }

    fn f() -> Prototype {
        stock(
            "char *f",
            &[("const char *a", "const char *"), ("int b", "int")],
        )
    }

    #[test]
    fn the_same_prototype_in_other_spacing_and_without_names() {
        for line in [
            "call: char *f(const char *a, int b);",
            "call:   char * f( const char*a,int b );",
            "probe: char *f(const char *, int);",
        ] {
            assert_eq!(verdict(line, &[f()]).same, 1, "{line}");
        }
    }

    #[test]
    fn each_part_counts() {
        for line in [
            "call: char f(const char *a, int b);",
            "call: char *f(char *a, int b);",
            "call: char *f(const char *b, int a);",
            "call: char *f(const char *a, unsigned int b);",
            "call: char *f(const char *a);",
            "call: char *f(const char *a, int b, ...);",
            "call: char *f(void);",
        ] {
            let verdict = verdict(line, &[f()]);
            assert_eq!((verdict.same, verdict.errors.len()), (0, 1), "{line}");
            assert!(verdict.errors[0].starts_with("list:1: f "), "{verdict:?}");
            assert!(
                verdict.errors[0].contains("stock:  char *f(const char *a, int b);"),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn function_pointers_and_no_parameters() {
        let kernel = [
            stock(
                "int g",
                &[
                    ("int (*fn)(void *, int)", "int (*)(void *, int)"),
                    ("...", "..."),
                ],
            ),
            stock("void h", &[]),
        ];
        let verdict = verdict(
            "call: int g(int (*fn)(void *, int), ...);\ncall: void h(void);",
            &kernel,
        );
        assert_eq!((verdict.same, verdict.errors), (2, vec![]));
    }

    #[test]
    fn one_of_several_decides() {
        let text = "probe new since 6.13: char *f(const char *a, int b);\nprobe: int f(void);";
        assert_eq!(verdict(text, &[f()]).has, ["new"]);
        let old = verdict(text, &[stock("int f", &[])]);
        assert_eq!((old.same, old.has, old.errors), (1, vec![], vec![]));
    }

    #[test]
    fn functions_that_share_a_name_must_agree() {
        let text = "probe new since 6.13: char *f(const char *a, int b);\nprobe: int f(void);\n\
                    probe new since 6.13: long g(void);\nprobe: int g(void);";
        let verdict = verdict(text, &[f(), stock("int g", &[])]);
        assert_eq!(verdict.errors.len(), 1);
        assert!(
            verdict.errors[0].contains("true by f, but not by g"),
            "{verdict:?}"
        );
        assert!(verdict.has.is_empty());
    }

    #[test]
    fn a_function_that_is_not_there_decides_no_name() {
        let text = "probe new since 6.13: char *f(const char *a, int b);\nprobe: int f(void);\n\
                    probe optional new since 6.13: long gone(void);\nprobe optional: int gone(void);\n\
                    probe optional whole since 6.13: int lost(void);";
        let verdict = verdict(text, &[f()]);
        assert_eq!(
            (verdict.has, verdict.errors),
            (vec!["new".to_string()], vec![])
        );
    }

    #[test]
    fn a_function_that_is_not_there() {
        assert!(verdict("call: int gone(void);", &[f()]).errors[0].contains("gone is not in"));
        let optional = verdict("call optional: int gone(void);", &[f()]);
        assert_eq!(
            (optional.absent, optional.errors),
            (vec!["gone".to_string()], vec![])
        );
    }

    #[test]
    fn what_a_helper_calls_may_be_a_macro() {
        let verdict = verdict("helper: int gone(void);\nhelper: int f(void);", &[f()]);
        assert_eq!(verdict.absent, ["gone"]);
        // One that is there is compared.
        assert_eq!(verdict.errors.len(), 1);
        assert!(
            verdict.errors[0].contains("f has another prototype"),
            "{verdict:?}"
        );
    }

    #[test]
    fn two_functions_of_one_name() {
        let verdict = verdict(
            "probe: int g(void);",
            &[stock("int g", &[]), stock("long g", &[])],
        );
        assert!(
            verdict.errors[0].contains("several functions"),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        assert!(refusal("# fine\n\ncal: int f(void);").starts_with("list:3: 'cal' is none of"));
        assert!(refusal("call int f(void);").contains("no ':'"));
        assert!(refusal("call optionel: int f(void);").contains("'optionel' is neither"));
        assert!(refusal("call x since 6: int f(void);").contains("since X.Y"));
        assert!(refusal("call: int f(void)").contains("ends with ');'"));
    }

    #[test]
    fn what_helpers_call_is_found() {
        let source =
            "/* one(1); */ void h(void)\n{\n\ttwo(3); // three()\n\tfour (4);\n\tinlined();\n}";
        let exported = ["one", "two", "three", "four"].map(str::to_string).into();
        assert_eq!(
            list("helper: int four(int);").unlisted(source, &exported),
            ["two"]
        );
    }
}
