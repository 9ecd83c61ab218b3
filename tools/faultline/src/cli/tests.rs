// SPDX-License-Identifier: GPL-2.0

//! Tests of the command line: what it accepts, what it asks for, and what its help says.

use super::*;
use crate::route::Ask;
use std::time::Duration;

#[test]
fn the_command_line_is_sound() {
    command().debug_assert();
}

#[test]
fn every_command_has_a_guide_and_every_guide_a_command() {
    fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        found.push(path.into());
        let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        for sub in below {
            walk(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }
    let mut found = Vec::new();
    walk(&command(), "faultline", &mut found);
    found.sort();
    let guides: Vec<_> = GUIDES.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(found, guides);
}

/// The words of an example, for clap; none if a shell does more with it than this test knows.
fn words(example: &str) -> Vec<String> {
    let example = example.replace("\\\n", " ");
    let example = example.rsplit(" | ").next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in example.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_example_is_right_and_of_its_command() {
    for (path, guide) in GUIDES {
        assert!(!guide.examples.is_empty(), "{path}");
        for example in guide.examples {
            // A page indents them by 7 columns.
            let longest = example.lines().map(|line| line.len()).max();
            assert!(longest <= Some(73), "{example}");
            // The namespace need not exist here.
            let words = words(&example.replace("--netns blue", "--netns any"));
            if let Err(error) = command().try_get_matches_from(&words) {
                panic!("{example}: {error}");
            }
            assert!(words.join(" ").starts_with(path), "{path}: {example}");
        }
    }
}

#[test]
fn every_help_fits_on_a_terminal_and_ends_with_examples() {
    fn walk(command: &mut clap::Command) {
        let text = command.render_long_help().to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let end = text.rsplit("\n\n").next().unwrap_or_default();
        assert!(end.starts_with("examples:\n  "), "{text}");
        for sub in command.get_subcommands_mut() {
            if sub.get_name() != "help" && !sub.is_hide_set() {
                walk(sub);
            }
        }
    }
    let mut command = command();
    command.build();
    walk(&mut command);
}

#[test]
fn colours_before_there_are_arguments() {
    use anstream::ColorChoice::{Always, Auto, Never};
    for (line, choice) in [
        ("doctor", Auto),
        ("--color=always doctor", Always),
        ("doctor --color never --help", Never),
        ("--color always doctor --color=never", Never),
        ("--color sometimes doctor", Auto),
        ("verdict -- --color=always", Auto),
    ] {
        let words = line.split(' ').map(OsString::from);
        assert_eq!(colour(words), choice, "{line}");
        let parsed = command().try_get_matches_from(format!("faultline {line}").split(' '));
        assert_eq!(
            parsed.is_err(),
            line.contains("sometimes") || line.contains("help")
        );
    }
}

#[test]
fn a_plan_from_the_command_line() {
    let line = "faultline drill vm --mode soft --cpus 1 --hold-secs 10 --force --set kernel.softlockup_panic=0 --run-id x";
    let Command::Drill(DrillCommand::Vm(args)) = Cli::parse_from(line.split(' ')).command else {
        panic!()
    };
    let plan = drill_vm::make_plan(&args, "scripts/vm".into()).unwrap();
    assert_eq!(
        plan.injection.module_arguments(),
        "mode=soft run_id=x cpus=1 delay_secs=2 hold_secs=10 force=1"
    );
    let set = |key| plan.injection.sysctls.iter().find(|set| set.key == key);
    let value = |key| set(key).map(|set| set.value.as_str());
    assert_eq!(value("kernel.softlockup_panic"), Some("0"));
    assert_eq!(value("kernel.watchdog_thresh"), Some("2"));
    assert_eq!(plan.vm.timeout_secs, 252);
}

#[test]
fn times_with_units_and_the_names_of_before() {
    let plan = |line: &str| match Cli::parse_from(line.split(' ')).command {
        Command::Drill(DrillCommand::Vm(args)) => drill_vm::make_plan(&args, "x".into()),
        _ => panic!(),
    };
    let new = "faultline drill vm --mode soft --run-id x --delay 1m --hold 2min30s --threshold 5s --timeout 1h";
    let old = "faultline drill vm --mode soft --run-id x --delay-secs 60 --hold-secs 150 --threshold 5 --timeout 3600";
    let (new, old) = (plan(new).unwrap(), plan(old).unwrap());
    assert_eq!(format!("{new:?}"), format!("{old:?}"));
    let arguments = new.injection.module_arguments();
    assert!(
        arguments.contains("delay_secs=60 hold_secs=150"),
        "{arguments}"
    );
    assert_eq!(
        (new.injection.threshold, new.vm.timeout_secs),
        (Some(5), 3600)
    );
    let here = |line: &str| match Cli::parse_from(line.split(' ')).command {
        Command::Drill(DrillCommand::Here(args)) => (args.delay_secs, args.hold_secs),
        _ => panic!(),
    };
    for line in [
        "faultline drill here --mode soft --delay 1h --hold 1m30s",
        "faultline drill here --mode soft --delay-secs 3600 --hold-secs 90",
    ] {
        assert_eq!(here(line), (3600, Some(90)), "{line}");
    }
    assert_eq!(here("faultline drill here --mode soft"), (10, None));
}

#[test]
fn what_a_route_watcher_asks_for() {
    let try_ask = |line: &str| match Cli::parse_from(line.split(' ')).command {
        Command::Route(args) => args.ask(),
        _ => panic!(),
    };
    let ask = |line| try_ask(line).unwrap();
    let filters = |asked: Ask| -> Vec<(&str, String)> {
        let filters = asked.filters.into_iter();
        filters.map(|filter| (filter.name, filter.value)).collect()
    };
    let asked = ask("faultline route");
    assert!(asked.lines && !asked.summary && asked.filters.is_empty());
    let asked = ask("faultline route --summary --errors-only --dst 10.0.0.0/8 --duration 2min");
    assert!(!asked.lines && asked.summary);
    assert_eq!(asked.duration, Some(Duration::from_secs(120)));
    assert_eq!(
        filters(asked),
        [("dst", "10.0.0.0/8".into()), ("errors_only", "Y".into())]
    );
    assert_eq!(
        filters(ask("faultline route -6 --src 2001:DB8::/32")),
        [("src", "2001:db8::/32".into()), ("family", "ipv6".into())]
    );
    for line in [
        "faultline route --src 10.0.0.2 --dst 2001:db8::9",
        "faultline route -4 --dst 2001:db8::9",
    ] {
        let wrong = try_ask(line).unwrap_err().to_string();
        assert!(
            wrong.starts_with("no packet is of two families: "),
            "{wrong}"
        );
    }
    let asked = ask("faultline route --summary=also --count 3");
    assert!(asked.lines && asked.summary && asked.count == Some(3));
}

#[test]
fn what_a_watcher_of_signals_asks_for() {
    let ask = |line: &str| match Cli::parse_from(line.split(' ')).command {
        Command::Signals(args) => args.ask(),
        _ => panic!(),
    };
    let asked = ask("faultline signals");
    assert!(asked.lines && !asked.summary && !asked.children && asked.signals.is_empty());
    let asked = ask("faultline signals --signal TERM,9 --signal rtmin+1 --pid 7 --pid 8 --summary");
    assert_eq!((asked.signals, asked.pids), (vec![15, 9, 35], vec![7, 8]));
    assert!(!asked.lines && asked.summary);
}

#[test]
fn what_a_list_of_functions_asks_for() {
    let words = [
        "faultline",
        "probe",
        "-L",
        "vfs_*",
        "module(\"veth\").function(\"*\")",
    ];
    let Command::Probe(args) = Cli::parse_from(words).command else {
        panic!()
    };
    let asked = args.list();
    assert!(asked.patterns.len() == 2 && asked.prototypes && !asked.json);
}

#[test]
fn wrong_words_are_usage_errors() {
    for line in [
        "faultline drill vm",
        "faultline drill vm --mode hard2",
        "faultline drill vm --mode soft --run-id a/b",
        "faultline verdict",
        "faultline verdict x --detector other",
        "faultline verdict x --mode other",
        "faultline verdict x --threshold 99999999999",
        "faultline verdict x --cpu 4294967296",
        "faultline doctor --only soft,lockup",
        "faultline doctor --json --format nagios",
        "faultline doctor --format html",
        "faultline route --dst 10.0.0.0/33",
        "faultline route -4 --ipv6",
        "faultline route --summary=both",
        "faultline route --duration 0s",
        "faultline route --count 0",
        "faultline signals --signal TERMX",
        "faultline signals --signal TERM,65",
        "faultline signals --pid 0",
        "faultline signals --comm a-name-of-16-byte",
        "faultline blocked --min 0",
        "faultline blocked --min 1x",
        "faultline drill vm --mode soft --delay 500ms",
        "faultline drill matrix --list --ktap",
        "faultline doctor --color sometimes",
        "faultline drill vm --mode soft --timeout -1s",
        "faultline drill here --mode soft --delay 61m",
        "faultline drill here --mode soft --hold 0",
        "faultline drill here --mode soft --hold 86401",
        "faultline verdict x --threshold 1500ms",
        "faultline probe -l",
        "faultline probe",
        "faultline probe -l --stack vfs_read",
        "faultline probe vfs_read --print {",
        "faultline probe vfs_read --if ret",
        "faultline probe vfs_read --comm a:b",
        "faultline probe vfs_read --count 0",
        "faultline probe vfs_read --all",
        "faultline probe vfs_read --stack --summary",
        "faultline probe -l -L vfs_read",
        "faultline probe -l kernel.function(vfs_read)",
    ] {
        let error = Cli::try_parse_from(line.split(' ')).err().unwrap();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
