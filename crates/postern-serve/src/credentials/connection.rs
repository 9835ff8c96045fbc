//! HTTP: bounded in size and time, guarded, then given to the dialect.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OnceCell, watch},
    time::timeout,
};

use super::{Service, Shared, ecs, guard, imds, peer};
use crate::{browser, listener};

const CONNECTIONS_MAX: usize = 128;
/// No request of these dialects has a body.
const BODY_MAX: usize = 1 << 10;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;

/// What a request is answered.
pub(super) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    /// A header of the dialect's own.
    pub(super) header: Option<(&'static str, HeaderValue)>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { status, content_type: "application/json", body, header: None }
    }

    pub(super) fn text(status: StatusCode, body: String) -> Self {
        Self { status, content_type: "text/plain", body: body.into(), header: None }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = answer.header {
            headers.insert(name, value);
        }
        response
    }
}

/// Takes connections until told to stop, then waits for those that are at work.
pub(super) async fn accept(socket: TcpListener, shared: Arc<Shared>, stopped: watch::Receiver<()>) {
    let serve = |stream, peer, graceful: &_| serve(stream, peer, Arc::clone(&shared), graceful);
    listener::accept(socket, stopped, CONNECTIONS_MAX, serve).await;
}

fn serve(
    stream: TcpStream,
    client: SocketAddr,
    shared: Arc<Shared>,
    graceful: &GracefulShutdown,
) -> Option<impl Future<Output = ()> + use<>> {
    stream.set_nodelay(true).ok()?;
    let ends = Arc::new(Ends { client, server: stream.local_addr().ok()?, checked: OnceCell::new() });
    let service = service_fn(move |request| answer(request, Arc::clone(&ends), Arc::clone(&shared)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    Some(async move {
        // A client that goes away: nobody is left to be told.
        let _gone = connection.await;
    })
}

/// Both ends of a connection, and what the kernel says of the client's: it does not change.
struct Ends {
    client: SocketAddr,
    server: SocketAddr,
    checked: OnceCell<Result<(), String>>,
}

impl Ends {
    async fn check(&self) -> Result<(), String> {
        let (client, server) = (self.client, self.server);
        let ask = || async move {
            let asked = tokio::task::spawn_blocking(move || peer::check(client, server)).await;
            asked.unwrap_or_else(|_| Err("whose connection this is could not be told".to_owned()))
        };
        self.checked.get_or_init(ask).await.clone()
    }
}

/// Never fails: what goes wrong is an answer.
type Never = std::convert::Infallible;

async fn answer(
    request: Request<Incoming>,
    ends: Arc<Ends>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Never> {
    let (head, body) = request.into_parts();
    let guarded = match ends.check().await {
        Ok(()) => guard::check_host(&head.headers, &head.uri, ends.server)
            .and_then(|()| browser::check(&head.headers)),
        refused => refused,
    };
    if let Err(refusal) = guarded {
        return Ok(last(refuse(&shared.service, StatusCode::FORBIDDEN, &refusal)));
    }
    if !matches!(timeout(BODY_TIMEOUT, Limited::new(body, BODY_MAX).collect()).await, Ok(Ok(_))) {
        let words = "the body is too large, too slow, or broken off";
        return Ok(last(refuse(&shared.service, StatusCode::BAD_REQUEST, words)));
    }
    let request = (&head.method, head.uri.path(), &head.headers);
    let answer = match &shared.service {
        Service::Ecs { targets, token } => ecs::answer((targets, token), &shared.flights, request).await,
        Service::Imds { instance, tokens } => {
            imds::answer((instance, tokens), &shared.flights, request).await
        }
    };
    Ok(answer.into())
}

fn refuse(service: &Service, status: StatusCode, message: &str) -> Answer {
    match service {
        Service::Ecs { .. } => ecs::problem(status, "Refused", message),
        Service::Imds { .. } => imds::problem(status, message),
    }
}

/// Whoever is refused at the door need not come again on the same connection.
fn last(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::from(answer);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
