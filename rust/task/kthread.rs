// SPDX-License-Identifier: GPL-2.0

//! Kernel threads, bound to CPUs and stopped with their owner.
//!
//! A [`Kthread`] is created, started, and joined when it is dropped:
//!
//! - created: the task exists and is bound to its CPU, its body does not run;
//! - started: the body runs, until it returns or finds that it should stop;
//! - dropped: the thread is asked to stop, and waited for.
//!
//! # Soundness
//!
//! The body is on the heap and owned by the [`Kthread`], which frees it after
//! `kthread_stop()` has returned. Then the task has ended, or it never entered
//! our function, so nobody uses the body any more, and no code of the module is
//! executed: `kthread_stop()` waits for the exit of the task, not for the return
//! of our function. A thread that ends by itself leaves its `task_struct`
//! behind, to which we hold a reference, so stopping it later is fine. A
//! [`Kthread`] that is leaked holds an [`Entrance`](mod@crate::module), so its
//! module is never unloaded.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use core::{
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
    fault::Mortal,
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

/// What thread and owner share.
struct Control {
    /// The thread was asked to stop.
    stop: AtomicBool,
}

/// What is on the heap for a thread. It begins with its `Control`, so that one
/// pointer serves for both.
#[repr(C)]
struct Body<F> {
    control: Control,
    /// What the thread runs.
    main: F,
}

/// A kernel thread.
///
/// # Invariants
///
/// - `task` is a kernel thread of ours, with a reference of our own.
/// - `control` is that of a `Body` on the heap, which lives until `free` is
///   called with it.
///
/// # Examples
///
/// ```no_run
/// use faultline::{prelude::*, task::{cpu, kthread::Kthread, time}};
///
/// let thread = cpu::hotplug_locked(|lock| {
///     Kthread::on_cpu(0, format_args!("greeter/{}", 0), lock, |me| {
///         while !me.should_stop() {
///             pr_info!("hello from CPU {}", cpu::current());
///             me.sleep_until(time::monotonic_ns() + time::NSEC_PER_SEC);
///         }
///     })
/// })?;
/// thread.start();
/// // Dropped, it stops.
/// # Ok::<(), Error>(())
/// ```
pub struct Kthread {
    task: NonNull<bindings::task_struct>,
    control: NonNull<Control>,
    free: unsafe fn(NonNull<Control>),
    _entrance: Entrance,
}

// SAFETY: A task may be woken and stopped from any thread; the body is `Send`.
unsafe impl Send for Kthread {}

// SAFETY: `start` and `request_stop` may be called by several threads at once.
unsafe impl Sync for Kthread {}

impl Kthread {
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
    /// its own: it may sleep, has no user memory, and ignores signals. What it
    /// has captured is dropped with the object.
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
        F: Fn(&Me<'_>) + Send + 'static,
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
        F: Fn(&Me<'_>) + Send + 'static,
    {
        let name = Text::<{ NAME_MAX + 1 }>::format(format_args!("{name}\0"))?;
        let name = name.as_c_str().ok_or(code::EINVAL)?;
        let body = KBox::new(
            Body {
                control: Control {
                    stop: AtomicBool::new(false),
                },
                main,
            },
            GFP_KERNEL,
        )?;
        let body = KBox::into_raw(body);

        // SAFETY: `enter` may be called with this body, which lives until the
        // thread has ended. The format asks for one string with NUL.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(enter::<F>),
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
            free: free::<F>,
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
    /// [`Me::sleep_until`] or [`Me::hang_until`], it wakes up.
    ///
    /// A body that has not been started may run then, and finds that it should
    /// stop.
    ///
    /// # Context
    ///
    /// Any but an NMI.
    pub fn request_stop(&self) {
        // SAFETY: By the invariant the control lives.
        let control = unsafe { self.control.as_ref() };
        // The strongest order, so that an owner and a body which each announce
        // something and then look at what the other announced cannot miss both.
        control.stop.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Has a thread that sleeps in [`Me::hang_until`] look again at until when.
    /// One that was not started begins.
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

impl Drop for Kthread {
    /// Stops the thread and waits for its end.
    ///
    /// # Context
    ///
    /// Process context; sleeps for as long as the body takes to find that it
    /// should stop. A body that was never started does not run.
    fn drop(&mut self) {
        // SAFETY: By the invariant the task is a kernel thread to which we hold
        // a reference, which is then given up. After `kthread_stop` it has
        // ended, so nobody uses the body that is freed.
        unsafe {
            bindings::kthread_stop(self.task.as_ptr());
            bindings::faultline_helper_put_task_struct(self.task.as_ptr());
            (self.free)(self.control);
        }
    }
}

/// Where the kernel enters a thread.
///
/// # Safety
///
/// `data` is a `Body<F>` that lives until the task has ended, and whose `main`
/// nobody else uses until then.
unsafe extern "C" fn enter<F>(data: *mut c_void) -> c_int
where
    F: Fn(&Me<'_>),
{
    // SAFETY: The body lives until the task has ended. Only shared references are made.
    let body = unsafe { &*data.cast::<Body<F>>() };
    (body.main)(&Me {
        control: &body.control,
        _of_this_thread: PhantomData,
    });
    0
}

/// Frees a thread's body.
///
/// # Safety
///
/// `control` is that of a `Body<F>` made by `KBox::into_raw`, which is not used
/// after this.
unsafe fn free<F>(control: NonNull<Control>) {
    // SAFETY: `control` is the first field of a body that came from a box, and the caller
    // gives it up.
    drop(unsafe { KBox::from_raw(control.as_ptr().cast::<Body<F>>()) });
}

/// The thread that runs, as its body sees it.
pub struct Me<'a> {
    control: &'a Control,
    _of_this_thread: PhantomData<*mut ()>,
}

impl Me<'_> {
    /// Was the thread asked to stop?
    ///
    /// # Context
    ///
    /// Any in which the body can be.
    #[inline]
    pub fn should_stop(&self) -> bool {
        // SAFETY: `Me` exists in a kernel thread only.
        self.control.stop.load(Ordering::SeqCst) || unsafe { bindings::kthread_should_stop() }
    }

    /// Says that the thread may die here.
    pub fn mortal(&self) -> Mortal<'_> {
        // SAFETY: The kernel refers to nothing of a thread that dies but to its
        // task, which belongs to the kernel. The body lives until the task has
        // ended, also in this way, and is not used after that.
        unsafe { Mortal::new() }
    }

    /// Sleeps until the monotonic clock shows `ns`, or until the thread is
    /// asked to stop, which ends the sleep at once. Returns whether it was.
    ///
    /// # Context
    ///
    /// Process context; sleeps, so no context of [`crate::task::context`] may be
    /// entered.
    pub fn sleep_until(&self, ns: u64) -> bool {
        loop {
            // SAFETY: It is the state of the current task. It is set before
            // the reason to wake up is looked for, so that a waker who comes
            // in between makes the sleep end at once.
            unsafe { bindings::faultline_helper_set_current_state_interruptible() };
            let stop = self.should_stop();
            let left = ns.saturating_sub(time::monotonic_ns());
            if stop || left == 0 {
                // SAFETY: It is the state of the current task, which goes on running.
                unsafe { bindings::faultline_helper_set_current_state_running() };
                return stop;
            }
            // SAFETY: The caller may sleep.
            unsafe { bindings::schedule_timeout(time::jiffies(left)) };
        }
    }

    /// Hangs: sleeps so that nothing but an event can wake the thread (state
    /// `D`), as for a device that does not answer. The event is that the
    /// monotonic clock shows what `until` says, that the thread is asked to
    /// stop, or that it is [woken](Kthread::wake) and `until` now says a time
    /// that is over. Returns whether it was asked to stop.
    ///
    /// It is one sleep, as long as nobody wakes the thread, so the hung task
    /// detector sees a task that does not run at all.
    ///
    /// # Context
    ///
    /// Process context; sleeps. `until` must not.
    pub fn hang_until(&self, until: impl Fn() -> u64) -> bool {
        loop {
            // SAFETY: It is the state of the current task. It is set before the reason to wake
            // up is looked for, so that a waker who comes in between makes the sleep end.
            unsafe { bindings::faultline_helper_set_current_state_uninterruptible() };
            let stop = self.should_stop();
            let left = until().saturating_sub(time::monotonic_ns());
            if stop || left == 0 {
                // SAFETY: It is the state of the current task, which goes on running.
                unsafe { bindings::faultline_helper_set_current_state_running() };
                return stop;
            }
            // SAFETY: The caller may sleep.
            unsafe { bindings::schedule_timeout(time::jiffies(left)) };
        }
    }
}
