//! Why a request is decided as it is: layer, policy, statement, element.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Condition, Document, Effect, Evaluation, Layer, Operator, PolicyRef, PolicyStack, Request, Span,
    Statement, Texts, Truth, evaluate, evaluate::Question, texts::Part,
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
    pub wanted: Texts,
    /// What the request has; nothing where a key is absent.
    pub present: Texts,
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
    let mut explainer = Explainer {
        request,
        question: &question,
        names: None,
        action: request.action.into(),
        resource: request.resource.into(),
        keys: HashMap::new(),
    };
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
    let own = [
        (Layer::Identity, Some(stack.identity).filter(|policies| !policies.is_empty())),
        (Layer::Group, Some(stack.groups).filter(|policies| !policies.is_empty())),
        (Layer::Boundary, Some(stack.boundary).filter(|policies| !policies.is_empty())),
        (Layer::Session, stack.session),
    ];
    for (layer, policies) in own {
        let applies = match layer {
            Layer::Session => question.has_session_policies(),
            _ => question.has_identity_policies(),
        };
        if let Some(policies) = policies {
            layers.push(explainer.layer(layer, None, applies, policies));
        }
    }
    Explanation { evaluation: evaluate(request, stack), layers }
}

struct Explainer<'a> {
    request: &'a Request<'a>,
    question: &'a Question<'a>,
    /// What the request has, made once however many statements fail for it.
    names: Option<Texts>,
    action: Arc<str>,
    resource: Arc<str>,
    keys: HashMap<Box<str>, Texts>,
}

/// A statement, with the document's way to share it.
#[derive(Clone, Copy)]
struct Placed<'d> {
    statements: &'d Arc<[Statement]>,
    number: usize,
    statement: &'d Statement,
}

impl Placed<'_> {
    fn quote(&self, part: Part) -> Texts {
        Texts::element(self.statements, self.number, part)
    }
}

impl Explainer<'_> {
    fn layer(
        &mut self,
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
                statements: self.document(layer, policy.document),
            })
            .collect();
        LayerExplanation { layer, level, applies, policies }
    }

    fn document(&mut self, layer: Layer, document: &Document) -> Vec<StatementExplanation> {
        let question = self.question;
        let mut candidates = document.candidates(&question.action).map(|(number, _)| number).peekable();
        let statements = document.statements().iter().enumerate();
        statements
            .map(|(number, statement)| {
                let covered = candidates.next_if_eq(&number).is_some();
                self.statement(layer, Placed { statements: &document.statements, number, statement }, covered)
            })
            .collect()
    }

    fn statement(&mut self, layer: Layer, placed: Placed<'_>, covered: bool) -> StatementExplanation {
        let statement = placed.statement;
        let mut unsettled = false;
        let failure = self.failure(layer, placed, covered, &mut unsettled);
        StatementExplanation {
            number: placed.number,
            sid: statement.sid().map(str::to_owned),
            effect: statement.effect(),
            span: statement.span(),
            unsettled: failure.is_none() && unsettled,
            failure,
        }
    }

    /// The first element that fails; and whether one before it is unsettled.
    fn failure(
        &mut self,
        layer: Layer,
        placed: Placed<'_>,
        covered: bool,
        unsettled: &mut bool,
    ) -> Option<Failure> {
        let statement = placed.statement;
        // What is unsettled counts where it denies.
        let least = match statement.effect() {
            Effect::Allow => Truth::Yes,
            Effect::Deny => Truth::Unsettled,
        };
        let mut fails = |truth: Truth| {
            *unsettled |= truth == Truth::Unsettled;
            truth < least
        };
        let by_resource = matches!(layer, Layer::Resource | Layer::Trust);

        let principals = statement.principals();
        let truth = match principals {
            _ if by_resource => self.question.principal_element(statement).0,
            Some(_) => self.question.attached_principal(layer),
            None => Truth::Yes,
        };
        if fails(truth) {
            let request = self.request;
            let names = self.names.get_or_insert_with(|| request.principal.names().into());
            return Some(Failure {
                element: Element::Principal,
                truth,
                span: principals.map_or(statement.span(), crate::Principals::span),
                wanted: placed.quote(Part::Principals),
                present: names.clone(),
                valueless: None,
            });
        }
        if fails(covered.into()) {
            return Some(Failure {
                element: Element::Action,
                truth: Truth::No,
                span: statement.actions().span(),
                wanted: placed.quote(Part::Actions),
                present: Arc::clone(&self.action).into(),
                valueless: None,
            });
        }
        let truth = match statement.resources() {
            Some(resources) => resources.covers(&self.question.resource, self.request.context).into(),
            None if by_resource => Truth::Yes,
            None => Truth::Unsettled,
        };
        if fails(truth) {
            return Some(self.resource(placed, truth));
        }
        let mut conditions = statement.conditions().iter().enumerate();
        conditions.find_map(|(number, condition)| {
            let truth = condition.test(self.request.context);
            fails(truth).then(|| self.condition(placed, number, condition, truth))
        })
    }

    fn resource(&self, placed: Placed<'_>, truth: Truth) -> Failure {
        let resources = placed.statement.resources();
        let mut patterns = resources.iter().flat_map(|resources| resources.patterns());
        Failure {
            element: Element::Resource,
            truth,
            span: resources.map_or(placed.statement.span(), crate::Resources::span),
            wanted: placed.quote(Part::Resources),
            present: Arc::clone(&self.resource).into(),
            valueless: patterns
                .find_map(|pattern| pattern.valueless(self.request.context))
                .map(str::to_owned),
        }
    }

    fn condition(
        &mut self,
        placed: Placed<'_>,
        number: usize,
        condition: &Condition,
        truth: Truth,
    ) -> Failure {
        let context = self.request.context;
        let present = || -> Texts {
            let values = condition.present(context).values();
            values.iter().map(|value| (**value).to_owned()).collect::<Vec<_>>().into()
        };
        let known = self.keys.get(condition.folded_key()).cloned();
        let present = known.unwrap_or_else(|| {
            let present = present();
            self.keys.insert(condition.folded_key().into(), present.clone());
            present
        });
        Failure {
            element: Element::Condition { operator: condition.operator(), key: condition.key().to_owned() },
            truth,
            span: condition.span(),
            wanted: placed.quote(Part::Condition(number)),
            present,
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
