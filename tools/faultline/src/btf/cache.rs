// SPDX-License-Identifier: GPL-2.0

//! The types of vmlinux and of several modules, each loaded when it is first asked for.

use super::types::Types;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// What was loaded so far from a directory like `/sys/kernel/btf`.
pub struct Cache {
    folder: PathBuf,
    vmlinux: Option<Rc<Types>>,
    modules: BTreeMap<String, Rc<Types>>,
}

impl Cache {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Cache {
            folder: folder.into(),
            vmlinux: None,
            modules: BTreeMap::new(),
        }
    }

    /// The types of vmlinux, or with those of a module on top.
    ///
    /// # Errors
    ///
    /// As [`Types::load`]. A module may have been built without BTF.
    pub fn types(&mut self, module: Option<&str>) -> anyhow::Result<Rc<Types>> {
        let vmlinux = match &self.vmlinux {
            Some(known) => known.clone(),
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
