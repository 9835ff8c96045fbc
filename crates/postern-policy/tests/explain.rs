//! Explanations name the first element that fails, with its values.

#[cfg(test)]
mod common;

use common::{ALICE, Scene, allow, doc, grants, scene};
use postern_policy::{Deciding, Decision, Element, Failure, FederatedBy, Layer, Principal, Truth};

const TARGET: &str = "arn:aws:iam::222222222222:role/target";

fn first_failure(scene: &Scene, layer: Layer) -> Option<Failure> {
    let explanation = scene.explain();
    let layer = explanation.layers.into_iter().find(|found| found.layer == layer)?;
    layer.policies.into_iter().next()?.statements.into_iter().next()?.failure
}

fn named(failure: Option<&Failure>) -> String {
    match failure.map(|failure| &failure.element) {
        None => "nothing".to_owned(),
        Some(Element::Principal) => "principal".to_owned(),
        Some(Element::Action) => "action".to_owned(),
        Some(Element::Resource) => "resource".to_owned(),
        Some(Element::Condition { operator, key }) => format!("{operator} {key}"),
    }
}

#[test]
fn mending_the_named_element_moves_the_failure_on() {
    let broken = [
        ("Action", r#""s3:*""#, r#""sts:AssumeRole""#, "action"),
        ("Resource", r#""arn:aws:iam::333333333333:role/*""#, r#""arn:aws:iam::*:role/target""#, "resource"),
        (
            "Condition",
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#,
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"60"}}"#,
            "Bool aws:MultiFactorAuthPresent",
        ),
        (
            "Condition",
            "",
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}"#,
            "NumericLessThan aws:MultiFactorAuthAge",
        ),
    ];
    let mut elements: Vec<(&str, &str)> = vec![("Action", ""), ("Resource", ""), ("Condition", "")];
    for (element, wrong, ..) in broken.iter().take(3) {
        elements.iter_mut().find(|(name, _)| name == element).unwrap().1 = wrong;
    }
    let build = |elements: &[(&str, &str)]| {
        let members: Vec<String> =
            elements.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        scene(ALICE, "sts:AssumeRole", TARGET)
            .with("aws:MultiFactorAuthPresent", true)
            .with("aws:MultiFactorAuthAge", "120")
            .policy(grants(r#"{"AWS":"111111111111"}"#))
            .identity(doc(&format!(r#"{{"Effect":"Allow",{}}}"#, members.join(","))))
    };
    for (element, _, mended, wanted) in broken {
        let scene = build(&elements);
        assert_eq!(named(first_failure(&scene, Layer::Identity).as_ref()), wanted);
        assert_eq!(scene.decision(), Decision::ImplicitlyDenied);
        elements.iter_mut().find(|(name, _)| *name == element).unwrap().1 = mended;
    }
    let mended = build(&elements);
    assert_eq!(first_failure(&mended, Layer::Identity), None);
    assert_eq!(mended.decision(), Decision::Allowed);
}

#[test]
fn a_failure_carries_the_values_of_both_sides() {
    let scene = scene(ALICE, "sts:AssumeRole", TARGET)
        .identity(allow("*"))
        .with("aws:MultiFactorAuthPresent", false)
        .policy(doc(r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole",
                "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#));
    let failure = first_failure(&scene, Layer::Trust).unwrap();
    assert_eq!(failure.truth, Truth::No);
    assert_eq!(failure.wanted, ["true"]);
    assert_eq!(failure.present, ["false"]);

    let valueless = scene.clone().identity(doc(
        r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:role/${aws:PrincipalTag/role}"}"#,
    ));
    let explanation = valueless.explain();
    let identity = explanation.layers.iter().find(|layer| layer.layer == Layer::Identity).unwrap();
    let failure = identity.policies[1].statements[0].failure.as_ref().unwrap();
    assert_eq!(failure.valueless.as_deref(), Some("aws:principaltag/role"));

    let stranger = scene.policy(grants(r#"{"AWS":"999999999999"}"#));
    let failure = first_failure(&stranger, Layer::Trust).unwrap();
    assert_eq!(failure.element, Element::Principal);
    assert_eq!(failure.wanted, ["999999999999"]);
    assert_eq!(failure.present, [ALICE, "111111111111"]);
}

#[test]
fn layers_that_do_not_bear_on_a_request_say_so() {
    let root =
        scene("arn:aws:iam::111111111111:root", "s3:ListBucket", "*").identity(allow("*")).scp(&[allow("*")]);
    let applies: Vec<(Layer, bool)> =
        root.explain().layers.iter().map(|layer| (layer.layer, layer.applies)).collect();
    assert_eq!(applies, [(Layer::Scp, true), (Layer::Identity, false)]);
    assert_eq!(root.explain().matching().count(), 1);

    let mut federated = root.session(allow("s3:*"));
    federated.principal = Principal::FederatedUser {
        arn: "arn:aws:sts::111111111111:federated-user/f".parse().unwrap(),
        account: "111111111111".parse().unwrap(),
        by: FederatedBy::Root,
    };
    let applies: Vec<(Layer, bool)> =
        federated.explain().layers.iter().map(|layer| (layer.layer, layer.applies)).collect();
    assert_eq!(applies, [(Layer::Scp, true), (Layer::Identity, false), (Layer::Session, true)]);
    assert_eq!(federated.explain().evaluation.deciding, Deciding::RootUser);
}

#[test]
fn a_deny_that_counts_though_it_is_unsettled_says_so() {
    let unsettled = |scene: &Scene| {
        let explanation = scene.explain();
        assert_eq!(explanation.evaluation.decision, Decision::ExplicitlyDenied);
        explanation.layers[0].policies[0].statements[0].unsettled
    };
    let denied = |condition: &str| {
        let statement =
            format!(r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#);
        scene(ALICE, "sts:AssumeRole", TARGET)
            .with("aws:MultiFactorAuthAge", "none")
            .identity(doc(&statement))
    };
    assert!(unsettled(&denied(r#""NumericLessThan":{"aws:MultiFactorAuthAge":"60"}"#)));
    assert!(!unsettled(&denied(r#""StringEquals":{"aws:MultiFactorAuthAge":"none"}"#)));
}
