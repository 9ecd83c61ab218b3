// SPDX-License-Identifier: GPL-2.0

//! [`event!`](crate::event!), which declares an event.

use core::ffi::CStr;

/// Declares a structure, and an event with its fields.
///
/// The event is `events/<module>/<name>/` in tracefs. A field is a number, also a
/// [`Named`](crate::trace::Named) or [`Hex`](crate::trace::Hex) one, a `bool`, or
/// [`Chars`](crate::trace::Chars) for text; see [`Field`](crate::trace::Field). The fields must be
/// in an order without padding between them; the compiler refuses any. A field whose name is a
/// keyword in Rust is declared as `type_ as "type": u32`.
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
/// fn report(context: HandlerContext<'_>, ns: u64, ret: i64) {
///     let comm = Chars::of(b"cat");
///     SlowRead::record(context, || SlowRead { ns, ret, comm });
/// }
/// # }
/// ```
///
/// One structure can be several events, which differ in the types of fields: each has a name and a
/// value of the structure's parameter.
///
/// ```no_run
/// # mod example {
/// # use faultline::net::{Family, V4, V6};
/// faultline::event! {
///     /// A packet was given a route.
///     struct Routed<F: Family> as routed: V4, routed6: V6 {
///         mark: u32,
///         from: <F as Family>::Address,
///     }
/// }
/// # }
/// ```
///
/// Padding is refused:
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
    ($(#[$meta:meta])* $vis:vis struct $record:ident as $name:ident $fields:tt) => {
        $crate::__event_struct! { [$(#[$meta])*] [$vis] [$record] [] $fields }
        $crate::__event_record! { [$record] [] $name $fields }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $record:ident<$family:ident: $trait:ident>
        as $($name:ident: $member:ident),+ { $($fields:tt)* }
    ) => {
        $crate::__event_struct! {
            [$(#[$meta])*] [$vis] [$record] [<$family: $trait>] { $($fields)* }
        }
        $crate::__event_records! { [$record] [$family] { $($fields)* } $($name: $member,)+ }
    };
}

/// The events that a structure with a parameter is.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_records {
    ([$record:ident] [$family:ident] $fields:tt) => {};
    ([$record:ident] [$family:ident] $fields:tt $name:ident: $member:ident, $($more:tt)*) => {
        $crate::__event_record! { [$record<$member>] [type $family = $member;] $name $fields }
        $crate::__event_records! { [$record] [$family] $fields $($more)* }
    };
}

/// The structure of an event.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_struct {
    (
        [$(#[$meta:meta])*] [$vis:vis] [$record:ident] [$($parameter:tt)*]
        { $($(#[$field_meta:meta])* $field:ident $(as $shown:literal)?: $type:ty),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        $vis struct $record $($parameter)* {
            $($(#[$field_meta])* $vis $field: $type),+
        }
    };
}

/// The event that a structure is.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_record {
    (
        [$record:ty] [$($family:item)?] $name:ident
        { $($(#[$field_meta:meta])* $field:ident $(as $shown:literal)?: $type:ty),+ $(,)? }
    ) => {
        const _: () = {
            $($family)?

            assert!(
                0 $(+ ::core::mem::size_of::<$type>())+ == ::core::mem::size_of::<$record>(),
                "an event cannot have padding: put the largest fields first, or add a field"
            );
            // The kernel has a bit for each when it looks at the format; see `test_event_printk()`.
            assert!(
                0 $(+ <$type as $crate::trace::Field>::ARGUMENTS.len())+ < 64,
                "an event has too many values for the kernel to look at: at most 63"
            );

            impl $crate::trace::Record for $record {
                const NAME: &'static ::core::ffi::CStr = $crate::trace::c_name(
                    ::core::concat!(::core::stringify!($name), "\0"),
                );

                const PRINT_FMT: &'static $crate::module::Info = &{
                    let info = $crate::module::Info::new("\"")
                        $(.text(::core::concat!($crate::__field_name!($field $($shown)?), "="))
                            .text(<$type as $crate::trace::Field>::FORMAT)
                            .text(" "))+
                        .trimmed()
                        .text("\"");
                    $(let info = $crate::trace::with_arguments(
                        info,
                        <$type as $crate::trace::Field>::ARGUMENTS,
                        $crate::__field_name!($field $($shown)?),
                    );)+
                    info
                };

                fn show(&self, out: &mut dyn ::core::fmt::Write) -> ::core::fmt::Result {
                    let mut between = "";
                    $(
                        out.write_str(between)?;
                        out.write_str(::core::concat!($crate::__field_name!($field $($shown)?), "="))?;
                        $crate::trace::Field::show(&self.$field, out)?;
                        between = " ";
                    )+
                    let _ = between;
                    Ok(())
                }

                #[inline(always)]
                fn event() -> &'static $crate::trace::Event<Self> {
                    static FIELDS: $crate::trace::Fields<
                        { [$(::core::stringify!($field)),+].len() + 1 },
                    > = $crate::trace::Fields([
                        $($crate::trace::Described::of::<$type>($crate::trace::c_name(
                            ::core::concat!($crate::__field_name!($field $($shown)?), "\0"),
                        )),)+
                        $crate::trace::Described::END,
                    ]);

                    static EVENT: $crate::trace::Event<$record> =
                        $crate::trace::Event::new(&raw const EVENT, FIELDS.first());

                    #[link_section = "_ftrace_events"]
                    #[used(compiler)]
                    static LISTED: $crate::trace::Listed = EVENT.listed();

                    &EVENT
                }
            }
        };
    };
}

/// What a field is called in tracefs.
#[doc(hidden)]
#[macro_export]
macro_rules! __field_name {
    ($field:ident) => {
        ::core::stringify!($field)
    };
    ($field:ident $shown:literal) => {
        $shown
    };
}

/// Turns a text whose last byte is its only NUL into a string for C.
#[doc(hidden)]
pub const fn c_name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"",
    }
}
