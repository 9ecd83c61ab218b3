// SPDX-License-Identifier: GPL-2.0

//! The boot loader's command line for the next boot: GRUB's `grub.cfg`, and entries of the Boot
//! Loader Specification (BLS). And GRUB's settings, which take effect after `update-grub` or
//! `grub2-mkconfig`.

use super::place::Place;
use super::shell::Settings;

/// A limit above the longest command line of any kernel.
const LONGEST: usize = 1 << 16;

/// An entry of the boot loader's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The names that `saved_entry` may use for it.
    pub names: Vec<String>,
    pub command_line: String,
    pub place: Place,
}

/// The menu.
#[derive(Debug, Clone, Default)]
pub struct Menu {
    pub entries: Vec<Entry>,
    /// The default entry: a number from 0, or a name.
    pub default: Option<String>,
}

impl Menu {
    /// Parses the `grub.cfg` at `file`. Recovery entries, which only a user chooses, are left out.
    pub fn of_grub(file: &str, text: &str) -> Self {
        let mut menu = Self::default();
        let mut names = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match word {
                "menuentry" => names = quoted(rest),
                "linux" | "linux16" | "linuxefi" => {
                    // The first word is the file of the kernel.
                    let mut words = rest.split_ascii_whitespace();
                    let kernel = words.next().unwrap_or_default();
                    let command_line = words.collect::<Vec<_>>().join(" ");
                    if !is_for_recovery(&command_line) && !names.is_empty() {
                        let mut names = names.clone();
                        names.push(kernel.to_owned());
                        menu.entries.push(Entry {
                            names,
                            command_line,
                            place: Place::at(file, index + 1),
                        });
                    }
                }
                "set" => {
                    if let Some(value) = rest.strip_prefix("default=") {
                        menu.default = Some(value.trim_matches('"').to_owned());
                    }
                }
                _ => {}
            }
        }
        menu
    }

    /// Adds the BLS entry at `file`, with GRUB's `environment`.
    pub fn add_bls(&mut self, file: &str, text: &str, environment: &str) {
        let name = file
            .rsplit('/')
            .next()
            .unwrap_or(file)
            .trim_end_matches(".conf");
        if name.contains("-rescue") {
            return;
        }
        let mut entry = Entry {
            names: vec![name.to_owned()],
            command_line: String::new(),
            place: Place::whole(file),
        };
        for (index, line) in text.lines().enumerate() {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match word {
                "title" => entry.names.push(rest.trim().to_owned()),
                "options" => {
                    for option in rest.split_ascii_whitespace() {
                        // A limit, as a short name may stand for a long value many times.
                        if entry.command_line.len() > LONGEST {
                            break;
                        }
                        let option = match option.strip_prefix('$') {
                            Some(name) => of_environment(environment, name).unwrap_or_default(),
                            None => option,
                        };
                        if !entry.command_line.is_empty() && !option.is_empty() {
                            entry.command_line.push(' ');
                        }
                        entry.command_line.push_str(option);
                    }
                    entry.place = Place::at(file, index + 1);
                }
                _ => {}
            }
        }
        self.entries.push(entry);
    }

    /// Returns the entry of the next boot, with GRUB's `environment`.
    pub fn next(&self, environment: &str) -> Option<&Entry> {
        let first = self.entries.first()?;
        let of_environment =
            |name: &str| of_environment(environment, name).filter(|value| !value.is_empty());
        if let Some(next) = of_environment("next_entry") {
            return self.named(next);
        }
        let default = self.default.as_deref().unwrap_or("${saved_entry}");
        let default = match default
            .strip_prefix("${")
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => of_environment(name).unwrap_or("0"),
            None => default,
        };
        match default {
            // The entries of a submenu are numbered separately: only entry 0 is certain.
            "0" => Some(first),
            name => self.named(name),
        }
    }

    fn named(&self, name: &str) -> Option<&Entry> {
        let name = name.rsplit('>').next().unwrap_or(name);
        self.entries
            .iter()
            .find(|entry| entry.names.iter().any(|one| one == name))
    }
}

/// Returns the quoted words of a `menuentry` line: its title and its id.
fn quoted(text: &str) -> Vec<String> {
    text.split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn is_for_recovery(command_line: &str) -> bool {
    command_line.split_ascii_whitespace().any(|word| {
        matches!(word, "single" | "recovery" | "rescue" | "emergency")
            || word == "systemd.unit=rescue.target"
    })
}

/// Returns a value of GRUB's environment block.
fn of_environment<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// The words that GRUB's settings put on the command line of each kernel, and the assignment with
/// `crashkernel=`.
pub struct Configured {
    pub command_line: Option<String>,
    pub crashkernel: Option<Place>,
}

/// Reads the words that GRUB's `settings` put on the command line.
pub fn configured(settings: &Settings) -> Configured {
    let names = ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"];
    let mut line = Some(String::new());
    let mut crashkernel = None;
    for name in names {
        let Some(setting) = settings.last(name) else {
            continue;
        };
        line = match (line, &setting.value) {
            (Some(line), Some(value)) => Some(format!("{line} {value}")),
            _ => None,
        };
        // The first assignment with it, as later ones only pass it on.
        let has = |value: &Option<String>| {
            value
                .as_ref()
                .is_some_and(|value| value.contains("crashkernel="))
        };
        if has(&setting.value) {
            let mut every = settings.every(name).rev();
            let mut found = setting;
            let wanted = super::crashkernel::text(setting.value.as_deref().unwrap_or_default());
            for one in every.by_ref() {
                if one
                    .value
                    .as_deref()
                    .map(super::crashkernel::text)
                    .as_deref()
                    != Some(wanted.as_str())
                {
                    break;
                }
                found = one;
            }
            crashkernel = Some(found.place.clone());
        }
    }
    Configured {
        command_line: line.map(|line| line.trim().to_owned()),
        crashkernel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRUB: &str = "\
if [ \"${next_entry}\" ] ; then
   set default=\"${next_entry}\"
else
   set default=\"0\"
fi
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.12 root=UUID=1 ro quiet crashkernel=512M-:192M
	initrd	/boot/initrd.img-6.12
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian, with Linux 6.12' $menuentry_id_option 'gnulinux-6.12-advanced-1' {
		linux	/boot/vmlinuz-6.12 root=UUID=1 ro quiet
	}
	menuentry 'Debian, with Linux 6.12 (recovery mode)' $menuentry_id_option 'r' {
		linux	/boot/vmlinuz-6.12 root=UUID=1 ro single
	}
}
";

    #[test]
    fn the_default_entry_of_grub() {
        let menu = Menu::of_grub("/boot/grub/grub.cfg", GRUB);
        assert_eq!(menu.entries.len(), 2);
        let next = menu.next("").unwrap();
        assert_eq!(next.place.to_string(), "/boot/grub/grub.cfg:7");
        assert_eq!(
            next.command_line,
            "root=UUID=1 ro quiet crashkernel=512M-:192M"
        );
        let next = menu
            .next("next_entry=gnulinux-advanced-1>gnulinux-6.12-advanced-1\n")
            .unwrap();
        assert_eq!(next.place.line, 12);
        assert_eq!(menu.next("next_entry=other\n"), None);
    }

    #[test]
    fn a_saved_entry() {
        let saved = GRUB.replace("default=\"0\"", "default=\"${saved_entry}\"");
        let menu = Menu::of_grub("g", &saved);
        assert_eq!(menu.next("").unwrap().place.line, 7);
        assert_eq!(
            menu.next("saved_entry=gnulinux-6.12-advanced-1")
                .unwrap()
                .place
                .line,
            12
        );
    }

    #[test]
    fn an_entry_that_grows() {
        let environment = format!("kernelopts={}\n", "x ".repeat(1000));
        let entry = format!("title x\noptions {}\n", "$kernelopts ".repeat(100_000));
        let mut menu = Menu::default();
        menu.add_bls("/boot/loader/entries/m-6.1.conf", &entry, &environment);
        assert!(menu.entries[0].command_line.len() < 2 * LONGEST);
    }

    #[test]
    fn entries_of_bls() {
        let mut menu = Menu::default();
        let entry = "title Fedora\nlinux /vmlinuz-6.1\noptions root=UUID=1 ro crashkernel=256M $tuned_params $kernelopts\n";
        menu.add_bls("/boot/loader/entries/m-0-rescue.conf", entry, "");
        menu.add_bls(
            "/boot/loader/entries/m-6.1.conf",
            entry,
            "kernelopts=a=1 b\n",
        );
        assert_eq!(menu.entries.len(), 1);
        let next = menu.next("saved_entry=m-6.1\n").unwrap();
        assert_eq!(next.command_line, "root=UUID=1 ro crashkernel=256M a=1 b");
        assert_eq!(next.place.to_string(), "/boot/loader/entries/m-6.1.conf:3");
    }

    #[test]
    fn where_the_settings_have_it_from() {
        let mut settings = Settings::of(
            "/etc/default/grub",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n",
        );
        assert!(configured(&settings).crashkernel.is_none());
        settings.source(
            "/etc/default/grub.d/kdump-tools.cfg",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=512M-:192M\"\n",
        );
        settings.source(
            "/etc/default/grub.d/z.cfg",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT console=ttyS0\"\n",
        );
        let configured = configured(&settings);
        assert_eq!(
            configured.command_line.as_deref(),
            Some("quiet crashkernel=512M-:192M console=ttyS0")
        );
        assert_eq!(
            configured.crashkernel.unwrap().to_string(),
            "/etc/default/grub.d/kdump-tools.cfg:1"
        );
    }
}
