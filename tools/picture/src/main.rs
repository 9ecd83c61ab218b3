// SPDX-License-Identifier: GPL-2.0

//! Reads what a program printed on a terminal, with its colours, from stdin, and draws it as SVG to stdout.
//! `scripts/picture` makes the pictures of the documentation by it.

use anstyle_svg::Term;
use std::io::{Read, Write};

fn main() -> anyhow::Result<()> {
    let mut printed = String::new();
    std::io::stdin().read_to_string(&mut printed)?;
    std::io::stdout().write_all(drawn(&printed).as_bytes())?;
    Ok(())
}

fn drawn(printed: &str) -> String {
    let svg = Term::new().render_svg(printed);
    format!("<!-- SPDX-License-Identifier: GPL-2.0 -->\n{svg}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_letters_of_xml() {
        let svg = drawn("a <b> & \u{1b}[32mok\u{1b}[0m\n");
        assert!(svg.starts_with("<!-- SPDX-License-Identifier: GPL-2.0 -->\n<svg "));
        assert!(svg.contains(">a &lt;b&gt; &amp; </tspan>"));
        assert!(svg.contains("class=\"fg-green\">ok</tspan>") && !svg.contains('\u{1b}'));
    }
}
