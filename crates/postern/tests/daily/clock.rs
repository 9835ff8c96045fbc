//! A machine whose clock is wrong.

use std::process::{Command, Output};

use crate::world::{World, answer, said};

/// A library that shows a program another time than the machine's; without a compiler there is none.
const SHIFTED_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, time);
    const char *by = getenv("TEST_CLOCK_AHEAD");
    if (answer == 0 && clock == CLOCK_REALTIME && by) time->tv_sec += atol(by);
    return answer;
}
"#;

struct OnWrongClock {
    world: World,
    library: std::path::PathBuf,
}

impl OnWrongClock {
    fn new() -> Option<Self> {
        let world = World::new();
        let (source, library) = (world.home.path().join("clock.c"), world.home.path().join("clock.so"));
        std::fs::write(&source, SHIFTED_CLOCK).unwrap();
        let compiler = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output();
        if !compiler.is_ok_and(|output| output.status.success()) {
            println!("SKIP: `cc` cannot make a shared library here");
            return None;
        }
        Some(Self { world, library })
    }

    /// postern on a machine whose clock is so many seconds ahead of AWS's.
    fn run(&self, ahead: i64, arguments: &[&str]) -> Output {
        let mut command = self.world.with_fakes(arguments);
        command.env("LD_PRELOAD", &self.library).env("TEST_CLOCK_AHEAD", ahead.to_string());
        command.output().unwrap()
    }
}

/// How far the clock is off in postern's words, which a `Date` of whole seconds tells to a second or two.
fn told(output: &Output, side: &str) -> i64 {
    let text = said(output);
    let words: Vec<&str> =
        text.split("this machine's clock is ").nth(1).unwrap_or(&text).split(' ').collect();
    assert!(words[1..].join(" ").starts_with(&format!("s {side} AWS's")), "{text}");
    words[0].parse().unwrap()
}

#[test]
fn a_wrong_clock_is_put_right_by_aws_and_named() {
    let Some(machine) = OnWrongClock::new() else { return };
    let world = &machine.world;
    let output = machine.run(-1_200, &["login", "--mfa-code", &world.code()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!((1_198..=1_200).contains(&told(&output, "behind")), "{}", said(&output));
    // Another process, another call: the same. The credentials are good.
    let output = machine.run(-1_200, &["credential-process", "prod/developer"]);
    assert!((1_198..=1_200).contains(&told(&output, "behind")), "{}", said(&output));
    assert!(answer(&output)["SessionToken"].is_string());
    let output = machine.run(3_600, &["credential-process", "prod/readonly"]);
    assert!((3_600..=3_602).contains(&told(&output, "ahead of")), "{}", said(&output));
    answer(&output);
    // A right clock is not spoken of.
    assert!(!said(&world.run(&["credential-process", "dev/developer"])).contains("clock"));
}

#[test]
fn a_seeds_codes_are_those_of_awss_time() {
    let Some(machine) = OnWrongClock::new() else { return };
    let world = &machine.world;
    let seed = world.home.path().join("seed");
    std::fs::write(&seed, world.seed()).unwrap();
    let mut add = world.with_fakes(&["keys", "seed", "add", "alice", "--from-stdin"]);
    assert!(add.stdin(std::fs::File::open(&seed).unwrap()).output().unwrap().status.success());
    // Two minutes are no reason to refuse a signature, but every code is wrong.
    let output = machine.run(120, &["login"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!((120..=122).contains(&told(&output, "ahead of")), "{}", said(&output));
}
