//! A machine whose clock is not AWS's.

use postern_aws::{Aws, Credentials, Endpoint, Patience, StsClient};
use postern_broker::{Sts, StsError};
use postern_types::{LongTermKey, SessionDuration, SignedDuration, Timestamp};

use crate::script::{Reply, Script, key};

const ACTION: &str = "GetSessionToken";
const WRONG_CODE: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>\
    MultiFactorAuthentication failed with invalid MFA one time pass code. </Message></Error></ErrorResponse>";

/// AWS's own text for a signature of twenty minutes ago.
fn expired() -> &'static str {
    let basic = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let now = Timestamp::now();
    let ago = |minutes| basic(now - SignedDuration::from_mins(minutes));
    let message =
        format!("Signature expired: {} is now earlier than {} ({} - 15 min.)", ago(20), ago(15), basic(now));
    let text = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>\
         <Message>{message}</Message></Error></ErrorResponse>"
    );
    // The script lives as long as the test.
    text.leak()
}

fn twenty_minutes_behind() -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(20)
}

fn ask(script: &Script) -> (StsError, StsClient) {
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), &script.url);
    let aws = Aws::with_clock(Patience::default(), twenty_minutes_behind).unwrap();
    let sts = StsClient::new(aws, endpoint);
    let Credentials { id, secret, .. } = key();
    let key = LongTermKey { id, secret };
    let serial = "arn:aws:iam::111111111111:mfa/alice".parse().unwrap();
    let code = "123456".parse().unwrap();
    let error = sts.get_session_token(&key, &serial, &code, SessionDuration::HOUR).unwrap_err();
    (error, sts)
}

#[test]
fn a_refused_time_is_put_right_once() {
    let script =
        Script::start(&[(ACTION, Reply::Answer(403, expired())), (ACTION, Reply::Answer(403, WRONG_CODE))]);
    let (error, sts) = ask(&script);
    assert_eq!(error, StsError::WrongCode);
    assert_eq!(script.seen().len(), 2);
    let behind = (sts.clock_ahead() - SignedDuration::from_mins(20)).abs();
    assert!(behind < SignedDuration::from_secs(5), "{:?}", sts.clock_ahead());
    assert!(sts.now().duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(5));

    let script =
        Script::start(&[(ACTION, Reply::Answer(403, expired())), (ACTION, Reply::Answer(403, expired()))]);
    let (error, _) = ask(&script);
    assert!(matches!(error, StsError::ClockSkew { .. }), "{error}");
    assert_eq!(script.seen().len(), 2, "no third attempt");
}
