// SPDX-License-Identifier: GPL-2.0

//! Kernel threads, bound to CPUs and stopped with their owner.
//!
//! A [`Kthread`] is created, started, and stopped:
//!
//! - created: the task exists and is bound to its CPU, its body does not run;
//! - started: the body runs, until it returns or finds that it should stop;
//! - [stopped](Kthread::stop), or dropped: the thread is asked to stop, and waited for.
//!   What the body has returned is then the owner's.
//!
//! # Drop rules
//!
//! What the body has captured lives as long as the thread. It is dropped
//!
//! - by the thread, as soon as the body has returned, and before the thread has ended;
//! - by the owner, when the [`Kthread`] is stopped or dropped, if the body never ran, or if
//!   the thread [died in it](crate::fault::mortal). What was on the stack of a thread that
//!   died is not dropped at all.
//!
//! This is why a body that is called once is an [`Fn`] and no [`FnOnce`]: called by
//! reference, it leaves its captures where the owner finds them if the thread dies.
//!
//! # Soundness
//!
//! Body, stop flag and result are one object on the heap, which the [`Kthread`] owns and frees
//! after `kthread_stop()` has returned. Then the task has ended, or it never entered
//! our function, so nobody uses the object any more, and no code of the module is
//! executed: `kthread_stop()` waits for the exit of the task, not for the return
//! of our function. A thread that ends by itself leaves its `task_struct`
//! behind, to which we hold a reference, so stopping it later is fine. A
//! [`Kthread`] that is leaked holds an [`Entrance`](mod@crate::module), so its
//! module is never unloaded.
//!
//! The stop flag is our own, and the only one that is read. `kthread_should_stop()` asks the
//! current task, so it could be called neither in an interrupt nor on another CPU that
//! works for the thread; and it is set only by `kthread_stop()`, which waits. Whoever calls
//! `kthread_stop()` sets our flag before: the wakeup that it makes is a full barrier, as is
//! the change of the task's state in [`Me::sleep_until`] before the flag is read, so a thread
//! that is about to sleep sees the flag or is woken.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use core::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ptr::NonNull,
    sync::atomic::{
        AtomicBool,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_int,
            c_void, //
        },
        KBox,
        GFP_KERNEL, //
    },
    error::{
        code,
        from_err_ptr,
        Result, //
    },
    module::Entrance,
    task::{
        cpu::{
            self,
            HotplugLocked, //
        },
        time, //
    },
    text::Text, //
};

/// The longest name of a thread. `ps` shows the first 15 bytes.
pub const NAME_MAX: usize = 31;

/// What thread and owner share, whatever the body is.
struct Control<T> {
    /// The thread was asked to stop.
    stop: AtomicBool,
    /// What the body has returned. Written by the thread alone, and read after it has ended.
    result: UnsafeCell<Option<T>>,
}

/// What is on the heap for a thread. It begins with its `Control`, so that one
/// pointer serves for both.
#[repr(C)]
struct Body<T, F> {
    control: Control<T>,
    /// What the thread runs; `None` once it has returned. Used by the thread alone, until it
    /// has ended.
    main: UnsafeCell<Option<F>>,
}

/// A kernel thread, whose body returns a `T`.
///
/// # Invariants
///
/// - `task` is a kernel thread of ours, with a reference of our own.
/// - `control` is that of a `Body` on the heap, which lives until `free` is
///   called with it.
/// - `has_ended` is set if `kthread_stop()` was called, which waits for an event that comes once.
///
/// # Examples
///
/// ```no_run
/// use faultline::{prelude::*, task::{cpu, kthread::Kthread, time}};
///
/// let thread = cpu::hotplug_locked(|lock| {
///     Kthread::on_cpu(0, format_args!("greeter/{}", 0), lock, |me| {
///         let mut greetings = 0u32;
///         while !me.should_stop() {
///             pr_info!("hello from CPU {}", cpu::current());
///             greetings = greetings.wrapping_add(1);
///             me.sleep_until(time::monotonic_ns() + time::NSEC_PER_SEC);
///         }
///         greetings
///     })
/// })?;
/// thread.start();
/// // Dropped, it would stop as well.
/// if let Some(greetings) = thread.stop() {
///     pr_info!("greeted {greetings} times");
/// }
/// # Ok::<(), Error>(())
/// ```
pub struct Kthread<T: Send + 'static = ()> {
    task: NonNull<bindings::task_struct>,
    control: NonNull<Control<T>>,
    free: unsafe fn(NonNull<Control<T>>),
    has_ended: bool,
    _entrance: Entrance,
}

// SAFETY: `wake_up_process()` and `kthread_stop()` may be called from any task. The body, which
// may be dropped here, and the result, which came from the thread, are `Send`.
unsafe impl<T: Send> Send for Kthread<T> {}

// SAFETY: What a shared reference allows is `start`, `request_stop` and `wake`: an atomic store,
// and `wake_up_process()`, which several tasks may call at once. It gives no access to the result.
unsafe impl<T: Send> Sync for Kthread<T> {}

impl<T: Send> Kthread<T> {
    /// Creates a thread that runs on `cpu` alone, once it is started.
    ///
    /// The lock keeps the CPU online until then, if the thread is started under
    /// it as well. A CPU that goes offline later loses its threads to other
    /// CPUs, so a body for which it matters compares
    /// [`PreemptionOff::cpu`](crate::task::context::PreemptionOff::cpu).
    ///
    /// # Context
    ///
    /// Process context; sleeps. `main` runs in process context, in a task of
    /// its own: it may sleep, has no user memory, and ignores signals. When what it has
    /// captured is dropped, and by whom, is in the [module's docs](self#drop-rules).
    ///
    /// # Errors
    ///
    /// `ENODEV` if the CPU is not online, `ENAMETOOLONG` above [`NAME_MAX`],
    /// `ENOMEM`, and `EINTR` if the calling task is being killed.
    pub fn on_cpu<F>(
        cpu: u32,
        name: fmt::Arguments<'_>,
        _lock: &HotplugLocked,
        main: F,
    ) -> Result<Self>
    where
        F: Fn(&Me<'_>) -> T + Send + 'static,
    {
        if !cpu::is_online(cpu) {
            return Err(code::ENODEV);
        }
        let thread = Self::create(name, main)?;
        // SAFETY: The task has not been woken since it was created, and the CPU
        // is online.
        unsafe { bindings::kthread_bind(thread.task.as_ptr(), cpu) };
        Ok(thread)
    }

    /// Creates a thread that runs on any CPU; see [`on_cpu`](Self::on_cpu).
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`, `ENOMEM`, `EINTR`.
    pub fn create<F>(name: fmt::Arguments<'_>, main: F) -> Result<Self>
    where
        F: Fn(&Me<'_>) -> T + Send + 'static,
    {
        let name = Text::<{ NAME_MAX + 1 }>::format(format_args!("{name}\0"))?;
        let name = name.as_c_str().ok_or(code::EINVAL)?;
        let body = KBox::new(
            Body {
                control: Control {
                    stop: AtomicBool::new(false),
                    result: UnsafeCell::new(None),
                },
                main: UnsafeCell::new(Some(main)),
            },
            GFP_KERNEL,
        )?;
        let body: *mut Body<T, F> = KBox::into_raw(body);

        // SAFETY: The body is freed by `Drop` alone, after the task has ended, and below, where
        // there is no task. The format asks for one string with NUL.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(enter::<T, F>),
                body.cast(),
                bindings::NUMA_NO_NODE,
                char_ptr(c"%s"),
                char_ptr(name),
            )
        });
        let task = match task {
            Ok(task) => task,
            Err(error) => {
                // SAFETY: The body came from `into_raw`, and no thread has it.
                drop(unsafe { KBox::from_raw(body) });
                return Err(error);
            }
        };
        // SAFETY: The task waits to be woken for the first time, so it exists.
        unsafe { bindings::faultline_helper_get_task_struct(task.as_ptr()) };

        // INVARIANT: The reference was just taken, and the pointer to the body
        // is one to the control that it begins with.
        Ok(Self {
            task,
            // SAFETY: `into_raw` returns no null.
            control: unsafe { NonNull::new_unchecked(body.cast()) },
            free: free::<T, F>,
            has_ended: false,
            _entrance: Entrance::new(),
        })
    }

    /// Lets the body begin. Another call does no harm.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn start(&self) {
        self.wake();
    }

    /// Asks the thread to stop, without waiting for it. If it sleeps in
    /// [`Me::sleep_until`] or [`hang_until`](crate::fault::hang_until), it wakes up.
    ///
    /// A body that has not been started may run then, and finds that it should
    /// stop.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn request_stop(&self) {
        self.set_stop();
        self.wake();
    }

    /// Sets the stop flag.
    fn set_stop(&self) {
        // SAFETY: By the invariant the control lives, and to `stop` there are only shared
        // references. The rest of the control, which the thread may be writing, is not borrowed.
        let stop = unsafe { &(*self.control.as_ptr()).stop };
        // The strongest order, so that an owner and a body which each announce
        // something and then look at what the other announced cannot miss both.
        stop.store(true, Ordering::SeqCst);
    }

    /// Stops the thread, waits for its end, and returns what its body has returned; `None` if
    /// the body never ran, or if the thread died in it.
    ///
    /// # Context
    ///
    /// Process context; sleeps for as long as the body takes to find that it should stop. A
    /// body that was never started does not run.
    pub fn stop(mut self) -> Option<T> {
        self.end();
        // SAFETY: The thread has ended, so nobody else uses the result.
        unsafe { (*(*self.control.as_ptr()).result.get()).take() }
    }

    /// Stops the thread and waits for its end, unless that was done before.
    fn end(&mut self) {
        if self.has_ended {
            return;
        }
        // Without a wakeup of our own, so that a body that was never started does not run.
        self.set_stop();
        // SAFETY: By the invariant the task is a kernel thread to which we hold a reference, and
        // `kthread_stop()` was not called for it before.
        unsafe { bindings::kthread_stop(self.task.as_ptr()) };
        // INVARIANT: It was just called.
        self.has_ended = true;
    }

    /// Wakes the thread. One that sleeps in [`hang_until`](crate::fault::hang_until) looks again
    /// at until when; one that was not started begins.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn wake(&self) {
        // SAFETY: By the invariant we hold a reference to the task. Waking a
        // task that has ended does nothing.
        unsafe { bindings::wake_up_process(self.task.as_ptr()) };
    }
}

impl<T: Send> Drop for Kthread<T> {
    /// Stops the thread, waits for its end, and drops what is left of its body and its result.
    ///
    /// # Context
    ///
    /// As for [`stop`](Self::stop).
    fn drop(&mut self) {
        self.end();
        // SAFETY: The reference to the task is the one that `create` took, and it is not used
        // again. `kthread_stop()` has returned, so the task has ended or never entered `enter`,
        // and nobody uses the body that is freed.
        unsafe {
            bindings::faultline_helper_put_task_struct(self.task.as_ptr());
            (self.free)(self.control);
        }
    }
}

/// Where the kernel enters a thread.
///
/// # Safety
///
/// `data` is a `Body<T, F>` that lives until the task has ended. Until then nobody else uses
/// its `main` and its result.
unsafe extern "C" fn enter<T, F>(data: *mut c_void) -> c_int
where
    F: Fn(&Me<'_>) -> T,
{
    let body = data.cast::<Body<T, F>>();
    // SAFETY: The body lives until the task has ended, and the owner makes only shared
    // references to the flag until then.
    let stop = unsafe { &(*body).control.stop };
    let me = Me {
        stop,
        _of_this_thread: PhantomData,
    };
    // SAFETY: `main` is this thread's alone until the thread has ended.
    let result = unsafe { (*(*body).main.get()).as_ref() }.map(|main| main(&me));
    // SAFETY: The result is this thread's alone until then as well.
    unsafe { *(*body).control.result.get() = result };
    // Taken first: if the thread dies while it drops them, the owner must not drop them again.
    // SAFETY: The reference to `main` was given up with the call.
    drop(unsafe { (*(*body).main.get()).take() });
    0
}

/// Frees a thread's body, with what is left of its captures and its result.
///
/// # Safety
///
/// `control` is that of a `Body<T, F>` made by `KBox::into_raw`, which is not used
/// after this.
unsafe fn free<T, F>(control: NonNull<Control<T>>) {
    // SAFETY: `control` is the first field of a body that came from a box, and the caller
    // gives it up.
    drop(unsafe { KBox::from_raw(control.as_ptr().cast::<Body<T, F>>()) });
}

/// The thread that runs, as its body sees it.
pub struct Me<'a> {
    stop: &'a AtomicBool,
    _of_this_thread: PhantomData<*mut ()>,
}

impl Me<'_> {
    /// Returns whether the thread was asked to stop.
    ///
    /// # Context
    ///
    /// Any, also an interrupt or an NMI that the body is lent to: it is one load from memory.
    #[inline]
    pub fn should_stop(&self) -> bool {
        // Of the strongest order, as in `Kthread::request_stop`.
        self.stop.load(Ordering::SeqCst)
    }

    /// Sleeps until the monotonic clock shows `ns`, or until the thread is
    /// asked to stop, which ends the sleep at once. Returns whether it was.
    ///
    /// # Context
    ///
    /// Process context; sleeps, so no context of [`crate::task::context`] may be
    /// entered.
    pub fn sleep_until(&self, ns: u64) -> bool {
        self.sleep_in(
            // SAFETY: `Me` cannot leave its thread, so this is the state of the current task, and
            // `sleep_in` does not return before it is running again.
            || unsafe { bindings::faultline_helper_set_current_state_interruptible() },
            || ns,
        )
    }

    /// Sleeps in the state that `set_state` gives the current task, until the monotonic clock
    /// shows what `until` says, which is looked at again after each wakeup, or until the thread
    /// is asked to stop. Returns whether it was.
    ///
    /// # Context
    ///
    /// Process context; sleeps. `until` must not.
    #[inline]
    pub(crate) fn sleep_in(&self, set_state: impl Fn(), until: impl Fn() -> u64) -> bool {
        loop {
            // Before the reason to wake up is looked for, so that a waker who comes in between
            // makes the sleep end at once.
            set_state();
            let stop = self.should_stop();
            let left = until().saturating_sub(time::monotonic_ns());
            if stop || left == 0 {
                // SAFETY: `Me` cannot leave its thread, so it is the state of the current task,
                // which goes on running.
                unsafe { bindings::faultline_helper_set_current_state_running() };
                return stop;
            }
            // SAFETY: The caller may sleep.
            unsafe { bindings::schedule_timeout(time::jiffies(left)) };
        }
    }
}
