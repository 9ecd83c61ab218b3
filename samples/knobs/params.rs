// SPDX-License-Identifier: GPL-2.0

//! The parameters, one of each type.

use core::{
    fmt,
    sync::atomic::{
        AtomicU32,
        Ordering::Relaxed, //
    }, //
};

use faultline::{
    params::{
        Refusal,
        Words, //
    },
    prelude::*, //
};

use crate::rounds;

/// The values of a parameter that is set by a word.
#[derive(Words)]
pub(crate) enum Color {
    Red,
    Green,
    Blue,
}

faultline::params! {
    // The types of C: numbers,
    /// a byte
    0o644 byte_value: byte = 1;
    /// a short
    0o644 short_value: short = -2;
    /// an unsigned short
    0o644 ushort_value: ushort = 3;
    /// an int
    0o644 int_value: int = -4;
    /// an unsigned int
    0o644 uint_value: uint = 5;
    /// a long
    0o644 long_value: long = -6;
    /// an unsigned long
    0o644 ulong_value: ulong = 7;
    /// an unsigned long long
    0o644 ullong_value: ullong = 8;
    /// an unsigned int in hexadecimal
    0o644 hexint_value: hexint = 0x9;

    // flags,
    /// a bool
    0o644 bool_value: bool = false;
    /// a bool that is the opposite
    0o644 invbool_value: invbool = true;
    /// a bool that is shown as an int
    0o644 bint_value: bint = false;
    /// a bool that stays set
    0o644 once_value: bool_enable_only = false;

    // texts,
    /// a string of any length up to 1024
    0o644 charp_value: charp = "none";
    /// a string in a buffer
    0o644 string_value: string<31> = "text";

    // and arrays.
    /// up to four bytes
    0o644 byte_list: [byte; 4] = [1, 2];
    /// up to four shorts
    0o644 short_list: [short; 4] = [1, 2];
    /// up to four unsigned shorts
    0o644 ushort_list: [ushort; 4] = [1, 2];
    /// up to four ints
    0o644 int_list: [int; 4] = [1, 2];
    /// up to four unsigned ints
    0o644 uint_list: [uint; 4] = [1, 2];
    /// up to four longs
    0o644 long_list: [long; 4] = [1, 2];
    /// up to four unsigned longs
    0o644 ulong_list: [ulong; 4] = [1, 2];
    /// up to four unsigned long longs
    0o644 ullong_list: [ullong; 4] = [1, 2];
    /// up to four unsigned ints in hexadecimal
    0o644 hexint_list: [hexint; 4] = [1, 2];
    /// up to four bools
    0o644 bool_list: [bool; 4] = [true, false];
    /// up to four strings
    0o644 charp_list: [charp; 4] = ["a", "b"];

    // Names, permissions and flags.
    /// an int with another name than its variable
    0o644 other_name as renamed: int = 0;
    /// an int to read
    0o444 read_only: int = 1;
    /// an int to write
    0o200 write_only: int = 0;
    /// an int that is not in sysfs
    0 hidden: int = 1;
    /// an int that taints the kernel when it is set
    0o644 taints unsafe_value: int = 0;
    /// an int that may be given as hyphen-value
    0o644 hyphen_value: int = 0;

    // Types that C does not have.
    /// max loop execution count
    0o644 max_loop_count: int = 100_000, range(0..=i32::MAX);
    /// runs a loop of so many rounds, at most max_loop_count
    0o200 run: uint = 0, on_change(run_rounds);
    /// how many rounds the last loop had
    0o444 last_count: computed = rounds::show_last_count;
    /// a share of something
    0o644 percent: int = 50, range(0..=100), unit("percent");
    /// one of some words
    0o644 color: word<Color> = "red";
    /// a list of CPUs, as 0,2-3, or all
    0o644 cpus: cpus = none;
    /// an IPv4 prefix
    0o644 prefix: prefix = "10.0.0.0/8";
    /// a time with its unit
    0o644 interval: duration = "500ms", range("1ms"..="1h");
    /// an int that is even
    0o644 even: int = 0, on_change(take_even);
    /// how often even was changed
    0o444 even_changes: computed = show_even_changes;
    /// a text of letters, digits, _ and -, but not busy
    0o644 label: str<16> = "knobs",
        check(is_label, "letters, digits, _ and - are allowed"), on_change(take_label);
}

/// Returns the most rounds that a loop may have.
#[inline(never)]
pub(crate) fn limit() -> i32 {
    max_loop_count.get()
}

/// Runs a loop, which checks `max_loop_count` in each round.
fn run_rounds(wanted: u32) -> Result<(), Refusal> {
    rounds::run(wanted, limit)
}

/// The number of changes of `even`.
static EVEN_CHANGES: AtomicU32 = AtomicU32::new(0);

/// Accepts even numbers.
fn take_even(value: i32) -> Result<(), Refusal> {
    if value & 1 != 0 {
        return Err(Refusal::because("even numbers are allowed"));
    }
    EVEN_CHANGES.fetch_add(1, Relaxed);
    Ok(())
}

/// Shows how often `even` was changed.
fn show_even_changes(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", EVEN_CHANGES.load(Relaxed))
}

/// Returns whether `text` is a valid label.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Accepts any label but `busy`, which is refused with `EBUSY`.
fn take_label(text: &str) -> Result<(), Refusal> {
    if text == "busy" {
        return Err(EBUSY.into());
    }
    Ok(())
}
