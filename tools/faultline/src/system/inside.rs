// SPDX-License-Identifier: GPL-2.0

//! The contents of files that are too large to be kept: only the answers are recorded.

use super::tree::Tree;
use super::{initrd, not_collected, secret, within, Seen, Source, System, PATIENCE};
use rustix::io::Errno;
use std::sync::Arc;

impl System {
    /// Returns the text of a file inside an initrd, recorded under the path `INITRD:NAME`.
    pub fn inside(&self, initrd: &str, name: &str) -> Seen<String> {
        self.unpacked(initrd, name, |bytes| {
            secret::without(&String::from_utf8_lossy(&bytes))
        })
    }

    /// Returns whether an initrd has a file. Its content is not kept, as it may be a key.
    pub fn is_inside(&self, initrd: &str, name: &str) -> Seen<bool> {
        match self.unpacked(initrd, name, |_| "(there)".into()) {
            Seen::Is(_) => Seen::Is(true),
            Seen::Absent => Seen::Is(false),
            Seen::Unseen(why) => Seen::Unseen(why),
        }
    }

    /// Returns whether a program or a module, compressed or not, contains a word. Recorded under
    /// the path `PROGRAM:WORD`.
    pub fn has_word(&self, program: &str, word: &str) -> Seen<bool> {
        let (path, bytes) = (program.to_owned(), word.as_bytes().to_vec());
        let found = self.within_file(program, word, move |tree| {
            Ok(match initrd::has_word(&tree.read(&path)?, &bytes) {
                Ok(has) => Seen::Is(if has { "yes" } else { "no" }.into()),
                Err(why) => Seen::Unseen(why),
            })
        });
        found.map(|text| text == "yes")
    }

    fn unpacked(&self, initrd: &str, name: &str, shown: fn(Vec<u8>) -> String) -> Seen<String> {
        let (path, wanted) = (initrd.to_owned(), name.to_owned());
        self.within_file(initrd, name, move |tree| {
            Ok(match initrd::find(tree.file(&path)?, &wanted) {
                Ok(Some(bytes)) => Seen::Is(shown(bytes)),
                Ok(None) => Seen::Absent,
                Err(why) => Seen::Unseen(why),
            })
        })
    }

    /// Returns the result of `find` in a file, and records only that.
    fn within_file(
        &self,
        file: &str,
        name: &str,
        find: impl FnOnce(&Tree) -> Result<Seen<String>, Errno> + Send + 'static,
    ) -> Seen<String> {
        let key = format!("{file}:{name}");
        if let Some(known) = self.record.borrow().texts.get(&key) {
            return known.clone();
        }
        let found = match &self.source {
            Source::Here(tree) => {
                let tree = Arc::clone(tree);
                within(PATIENCE, move || find(&tree))
            }
            Source::Root(tree) | Source::Sos(tree) => Some(find(tree)),
            Source::Record(record) => {
                let known = record.borrow().texts.get(&key).cloned();
                Some(Ok(known.unwrap_or_else(not_collected)))
            }
        };
        let seen = match found {
            Some(Ok(seen)) => seen,
            Some(Err(error)) => self.failed(file, error),
            None => Seen::Unseen(format!("no answer in {} s", PATIENCE.as_secs())),
        };
        self.record.borrow_mut().texts.insert(key, seen.clone());
        seen
    }
}
