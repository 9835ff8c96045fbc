//! A world of two places, AWS and the store, and a rotation that is killed between any two of its effects.

use super::*;

fn id(number: usize) -> AccessKeyId {
    format!("AKIAY34FZKBOKMUTVV7{}", char::from(b'A' + u8::try_from(number).unwrap())).parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn aws_key(number: usize, active: bool, second: i64) -> KeyAtAws {
    KeyAtAws { id: id(number), active, created_at: Some(at(second)), used_at: None }
}

/// AWS, the store, and the journal, which outlive a run.
#[derive(Clone, Debug)]
struct World {
    at_aws: Vec<KeyAtAws>,
    stored: Vec<AccessKeyId>,
    journal: Option<Rotation>,
    /// Keys made so far, and the time.
    made: usize,
    now: i64,
}

impl World {
    fn new(others: &[KeyAtAws]) -> Self {
        let mut at_aws = vec![aws_key(0, true, -1_000_000)];
        at_aws.extend_from_slice(others);
        Self { at_aws, stored: vec![id(0)], journal: None, made: 0, now: 0 }
    }

    /// A run that ends after so many effects. True when it came to its end.
    fn run(&mut self, effects: usize) -> Result<bool, Stuck> {
        let mut proof = Proof::None;
        let mut effects = 0..effects;
        // One effect; when they are used up, the run is killed in its place.
        macro_rules! effect {
            ($($effect:tt)*) => {
                if effects.next().is_none() {
                    return Ok(false);
                }
                $($effect)*
            };
        }
        if self.journal.is_none() {
            let before = self.at_aws.iter().map(|key| key.id.clone()).collect();
            let journal = Rotation {
                user: "alice".parse().unwrap(),
                account: "111111111111".parse().unwrap(),
                old: id(0),
                before,
                asked_at: None,
            };
            effect!(self.journal = Some(journal));
        }
        loop {
            self.now += 10;
            let rotation = self.journal.clone().unwrap();
            let seen = Seen { at_aws: self.at_aws.clone(), stored: self.stored.clone(), proof };
            match next(&rotation, &seen)? {
                Turn::Create => {
                    effect!(self.journal.as_mut().unwrap().asked_at = Some(at(self.now)));
                    let new = aws_key(5 + self.made, true, self.now);
                    effect!(self.at_aws.push(new.clone()));
                    self.made += 1;
                    assert!(self.at_aws.len() <= MOST_KEYS, "AWS refuses a third");
                    effect!(self.stored.push(new.id));
                }
                Turn::DeleteLost(lost) => {
                    assert!(!self.stored.contains(&lost) && lost != id(0));
                    effect!(self.at_aws.retain(|key| key.id != lost));
                }
                Turn::Prove(new) => {
                    assert!(self.at_aws.iter().any(|key| key.id == new && key.active));
                    assert!(self.stored.contains(&new));
                    let alone = !self.at_aws.iter().any(|key| key.id == id(0) && key.active);
                    effect!(proof = if alone { Proof::Alone } else { Proof::BesideOld });
                }
                Turn::Deactivate(old) => {
                    assert!(old == id(0) && proof == Proof::BesideOld, "never before the new one was proved");
                    effect!(self.at_aws.iter_mut().find(|key| key.id == old).unwrap().active = false);
                }
                Turn::Delete(old) => {
                    assert!(old == id(0) && proof == Proof::Alone, "never before the new one works alone");
                    effect!(self.at_aws.retain(|key| key.id != old));
                }
                Turn::Await(new) => panic!("{new} is shown at once here"),
                Turn::Forget(old) => {
                    assert!(!self.at_aws.iter().any(|key| key.id == old));
                    effect!(self.stored.retain(|key| *key != old));
                }
                Turn::Done(new) => {
                    assert_eq!(self.stored, std::slice::from_ref(&new));
                    effect!(self.journal = None);
                    return Ok(true);
                }
            }
        }
    }

    /// At every moment a stored key works.
    fn can_work(&self) -> bool {
        self.at_aws.iter().any(|key| key.active && self.stored.contains(&key.id))
    }
}

#[test]
fn killed_anywhere_and_killed_again_it_comes_to_its_end() {
    let mut states = 0;
    for first in 0.. {
        let mut world = World::new(&[]);
        let done = world.run(first).unwrap();
        assert!(world.can_work(), "killed after {first}: {world:?}");
        if done {
            assert_eq!(world.made, 1, "one key is made where nothing is lost");
            break;
        }
        for second in 0.. {
            let mut world = world.clone();
            let done = world.run(second).unwrap();
            assert!(world.can_work(), "killed after {first} and {second}: {world:?}");
            states += 1;
            if done {
                break;
            }
            assert!(world.run(usize::MAX).unwrap(), "{first}, {second}");
            assert_eq!((world.at_aws.len(), world.stored.len()), (1, 1), "{world:?}");
            assert_ne!(world.stored, [id(0)], "it is a new one");
            assert!(world.made <= 3, "each kill loses one key at most: {world:?}");
        }
    }
    assert!(states > 60, "{states}");
}

#[test]
fn every_situation_has_its_turn() {
    let journal = Rotation {
        user: "alice".parse().unwrap(),
        account: "111111111111".parse().unwrap(),
        old: id(0),
        before: vec![id(0)],
        asked_at: Some(at(0)),
    };
    let old = || aws_key(0, true, -9_999_999);
    let off = || aws_key(0, false, -9_999_999);
    let new = || aws_key(5, true, 2);
    type Case = (&'static str, Vec<KeyAtAws>, Vec<usize>, Proof, Turn);
    let cases: [Case; 13] = [
        ("nothing made yet", vec![old()], vec![0], Proof::None, Turn::Create),
        ("lost", vec![old(), new()], vec![0], Proof::None, Turn::DeleteLost(id(5))),
        ("lost, old one off", vec![off(), new()], vec![0], Proof::None, Turn::DeleteLost(id(5))),
        ("stored, not shown yet", vec![old()], vec![0, 5], Proof::None, Turn::Await(id(5))),
        ("stored", vec![old(), new()], vec![0, 5], Proof::None, Turn::Prove(id(5))),
        ("proved", vec![old(), new()], vec![0, 5], Proof::BesideOld, Turn::Deactivate(id(0))),
        ("off, another run", vec![off(), new()], vec![0, 5], Proof::None, Turn::Prove(id(5))),
        ("off, same run", vec![off(), new()], vec![0, 5], Proof::BesideOld, Turn::Prove(id(5))),
        ("works alone", vec![off(), new()], vec![0, 5], Proof::Alone, Turn::Delete(id(0))),
        ("deleted, another run", vec![new()], vec![0, 5], Proof::None, Turn::Prove(id(5))),
        ("deleted", vec![new()], vec![0, 5], Proof::Alone, Turn::Forget(id(0))),
        ("all done", vec![new()], vec![5], Proof::Alone, Turn::Done(id(5))),
        ("old not stored here", vec![off(), new()], vec![5], Proof::Alone, Turn::Delete(id(0))),
    ];
    for (name, at_aws, stored, proof, turn) in cases {
        let stored = stored.into_iter().map(id).collect();
        assert_eq!(next(&journal, &Seen { at_aws, stored, proof }), Ok(turn), "{name}");
    }
}

#[test]
fn somebody_elses_key_is_never_deleted() {
    let journal = |before: &[usize], asked_at: Option<i64>| Rotation {
        user: "alice".parse().unwrap(),
        account: "111111111111".parse().unwrap(),
        old: id(0),
        before: before.iter().map(|number| id(*number)).collect(),
        asked_at: asked_at.map(at),
    };
    let seen = |other: KeyAtAws| Seen {
        at_aws: vec![aws_key(0, true, -9_999_999), other],
        stored: vec![id(0)],
        proof: Proof::None,
    };
    let used = KeyAtAws { used_at: Some(at(5)), ..aws_key(5, true, 1) };
    let undated = KeyAtAws { created_at: None, ..aws_key(5, true, 1) };
    for (name, journal, other) in [
        ("there before", journal(&[0, 5], Some(0)), aws_key(5, true, 1)),
        ("no key was asked for", journal(&[0], None), aws_key(5, true, 1)),
        ("made long before", journal(&[0], Some(0)), aws_key(5, true, -361)),
        ("made long after", journal(&[0], Some(0)), aws_key(5, true, 361)),
        ("in use", journal(&[0], Some(0)), used),
        ("of unknown age", journal(&[0], Some(0)), undated),
    ] {
        let stuck = next(&journal, &seen(other.clone()));
        assert_eq!(stuck, Err(Stuck::Limit { others: vec![other] }), "{name}");
    }
    let edge = seen(aws_key(5, true, 360));
    assert_eq!(next(&journal(&[0], Some(0)), &edge), Ok(Turn::DeleteLost(id(5))));

    let gone = Seen { at_aws: vec![], stored: vec![id(0)], proof: Proof::None };
    assert_eq!(next(&journal(&[0], Some(0)), &gone), Err(Stuck::OldGone { old: id(0) }));
    let off = Seen {
        at_aws: vec![aws_key(0, true, -9), aws_key(5, false, 1)],
        stored: vec![id(0), id(5)],
        proof: Proof::None,
    };
    assert_eq!(next(&journal(&[0], Some(0)), &off), Err(Stuck::NewInactive { new: id(5) }));
}
