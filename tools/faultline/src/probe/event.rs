// SPDX-License-Identifier: GPL-2.0

//! Lines of the trace: events of the module, frames of a stack, losses. The kernel writes
//!
//! ```text
//! <comm>-<pid> [<cpu>] <flags> <seconds>: return: id=7 tgid=812 ... unread=0 cut=0 t0="..." t1="..."
//! <comm>-<pid> [<cpu>] <flags> <seconds>: <stack trace>
//!  => vfs_read
//! CPU:3 [LOST 17 EVENTS]
//! ```
//!
//! where comm is whatever a program calls itself, and a text whatever was in memory. A name has at most
//! 15 bytes, less than the rest of a head: the first place that looks like one is the head.

use crate::probe::fields::CARRIED;
use crate::tracing::line::{Head, Lost};

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Call(Box<Call>),
    /// The stack of the event before it, on that CPU.
    Stack(Head),
    /// A frame of that stack.
    Frame(String),
    /// Events had no room in a CPU's buffer: how many, if the kernel knows.
    Lost(Lost),
    /// Another event: its name, and what it says.
    Other(String, String),
    Unreadable(String),
}

/// A call of a probed function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub head: Head,
    pub id: u32,
    pub tgid: i32,
    /// Result and duration, of a call that has returned.
    pub returned: Option<(u64, u64)>,
    pub arguments: [u64; CARRIED],
    pub numbers: [Read<u64>; 6],
    pub texts: [Read<Text>; 2],
}

/// What the kernel read; none, if it could not.
pub type Read<T> = Option<T>;

#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub text: String,
    /// It goes on in memory.
    pub is_cut: bool,
}

impl Line {
    pub fn read(line: &str) -> Self {
        let frame = || Some(Line::Frame(line.strip_prefix(" => ")?.into()));
        let lost = Lost::read(line).map(Line::Lost);
        lost.or_else(|| event(line))
            .or_else(frame)
            .unwrap_or_else(|| Line::Unreadable(line.into()))
    }
}

fn event(line: &str) -> Option<Line> {
    let mut dashes = line.match_indices('-').map(|(at, _)| at);
    let (head, rest) = dashes.find_map(|dash| head(&line[..dash], &line[dash + 1..]))?;
    if rest == "<stack trace>" {
        return Some(Line::Stack(head));
    }
    let (name, fields) = rest.split_once(": ")?;
    if !matches!(name, "call" | "return") || !fields.starts_with("id=") {
        return Some(Line::Other(name.into(), fields.into()));
    }
    call(head, name == "return", fields).map(|call| Line::Call(Box::new(call)))
}

/// A head, of which the name is before a `-`, and what follows it.
fn head<'a>(comm: &str, rest: &'a str) -> Option<(Head, &'a str)> {
    let (pid, rest) = rest.split_once(' ')?;
    let (cpu, rest) = rest.trim_start().strip_prefix('[')?.split_once("] ")?;
    let (flags, rest) = rest.split_once(' ')?;
    let (time, rest) = rest.trim_start().split_once(": ")?;
    let (seconds, micros) = time.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if ![pid, cpu, seconds, micros].into_iter().all(is_number)
        || micros.len() != 6
        || flags.is_empty()
    {
        return None;
    }
    let seconds = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    let head = Head {
        comm: Some(comm.trim_start().to_string()).filter(|comm| comm != "<...>"),
        pid: pid.parse().ok()?,
        cpu: cpu.parse().ok()?,
        time_us: seconds.checked_add(micros.parse().ok()?)?,
    };
    Some((head, rest))
}

fn call(head: Head, returns: bool, fields: &str) -> Option<Call> {
    let (numbers, texts) = fields.split_once(" t0=")?;
    let (t0, rest) = quoted(texts)?;
    let (t1, rest) = quoted(rest.strip_prefix(" t1=")?)?;
    if !rest.is_empty() {
        return None;
    }
    let mut words = numbers.split(' ');
    // All are there, in the order of the event.
    let mut next = |name: &str| {
        let (key, value) = words.next()?.split_once('=')?;
        value.parse::<u64>().ok().filter(|_| key == name)
    };
    let id = u32::try_from(next("id")?).ok()?;
    let tgid = next("tgid")? as i32;
    let returned = match returns {
        true => Some((next("ret")?, next("ns")?)),
        false => None,
    };
    let mut arguments = [0; CARRIED];
    for (argument, name) in arguments
        .iter_mut()
        .zip(["a0", "a1", "a2", "a3", "a4", "a5"])
    {
        *argument = next(name)?;
    }
    let mut fetched = [0; 6];
    for (number, name) in fetched.iter_mut().zip(["f0", "f1", "f2", "f3", "f4", "f5"]) {
        *number = next(name)?;
    }
    let (unread, cut) = (next("unread")?, next("cut")?);
    let is = |bits: u64, at: usize| (bits >> at) & 1 == 1;
    let text = |at: usize, text: String| {
        let is_cut = is(cut, at);
        (!is(unread, 8 + at)).then_some(Text { text, is_cut })
    };
    words.next().is_none().then(|| Call {
        head,
        id,
        tgid,
        returned,
        arguments,
        numbers: std::array::from_fn(|at| (!is(unread, at)).then_some(fetched[at])),
        texts: [text(0, t0), text(1, t1)],
    })
}

/// A text in quotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &inside[at + 1..])),
            '\\' => out.push(letters.next()?.1),
            letter => out.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "              dd-812     [001] ...1.    14.123456: ";
    const FIELDS: &str = "id=7 tgid=811 ret=18446744073709551614 ns=3200 \
        a0=1 a1=2 a2=3 a3=4 a4=5 a5=6 f0=10 f1=11 f2=12 f3=13 f4=14 f5=15 unread=0 cut=0 t0=\"\" t1=\"\"";

    fn call(line: &str) -> Call {
        match Line::read(line) {
            Line::Call(call) => *call,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_return() {
        let line = format!("{HEADER}return: {FIELDS}");
        let Call {
            head,
            id,
            tgid,
            returned,
            arguments,
            numbers,
            texts,
        } = call(&line);
        let of = Head {
            comm: Some("dd".into()),
            pid: 812,
            cpu: 1,
            time_us: 14_123_456,
        };
        assert_eq!(head, of);
        assert_eq!((id, tgid), (7, 811));
        assert_eq!(returned, Some((-2_i64 as u64, 3200)));
        assert_eq!(arguments, [1, 2, 3, 4, 5, 6]);
        assert_eq!(numbers, [10, 11, 12, 13, 14, 15].map(Some));
        let empty = Text {
            text: String::new(),
            is_cut: false,
        };
        assert_eq!(texts, [Some(empty.clone()), Some(empty)]);
    }

    #[test]
    fn a_call_and_what_was_not_read() {
        let fields = FIELDS
            .replace("ret=18446744073709551614 ns=3200 ", "")
            .replace(
                "unread=0 cut=0 t0=\"\" t1=\"\"",
                "unread=516 cut=1 t0=\"a \\\"b\\\\ t1=\\\" c\" t1=\"\"",
            );
        let call = call(&format!("{HEADER}call: {fields}"));
        assert_eq!(call.returned, None);
        assert_eq!(
            call.numbers,
            [Some(10), Some(11), None, Some(13), Some(14), Some(15)]
        );
        let first = Text {
            text: "a \"b\\ t1=\" c".into(),
            is_cut: true,
        };
        assert_eq!(call.texts, [Some(first), None]);
    }

    #[test]
    fn whatever_a_thread_calls_itself_and_whatever_a_text_says() {
        let text = "x-1 [000] ..... 1.000000: call: id=1 t0= <stack trace> => y";
        for comm in [
            "a b",
            "-1 [0] . 1.0: ",
            "-1 [000] .....",
            "kworker/0:1",
            "-",
            "=> aaaaaaaaaaaa",
            "\u{e4}",
            "a: call: id=1 ",
        ] {
            let line = format!("{comm:>16}-42      [000] d.s3. 1.000002: return: {FIELDS}");
            let call = call(&line.replace("t0=\"\"", &format!("t0=\"{text}\"")));
            assert_eq!(call.head.comm.as_deref(), Some(comm.trim_start()), "{comm}");
            assert_eq!((call.head.pid, call.head.cpu), (42, 0));
            assert_eq!(
                call.texts[0].as_ref().map(|text| text.text.as_str()),
                Some(text)
            );
        }
        let nameless = call(&format!(
            "           <...>-42      [000] d.s3. 1.000002: return: {FIELDS}"
        ));
        assert_eq!(nameless.head.comm, None);
    }

    #[test]
    fn other_lines() {
        let Line::Stack(head) = Line::read(&format!("{HEADER}<stack trace>")) else {
            panic!()
        };
        assert_eq!((head.pid, head.cpu), (812, 1));
        assert_eq!(Line::read(" => vfs_read"), Line::Frame("vfs_read".into()));
        assert_eq!(
            Line::read("CPU:3 [LOST 17 EVENTS]"),
            Line::Lost(Lost {
                cpu: 3,
                events: Some(17)
            })
        );
        assert_eq!(
            Line::read("CPU:0 [LOST EVENTS]"),
            Line::Lost(Lost {
                cpu: 0,
                events: None
            })
        );
        assert_eq!(
            Line::read(&format!("{HEADER}module_load: veth ")),
            Line::Other("module_load".into(), "veth ".into())
        );
    }

    #[test]
    fn what_is_not_understood() {
        let whole = format!("{HEADER}return: {FIELDS}");
        for line in [
            "",
            "[LINE TOO BIG]",
            "CPU:x [LOST 1 EVENTS]",
            &whole.replace("ns=3200 ", ""),
            &whole.replace("a5=6", "a6=6"),
            &whole.replace("f5=15", "f5=-1"),
            &whole.replace("id=7", "id=4294967296"),
            &whole.replace("cut=0", "cut=0 more=1"),
            &whole.replace("t1=\"\"", "t1=\"\" t2=\"\""),
            &whole.replace("14.123456", "18446744073709551615.000000"),
        ] {
            assert_eq!(Line::read(line), Line::Unreadable(line.into()));
        }
    }

    /// No piece of a line, and no line with a byte changed, is a reason to panic.
    #[test]
    fn damaged_lines_are_survived() {
        let whole = format!(
            "{HEADER}return: {}",
            FIELDS.replace("t1=\"\"", "t1=\"a\\\"b\"")
        );
        for end in 0..whole.len() {
            Line::read(&whole[..end]);
            Line::read(&whole[end..]);
            for byte in [b' ', b':', b'=', b'.', b'-', b'9', b'"', b'\\'] {
                let mut damaged = whole.as_bytes().to_vec();
                damaged[end] = byte;
                Line::read(&String::from_utf8_lossy(&damaged));
            }
        }
    }
}
