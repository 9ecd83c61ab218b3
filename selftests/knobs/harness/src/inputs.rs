// SPDX-License-Identifier: GPL-2.0

//! The table of inputs. Each goes to every parameter, whatever its type.

use std::collections::HashSet;

/// What is written to a parameter, or given to it at load.
pub type Input = Vec<u8>;

/// Those that can be written down.
const LITERAL: &[&[u8]] = &[
    // Nothing, and blanks.
    b"",
    b" ",
    b"  ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\r",
    b"\n",
    b"\n\n",
    b" \n",
    b"\r\n",
    b"\xa0",
    // Signs.
    b"+",
    b"-",
    b"+1",
    b"-1",
    b"--1",
    b"++1",
    b"+-1",
    b"-+1",
    b"- 1",
    b"+ 1",
    b"1-",
    b"1+",
    b"-0",
    b"+0",
    b"-2",
    b"+-",
    "\u{2212}1".as_bytes(),
    // Blanks around.
    b" 1",
    b"1 ",
    b"\t1",
    b"1\t",
    b" 1 ",
    b" 1\n",
    b"1 \n",
    b"1 2",
    b" Y",
    b"Y ",
    b" a",
    b"a ",
    // Decimal.
    b"0",
    b"1",
    b"2",
    b"9",
    b"10",
    b"42",
    b"100",
    b"101",
    b"12345",
    b"1234567890",
    // Not whole, not plain, not ASCII.
    b"1.0",
    b"1.",
    b".5",
    b"1e3",
    b"1E3",
    b"1_000",
    b"1'000",
    b"1k",
    b"1K",
    b"1M",
    b"1u",
    b"1L",
    b"inf",
    b"nan",
    b"x",
    b"one",
    "\u{661}".as_bytes(),
    "\u{ff11}".as_bytes(),
    // Hexadecimal.
    b"0x",
    b"0X",
    b"0x0",
    b"0x1",
    b"0X1",
    b"0xf",
    b"0xF",
    b"0XfF",
    b"0xg",
    b"0x1g",
    b"x1",
    b"0xx1",
    b"0x 1",
    b"0x+1",
    b"0x-1",
    b"-0x1",
    b"-0x",
    b"+0x1",
    b"00x1",
    b"0x0x1",
    b"1h",
    b"#1",
    b"$1",
    b"ff",
    b"0x1\n",
    b"0x\n",
    b"0xdeadbeef",
    b"0xDeadBeefCafeBabe",
    // Octal, and what looks like it.
    b"00",
    b"01",
    b"07",
    b"08",
    b"09",
    b"010",
    b"017",
    b"-017",
    b"0o7",
    b"0b1",
    b"0b101",
    b"018",
    b"0000000000000000000000000000000000000000000000001",
    b"0777",
    b"01777777",
    // Newlines.
    b"1\n",
    b"1\n\n",
    b"\n1",
    b"1\n2",
    b"1\n2\n",
    b"1\r\n",
    b"-1\n",
    b"Y\n",
    b"Y\n\n",
    b"N\n",
    b"\nY",
    b"a\n",
    b"a\n\n",
    b"\na",
    b"a\nb",
    b"on\n",
    b"off\n",
    b"off\n\n",
    // NUL inside.
    b"\0",
    b"\0\0",
    b"\0\n",
    b"1\0",
    b"1\0\n",
    b"1\n\0",
    b"1\x002",
    b"\x001",
    b"Y\0",
    b"Y\0N",
    b"o\0n",
    b"a\0",
    b"a\0b",
    b"\0a",
    b"1,2\0,3",
    b"1,\0,2",
    b"1,2,3,4\0,5",
    // Bools, and what looks like them.
    b"Y",
    b"y",
    b"N",
    b"n",
    b"on",
    b"off",
    b"ON",
    b"OFF",
    b"On",
    b"oN",
    b"Off",
    b"oFF",
    b"o",
    b"O",
    b"of",
    b"ox",
    b"onx",
    b"offx",
    b"yes",
    b"no",
    b"Yes",
    b"NO",
    b"true",
    b"false",
    b"True",
    b"FALSE",
    b"t",
    b"f",
    b"T",
    b"F",
    b"e",
    b"d",
    b"E",
    b"D",
    b"enable",
    b"disabled",
    b"Yx",
    b"nx",
    b"1x",
    b"0x1x",
    b"-Y",
    b"YN",
    // Texts.
    b"a",
    b"b",
    b"text",
    b"none",
    b"a b",
    b"a\tb",
    b"(null)",
    b"%s%n%d",
    b"\\",
    b"\\n",
    b"$(id)",
    b"`id`",
    b";",
    b"|",
    b"a;b",
    b"a=b",
    b"=",
    b"==1",
    b"--",
    b"#",
    b"'a'",
    b"\"",
    b"\"\"",
    b"\"a\"",
    b"\"a",
    b"a\"",
    b"a\"b",
    b"\"1\"",
    b"\x01",
    b"\x1b[31m",
    b"\x7f",
    b"../..",
    b"/",
    // UTF-8, and what is none.
    "ä".as_bytes(),
    "é1".as_bytes(),
    "日本語".as_bytes(),
    "🦀".as_bytes(),
    "a\u{300}".as_bytes(),
    "\u{feff}1".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{200b}1".as_bytes(),
    "à,à".as_bytes(),
    b"\xff",
    b"\x80",
    b"\xc3",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"a\xffb",
    b"1\xff",
    // Lists: too long, with nothing between commas, with a wrong item at each place.
    b"1,2",
    b"1,2,3",
    b"1,2,3,4",
    b"1,2,3,4,5",
    b"1,2,3,4,5,6",
    b"1,2,3,4,",
    b"1,2,3,4,,",
    b",",
    b",,",
    b",,,",
    b",,,,",
    b",1",
    b"1,",
    b"1,,2",
    b"1,,",
    b",,1",
    b"1,,2,,3",
    b"1, 2",
    b"1 ,2",
    b" 1,2",
    b"1,2\n",
    b"1,2\n\n",
    b"1\n,2",
    b"1,2,3,4\n",
    b"1,2,3,4,5\n",
    b"1,2,3,4,\n",
    b"1,\n",
    b",\n",
    b"1;2",
    b"1:2",
    b"1-2",
    b"1,x",
    b"x,1",
    b"1,x,3",
    b"1,2,3,x",
    b"1,2,3,4,x",
    b"x,x",
    b"1,-1",
    b"-1,1",
    b"-1,-2,-3,-4",
    b"0x1,0x2",
    b"010,0x10,10",
    b"1,+2",
    b"9,8,7,6",
    b"Y,N",
    b"N,Y\n",
    b"y,n,1,0",
    b"1,0,1,0",
    b"Y,N,Y,N,Y",
    b"Y,,N",
    b"Y,x",
    b"x,Y",
    b",Y",
    b"on,off",
    b"on,off,o",
    b"o,n",
    b"a,b,c,d",
    b"a,b,c,d,e",
    b"a,,b",
    b",a",
    b"a,",
    b"a,b\n",
    b"c",
    b"[1,2]",
    b"{1}",
];

/// The whole table. No input is there twice.
pub fn table() -> Vec<Input> {
    let mut inputs: Vec<Input> = LITERAL.iter().map(|input| input.to_vec()).collect();
    inputs.extend(bounds().map(String::into_bytes));
    inputs.extend(long());
    let mut seen = HashSet::new();
    inputs.retain(|input| seen.insert(input.clone()));
    inputs
}

/// The ends of each width, and one beyond them, in each base; in lists as well.
fn bounds() -> impl Iterator<Item = String> {
    [8, 16, 32, 64].into_iter().flat_map(|width| {
        let half = 1_i128 << (width - 1);
        let decimal = [
            half - 1,
            half,
            -half,
            -half - 1,
            2 * half - 1,
            2 * half,
            1 - 2 * half,
            20 * half,
        ];
        let other = [half - 1, half, half + 1, 2 * half - 1, 2 * half];
        decimal
            .into_iter()
            .flat_map(|value| [format!("{value}"), format!("1,{value}")])
            .chain(decimal.into_iter().map(|value| format!("{value}\n")))
            .chain(
                other
                    .into_iter()
                    .flat_map(|value| [format!("{value:#x}"), format!("-{value:#x}")]),
            )
            .chain(other.into_iter().map(|value| format!("0{value:o}")))
    })
}

/// Texts around the longest that each kind takes, up to 64 KiB.
fn long() -> Vec<Input> {
    let mut inputs = Vec::new();
    for length in [30, 31, 32, 33, 1023, 1024, 1025, 4095, 4096, 4097, 65536] {
        inputs.push(vec![b'a'; length]);
        inputs.push([&vec![b'a'; length - 1][..], b"\n"].concat());
    }
    for length in [4096, 65536] {
        inputs.push(vec![b'1'; length]);
        inputs.push(vec![b'0'; length]);
        inputs.push(vec![b' '; length]);
        inputs.push(vec![b','; length]);
        inputs.push(b"1,".repeat(length / 2));
        inputs.push("ä".as_bytes().repeat(length / 2));
    }
    // A character that begins before the end of the room, and an item too long.
    inputs.push([&[b'a'; 30][..], "ä".as_bytes()].concat());
    inputs.push([&[b'a'; 29][..], "ä".as_bytes()].concat());
    inputs.push([&b"a,"[..], &[b'b'; 1024]].concat());
    inputs.push([&b"a,"[..], &[b'b'; 1025]].concat());
    inputs
}

/// How an input is shown: readable, and not too long.
pub fn show(input: &[u8]) -> String {
    const MOST: usize = 48;
    if input.len() <= MOST {
        format!("'{}'", input.escape_ascii())
    } else {
        format!(
            "'{}...' ({} bytes)",
            input[..MOST].escape_ascii(),
            input.len()
        )
    }
}

/// `parameter=input` as an argument of a module, or none: a NUL ends all arguments.
pub fn argument(parameter: &str, input: &[u8]) -> Option<Vec<u8>> {
    if input.contains(&0) {
        return None;
    }
    // What the kernel takes for a blank ends an argument, unless it is quoted.
    let blank = |byte: &u8| byte.is_ascii_whitespace() || [0x0b, 0xa0].contains(byte);
    let quote: &[u8] = if input.iter().any(blank) { b"\"" } else { b"" };
    Some([parameter.as_bytes(), b"=", quote, input, quote].concat())
}
