// SPDX-License-Identifier: GPL-2.0

//! The types of vmlinux and of several modules, each loaded when it is first asked for.

use super::types::Types;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// For as many functions, names are looked for without an index.
const FEW: usize = 8;

/// What was loaded so far from a directory like `/sys/kernel/btf`.
pub struct Cache {
    folder: PathBuf,
    is_for_few: bool,
    vmlinux: Option<Rc<Types>>,
    modules: BTreeMap<String, Rc<Types>>,
}

impl Cache {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Cache {
            folder: folder.into(),
            is_for_few: false,
            vmlinux: None,
            modules: BTreeMap::new(),
        }
    }

    /// Says of how many functions the types will be asked for, before the first is.
    pub fn expect(&mut self, functions: usize) {
        self.is_for_few = functions <= FEW;
    }

    /// The types of vmlinux, or with those of a module on top.
    ///
    /// # Errors
    ///
    /// As [`Types::load`]. A module may have been built without BTF.
    pub fn types(&mut self, module: Option<&str>) -> anyhow::Result<Rc<Types>> {
        let vmlinux = match &self.vmlinux {
            Some(known) => known.clone(),
            None if self.is_for_few => Rc::new(Types::load_for_few(&self.folder)?),
            None => Rc::new(Types::load(&self.folder, None)?),
        };
        self.vmlinux = Some(vmlinux.clone());
        let Some(module) = module else {
            return Ok(vmlinux);
        };
        if let Some(known) = self.modules.get(module) {
            return Ok(known.clone());
        }
        let types = Rc::new(vmlinux.with_module(&self.folder, module)?);
        self.modules.insert(module.into(), types.clone());
        Ok(types)
    }

    /// Forgets a module's types: it was unloaded, and another one of its name may come.
    pub fn forget(&mut self, module: &str) {
        self.modules.remove(module);
    }
}
