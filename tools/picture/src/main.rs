// SPDX-License-Identifier: GPL-2.0

//! Reads what a program printed on a terminal, with its colours, from stdin, and draws it as SVG to stdout.
//! `scripts/picture` makes the pictures of the documentation by it.

use anstyle_svg::Term;
use std::io::{Read, Write};

fn main() -> anyhow::Result<()> {
    let mut printed = String::new();
    std::io::stdin().read_to_string(&mut printed)?;
    // The licence of all that is in the tree, where the linter looks for it.
    let drawn = Term::new().render_svg(&printed);
    write!(
        std::io::stdout(),
        "<!-- SPDX-License-Identifier: GPL-2.0 -->\n{drawn}"
    )?;
    Ok(())
}
