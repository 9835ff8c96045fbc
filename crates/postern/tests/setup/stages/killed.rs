//! Killed at every single call of every stage: then nothing is wider than before and after together, and the same command
//! again ends where one run would have.

use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use postern_serve::{Cut, When};

use super::ground::{Ground, copy, essence};
use crate::world::said;

/// A place to go back to: the sandbox's state, and the files of this machine.
struct Start {
    state: String,
    files: tempfile::TempDir,
}

const FILES: [&str; 2] = ["postern.toml", ".local"];

impl Start {
    fn of(ground: &Ground) -> Self {
        let files = tempfile::tempdir().unwrap();
        for name in FILES {
            copy(&ground.cloud.world.path(name), &files.path().join(name));
        }
        Self { state: ground.cloud.world.sandbox.server.world().export(), files }
    }

    fn restore(&self, ground: &Ground) {
        ground.cloud.world.sandbox.server.world().import(&self.state).unwrap();
        for name in FILES {
            let path = ground.cloud.world.path(name);
            let _ = std::fs::remove_dir_all(&path);
            let _ = std::fs::remove_file(&path);
            copy(&self.files.path().join(name), &path);
        }
    }
}

/// Runs until this call has been made, and kills the process there: it learns nothing of the call, and AWS of no
/// further one.
fn killed_at(ground: &Ground, arguments: &[&str], call: u64) {
    let faults = ground.cloud.world.sandbox.server.faults();
    faults.arm(Cut { call, when: When::After, lasting: true });
    let arguments = [arguments, &["--settle", "0.05"]].concat();
    let mut command = ground.cloud.world.command(&arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(120);
    while faults.calls() < call && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "call {call} is never made");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    faults.mend();
}

/// What a run leaves behind on this machine, but for its log.
fn noted(ground: &Ground) -> Vec<(String, Vec<u8>)> {
    let estate = std::fs::read(ground.cloud.world.path("postern.toml")).unwrap();
    let mut noted = vec![("postern.toml".to_owned(), estate)];
    let beside = std::fs::read_dir(ground.cloud.world.path(".local/share/postern")).into_iter().flatten();
    for file in beside {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if !name.ends_with(".jsonl") {
            noted.push((name, std::fs::read(file.path()).unwrap()));
        }
    }
    noted.sort();
    noted
}

fn difference(one: &serde_json::Value, other: &serde_json::Value) -> String {
    let (one, other) = (format!("{one:#}"), format!("{other:#}"));
    similar::TextDiff::from_lines(&one, &other).unified_diff().to_string()
}

/// Walks through every call of a stage, begun after `before`.
fn walk(before: &[&[&str]], stage: &[&str]) {
    let next = AtomicU64::new(1);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let ground = Ground::moved();
                before.iter().for_each(|command| drop(ground.good(command)));
                let start = Start::of(&ground);
                let allowed = ground.access();
                let faults = ground.cloud.world.sandbox.server.faults();
                faults.mend();
                ground.good(stage);
                let calls = faults.calls();
                assert!(calls > 10, "{calls} calls");
                let expected = essence(&ground.cloud);
                let file = std::fs::read_to_string(ground.cloud.world.path("postern.toml")).unwrap();
                let allowed: BTreeSet<String> = allowed.union(&ground.access()).cloned().collect();
                let mut seen = BTreeSet::new();
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    if call > calls {
                        return;
                    }
                    start.restore(&ground);
                    killed_at(&ground, stage, call);
                    // Most calls only read: what is left behind by each is looked at once.
                    let state = essence(&ground.cloud).to_string();
                    if !seen.insert((state, noted(&ground))) {
                        continue;
                    }
                    let now = ground.access();
                    let wider: Vec<&String> = now.difference(&allowed).collect();
                    assert!(wider.is_empty(), "{stage:?}: wider after call {call}: {wider:?}");
                    let output = ground.run(stage);
                    assert!(output.status.success(), "{stage:?} after call {call}: {}", said(&output));
                    let ended = essence(&ground.cloud);
                    assert!(
                        ended == expected,
                        "{stage:?} after call {call}: {}",
                        difference(&expected, &ended)
                    );
                    let again = std::fs::read_to_string(ground.cloud.world.path("postern.toml")).unwrap();
                    assert_eq!(again, file, "{stage:?} after call {call}");
                }
            });
        }
    });
}

const OFF: &[&str] = &["migrate", "apply", "off", "alice", "--yes"];
const DELETE: &[&str] = &["migrate", "apply", "delete", "alice", "--yes", "--now"];

#[test]
fn off_ends_the_same_wherever_it_is_killed() {
    walk(&[], OFF);
}

#[test]
fn the_way_back_from_off_ends_the_same_wherever_it_is_killed() {
    walk(&[OFF], &["migrate", "undo", "off", "alice", "--yes"]);
}

#[test]
fn a_deletion_ends_the_same_wherever_it_is_killed() {
    walk(&[OFF], DELETE);
}

#[test]
fn a_user_is_made_again_the_same_wherever_that_is_killed() {
    walk(&[OFF, DELETE], &["migrate", "undo", "delete", "alice", "--yes"]);
}

const OUT: &[&str] = &["migrate", "undo", "move", "alice", "--yes"];

#[test]
fn people_move_out_the_same_wherever_it_is_killed() {
    walk(&[], OUT);
}

#[test]
fn people_move_in_the_same_wherever_it_is_killed() {
    walk(&[OUT], &["migrate", "apply", "move", "alice", "--yes"]);
}

const AWAY: &[&str] = &["migrate", "undo", "beside", "--yes"];

#[test]
fn bastion_and_roles_go_the_same_wherever_that_is_killed() {
    let off_board = &["off-board", "alice", "--delete", "--yes", "--settle", "0.05"];
    walk(&[OUT, off_board], AWAY);
}

#[test]
fn bastion_and_roles_come_the_same_wherever_that_is_killed() {
    let off_board = &["off-board", "alice", "--delete", "--yes", "--settle", "0.05"];
    walk(&[OUT, off_board, AWAY], &["migrate", "apply", "beside", "--yes"]);
}
