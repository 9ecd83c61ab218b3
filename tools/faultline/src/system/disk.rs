// SPDX-License-Identifier: GPL-2.0

//! Mounts and free space, from /proc/self/mounts and `df`.

use super::seen::{Mount, Room, Seen};

/// Parses /proc/self/mounts, or the output of `mount -l`.
pub fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (source, point, fstype, options) = match words.as_slice() {
            [source, "on", point, "type", fstype, options, ..] => {
                (source, point, fstype, options.trim_matches(['(', ')']))
            }
            [source, point, fstype, options, ..] => (source, point, fstype, *options),
            _ => return None,
        };
        Some(Mount {
            source: plain(source),
            point: plain(point),
            fstype: (*fstype).into(),
            options: options.split(',').map(str::to_string).collect(),
        })
    };
    text.lines().filter_map(mount).collect()
}

/// Decodes a path in which `\040` and the like stand for blanks.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| byte == b'\\');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(letter) => {
                out.push(letter);
                rest = &after[3..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns whether `path` is `dir` or below it.
fn is_below(path: &str, dir: &str) -> bool {
    let dir = dir.trim_end_matches('/');
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the mount of a path without links: the last one, if several are stacked.
pub fn mount_of<'m>(mounts: &'m [Mount], real: &str) -> Option<&'m Mount> {
    let below = mounts.iter().filter(|mount| is_below(real, &mount.point));
    below.max_by_key(|mount| mount.point.trim_end_matches('/').len())
}

/// Returns the free space at a path without links, from the `df` of a sosreport.
pub fn of_df(outputs: &[String], mounts: &[Mount], real: &str) -> Seen<Room> {
    let (mut blocks, mut files) = (Vec::new(), Vec::new());
    for text in outputs {
        let into = match text.lines().next() {
            Some(heading) if heading.contains("IUse%") => &mut files,
            Some(heading) if heading.contains("1K-blocks") || heading.contains("1024-blocks") => {
                &mut blocks
            }
            _ => continue,
        };
        into.extend(text.lines().skip(1).filter_map(df));
    }
    let of = |lines: &[(String, u64, u64)]| {
        let below = lines.iter().filter(|(point, ..)| is_below(real, point));
        below
            .max_by_key(|(point, ..)| point.trim_end_matches('/').len())
            .cloned()
    };
    let Some((mount, total, free)) = of(&blocks) else {
        return Seen::Unseen(format!("the tree's df does not tell of {real}"));
    };
    let at = mount_of(mounts, real);
    Seen::Is(Room {
        total: total.saturating_mul(1024),
        free: free.saturating_mul(1024),
        files: of(&files)
            .filter(|(point, total, _)| *point == mount && *total > 0)
            .map(|(_, _, free)| free),
        read_only: at.is_some_and(|mount| mount.options.iter().any(|option| option == "ro")),
        mount,
    })
}

/// Parses a line of df: the mount point, the size, and the free space.
fn df(line: &str) -> Option<(String, u64, u64)> {
    let words: Vec<_> = line.split_whitespace().collect();
    // With -T there is a column with the type.
    let at = (1..words.len()).find(|&at| words[at].parse::<u64>().is_ok())?;
    let number = |offset: usize| words.get(at + offset)?.parse().ok();
    let point = words
        .get(at + 4..)
        .filter(|rest| !rest.is_empty())?
        .join(" ");
    Some((point, number(0)?, number(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_a_path_is_on() {
        let text = "/dev/vda1 / ext4 rw,relatime 0 0\n/dev/vdb /var/crash xfs ro 0 0\n\
                    /dev/vdc /var/crash\\040old ext4 rw 0 0\n/dev/vdd /var/crash ext4 rw 0 0\n";
        let mounts = mounts(text);
        let on = |path: &str| mount_of(&mounts, path).unwrap().source.clone();
        assert_eq!(on("/"), "/dev/vda1");
        assert_eq!(on("/var/crash2"), "/dev/vda1");
        assert_eq!(on("/var/crash/x"), "/dev/vdd");
        assert_eq!(on("/var/crash old"), "/dev/vdc");
        let listed = super::mounts("/dev/vda1 on / type ext4 (rw,relatime)\n");
        assert_eq!(
            (listed[0].point.as_str(), listed[0].options[0].as_str()),
            ("/", "rw")
        );
        assert!(super::mounts("x\n\n").is_empty());
    }

    #[test]
    fn lines_of_df() {
        assert_eq!(
            df("/dev/vda1 100 40 60 40% /var/a b"),
            Some(("/var/a b".into(), 100, 60))
        );
        assert_eq!(
            df("/dev/vda1 ext4 100 40 60 40% /"),
            Some(("/".into(), 100, 60))
        );
        for line in ["", "/dev/vda1", "x 1 2", "sysfs - - - - /sys"] {
            assert_eq!(df(line), None, "{line}");
        }
    }
}
