// SPDX-License-Identifier: GPL-2.0

//! Tests of the matrix.

use super::*;
use batch::tests::ALONE;
use kernels::tests::{project, script};

/// A drill that reports what a kernel without any hard lockup detector would, keeps a
/// dump, and counts how often it ran.
const DRILL: &str = r#"
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=$2 ;;
    --mode) mode=$2 ;;
    --policy) policy=$2 ;;
    esac
    shift
done
mkdir -p "$keep"
echo "$KERNEL" >>"$keep/runs"
[ "$mode" != oops ] || { echo "oh no" >&2; exit 3; }
tries=$(wc -l <"$keep/runs")
case $mode/$policy/$tries in
bug/*/1) stage=could_not_tell ;;
panic/*) stage=could_not_tell ;;
*/report/*) stage=detected_no_panic ;;
*/off/* | hard/*) stage=not_detected ;;
*)
    stage=pass
    echo core >"$keep/vmcore"
    [ -e "$keep/theirs" ] || printf "%svmcore -\n" "$MARK" >"$keep/.faultline" ;;
esac
printf '{"stage": "%s", "summary": "%s"}' $stage "as $mode is" | tee "$keep/report.json""#;

/// The drill, which leaves the mark of one as well.
fn drill_script() -> String {
    format!("MARK=\"{}\"\n{DRILL}", crate::files::claim::HEADER)
}

fn rows(names: &[&str]) -> Vec<Row> {
    let all = row::all().unwrap();
    let find = |name| all.iter().find(|row| row.name == name).unwrap().clone();
    names.iter().map(|name| find(*name)).collect()
}

/// Runs rows; says of each what came out, and whether it was run before.
fn results(matrix: &Matrix, names: &[&str]) -> Vec<(Verdict, bool, String)> {
    let outcomes = matrix.run(&rows(names), &mut Watch::new(names.len(), true));
    let outcomes = outcomes.unwrap().into_iter();
    outcomes
        .map(|outcome| (outcome.verdict, outcome.is_reused, outcome.reason))
        .collect()
}

#[test]
fn rows_are_run_judged_and_not_run_again() {
    use Verdict::*;
    let _alone = ALONE.lock().unwrap();
    let project = project();
    let path = project.path();
    let drill = path.join("drill");
    script(&drill, &drill_script());
    let mut matrix = Matrix {
        project: path,
        drill: &drill,
        out: path.join("build/matrix"),
        kernel: None,
        at_once: 2,
        is_fresh: false,
        keeps_dumps: false,
    };
    let names = [
        "soft-1",
        "soft-1-report",
        "soft-1-off",
        "hard-1-nmi",
        "oops-1",
        "hard-1-buddy",
    ];
    let first = results(&matrix, &names);
    let verdicts: Vec<_> = first.iter().map(|result| result.0).collect();
    assert_eq!(verdicts, [Passed, Passed, Passed, Failed, Failed, Skipped]);
    assert!(first.iter().all(|result| !result.1));
    assert_eq!(
        first[3].2,
        "ended as not_detected, expected pass: as hard is"
    );
    assert_eq!(
        first[4].2,
        "the drill left no report (exit status: 3): oh no"
    );
    assert!(first[5].2.contains("debian-13-backports-buddy"));
    let file = |row: &str, name: &str| path.join("build/matrix").join(row).join(name);
    assert!(!file("soft-1", "vmcore").exists());

    // What has passed is there; what has failed is run again.
    let again = results(&matrix, &names);
    let reused: Vec<_> = again.iter().map(|result| result.1).collect();
    assert_eq!(reused, [true, true, true, false, false, false]);
    let runs = |row: &str| fs::read_to_string(file(row, "runs")).unwrap();
    assert_eq!(
        (runs("soft-1"), runs("oops-1")),
        ("built\n".into(), "built\nbuilt\n".into())
    );

    // Another module is another thing to prove; so is one that is asked for again.
    fs::write(path.join("build/7.3-built/lockup.ko"), "other").unwrap();
    assert!(!results(&matrix, &["soft-1"])[0].1);
    assert!(results(&matrix, &["soft-1"])[0].1);
    (matrix.is_fresh, matrix.keeps_dumps) = (true, true);
    assert!(!results(&matrix, &["soft-1"])[0].1);
    assert!(file("soft-1", "vmcore").exists());

    // What is not the drill's is left, the lock's file included.
    matrix.keeps_dumps = false;
    fs::write(file("soft-1", "theirs"), "").unwrap();
    fs::remove_file(file("soft-1", ".faultline")).unwrap();
    fs::write(path.join("build/matrix/lock"), "mine").unwrap();
    assert_eq!(results(&matrix, &["soft-1"])[0].0, Passed);
    assert!(file("soft-1", "vmcore").exists());
    let lock = fs::read_to_string(path.join("build/matrix/lock")).unwrap();
    assert_eq!(lock, "mine");

    // A pass that is cut short by a failure is no pass any more.
    script(&drill, "exit 1");
    assert_eq!(results(&matrix, &["soft-1"])[0].0, Failed);
    matrix.is_fresh = false;
    assert_eq!(results(&matrix, &["soft-1"])[0].0, Failed);
}

#[test]
fn what_could_not_tell_gets_a_second_try_and_no_third() {
    let _alone = ALONE.lock().unwrap();
    let project = project();
    let drill = project.path().join("drill");
    script(&drill, &drill_script());
    let matrix = Matrix {
        project: project.path(),
        drill: &drill,
        out: project.path().join("out"),
        kernel: None,
        at_once: 2,
        is_fresh: false,
        keeps_dumps: false,
    };
    let results = results(&matrix, &["soft-1", "bug-1", "panic-1"]);
    let verdicts: Vec<_> = results.iter().map(|result| result.0).collect();
    assert_eq!(
        verdicts,
        [Verdict::Passed, Verdict::Passed, Verdict::Failed]
    );
    let runs = |row: &str| fs::read_to_string(matrix.out.join(row).join("runs")).unwrap();
    let counts = ["soft-1", "bug-1", "panic-1"].map(|row| runs(row).lines().count());
    assert_eq!(counts, [1, 2, 2]);
}

#[test]
fn an_interrupted_matrix_goes_on_where_it_was() {
    use Verdict::*;
    let _alone = ALONE.lock().unwrap();
    let project = project();
    let path = project.path();
    let (drill, stop) = (path.join("drill"), path.join("stop"));
    // The second drill interrupts the matrix, as a user would, and awaits its own end.
    let interrupts = format!(
        r#"if [ -e {0} ] && [ "$9" != soft ]; then
    trap 'kill $!; exit 3' TERM
    sleep 60 &
    kill -INT $PPID
    wait
fi
{1}"#,
        stop.display(),
        drill_script()
    );
    script(&drill, &interrupts);
    fs::write(&stop, "").unwrap();
    let matrix = Matrix {
        project: path,
        drill: &drill,
        out: path.join("out"),
        kernel: None,
        at_once: 1,
        is_fresh: false,
        keeps_dumps: false,
    };
    let names = ["soft-1", "rcu-1", "hung-1"];
    let of = |matrix: &Matrix| -> Vec<_> {
        let results = results(matrix, &names).into_iter();
        results.map(|result| (result.0, result.1)).collect()
    };
    assert_eq!(
        of(&matrix),
        [(Passed, false), (NotRun, false), (NotRun, false)]
    );
    fs::remove_file(&stop).unwrap();
    assert_eq!(
        of(&matrix),
        [(Passed, true), (Passed, false), (Passed, false)]
    );
}

#[test]
fn one_matrix_at_a_time_in_a_folder() {
    let project = project();
    let matrix = Matrix {
        project: project.path(),
        drill: Path::new("/nonexistent"),
        out: project.path().join("out"),
        kernel: None,
        at_once: 1,
        is_fresh: false,
        keeps_dumps: false,
    };
    fs::create_dir(&matrix.out).unwrap();
    let lock = fs::File::create(matrix.out.join("lock")).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let error = matrix.run(&rows(&["soft-1"]), &mut Watch::new(1, true));
    assert!(error.unwrap_err().to_string().contains("another matrix"));
}
