// SPDX-License-Identifier: GPL-2.0

//! How processes end, as the kernel's process connector tells it: the one place that has the exit
//! status of any process, also when its parent has taken it.
//!
//! A message is a netlink header, the connector's header and a `struct proc_event`
//! (`include/uapi/linux/{netlink,connector,cn_proc}.h`), in the byte order of the machine.

use anyhow::{bail, Context};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{SocketAddrNetlink, CONNECTOR};
use rustix::net::{
    bind, recv, send, socket_with, sockopt, AddressFamily, RecvFlags, SendFlags, SocketFlags,
    SocketType,
};
use std::time::{Duration, Instant};

/// A thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// On CLOCK_MONOTONIC.
    pub time_us: u64,
    pub pid: i32,
    pub process: i32,
    /// As wait(2) has it; none where nobody could tell.
    pub status: Option<Status>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Exited(u8),
    Killed { signal: i32, core: bool },
}

impl Status {
    /// From what wait(2) returns.
    fn new(code: u32) -> Self {
        match code & 0x7f {
            0 => Status::Exited(((code >> 8) & 0xff) as u8),
            signal => Status::Killed {
                signal: signal as i32,
                core: code & 0x80 != 0,
            },
        }
    }
}

const NETLINK_HEADER: usize = 16;
const HEADERS: usize = NETLINK_HEADER + 20;
/// `CN_IDX_PROC`, which is the multicast group, too, and `CN_VAL_PROC`.
const PROC: u32 = 1;
const NLMSG_DONE: u16 = 3;
const PROC_CN_MCAST_LISTEN: u32 = 1;
const PROC_CN_MCAST_IGNORE: u32 = 2;
const PROC_EVENT_EXIT: u32 = 0x8000_0000;
/// Room for what comes at once.
const RECEIVE_BUFFER: usize = 4 << 20;
/// How long the first word of the kernel may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way on which the kernel tells of ends.
pub struct Exits {
    socket: OwnedFd,
    /// How often messages had no room.
    pub overruns: u64,
}

impl Exits {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// The kernel has no process connector (`CONFIG_PROC_EVENTS`), or it does not tell us: it tells
    /// only who is in the first namespaces, and may administrate the network.
    pub fn listen() -> anyhow::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            flags,
            Some(CONNECTOR),
        )
        .context("the kernel has no connector")?;
        bind(&socket, &SocketAddrNetlink::new(0, PROC)).context("bind")?;
        // As much as there may be, if there may not be as much as that.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER));
        let mut exits = Exits {
            socket,
            overruns: 0,
        };
        // Ends alone, or, of an older kernel, everything.
        for what in [
            &[PROC_CN_MCAST_LISTEN, PROC_EVENT_EXIT][..],
            &[PROC_CN_MCAST_LISTEN],
        ] {
            exits.send(what)?;
            if exits.works()? {
                return Ok(exits);
            }
        }
        bail!("the kernel has no process connector, or this is not in its first namespaces")
    }

    /// Returns whether the end of a thread of ours is told.
    fn works(&mut self) -> anyhow::Result<bool> {
        let ours = i32::try_from(std::process::id())?;
        std::thread::spawn(|| {})
            .join()
            .ok()
            .context("a thread that does nothing died")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.read()?.iter().any(|exit| exit.process == ours) {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&Timespec::try_from(left)?)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn send(&self, what: &[u32]) -> anyhow::Result<()> {
        let data: Vec<u8> = what.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let length = HEADERS + data.len();
        let mut message = Vec::with_capacity(length);
        message.extend((length as u32).to_ne_bytes());
        message.extend(NLMSG_DONE.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(PROC.to_ne_bytes());
        message.extend(PROC.to_ne_bytes());
        message.extend([0; 8]);
        message.extend((data.len() as u16).to_ne_bytes());
        message.extend([0; 2]);
        message.extend(data);
        send(&self.socket, &message, SendFlags::empty())
            .map(drop)
            .context("the process connector")
    }

    /// The ends that were told since the last time.
    pub fn read(&mut self) -> anyhow::Result<Vec<Exit>> {
        let (mut exits, mut message) = (Vec::new(), [0; 4096]);
        loop {
            match recv(&self.socket, &mut message[..], RecvFlags::empty()) {
                Ok((_, length)) => exits.extend(parse(&message[..length.min(message.len())])),
                Err(Errno::AGAIN) => return Ok(exits),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => self.overruns += 1,
                Err(error) => return Err(error).context("the process connector"),
            }
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        // Kernels before 6.6 go on to make messages when the socket is gone.
        let _ = self.send(&[PROC_CN_MCAST_IGNORE]);
    }
}

/// The end that a message tells of.
fn parse(message: &[u8]) -> Option<Exit> {
    let word = |at: usize| {
        Some(u32::from_ne_bytes(
            message.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    let number = |at: usize| word(at).map(|word| i32::from_ne_bytes(word.to_ne_bytes()));
    let event = HEADERS;
    let is_ours = word(NETLINK_HEADER)? == PROC && word(NETLINK_HEADER + 4)? == PROC;
    if !is_ours || word(event)? != PROC_EVENT_EXIT {
        return None;
    }
    let time = message.get(event + 8..event + 16)?.try_into().ok()?;
    let data = event + 16;
    Some(Exit {
        time_us: u64::from_ne_bytes(time) / 1000,
        pid: number(data)?,
        process: number(data + 4)?,
        status: Some(Status::new(word(data + 8)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(idx: u32, what: u32, code: u32) -> Vec<u8> {
        let mut message = vec![0; NETLINK_HEADER];
        for word in [idx, PROC, 0, 0, 40, what, 1] {
            message.extend(word.to_ne_bytes());
        }
        message.extend(7_000_001_999u64.to_ne_bytes());
        for word in [901, 900, code, 17, 1, 1] {
            message.extend(word.to_ne_bytes());
        }
        message
    }

    #[test]
    fn messages() {
        let exit = parse(&message(PROC, PROC_EVENT_EXIT, 0x8b)).unwrap();
        assert_eq!(
            (exit.time_us, exit.pid, exit.process),
            (7_000_001, 901, 900)
        );
        let killed = |signal, core| Some(Status::Killed { signal, core });
        assert_eq!(exit.status, killed(11, true));
        let status = |code| parse(&message(PROC, PROC_EVENT_EXIT, code)).unwrap().status;
        assert_eq!(status(15), killed(15, false));
        assert_eq!(status(0), Some(Status::Exited(0)));
        assert_eq!(status(0xff00), Some(Status::Exited(255)));
        assert_eq!(parse(&message(2, PROC_EVENT_EXIT, 0)), None);
        assert_eq!(parse(&message(PROC, 1, 0)), None);
        let whole = message(PROC, PROC_EVENT_EXIT, 0);
        for end in 0..64 {
            assert_eq!(parse(&whole[..end]), None);
        }
    }
}
