// SPDX-License-Identifier: GPL-2.0

//! Signals and the reasons for them, by their names. The numbers are those of
//! `include/uapi/asm-generic/{signal,siginfo}.h`, which x86 and arm64 have.

use std::borrow::Cow;

/// What happens to a process that does not handle a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Stop,
    Continue,
    Terminate,
    /// Terminates, with a core dump where one is allowed.
    Core,
}

impl Action {
    pub fn is_end(self) -> bool {
        matches!(self, Action::Terminate | Action::Core)
    }
}

pub const SIGKILL: i32 = 9;
pub const SIGCHLD: i32 = 17;
pub const SIGCONT: i32 = 18;
pub const SIGSTOP: i32 = 19;
const LAST: i32 = 64;
/// The first two of real time are the C library's own.
const SIGRTMIN: i32 = 34;

const SIGNALS: [(&str, Action); 31] = [
    ("SIGHUP", Action::Terminate),
    ("SIGINT", Action::Terminate),
    ("SIGQUIT", Action::Core),
    ("SIGILL", Action::Core),
    ("SIGTRAP", Action::Core),
    ("SIGABRT", Action::Core),
    ("SIGBUS", Action::Core),
    ("SIGFPE", Action::Core),
    ("SIGKILL", Action::Terminate),
    ("SIGUSR1", Action::Terminate),
    ("SIGSEGV", Action::Core),
    ("SIGUSR2", Action::Terminate),
    ("SIGPIPE", Action::Terminate),
    ("SIGALRM", Action::Terminate),
    ("SIGTERM", Action::Terminate),
    ("SIGSTKFLT", Action::Terminate),
    ("SIGCHLD", Action::Nothing),
    ("SIGCONT", Action::Continue),
    ("SIGSTOP", Action::Stop),
    ("SIGTSTP", Action::Stop),
    ("SIGTTIN", Action::Stop),
    ("SIGTTOU", Action::Stop),
    ("SIGURG", Action::Nothing),
    ("SIGXCPU", Action::Core),
    ("SIGXFSZ", Action::Core),
    ("SIGVTALRM", Action::Terminate),
    ("SIGPROF", Action::Terminate),
    ("SIGWINCH", Action::Nothing),
    ("SIGIO", Action::Terminate),
    ("SIGPWR", Action::Terminate),
    ("SIGSYS", Action::Core),
];
const ALIASES: [(&str, i32); 4] = [
    ("SIGIOT", 6),
    ("SIGCLD", SIGCHLD),
    ("SIGPOLL", 29),
    ("SIGUNUSED", 31),
];

/// The name of a signal, as `kill -l` has it.
pub fn signal(number: i32) -> Cow<'static, str> {
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    match (index.and_then(|index| SIGNALS.get(index)), number) {
        (Some((name, _)), _) => (*name).into(),
        (None, SIGRTMIN) => "SIGRTMIN".into(),
        (None, LAST) => "SIGRTMAX".into(),
        (None, 35..=49) => format!("SIGRTMIN+{}", number - SIGRTMIN).into(),
        (None, 50..=63) => format!("SIGRTMAX-{}", LAST - number).into(),
        (None, _) => format!("SIG{number}").into(),
    }
}

/// What is done where a signal is not handled.
pub fn default_action(number: i32) -> Action {
    let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    index
        .and_then(|index| SIGNALS.get(index))
        .map_or(Action::Terminate, |(_, action)| *action)
}

/// A signal on the command line: its number, or its name with or without `SIG`.
pub fn parse(text: &str) -> Result<i32, String> {
    let wrong = || {
        format!(
            "'{text}' is no signal: a number from 1 to {LAST}, or a name as 'kill -l' has it, for \
             instance TERM, SIGSEGV, RTMIN+3"
        )
    };
    if let Ok(number) = text.parse::<i32>() {
        return Some(number)
            .filter(|number| (1..=LAST).contains(number))
            .ok_or_else(wrong);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let named = (1..=LAST).find(|&number| signal(number).strip_prefix("SIG") == Some(name));
    let alias = ALIASES.iter().find(|(alias, _)| &alias[3..] == name);
    let from = |prefix: &str, base: i32, sign: i32| {
        let offset = name.strip_prefix(prefix)?.parse::<u8>().ok()?;
        let number = base + sign * i32::from(offset);
        (SIGRTMIN..=LAST).contains(&number).then_some(number)
    };
    // `SIG32` and `SIG33` have numbers for names, which are no names to be found here by.
    let named = named.filter(|_| !name.bytes().all(|byte| byte.is_ascii_digit()));
    named
        .or(alias.map(|(_, number)| *number))
        .or_else(|| from("RTMIN+", SIGRTMIN, 1))
        .or_else(|| from("RTMAX-", LAST, -1))
        .ok_or_else(wrong)
}

/// Who sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// The task in which it happened, by a system call.
    Task,
    /// The kernel, whatever task it happened in.
    Kernel,
}

/// Why there is a signal: its code by name, who sent it, and by which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: Cow<'static, str>,
    pub sender: Sender,
    pub way: Cow<'static, str>,
}

const SI_KERNEL: i32 = 0x80;
/// The codes by which a parent is told of a child.
const CHILD: [&str; 6] = [
    "CLD_EXITED",
    "CLD_KILLED",
    "CLD_DUMPED",
    "CLD_TRAPPED",
    "CLD_STOPPED",
    "CLD_CONTINUED",
];

/// The codes of the kernel, from 1 on, of each signal that has its own.
const CODES: [(i32, &[&str]); 8] = [
    (
        4,
        &[
            "ILL_ILLOPC",
            "ILL_ILLOPN",
            "ILL_ILLADR",
            "ILL_ILLTRP",
            "ILL_PRVOPC",
            "ILL_PRVREG",
            "ILL_COPROC",
            "ILL_BADSTK",
            "ILL_BADIADDR",
        ],
    ),
    (
        5,
        &[
            "TRAP_BRKPT",
            "TRAP_TRACE",
            "TRAP_BRANCH",
            "TRAP_HWBKPT",
            "TRAP_UNK",
            "TRAP_PERF",
        ],
    ),
    (
        7,
        &[
            "BUS_ADRALN",
            "BUS_ADRERR",
            "BUS_OBJERR",
            "BUS_MCEERR_AR",
            "BUS_MCEERR_AO",
        ],
    ),
    (
        8,
        &[
            "FPE_INTDIV",
            "FPE_INTOVF",
            "FPE_FLTDIV",
            "FPE_FLTOVF",
            "FPE_FLTUND",
            "FPE_FLTRES",
            "FPE_FLTINV",
            "FPE_FLTSUB",
        ],
    ),
    (
        11,
        &[
            "SEGV_MAPERR",
            "SEGV_ACCERR",
            "SEGV_BNDERR",
            "SEGV_PKUERR",
            "SEGV_ACCADI",
            "SEGV_ADIDERR",
            "SEGV_ADIPERR",
            "SEGV_MTEAERR",
            "SEGV_MTESERR",
            "SEGV_CPERR",
        ],
    ),
    (SIGCHLD, &CHILD),
    (
        29,
        &[
            "POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP",
        ],
    ),
    (31, &["SYS_SECCOMP", "SYS_USER_DISPATCH"]),
];

/// Returns whether the kernel tells a parent of its child by it.
pub fn is_of_child(signal: i32, code: i32) -> bool {
    signal == SIGCHLD && (1..=6).contains(&code)
}

/// Tells what a signal's code says. `to_process` is whether the signal was sent to a whole process.
pub fn reason(signal: i32, code: i32, to_process: bool) -> Reason {
    let (name, sender, way) = match code {
        // kill(2) always sends to whole processes.
        0 if to_process => ("SI_USER", Sender::Task, "kill(2)"),
        0 => ("SI_USER", Sender::Kernel, "send_sig"),
        -1 => ("SI_QUEUE", Sender::Task, "sigqueue(3)"),
        -2 => ("SI_TIMER", Sender::Kernel, "timer_create(2)"),
        -3 => ("SI_MESGQ", Sender::Task, "mq_notify(3)"),
        -4 => ("SI_ASYNCIO", Sender::Task, "aio"),
        -5 => ("SI_SIGIO", Sender::Kernel, "O_ASYNC"),
        -6 => ("SI_TKILL", Sender::Task, "tgkill(2)"),
        -7 => ("SI_DETHREAD", Sender::Kernel, "execve(2)"),
        -60 => ("SI_ASYNCNL", Sender::Task, "getaddrinfo_a(3)"),
        SI_KERNEL => ("SI_KERNEL", Sender::Kernel, "kernel"),
        1.. => {
            let of_signal = CODES.iter().find(|(number, _)| *number == signal);
            let name = usize::try_from(code - 1)
                .ok()
                .and_then(|index| of_signal?.1.get(index));
            let code: Cow<'static, str> = match name {
                Some(name) => (*name).into(),
                None => format!("code {code}").into(),
            };
            return Reason {
                way: code.clone(),
                code,
                sender: Sender::Kernel,
            };
        }
        _ => {
            return Reason {
                code: format!("code {code}").into(),
                sender: Sender::Task,
                way: "rt_sigqueueinfo(2)".into(),
            };
        }
    };
    Reason {
        code: name.into(),
        sender,
        way: way.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let known = [
            (1, "SIGHUP"),
            (9, "SIGKILL"),
            (11, "SIGSEGV"),
            (15, "SIGTERM"),
            (17, "SIGCHLD"),
            (31, "SIGSYS"),
            (32, "SIG32"),
            (34, "SIGRTMIN"),
            (37, "SIGRTMIN+3"),
            (49, "SIGRTMIN+15"),
            (50, "SIGRTMAX-14"),
            (64, "SIGRTMAX"),
            (0, "SIG0"),
            (-1, "SIG-1"),
            (65, "SIG65"),
        ];
        for (number, name) in known {
            assert_eq!(signal(number), name);
        }
        for number in (1..=LAST).filter(|number| !(32..SIGRTMIN).contains(number)) {
            assert_eq!(parse(&signal(number)), Ok(number));
            assert_eq!(parse(&signal(number).to_lowercase()[3..]), Ok(number));
            assert_eq!(parse(&number.to_string()), Ok(number));
        }
        assert_eq!(parse("iot"), Ok(6));
        assert_eq!(parse("RTMIN+20"), Ok(54));
        assert_eq!(parse("SIGRTMAX-30"), Ok(34));
        for wrong in [
            "",
            "0",
            "65",
            "-1",
            "SIG",
            "SIG15",
            "TERMX",
            "RTMIN+31",
            "RTMAX-31",
            "RTMIN+",
            "RTMIN+999",
            "SIG32",
            "é",
        ] {
            assert!(parse(wrong).unwrap_err().contains("kill -l"), "{wrong}");
        }
    }

    #[test]
    fn actions() {
        assert_eq!(default_action(15), Action::Terminate);
        assert_eq!(default_action(11), Action::Core);
        assert_eq!(default_action(SIGSTOP), Action::Stop);
        assert_eq!(default_action(SIGCHLD), Action::Nothing);
        assert_eq!(default_action(40), Action::Terminate);
    }

    #[test]
    fn reasons() {
        let told = |signal, code, to_process| {
            let reason = reason(signal, code, to_process);
            format!("{} {:?} {}", reason.code, reason.sender, reason.way)
        };
        assert_eq!(told(15, 0, true), "SI_USER Task kill(2)");
        // As SIGPIPE has it.
        assert_eq!(told(13, 0, false), "SI_USER Kernel send_sig");
        assert_eq!(told(6, -6, false), "SI_TKILL Task tgkill(2)");
        assert_eq!(told(9, 0x80, true), "SI_KERNEL Kernel kernel");
        assert_eq!(told(11, 1, false), "SEGV_MAPERR Kernel SEGV_MAPERR");
        assert_eq!(told(11, 10, false), "SEGV_CPERR Kernel SEGV_CPERR");
        assert_eq!(told(11, 11, false), "code 11 Kernel code 11");
        assert_eq!(told(8, 1, false), "FPE_INTDIV Kernel FPE_INTDIV");
        assert_eq!(told(15, 1, false), "code 1 Kernel code 1");
        assert_eq!(told(15, -100, true), "code -100 Task rt_sigqueueinfo(2)");
        assert_eq!(told(17, 3, true), "CLD_DUMPED Kernel CLD_DUMPED");
        assert!(is_of_child(17, 1) && !is_of_child(17, 0) && !is_of_child(15, 1));
        assert_eq!(
            told(15, i32::MIN, true),
            "code -2147483648 Task rt_sigqueueinfo(2)"
        );
    }
}
