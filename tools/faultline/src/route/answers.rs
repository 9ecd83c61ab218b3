// SPDX-License-Identifier: GPL-2.0

//! Whether a neighbour that asked was answered, and why not. That it was not is known only where
//! every answer is seen.

use super::call::{answers, Call, Family};
use super::kernel::Targets;
use super::line::Event;
use super::packet::Packet;
use std::collections::BTreeMap;

/// Of which families each answer to a neighbour makes an event.
#[derive(Debug, Clone, Default)]
pub struct Answers(Vec<Family>);

impl Answers {
    /// With these filters, and these functions probed.
    pub fn of(filters: &BTreeMap<&'static str, String>, targets: &Targets) -> Self {
        let is_asked_for = |event: &str| match filters.get("events") {
            Some(events) => events.split(',').any(|name| name == event),
            None => true,
        };
        let all = [Family::Ipv4, Family::Ipv6].into_iter();
        let seen = all.filter(|family| {
            answers(*family).is_some_and(|event| is_asked_for(event) && targets.has(event))
        });
        Answers(seen.collect())
    }

    fn have(&self, family: Option<Family>) -> bool {
        family.is_some_and(|family| self.0.contains(&family))
    }
}

impl Packet {
    /// Whether it was answered; `None` if it asks nothing, or that is not known.
    pub fn answered(&self, family: Option<Family>, answers: &Answers) -> Option<bool> {
        let says = |key: &str, word: &str| self.root.fields.get(key) == Some(word);
        let asks = self.root.does(Call::Neighbour)
            && (says("op", "request") || says("type", "neighbour_solicitation"));
        let is_answer = |call: &Event| {
            call.does(Call::Sent)
                && (call.fields.get("op") == Some("reply")
                    || call.fields.get("type") == Some("neighbour_advertisement"))
        };
        match self.calls.iter().any(is_answer) {
            _ if !asks => None,
            true => Some(true),
            false => answers.have(family).then_some(false),
        }
    }

    /// Why it was not, where that can be told: what became of the request, who asks, and by which
    /// device.
    pub fn why_not_answered(
        &self,
        fate: &str,
        src: Option<&str>,
        dev: Option<&str>,
    ) -> Option<String> {
        let ignore = self.root.fields.number("arp_ignore").unwrap_or_default();
        match fate {
            "forward" => Some("not an address of this machine".into()),
            "local" if ignore != 0 => Some(format!("arp_ignore is {ignore}")),
            // What arp_filter has looked up: the way to who asks.
            "local" => {
                let mut looked_up = self.calls.iter().filter(|call| call.does(Call::Output));
                let out = looked_up.find_map(|call| call.fields.text("dev"))?;
                (dev != Some(out))
                    .then(|| format!("arp_filter: the way to {} is {out}", src.unwrap_or("it")))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::line::Record;
    use crate::route::packet::Packets;

    const ASKED: &str =
        "arp_process: net=1 dev=veth0 no_addr=0 rp_filter=off op=request sender=10.0.0.2 \
        target=10.0.0.1 arp_ignore=0 ret=0 ns=90 at=100 root=100";
    const ROUTED: &str =
        "ip_route_input: net=1 cause=arp src=10.0.0.2 dst=10.0.0.1 tos=0x0 mark=0x0 dev=veth0 \
        ret=0 reason=ok err=0 fate=local via=0.0.0.0 via6=:: out=lo ns=20 skb=0x1 at=110 root=100";
    const REPLY: &str =
        "arp_xmit: net=1 cause=arp dev=veth0 op=reply sender=10.0.0.1 target=10.0.0.2 \
        ns=9 at=150 root=100";

    fn packet(events: &[&str]) -> Packet {
        let mut packets = Packets::default();
        let mut last = None;
        for event in events {
            let line = format!("x-1 [000] ..... 1.000000: {event}");
            let Record::Event(event) = Record::read(&line) else {
                panic!("{line}")
            };
            last = packets.add(event);
        }
        last.unwrap()
    }

    fn answered(events: &[&str], answers: &Answers) -> Option<bool> {
        let packet = packet(events);
        let family = packet.root.kind().map(|kind| kind.family);
        packet.answered(family, answers)
    }

    fn seen() -> Answers {
        Answers(vec![Family::Ipv4, Family::Ipv6])
    }

    #[test]
    fn what_is_seen() {
        let targets = "arp_xmit arp_xmit attached, maxactive=10\n\
            ndisc_send_skb ndisc_send_skb not attached: not found\n";
        let of = |events: Option<&str>| {
            let filters = events.map(|events| ("events", events.to_string()));
            Answers::of(&filters.into_iter().collect(), &Targets::new(targets)).0
        };
        assert_eq!(of(None), [Family::Ipv4]);
        assert_eq!(of(Some("arp_process,arp_xmit")), [Family::Ipv4]);
        assert_eq!(of(Some("arp_process")), []);
    }

    #[test]
    fn answers_and_silence() {
        let none = Answers::default();
        assert_eq!(answered(&[ROUTED, REPLY, ASKED], &none), Some(true));
        assert_eq!(answered(&[ROUTED, ASKED], &seen()), Some(false));
        // Not seen is not unanswered.
        assert_eq!(answered(&[ROUTED, ASKED], &none), None);
        // A reply asks nothing.
        let reply = ASKED.replace("op=request", "op=reply");
        assert_eq!(answered(&[&reply], &seen()), None);
        // What is sent for another reason is no answer.
        let asks = REPLY.replace("op=reply", "op=request");
        assert_eq!(answered(&[ROUTED, &asks, ASKED], &seen()), Some(false));
    }

    #[test]
    fn why_not() {
        let why = |events: &[&str], fate: &str| {
            packet(events).why_not_answered(fate, Some("10.0.0.2"), Some("veth0"))
        };
        assert_eq!(why(&[ROUTED, ASKED], "local"), None);
        let ignored = ASKED.replace("arp_ignore=0", "arp_ignore=2");
        let said = why(&[ROUTED, &ignored], "local");
        assert_eq!(said.as_deref(), Some("arp_ignore is 2"));
        let said = why(&[ROUTED, ASKED], "forward");
        assert_eq!(said.as_deref(), Some("not an address of this machine"));
        let filter = |dev: &str| {
            format!(
                "route_output: net=1 cause=arp src=10.0.0.1 dst=10.0.0.2 tos=0x0 oif= mark=0x0 uid=0 proto=0 \
                 sport=0 dport=0 err=0 type=unicast via=0.0.0.0 via6=:: dev={dev} rt_flags=0x0 ns=9 at=140 root=100"
            )
        };
        let said = why(&[ROUTED, &filter("veth1"), ASKED], "local");
        assert_eq!(
            said.as_deref(),
            Some("arp_filter: the way to 10.0.0.2 is veth1")
        );
        assert_eq!(why(&[ROUTED, &filter("veth0"), ASKED], "local"), None);
    }

    #[test]
    fn neighbour_discovery() {
        let asked = "ndisc_rcv: net=1 cause=ndisc dev=veth0 src=2001:db8::2 target=2001:db8::1 \
            type=neighbour_solicitation ret=1 reason=ok ns=90 at=100 root=100";
        let sent = "ndisc_send_skb: net=1 cause=ndisc dev=veth0 src=2001:db8::1 dst=2001:db8::2 target=2001:db8::1 \
            type=neighbour_advertisement ns=9 at=150 root=100";
        assert_eq!(answered(&[sent, asked], &seen()), Some(true));
        assert_eq!(answered(&[asked], &seen()), Some(false));
    }
}
