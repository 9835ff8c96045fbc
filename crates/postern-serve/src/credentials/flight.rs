//! One fetch at a time for each target, shared by all who waited for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use postern_broker::Issued;
use tokio::sync::Mutex as AsyncMutex;

use super::{CredentialSource, SourceError};

type Outcome = Result<Arc<Issued>, SourceError>;

/// What came of the last fetch, and when it ended.
type Slot = Arc<AsyncMutex<Option<(Instant, Outcome)>>>;

/// The way to the source.
pub(super) struct Flights {
    source: Arc<dyn CredentialSource>,
    slots: Mutex<HashMap<String, Slot>>,
}

/// Enough for every role of a person; with more, those that nobody waits for are forgotten.
const SLOTS_MAX: usize = 256;

impl Flights {
    pub(super) fn new(source: Arc<dyn CredentialSource>) -> Self {
        Self { source, slots: Mutex::default() }
    }

    /// Credentials of a target. Whoever waited while they were fetched shares what came of it, good or bad.
    pub(super) async fn fetch(&self, target: &str) -> Outcome {
        let asked_at = Instant::now();
        let slot = self.slot(target);
        let mut last = slot.lock().await;
        if let Some((ended_at, outcome)) = &*last
            && *ended_at >= asked_at
        {
            return outcome.clone();
        }
        let (source, name) = (Arc::clone(&self.source), target.to_owned());
        // The source may start a runtime of its own, and wait for the network.
        let fetched = tokio::task::spawn_blocking(move || source.credentials(&name)).await;
        let outcome = match fetched {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => Err(SourceError { message: "the credentials could not be fetched".to_owned() }),
        };
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }

    fn slot(&self, target: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(target) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(target.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;

    #[derive(Default)]
    struct Slow(AtomicU32);

    impl CredentialSource for Slow {
        fn credentials(&self, target: &str) -> Result<Issued, SourceError> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(300));
            Err(SourceError { message: format!("{target} {number}") })
        }
    }

    #[test]
    fn who_waits_shares_and_who_comes_later_asks_anew() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let source = Arc::new(Slow::default());
        let flights = Arc::new(Flights::new(Arc::<Slow>::clone(&source)));
        runtime.block_on(async {
            let ask = |target: &'static str| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move { flights.fetch(target).await.unwrap_err().message })
            };
            let asked: Vec<_> = ["a", "b"].repeat(10).into_iter().map(ask).collect();
            let mut answers = Vec::new();
            for answer in asked {
                answers.push(answer.await.unwrap());
            }
            answers.sort();
            answers.dedup();
            assert_eq!(answers.len(), 2, "{answers:?}");
            assert_eq!(source.0.load(Ordering::SeqCst), 2, "one flight for each target");
            assert_eq!(ask("a").await.unwrap(), "a 2");
        });
    }

    #[test]
    fn forgotten_targets_make_room() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        struct Quick;
        impl CredentialSource for Quick {
            fn credentials(&self, _: &str) -> Result<Issued, SourceError> {
                Err(SourceError { message: String::new() })
            }
        }
        let flights = Flights::new(Arc::new(Quick));
        runtime.block_on(async {
            for number in 0..SLOTS_MAX * 2 {
                let _none = flights.fetch(&number.to_string()).await;
            }
        });
        assert!(flights.slots.lock().unwrap().len() <= SLOTS_MAX);
    }
}
