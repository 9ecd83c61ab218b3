// SPDX-License-Identifier: GPL-2.0

//! An event: the kernel's structures of it, and where it is switched on.

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

    /// What user space prints it by.
    #[doc(hidden)]
    const PRINT_FMT: &'static Info;

    /// Writes the fields, as the file `trace` shows them.
    #[doc(hidden)]
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// The event.
    fn event() -> &'static Event<Self>;

    /// Records the event, if somebody listens. `record` is called only then.
    ///
    /// # Context
    ///
    /// [Handler context](crate::probe#handler-context).
    #[inline(always)]
    fn record(context: HandlerContext<'_>, record: impl FnOnce() -> Self) -> Written {
        Self::event().record(context, record)
    }
}

/// A field, as the kernel is told of it.
#[doc(hidden)]
#[repr(transparent)]
pub struct Described(bindings::trace_event_fields);

impl Described {
    /// A field of this type. The kernel puts each behind the one before, aligned, as the compiler
    /// does.
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

    /// What follows on the last field.
    #[doc(hidden)]
    pub const END: Self = {
        // SAFETY: Zeros are what C has there: null, and no type.
        Self(unsafe { zeroed() })
    };
}

/// The fields of an event, in their order.
#[doc(hidden)]
pub struct Fields<const N: usize>(pub [Described; N]);

// SAFETY: Nobody writes to it.
unsafe impl<const N: usize> Sync for Fields<N> {}

impl<const N: usize> Fields<N> {
    #[doc(hidden)]
    pub const fn first(&'static self) -> *const Described {
        self.0.as_ptr()
    }
}

/// How many instances of tracefs an event can be switched on in at once.
const INSTANCES: usize = 8;

/// What stands for a `struct tracepoint` where the kernel wants its name, and nothing else:
/// this begins with it, and has room for the rest.
#[repr(C)]
struct TracepointName {
    name: *const c_char,
    _rest: [usize; 31],
}

const _: () = assert!(
    size_of::<bindings::tracepoint>() <= size_of::<TracepointName>(),
    "there is not enough room for a tracepoint"
);

/// An event.
///
/// # Invariants
///
/// `instances` are those that the event is switched on in. `listeners` is their number, one
/// more if `has_perf`.
pub struct Event<R> {
    call: UnsafeCell<bindings::trace_event_call>,
    class: UnsafeCell<bindings::trace_event_class>,
    functions: UnsafeCell<bindings::trace_event_functions>,
    /// It has a name, and is nowhere registered.
    tracepoint: UnsafeCell<TracepointName>,
    listeners: AtomicUsize,
    instances: [AtomicPtr<bindings::trace_event_file>; INSTANCES],
    has_perf: AtomicBool,
    _record: PhantomData<R>,
}

// SAFETY: The kernel has locks for what it changes of its structures; the rest is atomic.
unsafe impl<R: Record> Sync for Event<R> {}

/// The address of an event, in the section in which the kernel looks for it.
#[doc(hidden)]
#[repr(transparent)]
pub struct Listed(*const bindings::trace_event_call);

// SAFETY: It is an address, which does not change.
unsafe impl Sync for Listed {}

impl<R: Record> Event<R> {
    /// The event at `this`, where it will be, with the fields from `fields` on.
    #[doc(hidden)]
    pub const fn new(this: *const Self, fields: *const Described) -> Self {
        // SAFETY: Zeros are what C has for members that are not named.
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

        // SAFETY: Its address is taken, and nothing read.
        class.system = unsafe { (&raw const bindings::__this_module.name).cast() };
        class.reg = Some(switch::<R>);
        class.raw_init = Some(bindings::trace_event_raw_init);
        // The kernel only reads them.
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
            has_perf: AtomicBool::new(false),
            _record: PhantomData,
        }
    }

    /// What the kernel finds it by.
    #[doc(hidden)]
    pub const fn listed(&'static self) -> Listed {
        Listed(self.call.get())
    }

    /// Records the event, if somebody listens.
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
        for instance in &self.instances {
            let file = instance.load(Ordering::Acquire);
            if !file.is_null() {
                // SAFETY: Preemption is off in a handler, and whoever switches the event off
                // waits for that.
                written = merge(written, unsafe { write_to_instance(file, record) });
            }
        }
        #[cfg(CONFIG_PERF_EVENTS)]
        if self.has_perf.load(Ordering::Acquire) {
            // SAFETY: Preemption is off in a handler, and whoever switches perf off waits for
            // that.
            written = merge(written, unsafe { write_to_perf(self.call.get(), record) });
        }
        written
    }
}

/// Switches the event on or off, in an instance of tracefs or for perf.
///
/// # Context
///
/// Process context, `event_mutex` is held; sleeps.
///
/// # Safety
///
/// `data` is a `trace_event_file` where `order` is about one.
unsafe extern "C" fn switch<R: Record>(
    _call: *mut bindings::trace_event_call,
    order: bindings::trace_reg,
    data: *mut c_void,
) -> c_int {
    let event = R::event();
    let file = data.cast::<bindings::trace_event_file>();
    // Only calls of this function change it, one at a time.
    let replace = |before, after| {
        let place = event
            .instances
            .iter()
            .find(|place| core::ptr::eq(place.load(Ordering::Relaxed), before));
        if let Some(place) = place {
            place.store(after, Ordering::Release);
        }
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
