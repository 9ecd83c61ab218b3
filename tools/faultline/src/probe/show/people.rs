// SPDX-License-Identifier: GPL-2.0

//! Events for people: when, who, the function with its arguments, its result, how long it took. On a
//! terminal an event is broken into lines as wide as that; elsewhere it is one line.

use super::value;
use crate::probe::event::Call;
use crate::probe::fields::form::Form;
use crate::probe::fields::template::{Piece, Template};
use crate::probe::plan::Probe;
use crate::terminal::escape;
use crate::terminal::figures::time;
use crate::terminal::layout::{self, Part, ASIDE, BAD};
use crate::tracing::line::Lost;
use anstyle::Style;

const NAME: Style = Style::new().bold();

/// The columns of who it was: a name of 15 letters and a number of 5.
const WHO: usize = 16;

/// How it is shown.
#[derive(Default)]
pub struct Look<'a> {
    /// The columns that there are; none: as many as it takes.
    pub width: Option<usize>,
    pub colour: bool,
    /// What time 0 is, on the events' clock.
    pub start_us: u64,
    pub template: Option<&'a Template>,
}

impl Look<'_> {
    /// An event, with the ends of its lines.
    pub fn call(&self, probe: &Probe, call: &Call, stack: &[String]) -> String {
        let mut text = match self.template {
            Some(template) => self.filled(template, probe, call),
            None => self.whole(probe, call),
        };
        for frame in stack {
            text += &format!("{:12}{}\n", "", escape::line(frame));
        }
        text
    }

    fn filled(&self, template: &Template, probe: &Probe, call: &Call) -> String {
        let mut fields = probe.fields.iter();
        let pieces = template.0.iter().map(|piece| match piece {
            // The user's own.
            Piece::Text(text) => text.clone(),
            Piece::Value(_) => {
                let field = fields.next();
                let text = field.map(|field| value::text(field, probe, call, self.start_us));
                escape::line(&text.unwrap_or_default()).into_owned()
            }
        });
        pieces.collect::<String>() + "\n"
    }

    fn whole(&self, probe: &Probe, call: &Call) -> String {
        let at = value::seconds(call.head.time_us, self.start_us);
        let comm = call.head.comm.as_deref().unwrap_or("?");
        let who = format!("{}[{}]", escape::line(comm), call.head.pid);
        let lead = format!("{at:>10}  {who:<WHO$}  ");
        let parts = parts(probe, call);
        if self.width.is_none() {
            return layout::lay_out(&lead, &parts, None, self.colour);
        }
        // Further lines begin behind the time.
        let mut all = vec![Part::plain(format!("{who:<WHO$} "))];
        all.extend(parts);
        layout::lay_out(&format!("{at:>10}  "), &all, self.width, self.colour)
    }

    /// Events that had no room.
    pub fn lost(&self, lost: &Lost) -> String {
        let count = lost
            .events
            .map_or("an unknown number of".into(), |events| events.to_string());
        self.warning(&format!(
            "CPU {}: {count} events lost, the buffer was full: more --buffer-kb, or a filter",
            lost.cpu
        ))
    }

    pub fn warning(&self, text: &str) -> String {
        let parts: Vec<_> = text.split(' ').map(|word| Part(word.into(), BAD)).collect();
        layout::lay_out(&format!("{:>10}  ", "!"), &parts, self.width, self.colour)
    }
}

/// The function, its arguments, its result and its time.
fn parts(probe: &Probe, call: &Call) -> Vec<Part> {
    let arguments = probe.parameters.iter().zip(call.arguments);
    let mut words: Vec<_> = arguments
        .map(|((name, form), number)| format!("{name}={}", value::argument(form.as_ref(), number)))
        .collect();
    if probe.has_more {
        words.push("...".into());
    }
    let last = words.len().saturating_sub(1);
    let mut parts = Vec::new();
    match words.first() {
        // The name has a style of its own, and no blank behind it.
        None => parts.push(Part(format!("{}()", probe.function), NAME)),
        Some(_) => {
            for (at, word) in words.iter().enumerate() {
                let before = if at == 0 {
                    format!("{}(", probe.function)
                } else {
                    String::new()
                };
                let after = if at == last { ")" } else { "," };
                let style = if at == 0 { NAME } else { Style::new() };
                parts.push(Part(format!("{before}{word}{after}"), style));
            }
        }
    }
    if let Some((result, ns)) = call.returned {
        if probe.result != Form::Void {
            let style = match probe.result.error(result) {
                Some(_) => BAD,
                None => Style::new(),
            };
            parts.push(Part(format!("= {}", probe.result.text(result)), style));
        }
        parts.push(Part(format!("<{}>", time(ns)), ASIDE));
    }
    parts
}
