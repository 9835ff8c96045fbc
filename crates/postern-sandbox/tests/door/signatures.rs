//! Verification against the signer of the AWS SDK, on requests that nobody would write by hand.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use proptest::prelude::*;

use crate::client::{Cloud, Keys, Unsigned};

/// Paths and queries as clients send them: encoded somehow, with dots, doubled slashes, odd characters.
fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => "[A-Za-z0-9_.~!$'()*+,;=:@-]{0,6}",
        2 => "(%[0-7][0-9A-F]|%C3%A9|%e2%82%ac|[a-z]){0,4}",
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
    ];
    proptest::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let text = "([A-Za-z0-9_.~-]|%[2-7][0-9A-F]|%C3%A9|[!$'()*,;:@/?]|\\+){0,6}";
    let pair = ("[A-Za-z]{1,3}", text).prop_map(|(name, value)| format!("{name}={value}"));
    proptest::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::btree_map("x-[b-z][a-z]{0,5}", "[ -~]{0,12}", 0..4)
        .prop_map(|map| map.into_iter().collect())
}

fn request() -> impl Strategy<Value = Unsigned> {
    (
        prop_oneof![Just("sts"), Just("s3"), Just("ec2"), Just("lambda")],
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        path(),
        query(),
        headers(),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::option::weighted(0.3, 1_u64..604_800),
    )
        .prop_map(|(service, method, path, query, headers, body, presigned)| {
            // S3's clients sign the path as they send it, encoded in one way only.
            let path = if service == "s3" { encoded_once(&path) } else { path };
            Unsigned {
                method: method.to_owned(),
                target: if query.is_empty() { path } else { format!("{path}?{query}") },
                headers,
                body,
                service: service.to_owned(),
                presigned,
            }
        })
}

fn encoded_once(path: &str) -> String {
    const PATH: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let plain: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&plain, PATH).to_string()
}

const FAULTS: [&str; 4] =
    ["SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "AuthorizationHeaderMalformed"];

fn is_refused(answer: &str) -> bool {
    FAULTS.iter().any(|fault| answer.contains(fault))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_the_sdk_signs_is_taken_and_what_was_touched_is_not(
        request in request(),
        token in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut cloud = Cloud::new();
        let mut keys = cloud.bastion.clone();
        if token {
            keys = cloud.call(&keys, "sts", "GetSessionToken", &[]).ok().keys();
        }
        let good = request.sign(&keys, cloud.now);
        let answer = cloud.send(&good);
        prop_assert!(!is_refused(&answer.body), "{good:?}\n{}", answer.body);

        // Another method.
        let mut touched = good.clone();
        touched.method = if good.method == "PATCH" { "GET" } else { "PATCH" }.to_owned();
        prop_assert!(is_refused(&cloud.send(&touched).body));
        // Another signed header.
        if !request.headers.is_empty() {
            let mut touched = good.clone();
            let name = &request.headers[at.index(request.headers.len())].0;
            let header = touched.headers.iter_mut().find(|(n, _)| n == name).unwrap();
            header.1.extend_from_slice(b"x");
            prop_assert!(is_refused(&cloud.send(&touched).body));
        }
        // Another parameter.
        let mut touched = good.clone();
        touched.target.push_str(if good.target.contains('?') { "&zz=1" } else { "?zz=1" });
        prop_assert!(is_refused(&cloud.send(&touched).body));
        // Another body, where it is signed.
        if request.service != "s3" || request.presigned.is_none() {
            let mut touched = good.clone();
            touched.body.push(b'x');
            let answer = cloud.send(&touched);
            prop_assert!(
                is_refused(&answer.body) || answer.body.contains("XAmzContentSHA256Mismatch"),
                "{}", answer.body
            );
        }
        // Another secret.
        let other = Keys { secret: "x".repeat(40), ..keys };
        prop_assert!(is_refused(&cloud.ask(&other, &request).body));
    }

    /// Whatever stands in the header: an answer, never a panic, and never a success.
    #[test]
    fn garbled_authorization_is_refused(
        header in prop_oneof![
            "AWS4-HMAC-SHA256 [ -~]{0,80}",
            "(Credential|SignedHeaders|Signature|=|,| |/|AKIA|AWS4-HMAC-SHA256|host|[a-z0-9]{1,4}){0,20}",
        ],
        date in "[0-9TZ]{0,17}",
    ) {
        let mut cloud = Cloud::new();
        let mut raw = Unsigned::query("sts", "GetCallerIdentity", &[]).sign(&cloud.bastion.clone(), cloud.now);
        for (name, value) in &mut raw.headers {
            match name.as_str() {
                "authorization" => *value = header.clone().into_bytes(),
                "x-amz-date" => *value = date.clone().into_bytes(),
                _ => {}
            }
        }
        let answer = cloud.send(&raw);
        prop_assert!((400..500).contains(&answer.status), "{}", answer.body);
    }
}

#[test]
fn the_window_is_fifteen_minutes_of_the_real_clock() {
    let mut cloud = Cloud::new();
    let keys = cloud.bastion.clone();
    let raw = Unsigned::query("sts", "GetCallerIdentity", &[]).sign(&keys, cloud.now);
    // The sandbox's clock does not age signatures.
    cloud.world.advance(1_000_000, cloud.now);
    for (seconds, status) in [(900, 200), (1, 403), (-1_801, 200), (-1, 403)] {
        cloud.pass(seconds);
        assert_eq!(cloud.send(&raw).status, status, "{seconds}");
    }
    let answer = cloud.send(&raw);
    // Facts 3.3, row 8: observed on AWS.
    assert_eq!(
        answer.text("Message"),
        "Signature not yet current: 20260217T094526Z is still later than 20260217T094525Z (20260217T093025Z + 15 min.)"
    );
    cloud.pass(3_600);
    // Facts 3.3, row 7.
    assert_eq!(
        cloud.send(&raw).text("Message"),
        "Signature expired: 20260217T094526Z is now earlier than 20260217T101525Z (20260217T103025Z - 15 min.)"
    );
}

#[test]
fn presigned_requests_live_as_long_as_they_say() {
    let mut cloud = Cloud::new();
    let keys = cloud.bastion.clone();
    let mut request = Unsigned::get("sts", "/?Action=GetCallerIdentity&Version=2011-06-15");
    request.presigned = Some(3_600);
    let raw = request.sign(&keys, cloud.now);
    for (seconds, status) in [(0, 200), (3_600, 200), (1, 403)] {
        cloud.pass(seconds);
        assert_eq!(cloud.send(&raw).status, status, "{seconds}");
    }
    // Without one of its parts; all that is missing is told.
    let mut raw = request.sign(&keys, cloud.now);
    raw.target = raw.target.replace("X-Amz-Signature=", "x=").replace("X-Amz-SignedHeaders=", "y=");
    let (status, code, message) = cloud.send(&raw).refusal();
    assert_eq!((status, code.as_str()), (400, "IncompleteSignature"));
    assert!(message.contains("'X-Amz-Signature'") && message.contains("'X-Amz-SignedHeaders'"), "{message}");
}
