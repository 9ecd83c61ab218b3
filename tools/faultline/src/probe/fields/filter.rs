// SPDX-License-Identifier: GPL-2.0

//! The number that a comparison compares with, as the type of the other side wants it.

use super::condition::{Comparison, Constant, Op};
use super::errno;
use super::expression::Known;
use super::form::{swapped, Form};
use super::place::Fetch;

/// The longest name of a thread.
const COMM: usize = 15;

/// Compares what is known of a call: the module's operand and value.
pub fn known(comparison: &Comparison, known: Known) -> Result<(String, String), String> {
    let text = &comparison.text;
    let limit = match known {
        Known::Comm => return comm(comparison),
        Known::Function | Known::Time => {
            return Err(format!(
                "'{text}': expected a parameter, ret, ns, pid, tgid, cpu or comm"
            ))
        }
        Known::Ns => u64::MAX,
        Known::Pid | Known::Tgid | Known::Cpu => i32::MAX as u64,
    };
    let value = match (&comparison.right, known) {
        (Constant::Number(number), _) => {
            u64::try_from(*number).ok().filter(|value| *value <= limit)
        }
        (Constant::Time(ns), Known::Ns) => Some(*ns),
        _ => None,
    };
    let Some(value) = value else {
        let what = if known == Known::Ns {
            " or a time as 10us"
        } else {
            ""
        };
        return Err(format!(
            "'{text}': expected a number from 0 to {limit}{what}"
        ));
    };
    Ok((known.name().to_string(), value.to_string()))
}

fn comm(comparison: &Comparison) -> Result<(String, String), String> {
    let text = &comparison.text;
    if !matches!(comparison.op, Op::Equal | Op::NotEqual) {
        return Err(format!("'{text}': names are compared with == and !="));
    }
    let Constant::Text(name) = &comparison.right else {
        return Err(format!("'{text}': a name is in quotes, as comm == \"dd\""));
    };
    is_comm(name).map_err(|wrong| format!("'{text}': {wrong}"))?;
    Ok(("comm".into(), name.clone()))
}

/// Checks that the module can compare with such a name.
pub fn is_comm(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    match (1..=COMM).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "expected a name of 1 to {COMM} letters, without blanks and colons"
        )),
    }
}

/// The value that a number is compared with.
pub fn number(comparison: &Comparison, fetch: &Fetch) -> Result<String, String> {
    let Comparison {
        text, op, right, ..
    } = comparison;
    let form = fetch.form.inner();
    if form == &Form::Text {
        return Err(format!(
            "'{text}': the kernel compares no texts: the address is hex({})",
            comparison.left.text
        ));
    }
    let value = match right {
        Constant::Number(number) => *number,
        Constant::Name { negative, name } => i128::from(named(comparison, fetch, *negative, name)?),
        Constant::Time(ns) => i128::from(*ns),
        Constant::Text(_) => return Err(format!("'{text}': expected a number, not a text")),
    };
    let (least, most) = match form.is_signed() {
        true => (
            -(1_i128 << (fetch.width - 1)),
            (1_i128 << (fetch.width - 1)) - 1,
        ),
        false => (0, (1_i128 << fetch.width) - 1),
    };
    let is_error = (-i128::from(errno::MAX)..0).contains(&value);
    let compared = match form {
        // Errors are at the end of what 64 bits without a sign have.
        Form::Pointer | Form::Unsigned { bytes: 8 } if is_error && is_exact(*op) => {
            value + (1_i128 << 64)
        }
        Form::Word if value < 0 || value == 0 && *op == Op::Less => {
            let left = &comparison.left.text;
            return Err(format!(
                "'{text}': of what type {left} is, is not known: s32({left}) or s64({left})"
            ));
        }
        Form::BigEndian { bytes } => {
            if !is_exact_bits(*op) {
                return Err(format!("'{text}': of network byte order: use ==, != or &"));
            }
            in_range(text, value, least, most)?;
            i128::from(swapped(value as u64, *bytes))
        }
        _ => value,
    };
    if form == &Form::Pointer && value == 0 && *op == Op::Less {
        return Err(format!(
            "'{text}': an address is never negative: errors are {} >= -{}",
            comparison.left.text,
            errno::MAX
        ));
    }
    in_range(text, compared, least, most)?;
    let never = match op {
        Op::Less => compared == least,
        Op::Greater => compared == most,
        _ => false,
    };
    if never {
        return Err(format!("'{text}' never holds: {}", range(least, most)));
    }
    Ok(compared.to_string())
}

fn is_exact(op: Op) -> bool {
    matches!(op, Op::Equal | Op::NotEqual | Op::GreaterOrEqual)
}

fn is_exact_bits(op: Op) -> bool {
    matches!(op, Op::Equal | Op::NotEqual | Op::And)
}

fn range(least: i128, most: i128) -> String {
    format!("the value is from {least} to {most}")
}

fn in_range(text: &str, value: i128, least: i128, most: i128) -> Result<(), String> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(format!("'{text}': {}", range(least, most))),
    }
}

/// The number that a name stands for.
fn named(
    comparison: &Comparison,
    fetch: &Fetch,
    negative: bool,
    name: &str,
) -> Result<i64, String> {
    let text = &comparison.text;
    let form = fetch.form.inner();
    let of_enum = match form {
        Form::Enum { values, .. } => values.iter().find(|(known, _)| known == name),
        _ => None,
    };
    let number = match (of_enum, name) {
        (Some((_, value)), _) => Some(*value),
        (None, "true") if *form == Form::Bool => Some(1),
        (None, "false") if *form == Form::Bool => Some(0),
        (None, "NULL") => Some(0),
        _ => errno::number(name),
    };
    let is_result = matches!(fetch.form, Form::Result(_));
    match (number, form) {
        (Some(number), _)
            if is_result && of_enum.is_none() && !negative && errno::number(name).is_some() =>
        {
            Err(format!(
                "'{text}': results that are errors are negative: -{name}, which is -{number}"
            ))
        }
        (Some(number), _) if negative => Ok(-number),
        (Some(number), _) => Ok(number),
        (None, Form::Enum { values, .. }) => {
            let names: Vec<_> = values.iter().map(|(name, _)| name.clone()).collect();
            Err(format!(
                "'{text}': no value '{name}' of {}, which is {}",
                comparison.left.text,
                super::nearest::nearest(name, &names)
            ))
        }
        _ => Err(format!(
            "'{text}': '{name}' is no number: expected one, or the name of an error as -ENOENT"
        )),
    }
}
