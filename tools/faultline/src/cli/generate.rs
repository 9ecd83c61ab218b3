// SPDX-License-Identifier: GPL-2.0

//! `faultline generate`: the manual pages, and the completions of shells. The build calls it.

use super::{command, guide, page};
use crate::terminal::out;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use clap_complete::aot::Shell as Completer;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Write a manual page for each command, in troff; their date is that of SOURCE_DATE_EPOCH
    Man {
        /// Directory for the pages, which is created if it does not exist
        dir: PathBuf,
    },
    /// Print the completions of a shell
    Completions {
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Writes or prints what is asked for.
pub fn run(args: GenerateArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Man { dir } => {
            let date = date(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())?;
            fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
            for page in page::all(&command(), guide, &date)? {
                let path = dir.join(page.name);
                fs::write(&path, page.text).with_context(|| path.display().to_string())?;
            }
        }
        What::Completions { shell } => out::print(&completions(shell)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the day of a number of seconds since 1970; empty without a number, so that the pages do
/// not depend on when they were made.
fn date(epoch: Option<&str>) -> anyhow::Result<String> {
    let Some(epoch) = epoch.filter(|epoch| !epoch.is_empty()) else {
        return Ok(String::new());
    };
    // After that the year has more than four digits.
    const LAST: u64 = 253_402_300_799;
    let secs = epoch.parse().ok().filter(|secs| *secs <= LAST);
    let secs = secs.with_context(|| {
        format!("SOURCE_DATE_EPOCH is '{epoch}', expected the seconds since 1970")
    })?;
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(secs));
    Ok(time.to_string().chars().take(10).collect())
}

fn completions(shell: Shell) -> anyhow::Result<String> {
    let completer = match shell {
        Shell::Bash => Completer::Bash,
        Shell::Zsh => Completer::Zsh,
        Shell::Fish => Completer::Fish,
    };
    let mut command = page::without_hidden(&command());
    let mut script = Vec::new();
    clap_complete::aot::generate(completer, &mut command, "faultline", &mut script);
    String::from_utf8(script).context("the completions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_pages() {
        assert_eq!(date(None).unwrap(), "");
        assert_eq!(date(Some("")).unwrap(), "");
        assert_eq!(date(Some("1795000000")).unwrap(), "2026-11-18");
        for wrong in ["yesterday", "-1", "253402300800", "99999999999999999999"] {
            let error = date(Some(wrong)).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn completions_know_commands_options_and_modes() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell).unwrap();
            for word in ["doctor", "drill", "hold", "errors-only", "deadlock_irq"] {
                assert!(script.contains(word), "{word}");
            }
            for word in ["generate", "guest", "hold-secs"] {
                assert!(!script.contains(word), "{word}");
            }
        }
    }
}
