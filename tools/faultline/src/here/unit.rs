// SPDX-License-Identifier: GPL-2.0

//! The systemd unit `faultline-verdict.service`, which runs at the next boot: either installed by a
//! package, or made for one drill and removed after it.

use anyhow::{bail, ensure, Context};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{symlink, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "faultline-verdict.service";
const UNIT: &str = include_str!("../../../../packaging/units/faultline-verdict.service");
/// The program in the packaged unit.
const PROGRAM: &str = "/usr/bin/faultline";
/// The condition that a unit made for one drill does not have: a loss of power may leave the unit
/// without the state file, and then it must run to remove itself.
const ARMED: &str = "ConditionPathExists=/var/lib/faultline/armed.json\n";
/// The directory of dumps in the packaged unit.
const DUMPS: &str = "WantsMountsFor=/var/crash";
/// The first line of a unit made for one drill.
const MARK: &str = "# Made by 'faultline drill here', and removed after its verdict.\n";

/// The search path of units.
const PLACES: &[&str] = &[
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
const WANTS: &str = "etc/systemd/system/multi-user.target.wants";

/// File systems that a reboot empties (`statfs`).
const PASSING: &[(i64, &str)] = &[
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlayfs"),
    (0x0102_1997, "9p"),
];

/// Returns whether systemd runs this machine.
pub fn is_there() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Checks that a program will exist after the next boot, and can be named in a unit.
pub fn check_program(program: &Path) -> anyhow::Result<()> {
    let shown = program.display();
    let text = program.to_str().unwrap_or("");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._+-".contains(letter);
    ensure!(
        program.is_absolute() && !text.is_empty() && text.chars().all(is_plain),
        "a systemd unit cannot name this program, {shown}: copy it to /usr/local/sbin"
    );
    let kind = rustix::fs::statfs(program).with_context(|| shown.to_string())?;
    let kind = kind.f_type as i64;
    if let Some((_, name)) = PASSING.iter().find(|(magic, _)| *magic == kind) {
        bail!(
            "this program, {shown}, is on {name} and may be lost in the reboot: copy it to \
             /usr/local/sbin, and run it there"
        );
    }
    Ok(())
}

/// Makes the unit run at the next boot of the machine whose root is `root`. Returns the files that
/// were made; on an error none of them is left.
pub fn install(root: &Path, program: &Path, dumps: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    let done = install_noting(root, program, dumps, &mut made);
    if done.is_err() {
        for path in &made {
            let _ = remove(path);
        }
    }
    done.map(|()| made)
}

fn install_noting(
    root: &Path,
    program: &Path,
    dumps: &[PathBuf],
    made: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let mut places = PLACES.iter().map(|place| root.join(place).join(NAME));
    let found = places.find(|path| fs::symlink_metadata(path).is_ok());
    let ours = root.join(PLACES[0]).join(NAME);
    let unit = match found {
        Some(path) if fs::read_link(&path).is_ok_and(|to| to == Path::new("/dev/null")) => bail!(
            "{NAME} is masked by {}, so nothing would judge the dump: run systemctl unmask {NAME}",
            path.display()
        ),
        Some(path) if path != ours || !is_ours(&path) => path,
        _ => {
            write(&ours, &text(program, dumps))?;
            made.push(ours.clone());
            ours
        }
    };
    let wants = root.join(WANTS);
    let link = wants.join(NAME);
    let target = Path::new("/").join(unit.strip_prefix(root).unwrap_or(&unit));
    // A loss of power may have left the link of an earlier drill without its unit.
    let is_left = made.contains(&unit) && fs::read_link(&link).is_ok_and(|to| to == target);
    if is_left {
        made.push(link);
    } else if fs::symlink_metadata(&link).is_err() {
        if !wants.exists() {
            fs::create_dir_all(&wants).with_context(|| wants.display().to_string())?;
            sync(wants.parent())?;
        }
        symlink(target, &link).with_context(|| link.display().to_string())?;
        made.push(link);
    }
    sync(Some(&wants))
}

fn is_ours(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
}

/// Returns the unit with this machine's paths.
fn text(program: &Path, dumps: &[PathBuf]) -> String {
    let dumps: Vec<_> = dumps.iter().filter_map(|path| path.to_str()).collect();
    let dumps = dumps
        .iter()
        .filter(|path| !path.contains(['%', '"', '\\', ' ', '\n']));
    let dumps: Vec<_> = dumps.copied().collect();
    let program = program.to_string_lossy();
    let unit = UNIT
        .replace(ARMED, "")
        .replace(
            &format!("ExecStart={PROGRAM} "),
            &format!("ExecStart={program} "),
        )
        .replace(
            DUMPS,
            &format!(
                "RequiresMountsFor={program}\nWantsMountsFor={}",
                dumps.join(" ")
            ),
        );
    MARK.to_string() + &unit
}

/// Writes a file so that it is complete after a crash.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let new = path.with_extension("service.new");
    let _ = fs::remove_file(&new);
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&new)
        .with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)?;
    file.sync_all().with_context(failed)?;
    fs::rename(&new, path).with_context(failed)?;
    sync(path.parent())
}

fn sync(directory: Option<&Path>) -> anyhow::Result<()> {
    let directory = directory.context("no directory")?;
    let file = File::open(directory).with_context(|| directory.display().to_string())?;
    Ok(file.sync_all()?)
}

/// Removes the files of a drill that is no longer armed, which a loss of power may leave. No other
/// drill may be armed meanwhile.
pub fn sweep(root: &Path) -> anyhow::Result<()> {
    let unit = root.join(PLACES[0]).join(NAME);
    if !is_ours(&unit) {
        return Ok(());
    }
    let link = root.join(WANTS).join(NAME);
    let target = Path::new("/").join(PLACES[0]).join(NAME);
    if fs::read_link(&link).is_ok_and(|to| to == target) {
        remove(&link)?;
    }
    remove(&unit)
}

/// Removes one of the files that [`install`] makes, and refuses any other path.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    let is_link = fs::read_link(path).is_ok_and(|to| to.file_name() == Some(NAME.as_ref()));
    let is_named = path.file_name() == Some(NAME.as_ref());
    if !is_named || !(is_link || is_ours(path)) {
        return Ok(());
    }
    fs::remove_file(path).with_context(|| path.display().to_string())?;
    sync(path.parent())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in ["etc/systemd/system", "usr/lib/systemd/system"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        root
    }

    fn install_in(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let dumps = ["/var/crash".into(), "/srv/dumps".into()];
        install(root, Path::new("/opt/faultline"), &dumps)
    }

    #[test]
    fn made_for_one_drill() {
        let root = machine();
        let etc = root.path().join("etc/systemd/system");
        let link = etc.join("multi-user.target.wants").join(NAME);
        let made = install_in(root.path()).unwrap();
        assert_eq!(made, [etc.join(NAME), link.clone()]);
        let text = fs::read_to_string(etc.join(NAME)).unwrap();
        for line in [
            "ExecStart=/opt/faultline drill resume",
            "RequiresMountsFor=/opt/faultline",
            "WantsMountsFor=/var/crash /srv/dumps",
            "ConditionPathExists=!/proc/vmcore",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
        }
        let to = fs::read_link(&link).unwrap();
        assert_eq!(to, Path::new("/etc/systemd/system").join(NAME));
        // One that a drill left behind is not somebody else's.
        fs::remove_file(&link).unwrap();
        assert_eq!(install_in(root.path()).unwrap(), made);
        fs::remove_file(etc.join(NAME)).unwrap();
        assert_eq!(install_in(root.path()).unwrap(), made);
        for path in &made {
            remove(path).unwrap();
        }
        assert!(!etc.join(NAME).exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn what_a_loss_of_power_left() {
        let root = machine();
        let etc = root.path().join("etc/systemd/system");
        let link = etc.join("multi-user.target.wants").join(NAME);
        let is_gone = || !etc.join(NAME).exists() && fs::symlink_metadata(&link).is_err();
        install_in(root.path()).unwrap();
        // It runs without a drill, or nothing would remove it.
        let text = fs::read_to_string(etc.join(NAME)).unwrap();
        assert!(
            UNIT.contains(ARMED) && !text.contains("armed.json"),
            "{text}"
        );
        sweep(root.path()).unwrap();
        assert!(is_gone());
        install_in(root.path()).unwrap();
        fs::remove_file(&link).unwrap();
        sweep(root.path()).unwrap();
        assert!(is_gone());
        // An administrator's own, and a link to it.
        fs::write(etc.join(NAME), UNIT).unwrap();
        symlink(Path::new("/etc/systemd/system").join(NAME), &link).unwrap();
        sweep(root.path()).unwrap();
        assert_eq!(fs::read_to_string(etc.join(NAME)).unwrap(), UNIT);
        assert!(fs::read_link(&link).is_ok());
    }

    #[test]
    fn what_a_package_installed_stays() {
        let root = machine();
        let unit = root.path().join("usr/lib/systemd/system").join(NAME);
        fs::write(&unit, UNIT).unwrap();
        let made = install_in(root.path()).unwrap();
        assert_eq!(made.len(), 1, "{made:?}");
        // It is enabled already.
        assert!(install_in(root.path()).unwrap().is_empty());
        remove(&unit).unwrap();
        remove(&made[0]).unwrap();
        assert!(unit.exists());
        let mask = root.path().join("etc/systemd/system").join(NAME);
        symlink("/dev/null", &mask).unwrap();
        assert!(install_in(root.path())
            .unwrap_err()
            .to_string()
            .contains("masked"));
    }

    #[test]
    fn a_program_that_a_reboot_loses() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let program = dir.path().join("faultline");
        fs::write(&program, "").unwrap();
        let error = check_program(&program).unwrap_err().to_string();
        assert!(error.contains("is on tmpfs and may be lost"), "{error}");
        for path in ["/opt/a b", "/opt/%h", "relative"] {
            let error = check_program(Path::new(path)).unwrap_err().to_string();
            assert!(error.contains("cannot name"), "{error}");
        }
    }
}
