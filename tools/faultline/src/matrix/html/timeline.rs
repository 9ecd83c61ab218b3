// SPDX-License-Identifier: GPL-2.0

//! A drill's timeline, drawn to scale: places are percentages, so that it is as wide as the
//! page while its letters stay as large as they are.

use crate::matrix::drilled::Report;
use maud::{html, Markup};

/// A knob for each thing that happened has this size, in pixels.
const LANE: u32 = 20;
/// Knobs nearer than this, in percent, are put below each other.
const NEAR: f64 = 3.4;
const BAR: u32 = 18;
/// A phase that is not as wide, in percent, has no room for its name.
const NAMED: f64 = 13.0;

/// What begins with which moment: its class, and its name.
const PHASES: &[(&str, &str, &str)] = &[
    ("up", "ready", "armed"),
    ("injected", "held", "held"),
    ("released", "after", "released"),
    ("panic", "crash", "crash kernel"),
    ("crash_kernel_up", "dump", "dumps"),
    ("dumped", "after", "ends"),
];

/// Moments of one kind: the first, and when it happened again.
struct Event<'a> {
    name: &'a str,
    text: &'a str,
    at: f64,
    again: Vec<f64>,
    lane: u32,
}

/// From its begin to its end, in seconds.
struct Phase {
    class: &'static str,
    name: &'static str,
    from: f64,
    to: f64,
}

/// A place on the axis, as SVG has it.
struct Scale(f64);

impl Scale {
    fn share(&self, secs: f64) -> f64 {
        (secs / self.0 * 100.0).clamp(0.0, 100.0)
    }

    fn at(&self, secs: f64) -> String {
        format!("{:.2}%", self.share(secs))
    }

    fn width(&self, from: f64, to: f64) -> String {
        format!("{:.2}%", self.share(to) - self.share(from))
    }
}

fn events(report: &Report) -> Vec<Event<'_>> {
    let mut events: Vec<Event> = Vec::new();
    for moment in &report.timeline {
        match events.iter_mut().find(|event| event.name == moment.name) {
            Some(event) => event.again.push(moment.at_secs),
            None => events.push(Event {
                name: &moment.name,
                text: &moment.text,
                at: moment.at_secs,
                again: Vec::new(),
                lane: 0,
            }),
        }
    }
    events.sort_by(|a, b| a.at.total_cmp(&b.at));
    events
}

/// Gives each event the first lane in which none is too near; says how many there are.
fn spread(events: &mut [Event], scale: &Scale) -> u32 {
    let mut last: Vec<f64> = Vec::new();
    for event in events {
        let at = scale.share(event.at);
        let free = last.iter().position(|other| at - other >= NEAR);
        let lane = free.unwrap_or(last.len());
        if free.is_none() {
            last.push(at);
        }
        last[lane] = at;
        event.lane = lane as u32;
    }
    last.len() as u32
}

fn phases(events: &[Event], end: f64) -> Vec<Phase> {
    let begin = |class, name, from| Phase {
        class,
        name,
        from,
        to: end,
    };
    let mut phases = vec![begin("boot", "boots", 0.0)];
    for event in events {
        if let Some((_, class, name)) = PHASES.iter().find(|(at, ..)| *at == event.name) {
            if let Some(last) = phases.last_mut() {
                last.to = event.at;
            }
            phases.push(begin(class, name, event.at));
        }
    }
    phases
}

/// Seconds from mark to mark, so that there are some eight of them.
fn step(end: f64) -> f64 {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let fits = steps.into_iter().find(|step| end / step <= 8.0);
    fits.unwrap_or(3600.0)
}

/// The drawing, and a list of what is numbered in it.
pub fn drawn(report: &Report) -> Markup {
    let mut events = events(report);
    let last = report.timeline.iter().map(|moment| moment.at_secs);
    let end = last.fold(0.0, f64::max);
    if end <= 0.0 {
        return html! {};
    }
    // Something is left for the last knob.
    let scale = Scale(end * 1.015);
    let lanes = spread(&mut events, &scale);
    let (bar, step) = (lanes * LANE + 4, step(end));
    let ticks = (0..).map(|at| f64::from(at) * step);
    let ticks: Vec<_> = ticks.take_while(|at| *at <= end).collect();
    let window = window(report);
    html! {
        svg height=(bar + BAR + 20) role="img" aria-label={ "what happened in " (format!("{end:.0} s")) } {
            @for phase in phases(&events, end) {
                @let (x, width) = (scale.at(phase.from), scale.width(phase.from, phase.to));
                rect class=(phase.class) x=(x) y=(bar) width=(width) height=(BAR) {
                    title { (format!("{}, {:.1} s", phase.name, phase.to - phase.from)) }
                }
                @if scale.share(phase.to) - scale.share(phase.from) >= NAMED {
                    svg x=(x) y=(bar) width=(width) height=(BAR) {
                        text x="6" y="13" { (phase.name) }
                    }
                }
            }
            @if let Some([from, earliest, latest, to]) = window {
                rect .edge x=(scale.at(from)) y="0" width=(scale.width(from, to)) height=(bar) {}
                rect .window x=(scale.at(earliest)) y="0" width=(scale.width(earliest, latest)) height=(bar) {
                    title { "documented: " (format!("{earliest:.1} to {latest:.1} s")) }
                }
                @for at in [earliest, latest] {
                    line .bound x1=(scale.at(at)) x2=(scale.at(at)) y1="0" y2=(bar + BAR) {}
                }
            }
            line .axis x1="0" x2="100%" y1=(bar + BAR + 1) y2=(bar + BAR + 1) {}
            @for at in ticks {
                line .axis x1=(scale.at(at)) x2=(scale.at(at)) y1=(bar + BAR) y2=(bar + BAR + 5) {}
                text .tick x=(scale.at(at)) y=(bar + BAR + 17)
                    text-anchor=(if at == 0.0 { "start" } else { "middle" }) { (at) @if at == 0.0 { " s" } }
            }
            @for event in &events {
                line .stem x1=(scale.at(event.at)) x2=(scale.at(event.at)) y1=(event.lane * LANE + 10) y2=(bar + BAR) {}
                @for again in &event.again {
                    line .again x1=(scale.at(*again)) x2=(scale.at(*again)) y1=(bar) y2=(bar + BAR) {}
                }
            }
            @for (at, event) in events.iter().enumerate() {
                // A place in percent and an offset in pixels: what is at the edge stays inside.
                circle .knob cx=(scale.at(event.at)) cy=(event.lane * LANE + 10) r="8.5" {
                    title { (format!("{:.1} s: {}", event.at, event.text)) }
                }
                text .number x=(scale.at(event.at)) y=(event.lane * LANE + 13) { (at + 1) }
            }
        }
        ol .events.small {
            @for (at, event) in events.iter().enumerate() {
                li class=(event.name) title=(event.text) {
                    b { (at + 1) } " " (label(event.name)) " " span .faint { (format!("{:.1} s", event.at)) }
                    @if !event.again.is_empty() { " ×" (event.again.len() + 1) }
                }
            }
        }
    }
}

/// The documented window, and how far outside is still put down to scheduling, as seconds
/// of the drill.
fn window(report: &Report) -> Option<[f64; 4]> {
    let injected = report.at("injected")?;
    let window = report.latency.as_ref()?.window.as_ref()?;
    let (earliest, latest) = (window.earliest_secs, window.latest_secs);
    let slack = window.tolerance_secs;
    Some([earliest - slack, earliest, latest, latest + slack].map(|secs| injected + secs))
}

/// What people call it.
fn label(name: &str) -> String {
    match name {
        "up" => "guest up".into(),
        "inserted" => "module loaded".into(),
        "dumped" => "dump written".into(),
        "down" => "VM off".into(),
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::document::tests::outcomes;

    #[test]
    fn phases_follow_each_other_to_the_end() {
        let outcomes = outcomes();
        let report = outcomes[0].report.as_ref().unwrap();
        let phases = phases(&events(report), 25.5);
        let names: Vec<_> = phases.iter().map(|phase| phase.name).collect();
        assert_eq!(
            names,
            ["boots", "armed", "held", "crash kernel", "dumps", "ends"]
        );
        for pair in phases.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        assert_eq!(
            (phases[2].from, phases[2].to, phases[5].to),
            (8.0, 13.3, 25.5)
        );
    }

    #[test]
    fn the_window_counts_from_the_injection() {
        let outcomes = outcomes();
        let report = outcomes[0].report.as_ref().unwrap();
        let window = window(report).unwrap();
        for (at, expected) in window.into_iter().zip([11.0, 12.0, 14.4, 15.4]) {
            assert!((at - expected).abs() < 1e-9, "{window:?}");
        }
    }

    #[test]
    fn knobs_that_are_near_are_below_each_other() {
        let outcomes = outcomes();
        let mut events = events(outcomes[0].report.as_ref().unwrap());
        assert_eq!(spread(&mut events, &Scale(25.5)), 2);
        let lanes: Vec<_> = events.iter().map(|event| event.lane).collect();
        assert_eq!(lanes, [0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn what_happens_again_has_one_number() {
        let text = r#"{"stage": "not_detected", "summary": "", "timeline": [
            {"at_secs": 1.0, "name": "injected", "text": "a"},
            {"at_secs": 2.0, "name": "injected", "text": "b"}]}"#;
        let report = serde_json::from_str(text).unwrap();
        let drawn = drawn(&report).into_string();
        assert_eq!(drawn.matches("class=\"knob\"").count(), 1);
        assert!(drawn.contains("class=\"again\"") && drawn.contains("×2"));
    }
}
