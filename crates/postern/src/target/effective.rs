//! What is left of a role when its session is narrowed: the policies that the estate file gives it, its
//! boundary and the session's policies, decided on a few actions.

use postern_broker::AssumeRole;
use postern_estate::{PolicyDocument, Quotas};
use postern_policy::{
    ActionPattern, Context as Keys, Document, PolicyRef, PolicyStack, Principal, Request, ResourcePattern,
    evaluate,
};
use postern_types::{PolicyArn, PolicyName};

use crate::{
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
    output::{BAD, GOOD, paint},
    report::table,
};

/// Reading, writing, giving away and covering up, in the services that most accounts use. `{p}`, `{r}` and `{a}`
/// stand for partition, region and account.
const TYPICAL: [(&str, &str); 14] = [
    ("s3:ListAllMyBuckets", "*"),
    ("s3:GetObject", "arn:{p}:s3:::any-bucket/any-object"),
    ("s3:PutObject", "arn:{p}:s3:::any-bucket/any-object"),
    ("s3:DeleteBucket", "arn:{p}:s3:::any-bucket"),
    ("ec2:DescribeInstances", "*"),
    ("ec2:RunInstances", "arn:{p}:ec2:{r}:{a}:instance/*"),
    ("ec2:TerminateInstances", "arn:{p}:ec2:{r}:{a}:instance/i-0abcd1234efgh5678"),
    ("lambda:InvokeFunction", "arn:{p}:lambda:{r}:{a}:function:any-function"),
    ("dynamodb:GetItem", "arn:{p}:dynamodb:{r}:{a}:table/any-table"),
    ("secretsmanager:GetSecretValue", "arn:{p}:secretsmanager:{r}:{a}:secret:any-secret-a1b2c3"),
    ("logs:FilterLogEvents", "arn:{p}:logs:{r}:{a}:log-group:any-group:*"),
    ("iam:ListUsers", "*"),
    ("iam:CreateUser", "arn:{p}:iam::{a}:user/any-user"),
    ("cloudtrail:StopLogging", "arn:{p}:cloudtrail:{r}:{a}:trail/any-trail"),
];

struct Named {
    name: String,
    document: Document,
}

/// The policies that bear on a session.
struct Policies {
    identity: Vec<Named>,
    boundary: Option<Named>,
    session: Vec<Named>,
}

/// The table, for a role of the estate file.
pub(super) fn render(context: &Context, request: &AssumeRole, region: &str) -> Result<String, CliError> {
    let policies = collect(context, request)?;
    let role = &request.role;
    let session = format!(
        "arn:{}:sts::{}:assumed-role/{}/{}",
        role.as_arn().partition(),
        role.account(),
        role.name(),
        request.session_name
    );
    let principal = Principal::from_arn(&session)
        .ok_or_else(|| CliError::failed(format!("`{session}` is no principal")))?;
    let fill = |resource: &str| {
        let account = role.account().to_string();
        resource.replace("{p}", role.as_arn().partition()).replace("{r}", region).replace("{a}", &account)
    };
    let mut cases: Vec<(String, String)> =
        TYPICAL.iter().map(|(action, resource)| ((*action).to_owned(), fill(resource))).collect();
    for case in policies.session.iter().flat_map(|policy| named_by(&policy.document)) {
        if !cases.contains(&case) && cases.len() < 40 {
            cases.push(case);
        }
    }
    let mut rows = Vec::new();
    for (action, resource) in &cases {
        let decide = |narrowed: bool| policies.allow(&principal, action, resource, narrowed);
        let word = |allowed| if allowed { paint(GOOD, "allowed") } else { paint(BAD, "refused") };
        rows.push(vec![word(decide(false)), word(decide(true)), action.clone(), resource.clone()]);
    }
    Ok(table::plain(&["ROLE", "SESSION", "ACTION", "RESOURCE"], &rows))
}

impl Policies {
    fn allow(&self, principal: &Principal, action: &str, resource: &str, narrowed: bool) -> bool {
        let identity = references(&self.identity);
        let session = references(&self.session);
        let boundary: Vec<PolicyRef<'_>> = self.boundary.iter().map(reference).collect();
        let keys = Keys::new();
        let request =
            Request { principal, action, resource, resource_account: principal.account(), context: &keys };
        let stack = PolicyStack {
            identity: &identity,
            boundary: &boundary,
            session: (narrowed && !session.is_empty()).then_some(&*session),
            ..PolicyStack::default()
        };
        evaluate(&request, &stack).is_allowed()
    }
}

fn reference(named: &Named) -> PolicyRef<'_> {
    PolicyRef { name: &named.name, arn: None, document: &named.document }
}

fn references(named: &[Named]) -> Vec<PolicyRef<'_>> {
    named.iter().map(reference).collect()
}

/// The actions and resources that a policy names in full, patterns taken as the texts that they match.
fn named_by(document: &Document) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for statement in document.statements() {
        let (actions, Some(resources)) = (statement.actions(), statement.resources()) else { continue };
        if actions.is_negated() || resources.is_negated() {
            continue;
        }
        let actions = actions.patterns().iter().map(ActionPattern::text);
        for action in actions.filter(|text| !text.contains(['*', '?'])) {
            let resources = resources.patterns().iter().map(ResourcePattern::text);
            for resource in resources.filter(|text| !text.contains('$')) {
                cases.push((action.to_owned(), resource.to_owned()));
            }
        }
    }
    cases
}

fn collect(context: &Context, request: &AssumeRole) -> Result<Policies, CliError> {
    let not_here = || {
        CliError::usage(format!("what {} may do is not known here", request.role))
            .hint("--show-effective reads the estate file's roles only; leave it out")
    };
    let file = EstateFile::find(context)?.ok_or_else(not_here)?;
    let desired = file.desired(&|_| Quotas::default())?;
    let account = desired.estate.accounts.get(&request.role.account()).ok_or_else(not_here)?;
    let role = account.roles.get(request.role.name()).filter(|role| role.path == *request.role.path());
    let role = role.ok_or_else(not_here)?;
    let managed = |arn: &PolicyArn| -> Result<Named, CliError> {
        let own =
            account.policies.get(arn.name()).filter(|p| arn.account().is_some() && p.path == *arn.path());
        // The published texts are those of the commercial regions; elsewhere the names are the same.
        let published = || {
            let arn = format!("arn:aws:iam::aws:policy{}{}", arn.path(), arn.name());
            postern_sandbox::aws_managed_policy_text(&arn)
        };
        let text = own
            .map(|policy| policy.document.text())
            .or_else(|| arn.account().is_none().then(published).flatten());
        let text = text.ok_or_else(|| {
            CliError::failed(format!("what the policy {arn} says is not known here"))
                .hint("leave --show-effective out: AWS knows it and will hold the session to it")
        })?;
        named(arn.as_str(), text)
    };
    let inline = |(name, document): (&PolicyName, &PolicyDocument)| named(name.as_str(), document.text());
    let mut identity: Vec<Named> = role.inline.iter().map(inline).collect::<Result<_, _>>()?;
    for arn in &role.attached {
        identity.push(managed(arn)?);
    }
    let mut session: Vec<Named> = request.policy_arns.iter().map(managed).collect::<Result<_, _>>()?;
    if let Some(policy) = &request.policy {
        session.push(named("the session's policy", policy)?);
    }
    Ok(Policies { identity, boundary: role.boundary.as_ref().map(managed).transpose()?, session })
}

fn named(name: &str, text: &str) -> Result<Named, CliError> {
    let document = Document::parse(text).map_err(|problems| {
        let error = CliError::failed(format!("the policy {name} cannot be read"));
        problems.iter().fold(error, |error, problem| error.caused_by(&problem.message))
    })?;
    Ok(Named { name: name.to_owned(), document })
}
