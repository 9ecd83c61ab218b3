// SPDX-License-Identifier: GPL-2.0

//! The kernel log in a dump: printk's ring buffer of `kernel/printk/printk_ringbuffer.h`, found and
//! read with VMCOREINFO alone. Its lines are those of `makedumpfile --dump-dmesg`, except that each
//! line of a record has its time and caller, as in dmesg.

use super::fault::{Fault, Watch};
use super::memory::Memory;
use super::vmcoreinfo::Vmcoreinfo;
use super::words::Words;
use std::fmt::Write;

/// A descriptor's state, in the upper two bits of its state variable.
const STATE_SHIFT: u32 = 62;
const COMMITTED: u64 = 1;
const FINALIZED: u64 = 2;
/// The bit of a record's caller that marks a CPU, not a thread.
const CALLER_CPU: u32 = 1 << 31;
/// The kernel's limit on `log_buf_len=`, and a record per 32 bytes of it.
const MOST_BITS: u32 = 31;
const MOST_RECORD_BITS: u32 = 26;
/// makedumpfile's width of a caller.
const CALLER_WIDTH: usize = 8;

/// The offsets in the kernel's structures.
struct Layout {
    ring: Ring,
    data: Data,
    descriptor: (usize, usize, usize, usize),
    info: Info,
}

struct Ring {
    bits: usize,
    descriptors: usize,
    infos: usize,
    head: usize,
    tail: usize,
}

struct Data {
    bits: usize,
    data: usize,
}

struct Info {
    bytes: usize,
    seq: usize,
    time: usize,
    length: usize,
    caller: Option<usize>,
}

impl Layout {
    fn new(info: &Vmcoreinfo) -> Result<Self, Fault> {
        let counter = info.offset("atomic_long_t.counter")?;
        let ring = info.offset("printk_ringbuffer.desc_ring")?;
        let data = info.offset("printk_ringbuffer.text_data_ring")?;
        let block = info.offset("prb_desc.text_blk_lpos")?;
        Ok(Layout {
            ring: Ring {
                bits: ring + info.offset("prb_desc_ring.count_bits")?,
                descriptors: ring + info.offset("prb_desc_ring.descs")?,
                infos: ring + info.offset("prb_desc_ring.infos")?,
                head: ring + info.offset("prb_desc_ring.head_id")? + counter,
                tail: ring + info.offset("prb_desc_ring.tail_id")? + counter,
            },
            data: Data {
                bits: data + info.offset("prb_data_ring.size_bits")?,
                data: data + info.offset("prb_data_ring.data")?,
            },
            descriptor: (
                info.bytes_of("prb_desc")?,
                info.offset("prb_desc.state_var")? + counter,
                block + info.offset("prb_data_blk_lpos.begin")?,
                block + info.offset("prb_data_blk_lpos.next")?,
            ),
            info: Info {
                bytes: info.bytes_of("printk_info")?,
                seq: info.offset("printk_info.seq")?,
                time: info.offset("printk_info.ts_nsec")?,
                length: info.offset("printk_info.text_len")?,
                caller: info.offset("printk_info.caller_id").ok(),
            },
        })
    }
}

/// Reads the kernel log.
pub fn log(
    memory: &Memory<'_>,
    vmcoreinfo: &Vmcoreinfo,
    watch: &Watch<'_>,
) -> Result<String, Fault> {
    let damaged = |what: &str| Fault::Incomplete(format!("its kernel log is damaged: {what}"));
    let layout = Layout::new(vmcoreinfo)?;
    let ring = memory.u64(vmcoreinfo.symbol("prb")?)?;
    let header = memory.read(ring, vmcoreinfo.bytes_of("printk_ringbuffer")?)?;
    let header = Words(&header);
    let (bits, data_bits) = (header.u32(layout.ring.bits), header.u32(layout.data.bits));
    if bits > MOST_RECORD_BITS || data_bits > MOST_BITS {
        return Err(damaged("its ring buffer has an impossible size"));
    }
    let (records, data_bytes) = (1u64 << bits, 1u64 << data_bits);
    let room = memory.has_room_for(records, layout.descriptor.0.max(1) as u64)
        && memory.has_room_for(data_bytes, 1);
    if !room {
        return Err(damaged("its ring buffer is larger than the memory"));
    }
    let descriptors = header.u64(layout.ring.descriptors);
    let infos = header.u64(layout.ring.infos);
    let data = header.u64(layout.data.data);
    let (head, tail) = (header.u64(layout.ring.head), header.u64(layout.ring.tail));
    let id_mask = (1 << STATE_SHIFT) - 1;
    let between = head.wrapping_sub(tail) & id_mask;
    if between >= records {
        return Err(damaged("its ring buffer has more records than room"));
    }
    let mut text = String::new();
    let mut left = data_bytes;
    for id in (0..=between).map(|more| tail.wrapping_add(more) & id_mask) {
        watch.go_on()?;
        let index = id % records;
        let (size, state_at, begin_at, next_at) = layout.descriptor;
        let descriptor = memory.read(descriptors.wrapping_add(index * size as u64), size)?;
        let descriptor = Words(&descriptor);
        let state = descriptor.u64(state_at);
        if state & id_mask != id || !matches!(state >> STATE_SHIFT, COMMITTED | FINALIZED) {
            continue;
        }
        let info = memory.read(
            infos.wrapping_add(index * layout.info.bytes as u64),
            layout.info.bytes,
        )?;
        let info = Words(&info);
        if info.u64(layout.info.seq) % records != index {
            return Err(damaged("a record is not at the place of its number"));
        }
        let (begin, next) = (descriptor.u64(begin_at), descriptor.u64(next_at));
        let mut message = Vec::new();
        // Both are odd for a record without text: an empty line, or one that found no space.
        if begin & next & 1 == 0 {
            let (mut from, mut to) = (begin % data_bytes, next % data_bytes);
            if to == 0 {
                to = data_bytes;
            } else if from > to {
                from = 0;
            }
            // The text's block begins with the record's number.
            let length = to
                .checked_sub(from + 8)
                .ok_or_else(|| damaged("a record's text is nowhere"))?;
            if memory.u64(data.wrapping_add(from))? != id {
                return Err(damaged("a record's text is another's"));
            }
            let length = length.min(u64::from(info.u16(layout.info.length)));
            let after = left.checked_sub(length);
            left = after.ok_or_else(|| damaged("its records have more text than room"))?;
            message = memory.read(data.wrapping_add(from + 8), length as usize)?;
        } else if begin & 2 == 0 {
            continue;
        }
        let caller = layout.info.caller.map(|at| info.u32(at));
        print(&mut text, info.u64(layout.info.time), caller, &message);
    }
    match text.is_empty() {
        true => Err(damaged("it is empty")),
        false => Ok(text),
    }
}

/// Prints a record's lines.
fn print(text: &mut String, nanos: u64, caller: Option<u32>, message: &[u8]) {
    for line in message.split(|byte| *byte == b'\n') {
        let (secs, micros) = (nanos / 1_000_000_000, nanos % 1_000_000_000 / 1000);
        let _ = write!(text, "[{secs:5}.{micros:06}] ");
        if let Some(caller) = caller {
            let kind = if caller & CALLER_CPU != 0 { 'C' } else { 'T' };
            let word = format!("{kind}{}", caller & !CALLER_CPU);
            let _ = write!(text, "[{word:>CALLER_WIDTH$}] ");
        }
        for byte in line {
            let _ = match byte {
                b' '..=b'~' | b'\t' => write!(text, "{}", char::from(*byte)),
                _ => write!(text, "\\x{byte:02x}"),
            };
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::elf::Elf;
    use crate::dump::testing::{Machine, Record};
    use crate::dump::tests::{bytes, unwatched};

    fn read(machine: &Machine) -> Result<String, Fault> {
        let elf = Elf::read(bytes(&machine.elf(true))).unwrap();
        let info = elf.vmcoreinfo.clone().unwrap();
        log(&Memory::new(&elf, "x86_64", &info)?, &info, &unwatched())
    }

    fn texts(log: &str) -> Vec<&str> {
        log.lines().map(|line| &line[26..]).collect()
    }

    #[test]
    fn a_ring_that_has_wrapped_has_its_newest_records() {
        let said: Vec<_> = (0..1000)
            .map(|n| format!("record {n} {}", "x".repeat(n % 37)))
            .collect();
        let records: Vec<Record<'_>> = said.iter().map(|text| (5, 1, text.as_str())).collect();
        for ended in [1, 2, 31, 32, 33, 100, 517, 1000] {
            // Wrapped by the number of records, and by their text.
            for (bits, data_bits) in [(5, 12), (6, 10)] {
                let log = read(&Machine::new(&records[..ended], bits, data_bits)).unwrap();
                let found = texts(&log);
                assert_eq!(found, said[ended - found.len()..ended]);
                assert!(found.len() >= ended.min(15), "{} of {ended}", found.len());
                assert!(found.len() <= 1 << bits);
            }
        }
    }

    /// Such a block ends exactly at the end of the ring, which newer kernels do not wrap.
    #[test]
    fn a_text_that_fits_exactly() {
        let text = "y".repeat(120);
        let records: Vec<Record<'_>> = (0..20).map(|_| (5, 1, text.as_str())).collect();
        let log = read(&Machine::new(&records, 6, 10)).unwrap();
        assert_eq!(texts(&log), vec![text.as_str(); 8]);
    }

    #[test]
    fn an_empty_line_is_one() {
        let log = read(&Machine::new(
            &[(1, 0, "a"), (2, 0, ""), (3, 0, "b")],
            5,
            12,
        ))
        .unwrap();
        assert_eq!(texts(&log), ["a", "", "b"]);
    }

    /// Records that all say that the rest of the ring is theirs.
    #[test]
    fn text_that_is_there_once_is_read_once() {
        let mut machine = Machine::new(&[(1, 0, "first"), (2, 0, "second")], 5, 12);
        for index in [0u64, 1] {
            machine.put(8 * 4096 + index * 24 + 16, &0u64.to_le_bytes());
            machine.put(24 * 4096 + index * 88 + 16, &u16::MAX.to_le_bytes());
        }
        let fault = read(&machine).unwrap_err();
        assert!(fault.to_string().contains("more text than room"), "{fault}");
    }

    #[test]
    fn a_damaged_ring_is_told() {
        let records = [(1, 0, "first"), (2, 0, "second")];
        let ring = 6 * 4096;
        for (at, word, why) in [
            (ring, 40u64, "an impossible size"),
            (ring, 26, "larger than the memory"),
            (ring + 48, 31, "larger than the memory"),
            (ring + 24, 0x1234, "more records than room"),
            (24 * 4096, 3, "not at the place of its number"),
            (80 * 4096, 7, "another's"),
            (ring + 8, 0xffff_ffff_9000_0000, "do not map"),
        ] {
            let mut machine = Machine::new(&records, 5, 12);
            machine.put(at, &word.to_le_bytes());
            let fault = read(&machine).unwrap_err();
            assert!(
                matches!(&fault, Fault::Incomplete(said) if said.contains(why)),
                "{why}: {fault}"
            );
        }
    }
}
