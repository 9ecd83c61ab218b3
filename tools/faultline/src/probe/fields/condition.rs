// SPDX-License-Identifier: GPL-2.0

//! Conditions, as text: comparisons with `&&` and `||` between, of which `&&` binds as in C. The kernel
//! evaluates them, so they are no more than that.

use super::expression::{Cursor, Expression};

/// What one `--if` says: alternatives. All comparisons of at least one of them hold for the calls that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(pub Vec<Vec<Comparison>>);

/// `LEFT OP RIGHT`
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub left: Expression,
    pub op: Op,
    pub right: Constant,
    /// As it was written.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    /// Any bit of both.
    And,
}

impl Op {
    /// The longer ones come first.
    const ALL: [Op; 7] = [
        Op::Equal,
        Op::NotEqual,
        Op::LessOrEqual,
        Op::GreaterOrEqual,
        Op::Less,
        Op::Greater,
        Op::And,
    ];

    /// As C and the module write it.
    pub fn text(self) -> &'static str {
        match self {
            Op::Equal => "==",
            Op::NotEqual => "!=",
            Op::LessOrEqual => "<=",
            Op::GreaterOrEqual => ">=",
            Op::Less => "<",
            Op::Greater => ">",
            Op::And => "&",
        }
    }
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    Number(i128),
    /// Nanoseconds, written with a unit.
    Time(u64),
    /// An error number, a value of an enumeration, `true`, `false` or `NULL`; with a minus before it, or not.
    Name {
        negative: bool,
        name: String,
    },
    Text(String),
}

/// Reads what one `--if` says.
pub fn parse(text: &str) -> Result<Condition, String> {
    let mut cursor = Cursor::new(text);
    let (mut alternatives, mut comparisons) = (Vec::new(), Vec::new());
    loop {
        comparisons.push(comparison(&mut cursor)?);
        cursor.skip_blanks();
        if cursor.take("&&") {
            continue;
        }
        let is_end = cursor.rest.is_empty();
        if !is_end && !cursor.take("||") {
            return Err(cursor.expected("'&&' or '||' and another comparison"));
        }
        alternatives.push(std::mem::take(&mut comparisons));
        if is_end {
            return Ok(Condition(alternatives));
        }
    }
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, String> {
    cursor.skip_blanks();
    let start = cursor.rest;
    if cursor.rest.starts_with('!') || cursor.rest.starts_with('(') {
        return Err(cursor.expected(
            "a comparison without '!' and parentheses (of several --if, all have to hold)",
        ));
    }
    let left = Expression::take(cursor)?;
    cursor.skip_blanks();
    let is_logic = cursor.rest.starts_with("&&") || cursor.rest.starts_with("||");
    let op = Op::ALL
        .into_iter()
        .find(|op| !is_logic && cursor.take(op.text()));
    let Some(op) = op else {
        return Err(cursor.expected("==, !=, <, <=, >, >= or &"));
    };
    cursor.skip_blanks();
    let right = constant(cursor)?;
    let length = start.len() - cursor.rest.len();
    let text = start[..length].trim_end().to_string();
    Ok(Comparison {
        left,
        op,
        right,
        text,
    })
}

fn constant(cursor: &mut Cursor<'_>) -> Result<Constant, String> {
    if cursor.take("\"") {
        let Some((inside, rest)) = cursor.rest.split_once('"') else {
            return Err(format!("'{}': the text has no end", cursor.whole));
        };
        cursor.rest = rest;
        return Ok(Constant::Text(inside.into()));
    }
    let negative = cursor.take("-");
    let before = cursor.rest;
    let Some(word) = cursor.word() else {
        return Err(cursor.expected("a number, a name, or a text in '\"'"));
    };
    if !word.starts_with(|letter: char| letter.is_ascii_digit()) {
        let name = word.to_string();
        return Ok(Constant::Name { negative, name });
    }
    // 1.5ms
    let fraction = cursor.rest.starts_with('.');
    let number = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    match number.map(i128::from) {
        Some(number) if !fraction => Ok(Constant::Number(if negative { -number } else { number })),
        _ => match time(word).filter(|_| !negative && !fraction) {
            Some(ns) => Ok(Constant::Time(ns)),
            None => {
                cursor.rest = before;
                Err(cursor.expected("a whole number of at most 64 bits, decimal or as 0x1f,"))
            }
        },
    }
}

/// A time with its unit, in nanoseconds.
fn time(word: &str) -> Option<u64> {
    let end = word.find(|letter: char| !letter.is_ascii_digit())?;
    let (digits, unit) = word.split_at(end);
    let unit = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons() {
        let parsed = |text| {
            let Condition(mut alternatives) = parse(text).unwrap();
            assert_eq!(alternatives.len(), 1, "{text}");
            let shown = alternatives.remove(0).into_iter().map(
                |Comparison {
                     left,
                     op,
                     right,
                     text,
                 }| { (left.text, op, right, text) },
            );
            shown.collect::<Vec<_>>()
        };
        let name = |negative, name: &str| Constant::Name {
            negative,
            name: name.into(),
        };
        assert_eq!(
            parsed("ret < 0"),
            [(
                "ret".into(),
                Op::Less,
                Constant::Number(0),
                "ret < 0".into()
            )]
        );
        assert_eq!(
            parsed(" count>=0x1000&&comm == \"a b\" "),
            [
                (
                    "count".into(),
                    Op::GreaterOrEqual,
                    Constant::Number(4096),
                    "count>=0x1000".into()
                ),
                (
                    "comm".into(),
                    Op::Equal,
                    Constant::Text("a b".into()),
                    "comm == \"a b\"".into()
                )
            ]
        );
        assert_eq!(parsed("ret == -ENOENT")[0].2, name(true, "ENOENT"));
        assert_eq!(parsed("how == MOVE")[0].2, name(false, "MOVE"));
        assert_eq!(parsed("flags & 0x40")[0].1, Op::And);
        assert_eq!(parsed("a->b[2].c != -7")[0].2, Constant::Number(-7));
        assert_eq!(parsed("ns > 10us")[0].2, Constant::Time(10_000));
        assert_eq!(
            parsed("a == 18446744073709551615")[0].2,
            Constant::Number(i128::from(u64::MAX))
        );
    }

    #[test]
    fn alternatives() {
        let parsed = |text| {
            let Condition(alternatives) = parse(text).unwrap();
            let texts = |all: Vec<Comparison>| all.into_iter().map(|one| one.text).collect();
            let texts = alternatives.into_iter().map(texts);
            texts.collect::<Vec<Vec<_>>>()
        };
        assert_eq!(
            parsed("ret < 0 || ret > 4096"),
            [["ret < 0"], ["ret > 4096"]]
        );
        assert_eq!(
            parsed("a == 1&&b & 2||c == 3 && d == 4 || a == 5 && b == 6"),
            [
                ["a == 1", "b & 2"],
                ["c == 3", "d == 4"],
                ["a == 5", "b == 6"]
            ]
        );
    }

    #[test]
    fn refusals() {
        for (text, complaint) in [
            ("", "ends where the name of a parameter"),
            ("ret", "ends where ==, !=, <, <=, >, >= or & is expected"),
            ("ret &&", "expected ==, !=, <, <=, >, >= or & at '&&'"),
            ("ret < 0 &&", "ends where the name of a parameter"),
            ("ret < 0 ||", "ends where the name of a parameter"),
            (
                "|| ret < 0",
                "expected the name of a parameter, or ret, ns, pid, tgid, cpu, comm at '|| ret",
            ),
            ("ret < 0 | ret > 5", "expected '&&' or '||' and another"),
            (
                "ret < 0 ret > 5",
                "expected '&&' or '||' and another comparison at 'ret > 5'",
            ),
            ("ret = 0", "expected ==, !=, <, <=, >, >= or & at '= 0'"),
            ("ret <", "ends where a number, a name, or a text"),
            (
                "!ret",
                "without '!' and parentheses (of several --if, all have to hold) at '!ret'",
            ),
            (
                "(ret < 0)",
                "expected a comparison without '!' and parentheses",
            ),
            (
                "0 > ret",
                "'0' stands where the name of a parameter is expected",
            ),
            ("comm == \"dd", "the text has no end"),
            ("a == 0x", "expected a whole number of at most 64 bits"),
            (
                "a == 18446744073709551616",
                "expected a whole number of at most 64 bits",
            ),
            ("a == 1.5", "expected a whole number"),
            ("ns > 1.5ms", "expected a whole number"),
            ("ns > 5min", "expected a whole number"),
            ("ns > -5ms", "expected a whole number"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
