// SPDX-License-Identifier: GPL-2.0

//! Keys and passwords: the files that are never read, and the words that are hidden.

use std::borrow::Cow;

/// Returns why a file is not read, if it may be a secret as a whole. Its existence and permissions
/// may be read.
pub fn keeps(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_key = name.ends_with(".key")
        || name.ends_with(".pem")
        || name.ends_with(".priv")
        || name.ends_with("keytab")
        || name.contains("keyfile")
        || name.contains("password")
        || name.contains("credentials")
        || (name.starts_with("id_") || name.ends_with("_key") || name.contains("_rsa"))
            && !name.ends_with(".pub")
        || matches!(
            name,
            "shadow" | "shadow-" | "gshadow" | "gshadow-" | "user.cfg" | "random-seed"
        )
        || path.contains("/cryptsetup-keys.d/")
        || path.contains("/.ssh/") && !name.ends_with(".pub") && !name.starts_with("known_hosts");
    is_key.then_some("may be a key or a password: never read")
}

/// Returns the text with `(hidden)` in place of each password and key.
pub fn without(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match hides(line) {
        true => Cow::Owned(line.split(' ').map(word).collect::<Vec<_>>().join(" ")),
        false => Cow::Borrowed(line),
    });
    lines.collect()
}

const WORDS: &[&str] = &[
    "passw",
    "secret",
    "token",
    "passphrase",
    "grub.pbkdf2",
    "private",
];

fn hides(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    WORDS.iter().any(|word| line.contains(word))
}

/// Hides the value of each option in a word, or a hash.
fn word(text: &str) -> String {
    let (body, end) = text.split_at(text.trim_end_matches(['\n', '\r']).len());
    let option = |option: &str| match option.split_once('=') {
        Some((key, value)) if hides(key) && !value.is_empty() => format!("{key}=(hidden)"),
        _ if option.to_ascii_lowercase().contains("grub.pbkdf2") => "(hidden)".into(),
        _ => option.into(),
    };
    body.split(',').map(option).collect::<Vec<_>>().join(",") + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_read() {
        for path in [
            "/root/.ssh/kdump_id_rsa",
            "/root/.ssh/id_ed25519",
            "/etc/ssh/ssh_host_rsa_key",
            "/etc/cryptsetup-keys.d/root.key",
            "/var/lib/shim-signed/mok/MOK.priv",
            "/etc/shadow",
            "/boot/grub2/user.cfg",
        ] {
            assert!(keeps(path).is_some(), "{path}");
        }
        for path in [
            "/etc/crypttab",
            "/etc/kdump.conf",
            "/root/.ssh/known_hosts",
            "/root/.ssh/id_rsa.pub",
            "/proc/sys/kernel/panic",
            "/proc/keys",
        ] {
            assert_eq!(keeps(path), None, "{path}");
        }
    }

    #[test]
    fn passwords_are_hidden() {
        let text = "password_pbkdf2 root grub.pbkdf2.sha512.10000.AB\n\
                    root=/dev/sda1 rd.iscsi.password=abc quiet\n\
                    //srv/x /mnt cifs user=a,password=b,ro 0 0\r\n\
                    kernel.panic = 5\n";
        let hidden = without(text);
        assert_eq!(
            hidden,
            "password_pbkdf2 root (hidden)\n\
             root=/dev/sda1 rd.iscsi.password=(hidden) quiet\n\
             //srv/x /mnt cifs user=a,password=(hidden),ro 0 0\r\n\
             kernel.panic = 5\n"
        );
        assert_eq!(without(&hidden), hidden);
        assert_eq!(without("a\n\nb"), "a\n\nb");
    }
}
