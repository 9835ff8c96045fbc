//! Connections: taken until told to stop, bounded in number, ended with grace.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

const GRACE: Duration = Duration::from_secs(5);

/// Takes connections until told to stop, then waits for those that are at work.
///
/// `serve` makes a connection's work, watched by the one who ends it; none closes it unserved. So does
/// a connection above `most`.
pub(crate) async fn accept<C: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    mut stopped: watch::Receiver<()>,
    most: usize,
    serve: impl Fn(TcpStream, SocketAddr, &GracefulShutdown) -> Option<C>,
) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: give others time to close theirs.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
        if let Some(connection) = serve(stream, peer, &graceful) {
            tokio::spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    }
    drop(listener);
    // Who keeps a request open longer than this has lost it.
    let _late = timeout(GRACE, graceful.shutdown()).await;
}
