//! Endpoints that do not answer: each is named for what it is, in seconds.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::script::{Reply, Script, connection};
use postern_aws::{Kind, Patience, Unreachable, raw::RawCall};

fn patience() -> Patience {
    Patience {
        read: Duration::from_millis(300),
        first_pause: Duration::from_millis(10),
        ..Patience::default()
    }
}

#[test]
fn a_dead_endpoint_is_named_for_what_it_is() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let who = "GetCallerIdentity";
    let cut = Script::start(&[(who, Reply::Cut), (who, Reply::Cut), (who, Reply::Cut)]);
    let silent = Script::start(&[(who, Reply::Silence), (who, Reply::Silence), (who, Reply::Silence)]);
    let plain = Script::start(&[]);
    let cases = [
        (nobody, Unreachable::Refused),
        ("http://no-such-host.invalid".to_owned(), Unreachable::Dns),
        (cut.url.clone(), Unreachable::Cut),
        (silent.url.clone(), Unreachable::Timeout),
        (plain.url.replace("http:", "https:"), Unreachable::Tls),
    ];
    for (url, why) in cases {
        let start = Instant::now();
        let connection = connection(&url, patience());
        assert_eq!(connection.caller_identity().unwrap_err().kind, Kind::Unreachable(why), "{url}");
        assert!(start.elapsed() < Duration::from_secs(5), "{url} took {:?}", start.elapsed());
    }
    // Reading is safe to repeat, and is repeated.
    assert_eq!((cut.seen().len(), silent.seen().len()), (3, 3));
}

#[test]
fn raw_calls_are_sent_once() {
    let cut = Script::start(&[("GetCallerIdentity", Reply::Cut), ("GetCallerIdentity", Reply::Cut)]);
    let error = connection(&cut.url, patience()).raw(&RawCall::sts("GetCallerIdentity", &[])).unwrap_err();
    assert_eq!((error.kind, cut.seen().len()), (Kind::Unreachable(Unreachable::Cut), 1));
    let silent = Script::start(&[("GetCallerIdentity", Reply::Silence)]);
    let hasty = Patience { connect: Duration::from_millis(100), ..patience() };
    let error = connection(&silent.url, hasty).raw(&RawCall::sts("GetCallerIdentity", &[])).unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable(Unreachable::Timeout));
}
