//! Why a request is decided as it is: layer, policy, statement, element.

use crate::{
    Condition, Effect, Evaluation, Layer, Operator, PolicyRef, PolicyStack, Request, Span, Statement, Truth,
    evaluate,
    evaluate::{Question, Side},
};

/// A decision with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The decision, the same that [`evaluate`] gives.
    pub evaluation: Evaluation,
    /// Every layer that was given, in the order in which an explicit deny is looked for.
    pub layers: Vec<LayerExplanation>,
}

/// What one layer says. Each level of an organization is a layer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerExplanation {
    /// The layer.
    pub layer: Layer,
    /// The id of the organization's level, for SCPs and RCPs.
    pub level: Option<String>,
    /// Whether the layer bears on this request: SCPs do not bind service-linked roles, identity policies
    /// not the root user.
    pub applies: bool,
    /// Its policies.
    pub policies: Vec<PolicyExplanation>,
}

/// What one policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyExplanation {
    /// Its name.
    pub name: String,
    /// Its ARN, if it has one.
    pub arn: Option<String>,
    /// Its statements.
    pub statements: Vec<StatementExplanation>,
}

/// What one statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementExplanation {
    /// Its number in the document, counted from 0.
    pub number: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Its effect.
    pub effect: Effect,
    /// Where it stands in the document.
    pub span: Span,
    /// The first element that keeps it from counting; none where it counts.
    pub failure: Option<Failure>,
    /// Whether it counts though AWS does not document that it matches: a `Deny` only.
    pub unsettled: bool,
}

/// The element of a statement that does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which one.
    pub element: Element,
    /// [`Truth::No`], or [`Truth::Unsettled`] in an `Allow`.
    pub truth: Truth,
    /// Where it stands; the whole statement where the element is missing.
    pub span: Span,
    /// What the policy names.
    pub wanted: Vec<String>,
    /// What the request has; nothing where a key is absent.
    pub present: Vec<String>,
    /// A policy variable of the element that has no value in this request.
    pub valueless: Option<String>,
}

/// An element of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// `Principal` or `NotPrincipal`.
    Principal,
    /// `Action` or `NotAction`.
    Action,
    /// `Resource` or `NotResource`.
    Resource,
    /// One key of `Condition`.
    Condition {
        /// The operator.
        operator: Operator,
        /// The key as the policy writes it.
        key: String,
    },
}

/// Decides a request and says why.
#[must_use]
pub fn explain(request: &Request<'_>, stack: &PolicyStack<'_>) -> Explanation {
    let question = Question::new(request, stack);
    let explainer = Explainer { request, question: &question };
    let mut layers = Vec::new();
    for (layer, levels, applies) in
        [(Layer::Scp, stack.scps, question.scps_apply()), (Layer::Rcp, stack.rcps, question.rcps_apply())]
    {
        for level in levels {
            let level_id = Some(level.id.to_owned());
            layers.push(explainer.layer(layer, level_id, applies, level.policies));
        }
    }
    if stack.resource.is_some() {
        let layer = if question.is_assumption() { Layer::Trust } else { Layer::Resource };
        layers.push(explainer.layer(layer, None, true, stack.resource.as_slice()));
    }
    let has_identity = question.has_identity_policies();
    let own = [
        (Layer::Identity, Some(stack.identity).filter(|policies| !policies.is_empty())),
        (Layer::Group, Some(stack.groups).filter(|policies| !policies.is_empty())),
        (Layer::Boundary, stack.boundary.as_ref().map(std::slice::from_ref)),
        (Layer::Session, stack.session),
    ];
    for (layer, policies) in own {
        if let Some(policies) = policies {
            layers.push(explainer.layer(layer, None, has_identity, policies));
        }
    }
    Explanation { evaluation: evaluate(request, stack), layers }
}

struct Explainer<'a> {
    request: &'a Request<'a>,
    question: &'a Question<'a>,
}

impl Explainer<'_> {
    fn layer(
        &self,
        layer: Layer,
        level: Option<String>,
        applies: bool,
        policies: &[PolicyRef<'_>],
    ) -> LayerExplanation {
        let policies = policies
            .iter()
            .map(|policy| PolicyExplanation {
                name: policy.name.to_owned(),
                arn: policy.arn.map(str::to_owned),
                statements: policy
                    .document
                    .statements()
                    .iter()
                    .enumerate()
                    .map(|(number, statement)| self.statement(layer, number, statement))
                    .collect(),
            })
            .collect();
        LayerExplanation { layer, level, applies, policies }
    }

    fn statement(&self, layer: Layer, number: usize, statement: &Statement) -> StatementExplanation {
        // What is unsettled counts where it denies.
        let least = match statement.effect() {
            Effect::Allow => Truth::Yes,
            Effect::Deny => Truth::Unsettled,
        };
        let mut elements = Vec::new();
        elements.extend(self.principal(layer, statement));
        elements.push(self.action(statement));
        elements.extend(self.resource(layer, statement));
        let conditions = statement.conditions().iter().map(|condition| self.condition(condition));
        let mut unsettled = false;
        let failure = elements.into_iter().chain(conditions).find(|element| {
            unsettled |= element.truth == Truth::Unsettled;
            element.truth < least
        });
        StatementExplanation {
            number,
            sid: statement.sid().map(str::to_owned),
            effect: statement.effect(),
            span: statement.span(),
            unsettled: failure.is_none() && unsettled,
            failure,
        }
    }

    fn principal(&self, layer: Layer, statement: &Statement) -> Option<Failure> {
        let named_by_resource = matches!(layer, Layer::Resource | Layer::Trust);
        let truth = if named_by_resource {
            self.question.principal_element(statement).0
        } else {
            statement.principals()?;
            self.question.attached_principal(layer)
        };
        let principals = statement.principals();
        let wanted = principals.map(|list| list.patterns().iter().map(|p| p.text().to_owned()).collect());
        Some(Failure {
            element: Element::Principal,
            truth,
            span: principals.map_or(statement.span(), crate::Principals::span),
            wanted: wanted.unwrap_or_default(),
            present: self.request.principal.names(),
            valueless: None,
        })
    }

    fn action(&self, statement: &Statement) -> Failure {
        let actions = statement.actions();
        Failure {
            element: Element::Action,
            truth: actions.matches(self.request.action).into(),
            span: actions.span(),
            wanted: actions.patterns().iter().map(|pattern| pattern.text().to_owned()).collect(),
            present: vec![self.request.action.to_owned()],
            valueless: None,
        }
    }

    fn resource(&self, layer: Layer, statement: &Statement) -> Option<Failure> {
        let present = vec![self.request.resource.to_owned()];
        let Some(resources) = statement.resources() else {
            let truth =
                if matches!(layer, Layer::Resource | Layer::Trust) { Truth::Yes } else { Truth::Unsettled };
            let element = Element::Resource;
            let span = statement.span();
            return Some(Failure { element, truth, span, wanted: Vec::new(), present, valueless: None });
        };
        let context = self.request.context;
        Some(Failure {
            element: Element::Resource,
            truth: resources.matches(self.request.resource, context).into(),
            span: resources.span(),
            wanted: resources.patterns().iter().map(|pattern| pattern.text().to_owned()).collect(),
            present,
            valueless: resources
                .patterns()
                .iter()
                .find_map(|pattern| pattern.valueless(context))
                .map(str::to_owned),
        })
    }

    fn condition(&self, condition: &Condition) -> Failure {
        let context = self.request.context;
        Failure {
            element: Element::Condition { operator: condition.operator(), key: condition.key().to_owned() },
            truth: condition.test(context),
            span: condition.span(),
            wanted: condition.values().iter().map(|value| value.text().to_owned()).collect(),
            present: condition.present(context).values().iter().map(|value| (**value).to_owned()).collect(),
            valueless: condition.valueless(context).map(str::to_owned),
        }
    }
}

impl Explanation {
    /// The statements that count, with their layers and policies.
    pub fn matching(
        &self,
    ) -> impl Iterator<Item = (&LayerExplanation, &PolicyExplanation, &StatementExplanation)> {
        self.layers.iter().filter(|layer| layer.applies).flat_map(|layer| {
            layer.policies.iter().flat_map(move |policy| {
                let counting = policy.statements.iter().filter(|statement| statement.failure.is_none());
                counting.map(move |statement| (layer, policy, statement))
            })
        })
    }
}

impl Question<'_> {
    fn has_identity_policies(&self) -> bool {
        !self.is_root() && self.side != Side::Outside
    }
}
