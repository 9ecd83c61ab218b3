// SPDX-License-Identifier: GPL-2.0

//! A session: it lasts as long as somebody has `control` open.

use core::fmt::{
    self,
    Write as _, //
};

use faultline::{
    debugfs::{
        Session,
        Show, //
    },
    prelude::*,
    task::kthread::Kthread,
    text::Text, //
};

use crate::{
    brake,
    refusal::Refusal,
    work::{
        Place,
        Work, //
    }, //
};

/// `control`, open.
pub(crate) struct Opened {
    place: Arc<Place>,
    _brake: Kthread,
}

impl Session for Opened {
    type Owner = Place;

    fn open(place: &Arc<Place>) -> Result<Self> {
        // Made before the session is, so that there is nothing to be undone.
        let brake = brake::start(place.clone())?;
        let mut session = place.0.lock();
        if session.is_some() {
            return Err(EBUSY);
        }
        *session = Some(Work::new());
        drop(session);
        Ok(Self {
            place: place.clone(),
            _brake: brake,
        })
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let written = self.place.with(|work| {
            let begun = core::mem::replace(&mut work.begun, KVec::new());
            let mut number: u32 = 0;
            let refused = match work.obey_all(&begun, bytes, &mut number) {
                Ok(()) => None,
                Err(refusal) => Some(refusal),
            };
            work.reply = Text::new();
            let Some(Refusal { error, text }) = refused else {
                return Ok(bytes.len());
            };
            let _ = write!(work.reply, "line {number}: {text}");
            Err(error)
        });
        written.unwrap_or(Err(ENODEV))
    }

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let shown = self.place.with(|work| match &*work.reply {
            "" => writeln!(out, "ok"),
            reply => writeln!(out, "{reply}"),
        });
        shown.unwrap_or(Ok(()))
    }
}

impl Drop for Opened {
    /// Detaches everything. It is detached outside of the lock, and after that the brake is
    /// stopped, which takes it.
    fn drop(&mut self) {
        let work = self.place.0.lock().take();
        drop(work);
    }
}

/// The file `functions`.
pub(crate) struct Functions(pub(crate) Arc<Place>);

impl Show for Functions {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.0.with(|work| work.show(out)).unwrap_or(Ok(()))
    }
}
