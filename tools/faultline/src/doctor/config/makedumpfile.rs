// SPDX-License-Identifier: GPL-2.0

//! The options of makedumpfile, to find those that it would refuse in the crash kernel: those of
//! `makedumpfile.c` (`getopt_long`, `longopts`), 1.7.2 to 1.7.9. Options of later versions have
//! their version.

/// The short options; a `:` follows those with a value.
const SHORT: &str = "b:cDd:eEFfg:hi:lL:pRvXx:z";
/// The long options, and whether they have a value.
const LONG: &[(&str, bool)] = &[
    ("split", false),
    ("reassemble", false),
    ("xen-syms", true),
    ("xen-vmcoreinfo", true),
    ("xen_phys_start", true),
    ("message-level", true),
    ("vtop", true),
    ("dump-dmesg", false),
    ("partial-dmesg", false),
    ("config", true),
    ("help", false),
    ("diskset", true),
    ("cyclic-buffer", true),
    ("eppic", true),
    ("non-mmap", false),
    ("mem-usage", false),
    ("splitblock-size", true),
    ("work-dir", true),
    ("num-threads", true),
    ("check-params", false),
    ("dry-run", false),
    ("show-stats", false),
    ("extension", true),
];

/// A parsed call of makedumpfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub level: u8,
    pub is_compressed: bool,
    /// The arguments that are not options: files.
    pub files: Vec<String>,
}

/// Parses the `arguments`, or returns why makedumpfile refuses them.
pub fn call(arguments: &str) -> Result<Call, String> {
    let mut call = Call {
        level: 0,
        is_compressed: false,
        files: Vec::new(),
    };
    let mut words = arguments.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if let Some(option) = word.strip_prefix("--") {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            };
            // As in getopt_long(), a unique prefix is enough.
            let matches: Vec<_> = LONG
                .iter()
                .filter(|(known, _)| known.starts_with(name))
                .collect();
            let found = match (
                LONG.iter().find(|(known, _)| *known == name),
                matches.as_slice(),
            ) {
                (Some(found), _) => found,
                (None, [found]) => *found,
                (None, []) => return Err(format!("no option `--{name}`")),
                (None, _) => return Err(format!("`--{name}` could be several options")),
            };
            match (found.1, value) {
                (true, None) if words.next().is_none() => {
                    return Err(format!("`--{name}` without its value"))
                }
                (false, Some(_)) => return Err(format!("`--{name}` has no value")),
                _ => {}
            }
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut rest = letters;
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                let at = SHORT
                    .find(letter)
                    .filter(|_| letter != ':')
                    .ok_or_else(|| format!("no option `-{letter}`"))?;
                if SHORT[at + 1..].starts_with(':') {
                    let value = match rest {
                        "" => words
                            .next()
                            .ok_or_else(|| format!("`-{letter}` without its value"))?,
                        rest => rest,
                    };
                    if letter == 'd' {
                        call.level = level(value)?;
                    }
                    break;
                }
                call.is_compressed |= "clpz".contains(letter);
            }
        } else {
            call.files.push(word.to_owned());
        }
    }
    Ok(call)
}

/// Parses a dump level; of several, which it tries in order, the last, with the smallest dump.
fn level(value: &str) -> Result<u8, String> {
    let mut last = 0;
    for one in value.split(',') {
        last = one
            .parse()
            .ok()
            .filter(|level| *level <= 31)
            .ok_or_else(|| format!("a dump level of `{one}`: 0 to 31"))?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes() {
        for (text, level, is_compressed) in [
            ("-F -c -d 31", 31, true),
            ("-l --message-level 7 -d 31", 31, true),
            ("-d31", 31, false),
            ("-Fcd 17", 17, true),
            ("-E --num-threads=4 -d 1,31", 31, false),
            ("--message 7 -z", 0, true),
            ("", 0, false),
        ] {
            let call = call(text).unwrap();
            assert_eq!(
                (call.level, call.is_compressed),
                (level, is_compressed),
                "{text}"
            );
        }
        assert_eq!(call("-c x y").unwrap().files, ["x", "y"]);
    }

    #[test]
    fn what_it_refuses() {
        for (text, why) in [
            ("-c -d 31 --compress", "no option `--compress`"),
            ("-c -d 31 -q", "no option `-q`"),
            ("-c -d 32", "a dump level of `32`: 0 to 31"),
            ("-c -d", "`-d` without its value"),
            ("-d x", "a dump level of `x`: 0 to 31"),
            ("--split=2", "`--split` has no value"),
            ("--message-level", "`--message-level` without its value"),
            ("--d", "`--d` could be several options"),
            ("-c:", "no option `-:`"),
        ] {
            assert_eq!(call(text).unwrap_err(), why, "{text}");
        }
    }
}
