// SPDX-License-Identifier: GPL-2.0

//! Lists of CPUs in the kernel's format: `0,2-3`.

/// Returns whether `cpu` is in a list like `0,2-3`.
pub fn has(list: &str, cpu: u32) -> bool {
    list.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&cpu),
            _ => false,
        }
    })
}

/// More CPUs than any kernel supports.
const CPUS: u32 = 1 << 16;

/// Parses a list of CPUs like `0,2-3`.
pub fn parse(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        // No list names a CPU twice, so it has no more CPUs than that.
        if last >= CPUS || cpus.len() + last.saturating_sub(first) as usize >= CPUS as usize {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Formats CPUs as the kernel lists them.
pub fn in_ranges(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_in_a_list() {
        assert!(has("1", 1) && has("0,2-3", 3) && has("0,2-3\n", 0));
        assert!(!has("0,2-3", 1) && !has("", 0) && !has("all", 0));
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(parse("0,2-4\n"), Some(vec![0, 2, 3, 4]));
        assert_eq!(parse("\n"), Some(Vec::new()));
        for wrong in ["x", "0-", "0-4294967295", "0-99999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let all = format!("0-{}", CPUS - 1);
        assert_eq!(parse(&all).map(|cpus| cpus.len()), Some(CPUS as usize));
        assert_eq!(parse(&format!("{all},0")), None);
        assert_eq!(parse(&[all.as_str(); 1000].join(",")), None);
        assert_eq!(in_ranges(&[0, 2, 3, 4]), "0,2-4");
        assert_eq!(in_ranges(&[]), "");
    }
}
