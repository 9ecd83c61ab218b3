// SPDX-License-Identifier: GPL-2.0

//! The events: a call when it begins, and a call when it has ended.

use faultline::{
    prelude::*,
    probe::HandlerContext,
    trace::{
        Quoted,
        Written, //
    }, //
};

use crate::fetched::{
    Fetched,
    Texts,
    TEXT_MAX, //
};

type Shown = Quoted<{ TEXT_MAX + 1 }>;

faultline::event! {
    /// A function was called. `a0` to `a5` are its first arguments, whether it has so many or not;
    /// `f0` to `f5`, `t0` and `t1` what its program has fetched.
    struct Called as call {
        id: u32, tgid: u32,
        a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64,
        f0: u64, f1: u64, f2: u64, f3: u64, f4: u64, f5: u64,
        unread: u32, cut: u32,
        t0: Shown, t1: Shown,
    }
}

faultline::event! {
    /// A function has returned. `ns` is how long the call took.
    struct Returned as return {
        id: u32, tgid: u32,
        ret: u64, ns: u64,
        a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64,
        f0: u64, f1: u64, f2: u64, f3: u64, f4: u64, f5: u64,
        unread: u32, cut: u32,
        t0: Shown, t1: Shown,
    }
}

/// Records that a function was called.
#[inline]
pub(crate) fn called(
    context: HandlerContext<'_>,
    id: u32,
    fetched: &Fetched,
    texts: &Texts,
) -> Written {
    let [a0, a1, a2, a3, a4, a5] = fetched.arguments;
    let [f0, f1, f2, f3, f4, f5] = fetched.numbers;
    let [t0, t1] = &texts.0;
    Called::record(context, || Called {
        id,
        tgid: context.tgid(),
        a0,
        a1,
        a2,
        a3,
        a4,
        a5,
        f0,
        f1,
        f2,
        f3,
        f4,
        f5,
        unread: fetched.unread,
        cut: fetched.cut.into(),
        t0: Quoted::of(t0),
        t1: Quoted::of(t1),
    })
}

/// Records that a function has returned.
#[inline]
pub(crate) fn returned(
    context: HandlerContext<'_>,
    id: u32,
    (ret, ns): (usize, u64),
    fetched: &Fetched,
    texts: &Texts,
) -> Written {
    let [a0, a1, a2, a3, a4, a5] = fetched.arguments;
    let [f0, f1, f2, f3, f4, f5] = fetched.numbers;
    let [t0, t1] = &texts.0;
    Returned::record(context, || Returned {
        id,
        tgid: context.tgid(),
        ret: ret as u64,
        ns,
        a0,
        a1,
        a2,
        a3,
        a4,
        a5,
        f0,
        f1,
        f2,
        f3,
        f4,
        f5,
        unread: fetched.unread,
        cut: fetched.cut.into(),
        t0: Quoted::of(t0),
        t1: Quoted::of(t1),
    })
}
