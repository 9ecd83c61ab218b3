// SPDX-License-Identifier: GPL-2.0

//! Kernel threads, bound to CPUs and stopped with their owner.
//!
//! A [`Kthread`] is created, started, and stopped:
//!
//! - created: the task exists and is bound to its CPU; its body does not run yet;
//! - started: the body runs until it returns or finds that it should stop;
//! - [stopped](Kthread::stop), or dropped: the owner asks the thread to stop, waits for its end,
//!   and gets the result of the body.
//!
//! # Drop rules
//!
//! The captures of the body live as long as the thread. They are dropped
//!
//! - by the thread, after the body has returned and before the thread ends;
//! - by the owner, when the [`Kthread`] is stopped or dropped, if the body never ran, or if the
//!   thread [died in it](crate::fault::mortal). Objects on the stack of a dead thread are not
//!   dropped at all.
//!
//! For this reason a body that is called once is an [`Fn`] and not an [`FnOnce`]: it is called by
//! reference, so the owner still has its captures if the thread dies.
//!
//! # Soundness
//!
//! Body, stop flag and result are one object on the heap, which the [`Kthread`] owns and frees
//! after `kthread_stop()` has returned. Then the task has ended, or it never entered our function,
//! so nobody uses the object any more, and no code of the module is executed: `kthread_stop()`
//! waits for the exit of the task, not for the return of our function. If a thread ends by itself,
//! our reference keeps its `task_struct`, so it can be stopped later. A leaked [`Kthread`] holds an
//! [`Entrance`](mod@crate::module), so its module is never unloaded.
//!
//! The stop flag is our own. `kthread_should_stop()` reads that of the current task, so it could
//! not be called in an interrupt or on another CPU that works for the thread; and only
//! `kthread_stop()` sets it, which waits. Our flag is always set before `kthread_stop()` is called.
//! The wakeup by `kthread_stop()` is a full barrier, as is the change of the task's state in
//! [`Me::sleep_until`] before the flag is read, so a thread that is about to sleep sees the flag or
//! is woken.
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

/// The state shared by thread and owner, independent of the type of the body.
struct Control<T> {
    /// Whether the thread was asked to stop.
    stop: AtomicBool,
    /// The result of the body. Only the thread writes it; it is read after the thread has ended.
    result: UnsafeCell<Option<T>>,
}

/// The heap object of a thread. It begins with its `Control`, so a pointer to one is a pointer to
/// the other.
#[repr(C)]
struct Body<T, F> {
    control: Control<T>,
    /// The function of the thread; `None` after it has returned. Only the thread uses it, until it
    /// has ended.
    main: UnsafeCell<Option<F>>,
}

/// A kernel thread whose body returns a `T`.
///
/// # Invariants
///
/// - `task` is a kernel thread that this object created, and holds a reference to.
/// - `control` is that of a `Body` on the heap, which lives until `free` is called with it.
/// - `has_ended` is set if `kthread_stop()` was called, which may be called once.
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
/// // A drop would stop it as well.
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
// the owner may drop, and the result, which the thread wrote, are `Send`.
unsafe impl<T: Send> Send for Kthread<T> {}

// SAFETY: A shared reference allows `start`, `request_stop` and `wake`: an atomic store, and
// `wake_up_process()`, which several tasks may call at once. It gives no access to the result.
unsafe impl<T: Send> Sync for Kthread<T> {}

impl<T: Send> Kthread<T> {
    /// Creates a thread that is bound to `cpu`, without starting it.
    ///
    /// The lock keeps the CPU online until the thread is started, if that is done under the lock as
    /// well. If the CPU goes offline later, the kernel moves its threads to other CPUs, so a body
    /// for which this matters checks
    /// [`PreemptionOff::cpu`](crate::task::context::PreemptionOff::cpu).
    ///
    /// # Context
    ///
    /// Process context; sleeps. `main` runs in process context, in a task of its own: it may sleep,
    /// has no user memory, and ignores signals. For the drop of its captures, see [drop
    /// rules](self#drop-rules).
    ///
    /// # Errors
    ///
    /// `ENODEV` if the CPU is not online, `ENAMETOOLONG` if the name is longer than [`NAME_MAX`],
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
        // SAFETY: The task has not been woken since it was created, and the CPU is online.
        unsafe { bindings::kthread_bind(thread.task.as_ptr(), cpu) };
        Ok(thread)
    }

    /// Creates a thread that may run on any CPU; see [`on_cpu`](Self::on_cpu).
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

        // SAFETY: The body is freed by `Drop`, after the task has ended, or below, where there is
        // no task. The format has `%s`, for which a string with NUL is passed.
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
                // SAFETY: `into_raw` returned the pointer, and there is no thread to use it.
                drop(unsafe { KBox::from_raw(body) });
                return Err(error);
            }
        };
        // SAFETY: The task exists, since it waits to be woken for the first time.
        unsafe { bindings::faultline_helper_get_task_struct(task.as_ptr()) };

        // INVARIANT: The reference was taken just now. The body begins with its control, so the
        // pointer is one to both.
        Ok(Self {
            task,
            // SAFETY: `into_raw` does not return null.
            control: unsafe { NonNull::new_unchecked(body.cast()) },
            free: free::<T, F>,
            has_ended: false,
            _entrance: Entrance::new(),
        })
    }

    /// Starts the body. Further calls have no effect.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn start(&self) {
        self.wake();
    }

    /// Asks the thread to stop, without waiting for it. If the thread sleeps in [`Me::sleep_until`]
    /// or [`hang_until`](crate::fault::hang_until), it wakes up.
    ///
    /// A body that was not started may start, and then finds that it should stop.
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
        // SAFETY: By the invariant the control lives, and there are only shared references to
        // `stop`. The rest of the control, which the thread may be writing, is not borrowed.
        let stop = unsafe { &(*self.control.as_ptr()).stop };
        // Sequentially consistent: if owner and body each store a flag and then load the other's,
        // at least one of them sees the other's store.
        stop.store(true, Ordering::SeqCst);
    }

    /// Stops the thread, waits for its end, and returns the result of its body; `None` if the body
    /// never ran, or if the thread died in it.
    ///
    /// # Context
    ///
    /// Process context; sleeps until the body finds that it should stop. A body that was never
    /// started does not run.
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
        // Does not wake the thread, so that a body that was never started does not run.
        self.set_stop();
        // SAFETY: By the invariant the task is a kernel thread to which we hold a reference, and
        // `kthread_stop()` was not called for it before.
        unsafe { bindings::kthread_stop(self.task.as_ptr()) };
        // INVARIANT: `kthread_stop()` was called just now.
        self.has_ended = true;
    }

    /// Wakes the thread. If it sleeps in [`hang_until`](crate::fault::hang_until), it evaluates the
    /// end of its sleep again; if it was not started, it starts.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn wake(&self) {
        // SAFETY: By the invariant we hold a reference to the task. Waking a task that has ended
        // does nothing.
        unsafe { bindings::wake_up_process(self.task.as_ptr()) };
    }
}

impl<T: Send> Drop for Kthread<T> {
    /// Stops the thread, waits for its end, and drops its body and its result, unless the thread or
    /// [`stop`](Self::stop) did.
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

/// The entry point of a thread.
///
/// # Safety
///
/// `data` points to a `Body<T, F>` that lives until the task has ended. Until then nobody else uses
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
    // SAFETY: Only this thread uses `main` until it has ended.
    let result = unsafe { (*(*body).main.get()).as_ref() }.map(|main| main(&me));
    // SAFETY: Only this thread uses the result until it has ended.
    unsafe { *(*body).control.result.get() = result };
    // Taken out before the drop: if the thread dies in the drop, the owner must not drop it again.
    // SAFETY: The reference to `main` above is not used any more.
    drop(unsafe { (*(*body).main.get()).take() });
    0
}

/// Frees a thread's body, and drops its captures and its result if they are still there.
///
/// # Safety
///
/// `control` is that of a `Body<T, F>` made by `KBox::into_raw`, which is not used
/// after this.
unsafe fn free<T, F>(control: NonNull<Control<T>>) {
    // SAFETY: `control` is the first field of a body that `KBox::into_raw` returned, and the caller
    // does not use it again.
    drop(unsafe { KBox::from_raw(control.as_ptr().cast::<Body<T, F>>()) });
}

/// The current thread, as seen by its body.
pub struct Me<'a> {
    stop: &'a AtomicBool,
    _of_this_thread: PhantomData<*mut ()>,
}

impl Me<'_> {
    /// Returns whether the thread was asked to stop.
    ///
    /// # Context
    ///
    /// Any, also an interrupt or an NMI to which the body passes the reference: it is a single
    /// load.
    #[inline]
    pub fn should_stop(&self) -> bool {
        // Sequentially consistent; see `Kthread::set_stop`.
        self.stop.load(Ordering::SeqCst)
    }

    /// Sleeps until the monotonic clock reaches `ns`, or until the thread is asked to stop, which
    /// ends the sleep at once. Returns whether it was asked.
    ///
    /// # Context
    ///
    /// Process context; sleeps, so it must not be called in a context of [`crate::task::context`].
    pub fn sleep_until(&self, ns: u64) -> bool {
        self.sleep_in(
            // SAFETY: `Me` cannot leave its thread, so this is the state of the current task, and
            // `sleep_in` does not return before it is running again.
            || unsafe { bindings::faultline_helper_set_current_state_interruptible() },
            || ns,
        )
    }

    /// Sleeps in the state that `set_state` gives the current task, until the monotonic clock
    /// reaches the result of `until`, which is called again after each wakeup, or until the thread
    /// is asked to stop. Returns whether it was asked.
    ///
    /// # Context
    ///
    /// Process context; sleeps. `until` must not.
    #[inline]
    pub(crate) fn sleep_in(&self, set_state: impl Fn(), until: impl Fn() -> u64) -> bool {
        loop {
            // Set before the conditions are checked, so that a wakeup in between ends the sleep at
            // once.
            set_state();
            let stop = self.should_stop();
            let left = until().saturating_sub(time::monotonic_ns());
            if stop || left == 0 {
                // SAFETY: `Me` cannot leave its thread, so this is the state of the current task,
                // which is running.
                unsafe { bindings::faultline_helper_set_current_state_running() };
                return stop;
            }
            // SAFETY: `schedule_timeout()` has no requirements but its context. A caller that must
            // not sleep is reported by the scheduler, which harms no memory.
            unsafe { bindings::schedule_timeout(time::jiffies(left)) };
        }
    }
}
