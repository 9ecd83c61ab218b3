// SPDX-License-Identifier: GPL-2.0

//! The program's standard output. A closed pipe does not change the exit status; a full disk does.

use super::layout::WIDTH;
use anstream::{AutoStream, ColorChoice};
use anyhow::Context;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;

/// Prints `text` on stdout.
///
/// # Errors
///
/// Fails if the text cannot be written, except if its reader has closed the pipe: then the exit
/// status is the answer.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_to(io::stdout().lock(), text).context("cannot write to standard output")
}

/// Returns the width of stdout; none if it is not a terminal, and lines may have any length.
pub fn width() -> Option<usize> {
    columns(&io::stdout())
}

/// Returns the width of a stream, as [`width`] that of stdout.
pub fn columns(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let columns =
        || rustix::termios::tcgetwinsize(stream).map_or(0, |size| usize::from(size.ws_col));
    stream.is_terminal().then(|| match columns() {
        0 => WIDTH,
        columns => columns.max(WIDTH / 2),
    })
}

/// Decides about colours for the rest of the program, clap's messages included.
pub fn choose_colour(choice: ColorChoice) {
    choice.write_global();
}

/// Returns whether stdout gets colours: what was chosen; else what NO_COLOR, CLICOLOR_FORCE and
/// CLICOLOR say, in this order; else whether it is a terminal that has them.
pub fn colour() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

fn print_to(mut to: impl Write, text: &str) -> io::Result<()> {
    let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn a_reader_that_is_gone_and_a_full_disk() {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(reader);
        print_to(writer, "x").unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = print_to(full, "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
