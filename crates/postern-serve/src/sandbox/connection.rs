//! Sockets and HTTP: what comes in is bounded in size and time before the sandbox sees it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use postern_sandbox::{RawRequest, RawResponse};
use postern_types::Timestamp;
use rand::rngs::StdRng;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, watch},
    time::timeout,
};

use super::{
    Shared, admin,
    faults::{self, Fate},
    fresh_rng, guard,
};
use crate::{browser, listener};

/// More than any AWS call of these services takes.
const BODY_MAX: usize = 1 << 20;
/// A whole state.
const STATE_MAX: usize = 64 << 20;
const CONNECTIONS_MAX: usize = 1_024;
/// Also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes connections until told to stop, then waits for those that are at work.
pub(super) async fn accept(socket: TcpListener, shared: Arc<Shared>, stopped: watch::Receiver<()>) {
    let serve = |stream, peer, graceful: &_| serve(stream, peer, Arc::clone(&shared), graceful);
    listener::accept(socket, stopped, CONNECTIONS_MAX, serve).await;
}

fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    graceful: &GracefulShutdown,
) -> Option<impl Future<Output = ()> + use<>> {
    // Answers are small and waited for.
    stream.set_nodelay(true).ok()?;
    // Requests of a connection come one after the other: the lock is never waited for.
    let rng = Arc::new(Mutex::new(fresh_rng().ok()?));
    let service = service_fn(move |request| answer(request, peer, Arc::clone(&shared), Arc::clone(&rng)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Names of headers have no case, but as AWS writes them they look familiar.
        .title_case_headers(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    Some(async move {
        // A client that goes away, or a fault that was asked for: nobody is left to be told.
        let _gone = connection.await;
    })
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
struct WasCut;

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    rng: Arc<Mutex<StdRng>>,
) -> Result<Response<Full<Bytes>>, WasCut> {
    let guarded = guard::check_host(request.headers(), request.uri(), shared.port)
        .and_then(|()| browser::check(request.headers()));
    if let Err(refusal) = guarded {
        return Ok(text(StatusCode::FORBIDDEN, refusal));
    }
    let is_admin = admin::is_for(request.uri().path());
    if is_admin && let Err(refusal) = shared.admin.check(request.headers()) {
        return Ok(json(refusal));
    }
    let (head, body) = request.into_parts();
    let body = match read(body, if is_admin { STATE_MAX } else { BODY_MAX }).await {
        Ok(body) => body,
        Err(status) => return Ok(text(status, "the body is too large, too slow, or broken off".to_owned())),
    };
    let mut rng = rng.lock().await;
    let now = Timestamp::now();
    if is_admin {
        let place = admin::Place { world: &shared.world, faults: &shared.faults };
        return Ok(json(admin::answer(&place, &head.method, head.uri.path(), &body, now, &mut *rng)));
    }
    let (fate, late) = shared.faults.next();
    if !late.is_zero() {
        tokio::time::sleep(late).await;
    }
    let is_json = head.headers.contains_key("x-amz-target");
    let failed = || faults::refusal(is_json, 500, "InternalFailure", "The request processing has failed.");
    match fate {
        Fate::CutBefore => return Err(WasCut),
        Fate::Throttled => {
            return Ok(aws(faults::refusal(is_json, 400, "Throttling", "Rate exceeded"), &head.method));
        }
        Fate::ErrorBefore => return Ok(aws(failed(), &head.method)),
        Fate::Pass | Fate::CutAfter | Fate::ErrorAfter => {}
    }
    let raw = RawRequest {
        method: head.method.as_str().to_owned(),
        target: head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
        headers: headers(&head.headers),
        body: body.into(),
        source_ip: peer.ip(),
    };
    let response = shared.world.handle(&raw, now, &mut *rng);
    match fate {
        Fate::CutAfter => return Err(WasCut),
        Fate::ErrorAfter => return Ok(aws(failed(), &head.method)),
        _ => {}
    }
    Ok(aws(response, &head.method))
}

async fn read(body: Incoming, max: usize) -> Result<Bytes, StatusCode> {
    match timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn headers(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn aws(response: RawResponse, method: &Method) -> Response<Full<Bytes>> {
    let body = if method == Method::HEAD { Bytes::new() } else { Bytes::from(response.body) };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn json((status, value): admin::Answer) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(value)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text + "\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
