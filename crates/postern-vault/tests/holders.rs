//! The sealed cache over each holder of its key. A test with a `main` of its own, because an agent is a
//! process: started with `agent DIR`, this very program is one.

fn main() {
    suite::main();
}

#[cfg(test)]
mod suite {
    use std::{
        os::unix::fs::MetadataExt,
        path::Path,
        sync::atomic::{AtomicU32, Ordering},
        thread,
        time::{Duration, Instant},
    };

    use postern_broker::{
        AssumeRole, CachedRole, CachedSession, Flight, KeyEntry, Route, SessionCache, StsEndpoint, Way,
    };
    use postern_types::{
        MfaSession, RoleCredentials, SecretAccessKey, SessionDuration, SessionToken, SignedDuration,
        TemporaryCredentials, Timestamp,
    };
    use postern_vault::{AgentCommand, HolderChoice, HolderKind, HotKey, Keyholder, PrivateDir, SealedCache};

    const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00";
    const TOKEN: &str = "FwoGZXIvYXdzEBYaDEXAMPLETOKEN";

    pub(super) fn main() {
        let arguments: Vec<_> = std::env::args_os().collect();
        if let [_, word, dir] = arguments.as_slice()
            && word == "agent"
        {
            postern_vault::serve_agent(Path::new(dir)).unwrap();
            return;
        }
        if arguments.iter().any(|a| a == "--list") {
            if !arguments.iter().any(|a| a == "--ignored") {
                println!("holders: test");
            }
            return;
        }
        for (choice, kind) in
            [(HolderChoice::Kernel, HolderKind::Kernel), (HolderChoice::Agent, HolderKind::Agent)]
        {
            let temp = tempfile::tempdir().unwrap();
            let cache = open(temp.path(), choice);
            if choice == HolderChoice::Kernel
                && let Err(problem) = cache.put_session(&session(&route(None)))
            {
                println!("SKIP: {problem}");
                continue;
            }
            suite(temp.path(), choice, kind);
            println!("test cache_with_{kind:?} ... ok");
        }
        agent_ends_when_its_socket_goes();
        println!("test result: ok. 3 passed; 0 failed");
    }

    fn open(dir: &Path, choice: HolderChoice) -> SealedCache {
        let dir = PrivateDir::create(&dir.join("state/postern")).unwrap();
        let command =
            AgentCommand { program: std::env::current_exe().unwrap(), arguments: vec!["agent".into()] };
        SealedCache::new(dir.clone(), Keyholder::new(dir, choice, Some(command)))
    }

    fn route(url: Option<&str>) -> Route {
        Route {
            key: KeyEntry {
                id: "AKIAY34FZKBOKMUTVV7A".parse().unwrap(),
                user: "alice".parse().unwrap(),
                account: "111111111111".parse().unwrap(),
                serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
                added_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            },
            endpoint: StsEndpoint { region: "eu-central-1".parse().unwrap(), url: url.map(Into::into) },
            session: SessionDuration::from_seconds(43_200),
        }
    }

    fn credentials(hours: i64) -> TemporaryCredentials {
        TemporaryCredentials {
            id: "ASIAY34FZKBOKMUTVV7A".parse().unwrap(),
            secret: SecretAccessKey::new(SECRET).unwrap(),
            token: SessionToken::new(TOKEN).unwrap(),
            expires_at: Timestamp::now() + SignedDuration::from_hours(hours),
        }
    }

    fn session(route: &Route) -> CachedSession {
        CachedSession {
            key: route.session_key(),
            entry: route.key.clone(),
            session: MfaSession {
                credentials: credentials(12),
                source_key: route.key.id.clone(),
                serial: route.key.serial.clone(),
            },
        }
    }

    fn suite(temp: &Path, choice: HolderChoice, kind: HolderKind) {
        let again = || open(temp, choice);
        let cache = again();
        let (here, elsewhere) = (route(None), route(Some("http://127.0.0.1:1")));
        let request =
            AssumeRole::plain("arn:aws:iam::222222222222:role/postern/dev".parse().unwrap(), &here.key);
        let role_key = Way::of_role(here.clone(), request.clone()).role_key(0).unwrap();
        let role = |hours| CachedRole {
            key: role_key.clone(),
            credentials: RoleCredentials { credentials: credentials(hours), role: request.role.clone() },
        };

        // What one process puts, the next finds, under exactly its own name.
        cache.put_session(&session(&here)).unwrap();
        cache.put_role(&role(1)).unwrap();
        assert_eq!(again().holder().kind(), Some(kind));
        let found = again().session(&here.session_key()).unwrap().unwrap();
        assert_eq!(found.credentials.secret.expose_secret(), SECRET);
        assert_eq!(found.credentials.token.expose_secret(), TOKEN);
        assert!(again().session(&elsewhere.session_key()).unwrap().is_none());
        assert_eq!(again().role(&role_key).unwrap().unwrap().role, request.role);
        let longer = AssumeRole { duration: SessionDuration::from_seconds(900), ..request.clone() };
        assert!(again().role(&Way::of_role(here.clone(), longer).role_key(0).unwrap()).unwrap().is_none());
        assert_eq!(again().sessions().unwrap()[0].entry, here.key);
        assert_eq!(again().roles().unwrap()[0].1, Some(here.key.id.clone()));

        // Ready answers, until their time and under their whole name.
        let now = Timestamp::now();
        let hot = HotKey::of(b"estate 1 prod/dev");
        cache.put_hot(&hot, now + SignedDuration::from_mins(40), SECRET.as_bytes()).unwrap();
        let at = |key: &HotKey, minutes| again().hot(key, now + SignedDuration::from_mins(minutes)).unwrap();
        assert_eq!(at(&hot, 39).unwrap().as_slice(), SECRET.as_bytes());
        assert!(at(&hot, 40).is_none());
        assert!(at(&HotKey::of(b"estate 2 prod/dev"), 0).is_none());

        // Files: ours alone, with nothing in clear; moved or changed, they do not open.
        let dir = temp.join("state/postern");
        let files =
            || std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        for path in files() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&SECRET[..20]) && !text.contains(&TOKEN[..20]), "{}", path.display());
            let mode = std::fs::symlink_metadata(&path).unwrap().mode();
            assert_eq!(mode & 0o177, 0, "{}: {mode:o}", path.display());
        }
        let named = |prefix: &str| {
            files()
                .into_iter()
                .find(|p| p.file_name().unwrap().to_str().unwrap().starts_with(prefix))
                .unwrap()
        };
        let hot_file = named("hot-");
        let mut bytes = std::fs::read(&hot_file).unwrap();
        bytes[7] ^= 0xff; // its time: a later one must not be believed
        std::fs::write(&hot_file, &bytes).unwrap();
        assert!(at(&hot, 0).is_none());
        let kept = std::fs::read(named("session-")).unwrap();
        std::fs::write(named("role-"), kept).unwrap();
        assert!(again().role(&role_key).unwrap().is_none());

        // What has expired is swept.
        cache.put_role(&role(-1)).unwrap();
        cache.sweep(now).unwrap();
        assert!(again().role(&role_key).unwrap().is_none());
        assert!(again().session(&here.session_key()).unwrap().is_some());

        flights(&again, &here);

        // Logging out forgets all but the code that AWS remembers too.
        let code = "123456".parse().unwrap();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        cache.put_used_code(&here.key.serial, &code, at).unwrap();
        let kept = std::fs::read(named("session-")).unwrap();
        let name = named("session-");
        again().forget_all().unwrap();
        assert!(again().session(&here.session_key()).unwrap().is_none());
        std::fs::write(&name, kept).unwrap();
        assert!(again().session(&here.session_key()).unwrap().is_none(), "a copy opens no more");
        let used = |code: &str| again().code_used_at(&here.key.serial, &code.parse().unwrap()).unwrap();
        assert_eq!((used("123456"), used("123457")), (Some(at), None));
        cache.put_session(&session(&here)).unwrap();
        assert!(again().session(&here.session_key()).unwrap().is_some(), "and one can log in again");
        again().forget_all().unwrap();
        assert_eq!(again().holder().kind(), None);
    }

    /// One at a time; those who waited share the failure of the one they waited for, later ones do not.
    fn flights(again: &dyn Fn() -> SealedCache, route: &Route) {
        let key = route.session_key();
        let inside = AtomicU32::new(0);
        let holds = again();
        let first = holds.enter(Flight::Session(&key)).unwrap();
        assert!(first.given_up.is_none());
        let caches: Vec<_> = (0..6).map(|_| again()).collect();
        thread::scope(|scope| {
            let waiting: Vec<_> = caches
                .iter()
                .map(|cache| {
                    let (key, inside) = (&key, &inside);
                    scope.spawn(move || {
                        let entered = cache.enter(Flight::Session(key)).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                        thread::sleep(Duration::from_millis(2));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        entered.given_up
                    })
                })
                .collect();
            thread::sleep(Duration::from_millis(150));
            let mut first = first;
            first.guard.give_up("cancelled");
            drop(first);
            for waiter in waiting {
                assert_eq!(waiter.join().unwrap().as_deref(), Some("cancelled"));
            }
        });
        assert!(
            again().enter(Flight::Session(&key)).unwrap().given_up.is_none(),
            "whoever comes later asks anew"
        );
    }

    fn agent_ends_when_its_socket_goes() {
        let temp = tempfile::tempdir().unwrap();
        let cache = open(temp.path(), HolderChoice::Agent);
        cache.put_session(&session(&route(None))).unwrap();
        let socket = temp.path().join("state/postern/agent.sock");
        assert!(socket.exists());
        // The file system says who may knock; the agent asks the kernel again who did.
        if rustix::process::geteuid().is_root() {
            for dir in [temp.path(), &temp.path().join("state"), &temp.path().join("state/postern"), &socket]
            {
                std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
            }
            let script = "use IO::Socket::UNIX; $SIG{PIPE} = 'IGNORE'; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 99; \
                      syswrite($s, 'g'); my $n = sysread($s, my $b, 32); exit($n // 0)";
            let stranger = std::process::Command::new("setpriv")
                .args(["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-e", script])
                .arg(&socket)
                .output();
            match stranger {
                Ok(output) => {
                    assert_eq!(output.status.code(), Some(0), "another user gets no byte: {output:?}");
                }
                Err(error) => println!("SKIP: setpriv: {error}"),
            }
            std::fs::set_permissions(
                temp.path().join("state/postern"),
                std::os::unix::fs::PermissionsExt::from_mode(0o700),
            )
            .unwrap();
        }
        let started = Instant::now();
        cache.forget_all().unwrap();
        while socket.exists() && started.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!socket.exists(), "the agent takes its socket along");
        assert!(started.elapsed() < Duration::from_secs(2));
        println!("test the_agent_ends ... ok");
    }
}
