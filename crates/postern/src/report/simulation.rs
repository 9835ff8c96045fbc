//! Simulated requests: what was given, and what came of it, for people. AWS's form is in `json`.

mod json;
mod nearest;
mod notices;

use std::collections::BTreeMap;

use postern_policy::{
    ContextValue, Deciding, Decision, Document, Effect, Explanation, Layer, LayerExplanation, Limit, Place,
    PolicyRef, PolicyStack, Principal, Request, StatementExplanation, explain,
};

pub(crate) use self::{
    json::render as json,
    notices::{Kind, Notice},
};
use crate::{
    output::{BAD, BOLD, DIM, GOOD, HINT, Remark, brief, paint, prose, render_remark},
    report::table,
};

/// A policy that was given, with the text that explanations underline.
#[derive(Debug)]
pub(crate) struct Given {
    /// What AWS's answer calls it: `PolicyInputList.1`.
    pub(crate) id: String,
    /// What people call it: its file, or the id.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
    /// What it says.
    pub(crate) document: Document,
}

impl Given {
    pub(crate) fn reference(&self) -> PolicyRef<'_> {
        PolicyRef { name: &self.name, arn: None, document: &self.document }
    }
}

/// The policies of one level of an organization.
#[derive(Debug)]
pub(crate) struct GivenLevel {
    /// The level's name.
    pub(crate) id: String,
    /// Its policies.
    pub(crate) policies: Vec<Given>,
}

/// Everything that was given, by layer.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    pub(crate) identity: Vec<Given>,
    pub(crate) groups: Vec<Given>,
    pub(crate) boundary: Vec<Given>,
    pub(crate) session: Vec<Given>,
    /// The resource's policy, or the role's trust policy.
    pub(crate) resource: Option<Given>,
    pub(crate) scps: Vec<GivenLevel>,
    pub(crate) rcps: Vec<GivenLevel>,
}

impl Policies {
    /// The policies of a layer, at one level of the organization where it has levels.
    fn of(&self, layer: Layer, level: usize) -> &[Given] {
        match layer {
            Layer::Identity => &self.identity,
            Layer::Group => &self.groups,
            Layer::Boundary => &self.boundary,
            Layer::Session => &self.session,
            Layer::Resource | Layer::Trust => self.resource.as_slice(),
            Layer::Scp => self.scps.get(level).map_or(&[], |level| &level.policies),
            Layer::Rcp => self.rcps.get(level).map_or(&[], |level| &level.policies),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Self { identity, groups, boundary, session, resource, scps, rcps } = self;
        [identity, groups, boundary, session].into_iter().all(Vec::is_empty)
            && resource.is_none()
            && scps.is_empty()
            && rcps.is_empty()
    }
}

/// One request and what came of it.
pub(crate) struct Outcome<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) stack: PolicyStack<'a>,
    pub(crate) explanation: Explanation,
    /// Keys that statements on this action ask for and the request lacks, as they are written.
    pub(crate) missing: Vec<&'a str>,
    /// What a reader should know besides.
    pub(crate) notices: Vec<Notice>,
}

impl<'a> Outcome<'a> {
    pub(crate) fn of(request: Request<'a>, stack: PolicyStack<'a>) -> Self {
        let documents = stack.identity.iter().chain(stack.groups).chain(stack.boundary);
        let documents = documents.chain(stack.session.unwrap_or_default()).chain(stack.resource.as_slice());
        let levels = stack.scps.iter().chain(stack.rcps).flat_map(|level| level.policies);
        let mut missing = BTreeMap::new();
        for PolicyRef { document, .. } in documents.chain(levels) {
            let about = document.statements().iter().filter(|s| s.actions().matches(request.action));
            for key in about.flat_map(|statement| document.context_keys(statement)) {
                if *request.context.get(key) == ContextValue::Absent {
                    missing.entry(key.to_lowercase()).or_insert(key);
                }
            }
        }
        let explanation = explain(&request, &stack);
        let notices = notices::of(&request, &stack, &explanation.evaluation);
        Self { request, stack, explanation, missing: missing.into_values().collect(), notices }
    }

    pub(crate) fn decision(&self) -> Decision {
        self.explanation.evaluation.decision
    }

    /// Whether the kind of request or of credential decided, whatever policies say.
    pub(crate) fn heeds_no_policy(&self) -> bool {
        let deciding = self.explanation.evaluation.deciding;
        matches!(deciding, Deciding::NeedsNoPermission | Deciding::CredentialLimit(_))
    }

    /// The layers with the number of their level among those of their kind.
    fn layers(&self) -> impl Iterator<Item = (usize, &LayerExplanation)> {
        let mut seen = [0_usize; 2];
        self.explanation.layers.iter().map(move |layer| {
            let count = match layer.layer {
                Layer::Scp => seen.first_mut(),
                Layer::Rcp => seen.last_mut(),
                _ => None,
            };
            let level = count.map_or(0, |count| {
                *count += 1;
                *count - 1
            });
            (level, layer)
        })
    }
}

/// All that is shown of a run.
pub(crate) struct Simulation<'a> {
    pub(crate) policies: &'a Policies,
    /// Who asks, as it was given; none where nobody was named and someone of the resource's account stands in.
    pub(crate) caller: Option<&'a str>,
    pub(crate) outcomes: Vec<Outcome<'a>>,
    /// The keys that were filled in, with their values.
    pub(crate) implied: Vec<(&'static str, String)>,
    /// Names in the request that are probably slips.
    pub(crate) warnings: Vec<Notice>,
}

/// The run as a person reads it.
pub(crate) fn render(simulation: &Simulation<'_>, width: usize) -> String {
    let mut parts: Vec<String> =
        simulation.outcomes.iter().map(|outcome| Picture { simulation, outcome, width }.render()).collect();
    let matters = simulation.outcomes.iter().any(|outcome| !outcome.heeds_no_policy());
    if matters && !simulation.implied.is_empty() {
        let keys: Vec<String> =
            simulation.implied.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let text = format!("filled in from the caller and the resource: {}", keys.join(", "));
        let lines = prose(&text, "", "  ", width);
        parts
            .push(format!("{}\n", lines.lines().map(|line| paint(DIM, line)).collect::<Vec<_>>().join("\n")));
    }
    parts.join("\n")
}

struct Picture<'a> {
    simulation: &'a Simulation<'a>,
    outcome: &'a Outcome<'a>,
    width: usize,
}

impl Picture<'_> {
    fn render(&self) -> String {
        let Request { action, resource, .. } = self.outcome.request;
        let (style, words) = match self.outcome.decision() {
            Decision::Allowed => (GOOD, "allowed"),
            Decision::ImplicitlyDenied => (BAD, "implicitly denied"),
            Decision::ExplicitlyDenied => (BAD, "explicitly denied"),
        };
        let head = format!("{}: {} on {resource}", paint(style, words), paint(BOLD, action));
        let mut text = prose(&head, "", "    ", self.width);
        text.push('\n');
        if let Some(sentence) = self.sentence() {
            text.push_str(&prose(&sentence, "  ", "    ", self.width));
            text.push('\n');
        }
        let layers = self.layers();
        if layers.len() > 1 && !self.outcome.heeds_no_policy() {
            let table = table::plain(&["LAYER", "SAYS"], &layers);
            text.push('\n');
            table.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        for picture in self.pictures() {
            text.push_str(&format!("\n{picture}\n"));
        }
        for notice in &self.outcome.notices {
            let label = if notice.kind.is_hint() { paint(HINT, "hint:") } else { paint(BOLD, "note:") };
            let line = format!("{label} {}", notice.message);
            text.push_str(&format!("\n{}\n", prose(&line, "", "      ", self.width)));
        }
        if !self.outcome.missing.is_empty() && !self.outcome.heeds_no_policy() {
            let keys = self.outcome.missing.join(", ");
            let line =
                format!("{}: statements on this action ask for {keys}", paint(BOLD, "not in the request"));
            text.push_str(&format!("\n{}\n", prose(&line, "", "    ", self.width)));
        }
        text
    }

    /// What AWS would say, or why no policy was asked.
    fn sentence(&self) -> Option<String> {
        let Outcome { request, stack, explanation, .. } = self.outcome;
        match explanation.evaluation.deciding {
            Deciding::RootUser if self.granted().is_some() => {
                return Some("the root user needs no policy but the resource's".to_owned());
            }
            Deciding::RootUser => return Some("the root user needs no policy".to_owned()),
            Deciding::NeedsNoPermission => {
                let words = "needs no permission: no policy controls it, not even one that denies it";
                return Some(format!("{} {words}", request.action));
            }
            Deciding::CredentialLimit(limit) => return Some(limit_words(limit).to_owned()),
            _ if explanation.evaluation.is_allowed() => {
                let sides = "caller and resource are in different accounts: both sides must allow it, and do";
                return request.is_cross_account().then(|| sides.to_owned());
            }
            _ => {}
        }
        if let (Principal::WebIdentity { .. }, true) = (request.principal, request.is_assumption()) {
            return Some(format!("Not authorized to perform {}", request.action));
        }
        let reason = explanation.evaluation.reason(request, stack);
        let Some(arn) = self.caller_arn() else { return reason.map(|reason| reason.to_string()) };
        let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        let Request { action, resource, .. } = request;
        Some(format!("User: {arn} is not authorized to perform: {action} on resource: {resource}{reason}"))
    }

    /// The caller's ARN as AWS has it in its messages: a role's session, not the role.
    fn caller_arn(&self) -> Option<&str> {
        let named = self.simulation.caller?;
        Some(match self.outcome.request.principal {
            Principal::RoleSession { session, .. } => session.as_str(),
            _ => named,
        })
    }

    fn layers(&self) -> Vec<Vec<String>> {
        let row = |(_, found): (usize, &LayerExplanation)| vec![layer_words(found), says(found)];
        self.outcome.layers().map(row).collect()
    }

    /// Whether a layer has a statement that allows; the groups' policies are the caller's own.
    fn allows(&self, layer: Layer, level: usize) -> bool {
        let is_meant = |found: Layer| found == layer || (layer, found) == (Layer::Identity, Layer::Group);
        let found = self.outcome.layers().filter(|(at, found)| is_meant(found.layer) && *at == level);
        let mut statements =
            found.flat_map(|(_, found)| &found.policies).flat_map(|policy| &policy.statements);
        statements.any(|statement| statement.effect == Effect::Allow && statement.failure.is_none())
    }

    fn pictures(&self) -> Vec<String> {
        let places: Vec<Place> = match self.outcome.explanation.evaluation.deciding {
            Deciding::Silent { layer, level } => return nearest::pictures(self, layer, level),
            Deciding::Statement(place) => {
                let is_own = matches!(place.layer, Layer::Identity | Layer::Group);
                let is_allowed = self.outcome.decision() == Decision::Allowed;
                let granted = self.granted().filter(|_| is_own && is_allowed);
                granted.into_iter().chain([place]).collect()
            }
            Deciding::RootUser => self.granted().into_iter().collect(),
            _ => Vec::new(),
        };
        places.into_iter().filter_map(|place| self.deciding(place)).collect()
    }

    /// The statement of the resource's policy that had to allow, beside the caller's own policies.
    fn granted(&self) -> Option<Place> {
        let request = &self.outcome.request;
        if !request.is_cross_account() && !request.is_assumption() && !notices::is_about_key(request) {
            return None;
        }
        let mut layers = self.outcome.layers();
        let (level, found) =
            layers.find(|(_, found)| matches!(found.layer, Layer::Resource | Layer::Trust))?;
        let statements = &found.policies.first()?.statements;
        let allows = |s: &&StatementExplanation| s.effect == Effect::Allow && s.failure.is_none();
        let statement = statements.iter().find(allows)?.number;
        Some(Place { layer: found.layer, level, policy: 0, statement })
    }

    /// Whose side a statement that allows is on, where that matters.
    fn side(&self, layer: Layer) -> String {
        let request = &self.outcome.request;
        let account = match layer {
            _ if !request.is_cross_account() => None,
            Layer::Resource | Layer::Trust => request.owner(),
            _ => request.principal.account(),
        };
        account.map(|account| format!(", on the side of {account}")).unwrap_or_default()
    }

    fn deciding(&self, place: Place) -> Option<String> {
        let given = self.simulation.policies.of(place.layer, place.level).get(place.policy)?;
        let statement = given.document.statements().get(place.statement)?;
        let does = match statement.effect() {
            Effect::Allow => format!("allows it{}", self.side(place.layer)),
            Effect::Deny => "denies it".to_owned(),
        };
        let unsettled = self.outcome.layers().any(|(level, found)| {
            let statement = found.policies.get(place.policy).and_then(|p| p.statements.get(place.statement));
            (found.layer, level) == (place.layer, place.level) && statement.is_some_and(|s| s.unsettled)
        });
        let help = "AWS does not document whether this statement matches; it counts because it denies";
        let remark = Remark {
            message: format!("{} {does}", statement_words(place.statement, statement.sid(), given)),
            span: statement.span().start..statement.span().end,
            label: None,
            help: unsettled.then(|| help.to_owned()),
        };
        Some(render_remark(&given.name, &given.text, &remark, self.width))
    }
}

fn statement_words(number: usize, sid: Option<&str>, given: &Given) -> String {
    let sid = sid.map(|sid| format!(" (`{}`)", brief(sid))).unwrap_or_default();
    format!("statement {}{sid} of {}", number + 1, given.name)
}

fn layer_words(found: &LayerExplanation) -> String {
    let level = found.level.as_deref().unwrap_or_default();
    match found.layer {
        Layer::Identity => "identity policies".into(),
        Layer::Group => "group policies".into(),
        Layer::Boundary => "permissions boundary".into(),
        Layer::Session => "session policies".into(),
        Layer::Resource => "resource policy".into(),
        Layer::Trust => "trust policy".into(),
        Layer::Scp => format!("SCPs, {level}"),
        Layer::Rcp => format!("RCPs, {level}"),
    }
}

/// What a layer says by itself.
fn says(found: &LayerExplanation) -> String {
    if !found.applies {
        return paint(DIM, "does not apply to this caller or action");
    }
    let first = |effect: Effect| {
        found.policies.iter().find_map(|policy| {
            let counts = |s: &&StatementExplanation| s.failure.is_none() && s.effect == effect;
            policy.statements.iter().find(counts).map(|statement| (policy, statement))
        })
    };
    let words =
        |style,
         does: &str,
         (policy, statement): (&postern_policy::PolicyExplanation, &StatementExplanation)| {
            format!("{}: statement {} of {}", paint(style, does), statement.number + 1, policy.name)
        };
    match (first(Effect::Deny), first(Effect::Allow)) {
        (Some(deny), _) => words(BAD, "denies", deny),
        (None, _) if found.layer == Layer::Rcp => paint(GOOD, "does not deny"),
        (None, Some(allow)) => words(GOOD, "allows", allow),
        (None, None) => paint(BAD, "does not allow"),
    }
}

fn limit_words(limit: Limit) -> &'static str {
    match limit {
        Limit::RootAssumesNoRole => "the root user can assume no role, whatever policies say",
        Limit::FederatedUser => {
            "a federated user can call no operation of IAM, and of STS only GetCallerIdentity, whatever policies say"
        }
        Limit::RoleSession => "a role session can get no session or federation token, whatever policies say",
    }
}
