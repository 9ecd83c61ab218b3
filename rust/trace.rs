// SPDX-License-Identifier: GPL-2.0

//! Events in tracefs that a module declares in Rust.
//!
//! [`event!`](crate::event!) declares a structure, and an event whose fields are those of
//! the structure: `events/<module>/<name>/` in tracefs. perf, trace-cmd and bpftrace
//! (`tracepoint:<module>:<name>`) read it as any other of the kernel's events, and so do
//! filters and triggers.
//!
//! An event costs a load and a branch while nobody listens: the record is made only
//! then.
//!
//! # How it is made
//!
//! C's `TRACE_EVENT` builds structures that the kernel finds in the section
//! `_ftrace_events` when it loads a module, before the module's own code runs, and forgets
//! when it has unloaded the module. An [`Event`] is the same structures, built by the
//! compiler. What differs: C's events hang on a tracepoint, a list of functions to be called
//! by a patched jump. Here there is one function to be called, so there is no tracepoint
//! but for its name, and the event itself keeps for which instances of tracefs
//! (`trace_event_file`), and whether for perf, it is switched on.
//!
//! # Soundness
//!
//! - *The structures* are in a static with interior mutability, which the kernel alone
//!   writes to, and which lives as long as the module.
//! - *Instances.* The kernel switches an event on and off by `class->reg`, one call at a
//!   time (`event_mutex`). Who records finds an instance with preemption off, and before the
//!   call that switches it off returns, it waits for a grace period of RCU. So an instance
//!   is there as long as it is used. The same holds for perf's lists.
//! - *Records* are `Copy`, have no padding (checked by the compiler), and so leave no byte
//!   of the stack in a buffer.
//!
//! C header: [`include/linux/trace_events.h`](srctree/include/linux/trace_events.h)\
//! C source: [`kernel/trace/trace_events.c`](srctree/kernel/trace/trace_events.c)

mod field;
mod output;

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    fmt,
    marker::PhantomData,
    mem::{
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

pub use field::{
    Chars,
    Field, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_char,
            c_int,
            c_ulong,
            c_void, //
        }, //
    },
    error::code,
    module::Info,
    probe::HandlerContext,
    sync::rcu,
    task::cpu, //
};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A buffer has it.
    Yes,
    /// Nobody listens.
    Unheard,
    /// Somebody listens, and no buffer had room, or recording is off.
    Lost,
}

/// The structure of an event, as [`event!`](crate::event!) declares it.
pub trait Record: Copy + Send + Sync + 'static {
    /// The name of the event.
    #[doc(hidden)]
    const NAME: &'static CStr;

    /// What user space prints it by.
    #[doc(hidden)]
    const PRINT_FMT: &'static Info;

    /// Calls `define` for each field: its name, its offset in the record, its type.
    #[doc(hidden)]
    fn fields(define: &mut dyn FnMut(&'static CStr, usize, Type));

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

/// The type of a field, as the kernel knows it.
#[doc(hidden)]
pub struct Type {
    name: &'static CStr,
    size: usize,
    is_signed: bool,
}

impl Type {
    #[doc(hidden)]
    pub fn of<T: Field>() -> Self {
        Self {
            name: T::C_TYPE,
            size: size_of::<T>(),
            is_signed: T::IS_SIGNED,
        }
    }
}

/// How many instances of tracefs an event can be switched on in at once.
const INSTANCES: usize = 8;

/// What is in a buffer.
#[repr(C)]
struct Entry<R> {
    header: bindings::trace_entry,
    record: R,
}

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
    fields: UnsafeCell<[bindings::trace_event_fields; 2]>,
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
    /// The event at `this`, where it will be.
    #[doc(hidden)]
    pub const fn new(this: *const Self) -> Self {
        // SAFETY: Zeros are what C has for members that are not named.
        let (mut call, mut class, mut functions, mut fields): (
            bindings::trace_event_call,
            bindings::trace_event_class,
            bindings::trace_event_functions,
            [bindings::trace_event_fields; 2],
        ) = unsafe { (zeroed(), zeroed(), zeroed(), zeroed()) };
        let this = this.cast_mut().cast::<u8>();

        let tracepoint = TracepointName {
            name: char_ptr(R::NAME),
            _rest: [0; 31],
        };

        functions.trace = Some(output::print::<R>);

        // A function defines them all.
        fields[0].type_ = usize::MAX as *const c_char;
        fields[0].__bindgen_anon_1.define_fields = Some(define_fields::<R>);

        // SAFETY: Its address is taken, and nothing read.
        class.system = unsafe { (&raw const bindings::__this_module.name).cast() };
        class.reg = Some(switch::<R>);
        class.raw_init = Some(bindings::trace_event_raw_init);
        class.fields_array = this.wrapping_add(offset_of!(Self, fields)).cast();
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
            fields: UnsafeCell::new(fields),
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

/// What became of an event with several listeners: if one of them has lost it, it is lost.
fn merge(before: Written, now: Written) -> Written {
    match (before, now) {
        (Written::Lost, _) | (_, Written::Lost) => Written::Lost,
        (Written::Yes, _) | (_, Written::Yes) => Written::Yes,
        _ => Written::Unheard,
    }
}

/// Writes a record to the buffer of an instance of tracefs.
///
/// # Safety
///
/// The instance is there until this returns, and preemption is off.
unsafe fn write_to_instance<R: Record>(
    file: *mut bindings::trace_event_file,
    record: &R,
) -> Written {
    // As `trace_trigger_soft_disabled()`, which is inline.
    const LOOK: c_ulong = (bindings::EVENT_FILE_FL_TRIGGER_MODE
        | bindings::EVENT_FILE_FL_SOFT_DISABLED
        | bindings::EVENT_FILE_FL_PID_FILTER) as c_ulong;
    const LATER: c_ulong = bindings::EVENT_FILE_FL_TRIGGER_COND as c_ulong;

    // SAFETY: The caller says that the instance is there.
    let flags = unsafe { bindings::faultline_helper_event_file_flags(file) };
    if flags & LOOK != 0
        && flags & LATER == 0
        // SAFETY: The caller says that the instance is there.
        && unsafe { bindings::__trace_trigger_soft_disabled(file) }
    {
        return Written::Unheard;
    }
    // The kernel takes one from the count of preemption, which a tracepoint has added to.
    // SAFETY: It is enabled again below.
    unsafe { bindings::faultline_helper_preempt_disable() };
    // SAFETY: Zeros are a buffer that was not reserved.
    let mut buffer: bindings::trace_event_buffer = unsafe { zeroed() };
    // SAFETY: The instance is there, and what is reserved has the size that was asked for, and
    // is committed once.
    let written = unsafe {
        let entry = bindings::trace_event_buffer_reserve(
            &mut buffer,
            file,
            size_of::<Entry<R>>() as c_ulong,
        )
        .cast::<Entry<R>>();
        if entry.is_null() {
            Written::Lost
        } else {
            (&raw mut (*entry).record).write_unaligned(*record);
            bindings::trace_event_buffer_commit(&mut buffer);
            Written::Yes
        }
    };
    // SAFETY: It was disabled above.
    unsafe { bindings::faultline_helper_preempt_enable() };
    written
}

/// Writes a record to perf's buffers, and calls the programs of BPF.
///
/// # Safety
///
/// perf listens to the event until this returns, and preemption is off.
#[cfg(CONFIG_PERF_EVENTS)]
unsafe fn write_to_perf<R: Record>(call: *mut bindings::trace_event_call, record: &R) -> Written {
    /// In words, with room for the length that perf puts before it.
    const fn size<R>() -> usize {
        (size_of::<Entry<R>>() + size_of::<u32>()).div_ceil(size_of::<u64>()) * size_of::<u64>()
            - size_of::<u32>()
    }

    // SAFETY: perf listens, so it has lists for each CPU, and this is one of them. Programs
    // are kept until a grace period is over.
    let (head, is_of_nobody) = unsafe {
        let lists = (&raw const (*call).perf_events).read_volatile();
        let head = bindings::faultline_helper_per_cpu_ptr(lists.cast(), cpu::current())
            .cast::<bindings::hlist_head>();
        let programs = (&raw const (*call).prog_array).read_volatile();
        let first = (&raw const (*head).first).read_volatile();
        (head, first.is_null() && programs.is_null())
    };
    if is_of_nobody {
        return Written::Unheard;
    }
    let size = const { size::<R>() } as c_int;
    let (mut regs, mut context) = (null_mut(), 0);
    // SAFETY: What is allocated has the size that was asked for, and is handed to perf once.
    unsafe {
        let entry =
            bindings::perf_trace_buf_alloc(size, &mut regs, &mut context).cast::<Entry<R>>();
        if entry.is_null() {
            return Written::Lost;
        }
        bindings::faultline_helper_perf_caller_regs(regs);
        (&raw mut (*entry).record).write_unaligned(*record);
        bindings::perf_trace_run_bpf_submit(
            entry.cast(),
            size,
            context,
            call,
            1,
            regs,
            head,
            null_mut(),
        );
    }
    Written::Yes
}

/// Tells the kernel of the fields.
///
/// # Safety
///
/// `call` is that of an `Event<R>`.
unsafe extern "C" fn define_fields<R: Record>(call: *mut bindings::trace_event_call) -> c_int {
    let mut result = 0;
    R::fields(&mut |name, offset, field| {
        if result == 0 {
            let offset = offset.wrapping_add(offset_of!(Entry<R>, record));
            // SAFETY: The kernel gives its own structure; names and types are constants with
            // NUL, which live as long as the module.
            result = unsafe {
                bindings::trace_define_field(
                    call,
                    char_ptr(field.name),
                    char_ptr(name),
                    offset as c_int,
                    field.size as c_int,
                    c_int::from(field.is_signed),
                    bindings::FILTER_OTHER as c_int,
                )
            };
        }
    });
    result
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

/// Declares a structure, and an event with its fields.
///
/// The event is `events/<module>/<name>/` in tracefs. A field is a number, a `bool`, or
/// [`Chars`] for a text; see [`Field`]. Put them in an order that leaves no holes: the
/// compiler refuses one.
///
/// # Examples
///
/// ```no_run
/// # mod example {
/// use faultline::{
///     probe::HandlerContext,
///     trace::{Chars, Record},
/// };
///
/// faultline::event! {
///     /// A read was slow.
///     struct SlowRead as slow_read {
///         ns: u64,
///         ret: i64,
///         comm: Chars<16>,
///     }
/// }
///
/// fn tell(context: HandlerContext<'_>, ns: u64, ret: i64) {
///     let comm = Chars::of(b"somebody");
///     SlowRead::record(context, || SlowRead { ns, ret, comm });
/// }
/// # }
/// ```
///
/// A hole is refused:
///
/// ```compile_fail
/// # mod example {
/// faultline::event! {
///     struct Hole as hole {
///         length: u32,
///         ns: u64,
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! event {
    (
        $(#[$meta:meta])*
        $vis:vis struct $record:ident as $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        $vis struct $record {
            $($(#[$field_meta])* $vis $field: $type),+
        }

        const _: () = {
            assert!(
                0 $(+ ::core::mem::size_of::<$type>())+ == ::core::mem::size_of::<$record>(),
                "an event has no holes: put the largest fields first, or fill it up"
            );

            impl $crate::trace::Record for $record {
                const NAME: &'static ::core::ffi::CStr = $crate::trace::c_name(
                    ::core::concat!(::core::stringify!($name), "\0"),
                );

                const PRINT_FMT: &'static $crate::module::Info = &$crate::module::Info::new("\"")
                    $(.text(::core::concat!(::core::stringify!($field), "="))
                        .text(<$type as $crate::trace::Field>::FORMAT)
                        .text(" "))+
                    .trimmed()
                    .text("\"")
                    $(.text(::core::concat!(", REC->", ::core::stringify!($field))))+;

                fn fields(
                    define: &mut dyn FnMut(
                        &'static ::core::ffi::CStr,
                        usize,
                        $crate::trace::Type,
                    ),
                ) {
                    $(define(
                        const { $crate::trace::c_name(
                            ::core::concat!(::core::stringify!($field), "\0"),
                        ) },
                        ::core::mem::offset_of!($record, $field),
                        $crate::trace::Type::of::<$type>(),
                    );)+
                }

                fn show(&self, out: &mut dyn ::core::fmt::Write) -> ::core::fmt::Result {
                    let mut between = "";
                    $(
                        out.write_str(between)?;
                        out.write_str(::core::concat!(::core::stringify!($field), "="))?;
                        $crate::trace::Field::show(&self.$field, out)?;
                        between = " ";
                    )+
                    let _ = between;
                    Ok(())
                }

                #[inline(always)]
                fn event() -> &'static $crate::trace::Event<Self> {
                    static EVENT: $crate::trace::Event<$record> =
                        $crate::trace::Event::new(&raw const EVENT);

                    #[link_section = "_ftrace_events"]
                    #[used(compiler)]
                    static LISTED: $crate::trace::Listed = EVENT.listed();

                    &EVENT
                }
            }
        };
    };
}

/// A name for C, of a text that ends with the only zero byte in it.
#[doc(hidden)]
pub const fn c_name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}
