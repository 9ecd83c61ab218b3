// SPDX-License-Identifier: GPL-2.0

//! An event: its structures in the kernel, and the instances in which it is enabled.

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    fmt,
    marker::PhantomData,
    mem::{
        align_of,
        offset_of,
        size_of,
        zeroed, //
    },
    ptr::null_mut,
    sync::atomic::{
        AtomicBool,
        AtomicPtr,
        AtomicUsize,
        Ordering, //
    }, //
};

#[cfg(CONFIG_PERF_EVENTS)]
use super::write::write_to_perf;
use super::{
    output,
    write::{
        merge,
        write_to_instance, //
    },
    Field,
    Written, //
};
use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_char,
            c_int,
            c_void, //
        }, //
    },
    error::code,
    module::Info,
    probe::HandlerContext,
    sync::rcu, //
};

/// The structure of an event, as [`event!`](crate::event!) declares it.
pub trait Record: Copy + Send + Sync + 'static {
    /// The name of the event.
    #[doc(hidden)]
    const NAME: &'static CStr;

    /// The `print fmt` of the event, for user space.
    #[doc(hidden)]
    const PRINT_FMT: &'static Info;

    /// Writes the fields in the format of the file `trace`.
    #[doc(hidden)]
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Returns the event.
    fn event() -> &'static Event<Self>;

    /// Records the event if it is enabled. `record` is called only in that case.
    ///
    /// # Context
    ///
    /// [Handler context](crate::probe#handler-context).
    #[inline(always)]
    fn record(context: HandlerContext<'_>, record: impl FnOnce() -> Self) -> Written {
        Self::event().record(context, record)
    }
}

/// The kernel's description of a field.
#[doc(hidden)]
#[repr(transparent)]
pub struct Described(bindings::trace_event_fields);

impl Described {
    /// Describes a field of type `T`. The kernel computes the offsets, in order and with alignment,
    /// as the compiler does.
    #[doc(hidden)]
    pub const fn of<T: Field>(name: &'static CStr) -> Self {
        let field = bindings::trace_event_fields__bindgen_ty_1__bindgen_ty_1 {
            name: char_ptr(name),
            size: size_of::<T>() as c_int,
            align: align_of::<T>() as c_int,
            _bitfield_align_1: [],
            // `is_signed` is the first bit.
            _bitfield_1: bindings::__BindgenBitfieldUnit::new([T::IS_SIGNED as u8]),
            filter_type: bindings::FILTER_OTHER as c_int,
            len: T::LEN as c_int,
        };
        Self(bindings::trace_event_fields {
            type_: char_ptr(T::C_TYPE),
            __bindgen_anon_1: bindings::trace_event_fields__bindgen_ty_1 {
                __bindgen_anon_1: field,
            },
        })
    }

    /// The end of a list of fields.
    #[doc(hidden)]
    pub const END: Self = {
        // SAFETY: Zeros are valid: null pointers and integers. They are also C's end mark.
        Self(unsafe { zeroed() })
    };
}

/// The fields of an event, in order.
#[doc(hidden)]
pub struct Fields<const N: usize>(pub [Described; N]);

// SAFETY: The fields are only read.
unsafe impl<const N: usize> Sync for Fields<N> {}

impl<const N: usize> Fields<N> {
    #[doc(hidden)]
    pub const fn first(&'static self) -> *const Described {
        self.0.as_ptr()
    }
}

/// The most instances of tracefs in which an event can be enabled at once.
const INSTANCES: usize = 8;

/// Replaces a `struct tracepoint` of which the kernel only reads the name. It has the name first,
/// and at least the same size.
#[repr(C)]
struct TracepointName {
    name: *const c_char,
    _rest: [usize; 31],
}

const _: () = assert!(
    size_of::<bindings::tracepoint>() <= size_of::<TracepointName>(),
    "`TracepointName` is smaller than `struct tracepoint`"
);

/// An event.
///
/// # Invariants
///
/// `instances` are those in which the event is enabled, none of them after the first `used` places.
/// `listeners` is their number, plus one if `has_perf`.
pub struct Event<R> {
    call: UnsafeCell<bindings::trace_event_call>,
    class: UnsafeCell<bindings::trace_event_class>,
    functions: UnsafeCell<bindings::trace_event_functions>,
    /// It only has a name, and is not registered.
    tracepoint: UnsafeCell<TracepointName>,
    listeners: AtomicUsize,
    instances: [AtomicPtr<bindings::trace_event_file>; INSTANCES],
    used: AtomicUsize,
    has_perf: AtomicBool,
    _record: PhantomData<R>,
}

// SAFETY: The kernel locks its structures when it changes them; the other fields are atomic.
unsafe impl<R: Record> Sync for Event<R> {}

/// The address of an event, in the section `_ftrace_events`.
#[doc(hidden)]
#[repr(transparent)]
pub struct Listed(*const bindings::trace_event_call);

// SAFETY: It is an address, which does not change.
unsafe impl Sync for Listed {}

impl<R: Record> Event<R> {
    /// Makes the event that will be stored at `this`, with the list of fields at `fields`.
    #[doc(hidden)]
    pub const fn new(this: *const Self, fields: *const Described) -> Self {
        // SAFETY: Zeros are valid: null pointers, `None` and integers. C initialises members that
        // are not named in the same way.
        let (mut call, mut class, mut functions): (
            bindings::trace_event_call,
            bindings::trace_event_class,
            bindings::trace_event_functions,
        ) = unsafe { (zeroed(), zeroed(), zeroed()) };
        let this = this.cast_mut().cast::<u8>();

        let tracepoint = TracepointName {
            name: char_ptr(R::NAME),
            _rest: [0; 31],
        };

        functions.trace = Some(output::print::<R>);

        // SAFETY: Only the address of the name is taken; nothing is read.
        class.system = unsafe { (&raw const bindings::__this_module.name).cast() };
        class.reg = Some(switch::<R>);
        class.raw_init = Some(bindings::trace_event_raw_init);
        // The kernel only reads the fields.
        class.fields_array = fields.cast_mut().cast();
        let list: *mut bindings::list_head = this
            .wrapping_add(offset_of!(Self, class))
            .wrapping_add(offset_of!(bindings::trace_event_class, fields))
            .cast();
        class.fields.next = list;
        class.fields.prev = list;

        call.class = this.wrapping_add(offset_of!(Self, class)).cast();
        call.__bindgen_anon_1.tp = this.wrapping_add(offset_of!(Self, tracepoint)).cast();
        call.event.funcs = this.wrapping_add(offset_of!(Self, functions)).cast();
        call.print_fmt = char_ptr(R::PRINT_FMT.as_c_str()).cast_mut();
        call.flags = bindings::TRACE_EVENT_FL_TRACEPOINT as c_int;

        Self {
            call: UnsafeCell::new(call),
            class: UnsafeCell::new(class),
            functions: UnsafeCell::new(functions),
            tracepoint: UnsafeCell::new(tracepoint),
            listeners: AtomicUsize::new(0),
            instances: [const { AtomicPtr::new(null_mut()) }; INSTANCES],
            used: AtomicUsize::new(0),
            has_perf: AtomicBool::new(false),
            _record: PhantomData,
        }
    }

    /// Returns the entry for the section `_ftrace_events`.
    #[doc(hidden)]
    pub const fn listed(&'static self) -> Listed {
        Listed(self.call.get())
    }

    /// Records the event if it is enabled.
    #[inline(always)]
    fn record(&'static self, context: HandlerContext<'_>, record: impl FnOnce() -> R) -> Written {
        if self.listeners.load(Ordering::Relaxed) == 0 {
            return Written::Unheard;
        }
        self.write(context, &record())
    }

    #[inline(never)]
    fn write(&'static self, _context: HandlerContext<'_>, record: &R) -> Written {
        let mut written = Written::Unheard;
        let used = self.used.load(Ordering::Relaxed);
        for instance in self.instances.iter().take(used) {
            let file = instance.load(Ordering::Acquire);
            if !file.is_null() {
                // SAFETY: Preemption is off in a handler, and the call that disables the event
                // waits for an RCU grace period, so the instance exists until this returns.
                written = merge(written, unsafe { write_to_instance(file, record) });
            }
        }
        #[cfg(CONFIG_PERF_EVENTS)]
        if self.has_perf.load(Ordering::Acquire) {
            // SAFETY: Preemption is off in a handler, and the call that disables perf waits for an
            // RCU grace period, so perf's lists exist until this returns.
            written = merge(written, unsafe { write_to_perf(self.call.get(), record) });
        }
        written
    }
}

/// Enables or disables the event, in an instance of tracefs or for perf.
///
/// # Context
///
/// Process context, `event_mutex` is held; sleeps.
///
/// # Safety
///
/// `data` is a `trace_event_file` if `order` is for an instance.
unsafe extern "C" fn switch<R: Record>(
    _call: *mut bindings::trace_event_call,
    order: bindings::trace_reg,
    data: *mut c_void,
) -> c_int {
    let event = R::event();
    let file = data.cast::<bindings::trace_event_file>();
    // Only this function changes the instances, and `event_mutex` serialises its calls.
    let replace = |before, after| {
        let place = event
            .instances
            .iter()
            .find(|place| core::ptr::eq(place.load(Ordering::Relaxed), before));
        if let Some(place) = place {
            place.store(after, Ordering::Release);
        }
        let used = (0..INSTANCES)
            .zip(&event.instances)
            .fold(0, |used, (at, place)| {
                match place.load(Ordering::Relaxed).is_null() {
                    true => used,
                    false => at.wrapping_add(1),
                }
            });
        event.used.store(used, Ordering::Relaxed);
        place.is_some()
    };
    match order {
        bindings::trace_reg_TRACE_REG_REGISTER => {
            if !replace(null_mut(), file) {
                return code::EBUSY.to_errno();
            }
            event.listeners.fetch_add(1, Ordering::Relaxed);
        }
        bindings::trace_reg_TRACE_REG_UNREGISTER => {
            if replace(file, null_mut()) {
                event.listeners.fetch_sub(1, Ordering::Relaxed);
                rcu::synchronize();
            }
        }
        #[cfg(CONFIG_PERF_EVENTS)]
        bindings::trace_reg_TRACE_REG_PERF_REGISTER => {
            event.has_perf.store(true, Ordering::Release);
            event.listeners.fetch_add(1, Ordering::Relaxed);
        }
        #[cfg(CONFIG_PERF_EVENTS)]
        bindings::trace_reg_TRACE_REG_PERF_UNREGISTER => {
            event.has_perf.store(false, Ordering::Relaxed);
            event.listeners.fetch_sub(1, Ordering::Relaxed);
            rcu::synchronize();
        }
        _ => (),
    }
    0
}
