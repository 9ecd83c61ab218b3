// SPDX-License-Identifier: GPL-2.0

//! The manual pages: a page for each command, made from its options and its guide.

use super::guide::Guide;
use clap::Command;
use clap_mangen::roff::{bold, roman, Inline, Roff};
use clap_mangen::Man;

/// A page, and the name of its file.
pub struct Page {
    pub name: String,
    pub text: Vec<u8>,
}

const SECTION: &str = "1";

/// Returns the page of the command, and of those below it. `date` may be empty.
pub fn all(
    command: &Command,
    guide: impl Fn(&str) -> Option<&'static Guide>,
    date: &str,
) -> std::io::Result<Vec<Page>> {
    let mut command = without_hidden(command).disable_help_subcommand(true);
    command.build();
    let version = command.get_version().unwrap_or_default().to_string();
    let mut pages = Vec::new();
    let mut rest = vec![(command.get_name().to_string(), &command)];
    while let Some((path, command)) = rest.pop() {
        let guide = guide(&path).unwrap_or(&Guide::NEW);
        let (name, text) = (
            path.replace(' ', "-"),
            page(command, &path, guide, &version, date)?,
        );
        pages.push(Page {
            name: format!("{name}.{SECTION}"),
            text,
        });
        let below = command.get_subcommands();
        rest.extend(below.map(|sub| (format!("{path} {}", sub.get_name()), sub)));
    }
    Ok(pages)
}

fn page(
    command: &Command,
    path: &str,
    guide: &Guide,
    version: &str,
    date: &str,
) -> std::io::Result<Vec<u8>> {
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let told = format!("{}.\n\n{}", about.trim_end_matches('.'), guide.about);
    let man = Man::new(command.clone().long_about(told.trim_end().to_string()))
        .title(path.replace(' ', "-").to_uppercase())
        .section(SECTION)
        .source(format!("faultline {version}"))
        .manual("faultline")
        .date(date);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command, path).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::default();
    if let Some(words) = guide.words {
        section(&mut roff, words.title);
        let words = (words.rows)();
        list(
            &mut roff,
            words
                .iter()
                .map(|(word, meaning)| (word.as_str(), meaning.as_str())),
        );
    }
    section(&mut roff, "exit status");
    let statuses = guide.exit_status.iter();
    let statuses: Vec<_> = statuses
        .map(|(status, meaning)| (status.to_string(), *meaning))
        .collect();
    list(
        &mut roff,
        statuses
            .iter()
            .map(|(status, meaning)| (status.as_str(), *meaning)),
    );
    if !guide.exit_note.is_empty() {
        roff.control("PP", []);
        roff.text([roman(guide.exit_note)]);
    }
    for (title, entries) in [("environment", guide.environment), ("files", guide.files)] {
        if !entries.is_empty() {
            section(&mut roff, title);
            list(&mut roff, entries.iter().copied());
        }
    }
    section(&mut roff, "examples");
    for example in guide.examples {
        roff.control("PP", []);
        roff.control("EX", []);
        for line in example.split('\n') {
            roff.text([roman(line)]);
        }
        roff.control("EE", []);
    }
    see_also(&mut roff, command, path, guide);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// Returns the usage as `--help` shows it: clap's own section leaves out the values of options.
fn synopsis(command: &Command, path: &str) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut roff = Roff::default();
    section(&mut roff, "synopsis");
    match usage.strip_prefix(path) {
        Some(rest) => roff.text([bold(path), roman(rest.to_string())]),
        None => roff.text([roman(usage.to_string())]),
    };
    roff
}

fn section(roff: &mut Roff, title: &str) {
    roff.control("SH", [title.to_uppercase().as_str()]);
}

fn list<'a>(roff: &mut Roff, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    for (word, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(word)]);
        roff.text([roman(meaning)]);
    }
}

/// Adds the pages of the command above, of those below, and of other programs.
fn see_also(roff: &mut Roff, command: &Command, path: &str, guide: &Guide) {
    let above = path.rsplit_once(' ').map(|(above, _)| above.to_string());
    let below = command.get_subcommands();
    let below = below.map(|sub| format!("{path} {}", sub.get_name()));
    let ours = above.into_iter().chain(below);
    let ours = ours.map(|path| (path.replace(' ', "-"), SECTION));
    let others = guide.see_also.iter();
    let mut pages: Vec<_> = ours
        .chain(others.map(|(name, section)| (name.to_string(), *section)))
        .collect();
    pages.sort_by(|(one, of_one), (other, of_other)| (of_one, one).cmp(&(of_other, other)));
    section(roff, "see also");
    let last = pages.len().saturating_sub(1);
    let mut line: Vec<Inline> = Vec::new();
    for (at, (name, section)) in pages.into_iter().enumerate() {
        let comma = if at < last { ", " } else { "" };
        line.extend([bold(name), roman(format!("({section}){comma}"))]);
    }
    roff.text(line);
}

/// Returns the command without its hidden subcommands, options and names, which clap's generators
/// would list.
pub fn without_hidden(command: &Command) -> Command {
    let mut new = Command::new(command.get_name().to_string());
    if let Some(version) = command.get_version() {
        new = new.version(version.to_string());
    }
    if let Some(about) = command.get_about() {
        new = new.about(about.clone());
    }
    let arguments = command.get_arguments().filter(|arg| !arg.is_hide_set());
    new = new
        .args(arguments.cloned())
        .groups(command.get_groups().cloned());
    if command.is_subcommand_required_set() {
        new = new.subcommand_required(true);
    }
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    new.subcommands(below.map(without_hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_each_command() {
        let pages = all(&super::super::command(), super::super::guide, "2026-11-18").unwrap();
        let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
        for name in ["faultline.1", "faultline-drill.1", "faultline-drill-here.1"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(
            !names.iter().any(|name| name.contains("guest")),
            "{names:?}"
        );
        for page in pages {
            let text = String::from_utf8(page.text).unwrap();
            let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
            assert!(
                title.contains("2026\\-11\\-18") || title.contains("2026-11-18"),
                "{title}"
            );
            for title in [
                "NAME",
                "SYNOPSIS",
                "OPTIONS",
                "EXIT STATUS",
                "EXAMPLES",
                "SEE ALSO",
            ] {
                let heading = format!(".SH {title}");
                let quoted = format!(".SH \"{title}\"");
                assert!(
                    text.contains(&heading) || text.contains(&quoted),
                    "{}: {title}",
                    page.name
                );
            }
        }
    }

    #[test]
    fn a_page_depends_on_nothing_but_the_program() {
        let make = || {
            let pages = all(&super::super::command(), super::super::guide, "").unwrap();
            let pages = pages.into_iter();
            pages.map(|page| (page.name, page.text)).collect::<Vec<_>>()
        };
        assert!(make() == make());
    }
}
