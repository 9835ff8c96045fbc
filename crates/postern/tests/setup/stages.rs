//! The stages of `migrate`, there and back, on an account with people, programs and forgotten users.

mod ground;
mod killed;
mod weather;

use self::ground::{Ground, MIGRATION};
use crate::cloud::{BASTION, PROD};

#[test]
fn one_person_goes_all_the_way_and_back() {
    let ground = Ground::new();
    let text = ground.good(&["migrate", "apply", "beside", "--yes"]);
    assert!(text.contains("migrate apply move NAME"), "{text}");
    assert!(ground.works(&ground.old), "old users work on");

    let dry = ground.good(&["migrate", "apply", "move", "alice", "--dry-run"]);
    assert!(dry.contains("+[people.alice]") && !estate(&ground).contains("alice"), "{dry}");
    let moved = ground.good(&["migrate", "apply", "move", "alice", "--yes"]);
    assert!(moved.contains("+roles = [\"prod/developer\"]"), "{moved}");
    assert!(moved.contains("next: `postern people enrol alice`"), "{moved}");
    assert!(estate(&ground).contains("[people.alice]"));

    let early = ground.refused(4, &["migrate", "apply", "off", "alice", "--yes"]);
    assert!(early.contains("holds no key and device in the bastion"), "{early}");
    let alice = ground.cloud.enrol("alice");
    assert!(ground.cloud.assume(&alice.with_mfa, PROD, "developer").is_some());
    let again = ground.good(&["migrate", "apply", "move", "alice", "--yes"]);
    assert!(
        again.contains("alice is in the estate file") && again.contains("migrate apply off alice"),
        "{again}"
    );

    let before = ground::essence(&ground.cloud);
    let dry = ground.good(&["migrate", "apply", "off", "alice", "--dry-run"]);
    assert!(dry.contains("PutUserPolicy postern-migrate on alice"), "{dry}");
    assert!(ground.works(&ground.old));
    let off = ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    for part in ["Off. alice may do nothing", "migrate apply delete alice", "migrate undo off alice"] {
        assert!(off.contains(part), "no `{part}` in {off}");
    }
    assert!(!ground.works(&ground.old));
    assert_eq!(ground.keys("alice"), (0, 2));
    let user = ground.user("alice");
    assert!(user["login_profile"].is_object() && user["groups"].as_array().unwrap().len() == 1, "{user}");
    assert!(ground.cloud.assume(&alice.with_mfa, PROD, "developer").is_some(), "the new way is open");
    let again = ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    assert!(again.contains("nothing but to look whether it holds"), "{again}");

    let on = ground.good(&["migrate", "undo", "off", "alice", "--yes"]);
    assert!(on.contains("On again. alice"), "{on}");
    assert_eq!(ground::essence(&ground.cloud), before, "all as before, the inactive key inactive");
    assert!(ground.works(&ground.old));

    ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    let watched = ground.refused(4, &["migrate", "apply", "delete", "alice", "--yes"]);
    assert!(watched.contains("still watched, until") && watched.contains("--now"), "{watched}");
    ground.off_since("alice", "2020-01-02T00:00:00Z");
    let used = ground.refused(4, &["migrate", "apply", "delete", "alice", "--yes"]);
    assert!(used.contains("alice was used since it is off"), "{used}");
    let deleted = ground.good(&["migrate", "apply", "delete", "alice", "--yes", "--anyway"]);
    assert!(deleted.contains("no way back the password") && deleted.contains("Deleted. alice"), "{deleted}");
    assert!(ground.user("alice").is_null());
    assert!(!ground.cloud.exported(PROD)["mfa_devices"].to_string().contains("old-phone"));
    let again = ground.good(&["migrate", "apply", "delete", "alice", "--yes"]);
    assert!(again.contains("deleted already"), "{again}");

    let back = ground.good(&["migrate", "undo", "delete", "alice", "--yes"]);
    assert!(back.contains("still off and holds no"), "{back}");
    let user = ground.user("alice");
    assert_eq!(user["groups"].as_array().unwrap().len(), 1);
    assert!(user["inline"].as_object().unwrap().contains_key("postern-migrate"), "{user}");
    ground.good(&["migrate", "undo", "off", "alice", "--yes"]);
    let user = ground.user("alice");
    assert_eq!(user["inline"].as_object().unwrap().keys().collect::<Vec<_>>(), ["own"]);
    assert_eq!(user["tags"].as_array().unwrap().len(), 0, "{user}");
}

fn estate(ground: &Ground) -> String {
    std::fs::read_to_string(ground.cloud.world.path("postern.toml")).unwrap()
}

#[test]
fn what_would_shut_somebody_out_is_refused_before_anything_is_changed() {
    let ground = Ground::moved();
    for (code, arguments, words) in [
        (4, &["apply", "off", "root-like", "--yes"][..], "kept as it is"),
        (4, &["apply", "delete", "root-like", "--yes"], "kept as it is"),
        (4, &["apply", "off", "ci", "--yes"], "add --replaced"),
        (4, &["apply", "delete", "alice", "--yes"], "alice is not off"),
        (2, &["apply", "off", "alise", "--yes"], "did you mean `alice`?"),
        (2, &["apply", "off", "--yes"], "say whom"),
        (2, &["apply", "off", "alice"], "no terminal to ask on"),
        (2, &["apply", "beside", "alice"], "leave the names out"),
        (2, &["apply", "move", "alice", "--now"], "--now means nothing with `move`"),
        (2, &["apply", "move", "ci", "--yes"], "only people move"),
        (2, &["undo", "delete", "alice", "--yes"], "no record of a deletion of alice"),
        (2, &["apply", "off", "alice", "--file", "nowhere.toml"], "`postern migrate plan` writes it"),
    ] {
        let said = ground.refused(code, &[&["migrate"], arguments].concat());
        assert!(said.contains(words), "no `{words}` in {said}");
    }

    // A forgotten user that somebody remembers.
    let forgotten = ground.good(&["migrate", "apply", "off", "forgotten", "--yes"]);
    assert!(forgotten.contains("Off. forgotten"), "{forgotten}");
    ground.good(&["migrate", "undo", "off", "forgotten", "--yes"]);
    let key = ground.cloud.iam_in(PROD, "CreateAccessKey", &[("UserName", "forgotten")]);
    let key = postern_testkit::query::Keys::of(&key);
    ground.cloud.call(&key, "sts", "GetCallerIdentity", &[]);
    let used = ground.refused(4, &["migrate", "apply", "off", "forgotten", "--yes"]);
    assert!(used.contains("forgotten is in use"), "{used}");
    ground.good(&["migrate", "apply", "off", "forgotten", "--yes", "--anyway"]);

    // People whose old users are off keep what they have.
    ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    let out = ground.refused(4, &["migrate", "undo", "move", "alice", "--yes"]);
    assert!(out.contains("off: alice") && estate(&ground).contains("alice"), "{out}");
    let away = ground.refused(4, &["migrate", "undo", "beside", "--yes"]);
    assert!(away.contains("postern migrate undo off alice"), "{away}");
    // Without the record nobody knows which keys were active.
    let record = ground.cloud.world.path(".local/share/postern/migrate-off-222222222222-user-alice.json");
    let kept = std::fs::read(&record).unwrap();
    std::fs::remove_file(&record).unwrap();
    let lost = ground.refused(2, &["migrate", "undo", "off", "alice", "--yes"]);
    assert!(lost.contains("no record of what alice had"), "{lost}");
    std::fs::write(&record, kept).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&record, open).unwrap();
    ground.good(&["migrate", "undo", "off", "alice", "--yes"]);
    assert!(ground.works(&ground.old));

    // Out again, and all away.
    let out = ground.good(&["migrate", "undo", "move", "alice", "--yes"]);
    assert!(out.contains("-[people.alice]") && !estate(&ground).contains("alice"), "{out}");
    ground.good(&["off-board", "alice", "--delete", "--yes", "--settle", "0.05"]);
    let away = ground.good(&["migrate", "undo", "beside", "--yes"]);
    assert!(away.contains("Nothing of `acme` is left"), "{away}");
    assert!(ground.works(&ground.old));
}

#[test]
fn the_last_way_in_is_never_switched_off_nor_is_oneself() {
    let ground = Ground::moved();
    // The other administrator can do no more than look on.
    ground.cloud.iam_in(
        PROD,
        "DetachUserPolicy",
        &[("UserName", "root-like"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")],
    );
    let last = ground.refused(4, &["migrate", "apply", "off", "alice", "--yes", "--anyway"]);
    assert!(last.contains("alice is the last administrator of prod"), "{last}");
    // An administrator of the bastion who has enrolled is another way in.
    ground.cloud.enrol("carol");
    ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    ground.good(&["migrate", "undo", "off", "alice", "--yes"]);

    // Entered with the key that is to go.
    let config = std::fs::read_to_string(ground.cloud.world.path("aws-config")).unwrap();
    let (bastion, _) = config.split_once("[profile acme-prod]").unwrap();
    let endpoint = ground.cloud.world.sandbox.server.endpoint();
    let own = ground.cloud.world.profile("prod", &ground.old.id, &ground.old.secret, endpoint);
    std::fs::write(ground.cloud.world.path("aws-config"), format!("{bastion}{own}")).unwrap();
    let oneself = ground.refused(4, &["migrate", "apply", "off", "alice", "--yes", "--anyway"]);
    assert!(oneself.contains("this run works as alice itself"), "{oneself}");
}

#[test]
fn a_plan_that_takes_from_the_account_is_not_for_a_migration() {
    let ground = Ground::moved();
    let narrower = estate(&ground).replace("PowerUserAccess", "ReadOnlyAccess");
    ground.cloud.world.write_estate(narrower);
    for stage in [&["beside"][..], &["move", "alice"]] {
        let said = ground.refused(4, &[&["migrate", "apply"], stage, &["--yes"]].concat());
        assert!(said.contains("takes nothing from the account") && said.contains("postern apply"), "{said}");
    }
    let of_bastion = MIGRATION.replace(PROD, BASTION);
    std::fs::write(ground.cloud.world.path("wrong.toml"), of_bastion).unwrap();
    let said = ground.refused(2, &["migrate", "apply", "beside", "--yes", "--file", "wrong.toml"]);
    assert!(said.contains("of the bastion"), "{said}");
    let elsewhere = MIGRATION.replace(PROD, "999999999999");
    std::fs::write(ground.cloud.world.path("wrong.toml"), elsewhere).unwrap();
    let said = ground.refused(2, &["migrate", "apply", "off", "alice", "--yes", "--file", "wrong.toml"]);
    assert!(said.contains("of account 999999999999"), "{said}");
}

#[test]
fn a_user_with_no_room_for_the_deny_is_bounded_and_gets_the_boundary_back() {
    let ground = Ground::moved();
    let filler = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}}}"#,
        "x".repeat(1_830)
    );
    let alice = ("UserName", "alice");
    ground.cloud.iam_in(
        PROD,
        "PutUserPolicy",
        &[alice, ("PolicyName", "filler"), ("PolicyDocument", &filler)],
    );
    let power = "arn:aws:iam::aws:policy/PowerUserAccess";
    ground.cloud.iam_in(PROD, "PutUserPermissionsBoundary", &[alice, ("PermissionsBoundary", power)]);
    let before = ground::essence(&ground.cloud);
    let off = ground.good(&["migrate", "apply", "off", "alice", "--yes"]);
    assert!(off.contains("Off. alice") && off.contains("AWSDenyAll"), "{off}");
    assert!(!ground.works(&ground.old));
    ground.good(&["migrate", "undo", "off", "alice", "--yes"]);
    assert_eq!(ground::essence(&ground.cloud), before);
}

#[test]
fn somebody_who_had_two_users_moves_once() {
    let ground = Ground::new();
    let both = MIGRATION
        .replace("kind = \"machine\"\nbetter = \"github-oidc\"", "kind = \"person\"\nperson = \"alice\"");
    assert_ne!(both, MIGRATION);
    std::fs::write(ground.cloud.world.path("migration.toml"), both).unwrap();
    let moved = ground.good(&["migrate", "apply", "move", "alice", "ci", "--yes"]);
    assert_eq!(moved.matches("+[people.alice]").count(), 1, "{moved}");
    assert!(
        estate(&ground).contains("[people.alice]\nroles = [\"prod/developer\"]\n"),
        "{}",
        estate(&ground)
    );
}
