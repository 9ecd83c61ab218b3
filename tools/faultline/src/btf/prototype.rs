// SPDX-License-Identifier: GPL-2.0

//! Functions as C declares them, by their names.

use super::declare::{list_of, LONGEST};
use super::types::{Type, Types};
use anyhow::{bail, ensure, Context};
use std::fmt;

/// A function as C declares it.
#[derive(Debug, Clone)]
pub struct Prototype {
    pub ret: Type,
    pub params: Vec<Param>,
    /// Further arguments may follow those of `params`.
    pub is_variadic: bool,
    declared: String,
}

/// A parameter of a function.
#[derive(Debug, Clone)]
pub struct Param {
    /// Empty where the BTF has none.
    pub name: String,
    pub ty: Type,
}

impl Types {
    /// The prototype of a function: of the module, if one was loaded, else of vmlinux.
    ///
    /// There is none where the BTF leaves the function out, since the compiler changed its
    /// parameters or inlined it everywhere, or where functions of that name differ.
    pub fn function(&self, name: &str) -> Option<Prototype> {
        let ids = match &self.module {
            Some(module) => module.split()?.resolve_ids_by_name(name),
            None => self.vmlinux.resolve_ids_by_name(name),
        };
        let mut found: Option<Prototype> = None;
        for id in ids.ok()? {
            let btf_rs::Type::Func(function) = self.resolve(id)? else {
                continue;
            };
            let prototype = self.prototype(name, &function).ok()?;
            match &found {
                Some(other) if other.declared != prototype.declared => return None,
                _ => found = Some(prototype),
            }
        }
        found
    }

    fn prototype(&self, name: &str, function: &btf_rs::Func) -> anyhow::Result<Prototype> {
        let btf_rs::Type::FuncProto(proto) = self.btf().resolve_chained_type(function)? else {
            bail!("{name}: no prototype");
        };
        let (mut params, mut list, mut length) = (Vec::new(), Vec::new(), 0);
        let mut is_variadic = false;
        for parameter in &proto.parameters {
            if parameter.is_variadic() {
                is_variadic = true;
                list.push("...".into());
                continue;
            }
            let id = btf_rs::BtfType::get_type_id(parameter).context("a parameter has no type")?;
            let param = Param {
                name: self.btf().resolve_name(parameter)?,
                ty: self.at(id),
            };
            let declared = self.declare(id, param.name.clone())?;
            length += declared.len();
            ensure!(length <= LONGEST, "{name}: its prototype is too long");
            list.push(declared);
            params.push(param);
        }
        let inner = format!("{name}({})", list_of(&list));
        Ok(Prototype {
            ret: self.at(proto.return_type_id()),
            params,
            is_variadic,
            declared: self.declare(proto.return_type_id(), inner)?,
        })
    }
}

impl fmt::Display for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.declared)
    }
}
