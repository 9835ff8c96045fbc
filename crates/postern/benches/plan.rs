//! What a plan costs on a large estate: `cargo bench -p postern --bench plan`.
//!
//! An estate of many accounts is applied to a sandbox once and then planned again with nothing to do. Told are the
//! time, the calls and the memory of each run. `POSTERN_BENCH_ACCOUNTS`, `_ROLES` and `_PEOPLE` make it smaller;
//! with the full size a plan above the bar ends the bench with an error.

fn main() {
    #[cfg(test)]
    bench::main();
}

#[cfg(test)]
mod bench {
    use std::{
        fmt::Write as _,
        fs,
        path::Path,
        process::{Command, Stdio, exit},
        time::{Duration, Instant},
    };

    use postern_serve::{BlockingSandbox, NewAccount, SandboxConfig};

    /// The bar: seconds, and MiB of the process.
    const SECONDS: f64 = 10.0;
    const MEMORY: u64 = 200;

    struct Size {
        accounts: usize,
        roles: usize,
        people: usize,
    }

    fn number(name: &str, otherwise: usize) -> usize {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    pub(super) fn main() {
        if std::env::args().any(|argument| argument == "--list") {
            return;
        }
        let size = Size {
            accounts: number("POSTERN_BENCH_ACCOUNTS", 100),
            roles: number("POSTERN_BENCH_ROLES", 40),
            people: number("POSTERN_BENCH_PEOPLE", 500),
        };
        let sandbox = start(&size);
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("postern.toml"), estate(&size)).unwrap();
        fs::write(home.path().join("aws-config"), profiles(&sandbox)).unwrap();
        println!(
            "{} accounts beside the bastion, {} roles each, {} people",
            size.accounts, size.roles, size.people
        );
        println!("{:<28} {:>9} {:>8} {:>9} {:>14}", "", "time", "calls", "memory", "calls/account");
        measure(&sandbox, home.path(), "plan, everything to do", &size, &["plan", "-q"]);
        measure(&sandbox, home.path(), "apply", &size, &["apply", "--yes", "-q"]);
        let mut worst = Cost::default();
        for _ in 0..3 {
            let cost = measure(
                &sandbox,
                home.path(),
                "plan, nothing to do",
                &size,
                &["plan", "-q", "--detailed-exitcode"],
            );
            worst = Cost { time: worst.time.max(cost.time), memory: worst.memory.max(cost.memory) };
        }
        let full = size.accounts >= 100 && size.roles >= 40 && size.people >= 500;
        if full && (worst.time.as_secs_f64() > SECONDS || worst.memory > MEMORY) {
            println!("above the bar of {SECONDS} s and {MEMORY} MiB");
            exit(1);
        }
    }

    #[derive(Default)]
    struct Cost {
        time: Duration,
        memory: u64,
    }

    fn start(size: &Size) -> BlockingSandbox {
        let account =
            |number: usize| NewAccount { name: Some(name(number)), id: Some(id(number).parse().unwrap()) };
        let accounts = (0..=size.accounts).map(account).collect();
        BlockingSandbox::start(SandboxConfig { accounts, ..SandboxConfig::default() }).unwrap()
    }

    /// Account 0 is the bastion.
    fn name(number: usize) -> String {
        format!("a{number:03}")
    }

    fn id(number: usize) -> String {
        format!("{}", 111_111_111_111_u64 + number as u64)
    }

    fn estate(size: &Size) -> String {
        let mut text = format!(
            "version = 1\nname = \"acme\"\nregion = \"eu-central-1\"\n[bastion]\naccount = \"{}\"\nprofile = \"{}\"\n",
            id(0),
            name(0)
        );
        for account in 1..=size.accounts {
            let (id, name) = (id(account), name(account));
            writeln!(text, "[accounts.{name}]\nid = \"{id}\"\nprofile = \"{name}\"").unwrap();
        }
        for role in 0..size.roles {
            writeln!(text, "[roles.r{role:02}]\naccounts = \"*\"\npolicies = [\"ReadOnlyAccess\"]").unwrap();
            writeln!(text, "[groups.g{role:02}]\nroles = [\"*/r{role:02}\"]").unwrap();
        }
        for person in 0..size.people {
            let (one, two) = (person % size.roles, (person * 7 + 3) % size.roles);
            writeln!(text, "[people.p{person:03}]\ngroups = [\"g{one:02}\", \"g{two:02}\"]").unwrap();
        }
        text.push_str("[administrators]\npeople = [\"p000\"]\n");
        // A group twice is an error of the file.
        for role in 0..size.roles {
            text = text.replace(&format!("[\"g{role:02}\", \"g{role:02}\"]"), &format!("[\"g{role:02}\"]"));
        }
        text
    }

    fn profiles(sandbox: &BlockingSandbox) -> String {
        let accounts = sandbox.world().accounts();
        let profile = |account: &postern_sandbox::AccountInfo| {
            format!(
                "[profile {}]\naws_access_key_id = {}\naws_secret_access_key = {}\nendpoint_url = {}\n",
                account.name.as_deref().unwrap(),
                account.root_key,
                account.root_secret.expose_secret(),
                sandbox.endpoint()
            )
        };
        accounts.iter().map(profile).collect()
    }

    fn measure(sandbox: &BlockingSandbox, home: &Path, what: &str, size: &Size, arguments: &[&str]) -> Cost {
        sandbox.faults().mend();
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_postern"))
            .args(arguments)
            .env_clear()
            .env("HOME", home)
            .env("AWS_CONFIG_FILE", home.join("aws-config"))
            .current_dir(home)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut memory = 0;
        let status = loop {
            memory = memory.max(peak(child.id()));
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let time = begun.elapsed();
        assert!(status.success(), "{what} ended with {status}");
        let calls = sandbox.faults().calls();
        let memory = memory / 1024;
        println!(
            "{what:<28} {:>7.2} s {calls:>8} {memory:>5} MiB {:>14.2}",
            time.as_secs_f64(),
            calls as f64 / (size.accounts + 1) as f64
        );
        Cost { time, memory }
    }

    /// The most memory that a process had so far, in KiB; 0 where nobody tells.
    fn peak(process: u32) -> u64 {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}
