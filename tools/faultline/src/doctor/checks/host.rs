// SPDX-License-Identifier: GPL-2.0

//! The host that stores the dumps: its key exists, and it can be reached.

use super::kdump::{is_one_there, is_there, About, With};
use super::target::goal;
use crate::doctor::check::Check;
use crate::doctor::config::saver::{Goal, Saver};
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::verdict::stage::Stage;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const ABOUT: About = About(Link::Dump);
/// Time limit for a connection to the host.
const PATIENCE: Duration = Duration::from_secs(3);

/// The family's checks.
pub const CHECKS: &[Check] = &[Check {
        name: "dump_host",
        reads: "SSH and SSH_KEY, NFS, FTP; ssh and sshkey in kdump.conf; whether the host's port answers (only on this machine)",
        why: "the crash kernel cannot ask for a password: without the key or the host there is no dump",
        mend: "kdump-config propagate, kdumpctl propagate",
        run: host,
    }];

fn host(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let (saver, goal, place) = goal(facts);
    let Goal::Remote {
        protocol,
        host,
        port,
        key,
    } = goal
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let propagate = match saver {
        Saver::KdumpUtils { .. } => "kdumpctl propagate",
        _ => "kdump-config propagate",
    };
    if let Some(key) = &key {
        match is_there(system, key) {
            Some(true) => {}
            Some(false) => findings.push(
                ABOUT
                    .wrong(
                        Stage::DumpFailed,
                        format!("the key for {host} does not exist"),
                    )
                    .line(&place, &host)
                    .evidence(key, "(not there)")
                    .mend(propagate),
            ),
            None => findings.push(
                ABOUT
                    .unknown(format!("cannot tell whether the key for {host} exists"))
                    .evidence(key, "(not seen)"),
            ),
        }
        let known = ["/root/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"];
        if is_one_there(system, &known) == Some(false) {
            let says = format!(
                "the host key of {host} is not known: ssh asks to confirm it, and the dump fails"
            );
            findings.push(
                ABOUT
                    .wrong(Stage::DumpFailed, says)
                    .evidence(known[0], "(not there)")
                    .mend(propagate),
            );
        }
    }
    let program: &[&str] = match protocol {
        "ssh" => &["/usr/bin/ssh"],
        "nfs" => &["/usr/sbin/mount.nfs"],
        _ => &[],
    };
    if !program.is_empty() && is_one_there(system, program) == Some(false) {
        findings.push(
            ABOUT
                .wrong(
                    Stage::DumpFailed,
                    format!(
                        "{} is not installed: no dump is saved to {host}",
                        program[0]
                    ),
                )
                .line(&place, &host)
                .evidence(program[0], "(not there)")
                .mend("# install openssh-client or nfs-common (nfs-utils)"),
        );
    }
    match system.is_here() {
        false => findings.push(
            ABOUT
                .unknown(format!(
                    "not tried whether {host} can be reached: this is not the examined machine"
                ))
                .line(&place, &host),
        ),
        true => match answers(&host, port) {
            Ok(()) => findings.push(
                ABOUT
                    .fine(format!("{host} answers on port {port}"))
                    .line(&place, &host),
            ),
            Err(why) => findings.push(
                ABOUT
                    .wrong(
                        Stage::DumpFailed,
                        format!("{host} does not answer on port {port}"),
                    )
                    .line(&place, &host)
                    .evidence(format!("{host}:{port}"), why)
                    .mend("# check the host, and the network to it"),
            ),
        },
    }
    findings
}

/// Returns whether the port accepts a connection, which is closed at once.
fn answers(host: &str, port: u16) -> Result<(), String> {
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|error| error.to_string())?;
    let mut why = "no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => why = format!("{address}: {error}"),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::class::Classes;
    use crate::system::testing::Machine;

    fn says(machine: Machine) -> Vec<String> {
        let system = machine.system();
        host(&Facts::of(&system, Classes::ALL))
            .iter()
            .map(|one| format!("{:?}: {}", one.state, one.says))
            .collect()
    }

    fn machine(settings: &str) -> Machine {
        Machine::new()
            .file("/usr/sbin/kdump-config", "")
            .file("/usr/bin/sh", "")
            .file("/etc/default/kdump-tools", settings)
    }

    #[test]
    fn hosts() {
        let ssh = || {
            machine("SSH=\"kdump@logs\"\n")
                .file("/root/.ssh/config", "")
                .file("/etc/ssh/ssh_config", "")
                .file("/usr/bin/ssh", "")
        };
        let said = says(ssh());
        assert!(
            said[0].contains("the key for logs does not exist"),
            "{said:?}"
        );
        assert!(
            said[1].contains("the host key of logs is not known"),
            "{said:?}"
        );
        let whole = ssh()
            .file("/root/.ssh/kdump_id_rsa", "")
            .file("/root/.ssh/known_hosts", "");
        let said = says(whole);
        assert_eq!(
            said,
            ["Unknown: not tried whether logs can be reached: this is not the examined machine"]
        );
        let nfs = says(machine("NFS=\"logs:/x\"\n"));
        assert!(
            nfs[0].contains("/usr/sbin/mount.nfs is not installed"),
            "{nfs:?}"
        );
    }

    #[test]
    fn a_port_that_answers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(answers("127.0.0.1", port), Ok(()));
        drop(listener);
        assert!(answers("127.0.0.1", port).is_err());
    }
}
