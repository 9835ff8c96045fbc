//! Futures run side by side on one thread.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Runs all, to the end of the last; the outputs are in the futures' order.
///
/// Every wake polls all that are not done. The futures here are accounts and users of one estate, and each
/// poll is cheap beside the call it waits for.
pub(crate) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(|future| Slot::Running(Box::pin(future))).collect();
    poll_fn(|context| {
        let mut pending = false;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *slot = Slot::Done(output),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let outputs = slots.into_iter().filter_map(|slot| match slot {
        Slot::Done(output) => Some(output),
        Slot::Running(_) => None,
    });
    outputs.collect()
}

enum Slot<F: Future> {
    Running(Pin<Box<F>>),
    Done(F::Output),
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use super::*;

    #[test]
    fn all_run_at_once_and_keep_their_order() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let started = RefCell::new(Vec::new());
        let wait = |pause: u64| {
            let started = &started;
            async move {
                started.borrow_mut().push(pause);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                (pause, started.borrow().len())
            }
        };
        let outputs = runtime.block_on(all([30, 10, 20].map(wait)));
        // Each had seen the others start before it ended.
        assert_eq!(outputs, [(30, 3), (10, 3), (20, 3)]);
    }
}
