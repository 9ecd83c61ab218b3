// SPDX-License-Identifier: GPL-2.0

//! The memory for the crash kernel: reserved now and at the next boot, and large enough.

use super::kdump::{memory, number, ranges, About, With, MIB};
use super::unlock;
use crate::doctor::check::Check;
use crate::doctor::config::boot::{configured, Menu};
use crate::doctor::config::crashkernel::{fadump, text, wanted, Wanted};
use crate::doctor::config::images::of_next_load;
use crate::doctor::config::place::Place;
use crate::doctor::config::saver::{Goal, Saver};
use crate::doctor::config::shell::Settings;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{FileType, Seen, System};
use crate::verdict::stage::Stage;

const CMDLINE: &str = "/proc/cmdline";
const SIZE: &str = "/sys/kernel/kexec_crash_size";
/// The most memory that Argon2 needs to unlock a disk with cryptsetup's default.
const ARGON2: u64 = 1024 * MIB;

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "crash_memory",
        reads: "/sys/kernel/kexec_crash_size, /proc/cmdline",
        why: "without reserved memory no crash kernel can be loaded, and a panic leaves no dump",
        mend: "put crashkernel= on the kernel's command line and reboot",
        run: reserved,
    },
    Check {
        name: "crash_memory_next_boot",
        reads: "/boot/grub/grub.cfg, /boot/loader/entries, /etc/default/grub and its directory",
        why: "the next boot has the command line of the boot loader, not that of this boot",
        mend: "put crashkernel= into GRUB's settings and run update-grub or grub2-mkconfig",
        run: next_boot,
    },
    Check {
        name: "crash_memory_size",
        reads:
            "/sys/kernel/kexec_crash_size, /proc/iomem, /proc/modules, the crash kernel's initrd, /etc/crypttab",
        why: "a crash kernel that runs out of memory dies before it saves the dump; unlocking an encrypted disk takes up to 1 GiB more",
        mend: "raise crashkernel= and reboot; cryptsetup luksConvertKey --pbkdf-memory",
        run: size,
    },
];

/// Adds the commands that reserve memory.
fn how(finding: Finding, saver: &Saver) -> Finding {
    match saver {
        Saver::KdumpTools(_) => finding
            .mend("# set crashkernel=512M-:192M in /etc/default/grub.d/kdump-tools.cfg")
            .mend("update-grub && reboot"),
        Saver::KdumpUtils { .. } => finding.mend("kdumpctl reset-crashkernel --kernel=ALL && reboot"),
        Saver::Suse(_) => finding.mend("kdumptool commandline -u && reboot"),
        Saver::Nothing | Saver::Unreadable { .. } => finding
            .mend("apt install kdump-tools && reboot  # Debian, Ubuntu")
            .mend("dnf install kdump-utils && kdumpctl reset-crashkernel --kernel=ALL && reboot  # Fedora, RHEL")
            .mend("zypper install kdump && systemctl enable kdump && kdumptool commandline -u && reboot  # SUSE"),
    }
}

fn reserved(facts: &Facts) -> Vec<Finding> {
    let about = About(Link::CrashKernel);
    let system = facts.system;
    let saver = Saver::of(system);
    let line = system.text(CMDLINE).is().unwrap_or_default();
    let words = text(&line);
    if let Some(word) = fadump(system) {
        return vec![about
            .unknown("the firmware makes the dumps (fadump), which the doctor does not check")
            .evidence(CMDLINE, word)
            .mend("# see /sys/kernel/fadump, and `kdumpctl status` or `kdump-config status`")];
    }
    let finding = match number(system, SIZE) {
        Seen::Is(0) => {
            let says = match memory(system).map(|memory| wanted(&line, memory)) {
                Some(Wanted::Nothing) => "no memory is reserved for a crash kernel: the command line has no crashkernel=".to_owned(),
                Some(Wanted::Refused(why)) => format!("no memory is reserved for a crash kernel: the kernel refuses `{words}`: {why}"),
                Some(Wanted::Bytes(0)) => format!("no memory is reserved for a crash kernel: none of the ranges in `{words}` is for a machine of this size"),
                Some(Wanted::Bytes(bytes)) => format!("no memory is reserved for a crash kernel: the kernel found no contiguous {} MiB, or they were freed", bytes / MIB),
                None => "no memory is reserved for a crash kernel".to_owned(),
            };
            let finding = about
                .wrong(Stage::PanicNoCrashKernel, says)
                .evidence(SIZE, "0")
                .evidence(CMDLINE, line.trim());
            let menu = menu(system);
            match menu.next() {
                Some((next, place)) if words.is_empty() && !text(next).is_empty() => finding
                    .line(place, format!("{}: in effect from the next boot", text(next)))
                    .mend("reboot"),
                _ => how(finding, &saver),
            }
        }
        Seen::Is(bytes) => about
            .fine(format!("{} MiB reserved", bytes / MIB))
            .evidence(SIZE, bytes.to_string()),
        Seen::Absent => about
            .wrong(
                Stage::PanicNoCrashKernel,
                "this kernel cannot load a crash kernel: it lacks CONFIG_KEXEC or CONFIG_CRASH_DUMP",
            )
            .evidence(SIZE, "(not there)")
            .mend("# boot a kernel with both"),
        Seen::Unseen(why) => about
            .unknown("cannot tell whether memory is reserved")
            .evidence(SIZE, why),
    };
    vec![finding]
}

/// The boot loader's menu, and GRUB's environment.
struct Boot {
    menu: Menu,
    environment: String,
}

impl Boot {
    fn next(&self) -> Option<(&str, &Place)> {
        let entry = self.menu.next(&self.environment)?;
        Some((&entry.command_line, &entry.place))
    }
}

fn menu(system: &System) -> Boot {
    let mut menu = Menu::default();
    let file = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];
    for file in file {
        if let Seen::Is(text) = system.text(file) {
            menu = Menu::of_grub(file, &text);
            break;
        }
    }
    let environment = ["/boot/grub/grubenv", "/boot/grub2/grubenv"]
        .iter()
        .find_map(|file| system.text(file).is())
        .unwrap_or_default();
    if menu.entries.is_empty() {
        for dir in [
            "/boot/loader/entries",
            "/boot/efi/loader/entries",
            "/efi/loader/entries",
        ] {
            // The newest kernel first, as the boot loader sorts them.
            for name in system.list(dir).is().unwrap_or_default().iter().rev() {
                let file = format!("{dir}/{name}");
                if let (true, Seen::Is(text)) = (name.ends_with(".conf"), system.text(&file)) {
                    menu.add_bls(&file, &text, &environment);
                }
            }
        }
    }
    Boot { menu, environment }
}

/// GRUB's settings, as `grub-mkconfig` sources them.
fn grub_settings(system: &System) -> Option<Settings> {
    let file = "/etc/default/grub";
    let mut settings = Settings::of(file, &system.text(file).is()?);
    let dir = "/etc/default/grub.d";
    for name in system.list(dir).is().unwrap_or_default() {
        let file = format!("{dir}/{name}");
        if let (true, Seen::Is(text)) = (name.ends_with(".cfg"), system.text(&file)) {
            settings.source(&file, &text);
        }
    }
    Some(settings)
}

fn next_boot(facts: &Facts) -> Vec<Finding> {
    let about = About(Link::CrashKernel);
    let system = facts.system;
    let Seen::Is(line) = system.text(CMDLINE) else {
        return Vec::new();
    };
    let now = text(&line);
    let boot = menu(system);
    let saver = Saver::of(system);
    let settings = grub_settings(system);
    let configured = settings.as_ref().map(configured);
    let remake = match &saver {
        Saver::KdumpTools(_) => "update-grub",
        _ => "grub2-mkconfig -o /boot/grub2/grub.cfg",
    };
    let mut findings = Vec::new();
    match boot.next() {
        None if now.is_empty() => {}
        None => findings.push(
            about.note("cannot tell what the next boot reserves: no GRUB or BLS entry is known to be the next one").evidence(CMDLINE, &now),
        ),
        Some((next, place)) => {
            let (next, shown) = (text(next), text(next));
            if now.is_empty() && next.is_empty() {
                return Vec::new();
            }
            if next == now {
                findings.push(about.fine(format!("the next boot has {now} as well")).line(place, &shown));
            } else if next.is_empty() {
                findings.push(
                    about
                        .later(Stage::PanicNoCrashKernel, "the next boot reserves nothing: its entry has no crashkernel=")
                        .line(place, "(no crashkernel=)")
                        .evidence(CMDLINE, &now)
                        .mend(remake),
                );
            } else if !now.is_empty() {
                findings.push(about.note(format!("the next boot has {next}, this one {now}")).line(place, &shown).evidence(CMDLINE, &now));
            }
            if let Some(configured) = configured {
                findings.extend(settings_against_menu(about, &next, place, &configured, remake));
            }
        }
    }
    findings
}

/// Returns what GRUB's settings change when the menu is made again, as by a kernel upgrade.
fn settings_against_menu(
    about: About,
    next: &str,
    place: &Place,
    configured: &crate::doctor::config::boot::Configured,
    remake: &str,
) -> Option<Finding> {
    let set = text(configured.command_line.as_deref()?);
    // With a file per entry, the settings apply to future kernels.
    if set == next {
        return None;
    }
    let at = configured
        .crashkernel
        .clone()
        .unwrap_or_else(|| Place::whole("/etc/default/grub"));
    if set.is_empty() {
        let says = format!("{next} is lost when the boot loader's menu is made again, as by a kernel upgrade: GRUB's settings have no crashkernel=");
        return Some(
            about
                .later(Stage::PanicNoCrashKernel, says)
                .line(&at, "(no crashkernel=)")
                .line(place, next)
                .mend("# set crashkernel= there"),
        );
    }
    let says = format!(
        "GRUB's settings have {set}, but its menu has {}",
        if next.is_empty() { "none" } else { next }
    );
    Some(
        about
            .note(says)
            .line(&at, &set)
            .line(place, next)
            .mend(remake),
    )
}

fn size(facts: &Facts) -> Vec<Finding> {
    let about = About(Link::CrashKernel);
    let system = facts.system;
    let reserved = match number(system, SIZE) {
        Seen::Is(bytes) if bytes != 0 => bytes,
        _ => return Vec::new(),
    };
    let saver = Saver::of(system);
    if matches!(saver, Saver::Nothing | Saver::Unreadable { .. }) {
        return Vec::new();
    }
    let Some(release) = facts.release.clone().is() else {
        return Vec::new();
    };
    let Some((kernel, of_kernel)) = kernel_size(system, &release) else {
        return vec![about
            .unknown(
                "cannot tell whether the reserved memory is enough: the kernel's size is unknown",
            )
            .evidence("/proc/iomem", "(hidden: run as root)")];
    };
    let Some((initrd, of_initrd)) = initrd_size(system, &saver, &release) else {
        return vec![about.unknown(
            "cannot tell whether the reserved memory is enough: the crash kernel has no initrd yet",
        )];
    };
    let modules: u64 = system.text("/proc/modules").is().map_or(0, |text| {
        text.lines()
            .filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok())
            .sum()
    });
    // kdumpctl's figure; twice as much for kdump-tools, which starts the whole system.
    let rest = match saver {
        Saver::KdumpTools(_) => 32 * MIB,
        _ => 16 * MIB,
    };
    let need = kernel + initrd + modules + rest;
    let figures =
        format!(
        "kernel {} MiB ({of_kernel}), initrd {} MiB ({of_initrd}), modules {} MiB, running {} MiB",
        kernel / MIB, initrd / MIB, modules.div_ceil(MIB), rest / MIB
    );
    // kdump-tools boots the same root file system; the others only open the dump's target.
    let is_local = matches!(saver, Saver::KdumpTools(_))
        || matches!(saver.goal().0, Goal::Directory(_) | Goal::Device(_));
    let locked = unlock::opened(facts).filter(|_| is_local && reserved < need + ARGON2);
    let asks = matches!(locked, Some((_, true)));
    let finding = match reserved < need {
        true => {
            let says = format!(
                "{} MiB are not enough for the crash kernel: it needs {} MiB",
                reserved / MIB,
                need.div_ceil(MIB)
            );
            about
                .wrong(Stage::CrashKernelOutOfMemory, says)
                .mend(format!(
                    "# set crashkernel= to {}M or more, and reboot",
                    need.div_ceil(MIB).next_multiple_of(32)
                ))
        }
        false if asks => about.unknown(format!(
            "cannot tell whether {} MiB are enough: it needs {} MiB, and up to {} MiB more to unlock a disk, by its LUKS header",
            reserved / MIB,
            need.div_ceil(MIB),
            ARGON2 / MIB
        )),
        false => about.fine(format!(
            "{} MiB are enough: {} MiB needed",
            reserved / MIB,
            need.div_ceil(MIB)
        )),
    };
    let finding = finding
        .evidence(SIZE, reserved.to_string())
        .evidence(
            "/proc/cmdline",
            text(&system.text(CMDLINE).is().unwrap_or_default()),
        )
        .evidence("/proc/iomem", figures);
    let Some((line, _)) = locked else {
        return vec![finding];
    };
    let mend = |finding: Finding| {
        finding
            .mend("# see cryptsetup luksDump DEVICE: the `Memory` of its key slot (KiB) has to fit as well; a pbkdf2 slot needs none")
            .evidence(&line.place, &line.text)
    };
    // A key file may have its own slot, made for this.
    match asks {
        true => vec![mend(finding)],
        false => vec![
            finding,
            mend(about.note(format!(
                "unlocking a disk takes up to {} MiB more if its key slot uses Argon2",
                ARGON2 / MIB
            ))),
        ],
    }
}

/// Returns the unpacked size of the running kernel, and its source. The crash kernel is the same
/// one.
fn kernel_size(system: &System, release: &str) -> Option<(u64, &'static str)> {
    let iomem = system.text("/proc/iomem").is().unwrap_or_default();
    let start = ranges(&iomem, "Kernel code")
        .first()
        .map(|(start, _)| *start);
    let end = ranges(&iomem, "Kernel bss").last().map(|(_, end)| *end);
    if let (Some(start), Some(end)) = (start, end) {
        return end
            .checked_sub(start)
            .map(|bytes| (bytes + 1, "from /proc/iomem"));
    }
    // kdump-tools' factor for x86.
    let stat = system.stat(&format!("/boot/vmlinuz-{release}")).is()?;
    (stat.file_type == FileType::File).then_some((stat.size * 6, "six times the file"))
}

/// Returns the size of an initrd, packed and unpacked together, and its source.
fn initrd_size(system: &System, saver: &Saver, release: &str) -> Option<(u64, &'static str)> {
    let (_, Seen::Is(stat)) = of_next_load(system, saver, release) else {
        return None;
    };
    let packed = stat.size;
    if let (Saver::KdumpTools(_), Seen::Is(unpacked)) = (
        saver,
        number(system, &format!("/var/lib/kdump/size_initrd.img-{release}")),
    ) {
        return Some((
            packed + unpacked * MIB,
            "the file and its unpacked contents",
        ));
    }
    Some((packed * 3, "three times the file"))
}

#[cfg(test)]
mod tests;
