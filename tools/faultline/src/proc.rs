// SPDX-License-Identifier: GPL-2.0

//! What /proc tells of a task.

/// What the thread with this number calls itself, if it still runs. The kernel notes a name for its
/// events when its thread is not running any more: a reader may be earlier.
pub fn name_of(pid: i32) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name);
    Some(name.strip_suffix('\n').unwrap_or(&name).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(name_of(own).is_some_and(|name| name.starts_with("faultline")));
        assert_eq!(name_of(-1), None);
    }
}
