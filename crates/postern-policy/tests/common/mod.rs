//! Scenes: a request with all its policies, written down in short.

#![allow(dead_code, reason = "every test file uses its part")]

pub(crate) mod managed;

use postern_policy::{
    Context, ContextValue, Decision, Document, Evaluation, Explanation, Level, PolicyRef, PolicyStack,
    Principal, Request, evaluate, explain,
};

pub(crate) const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
pub(crate) const ROLE: &str = "arn:aws:iam::111111111111:role/work";
pub(crate) const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/work/s";

/// A document from its statements, in the current version.
pub(crate) fn doc(statements: &str) -> Document {
    raw(&format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#))
}

pub(crate) fn raw(text: &str) -> Document {
    Document::parse(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

pub(crate) fn allow(action: &str) -> Document {
    doc(&format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"*"}}"#))
}

pub(crate) fn deny(action: &str) -> Document {
    doc(&format!(r#"{{"Effect":"Deny","Action":"{action}","Resource":"*"}}"#))
}

/// A resource policy that allows everything to one principal: `"*"` or `{"AWS":…}`.
pub(crate) fn grants(principal: &str) -> Document {
    doc(&format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"*"}}"#))
}

#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) principal: Principal,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) owner: Option<&'static str>,
    pub(crate) context: Context,
    pub(crate) identity: Vec<Document>,
    pub(crate) groups: Vec<Document>,
    pub(crate) boundary: Option<Document>,
    pub(crate) session: Option<Vec<Document>>,
    pub(crate) policy: Option<Document>,
    pub(crate) scps: Vec<Vec<Document>>,
    pub(crate) rcps: Vec<Vec<Document>>,
}

pub(crate) fn scene(principal: &str, action: &str, resource: &str) -> Scene {
    Scene {
        principal: Principal::from_arn(principal).unwrap(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        owner: None,
        context: Context::new(),
        identity: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        session: None,
        policy: None,
        scps: Vec::new(),
        rcps: Vec::new(),
    }
}

impl Scene {
    pub(crate) fn identity(mut self, document: Document) -> Self {
        self.identity.push(document);
        self
    }
    pub(crate) fn groups(mut self, document: Document) -> Self {
        self.groups.push(document);
        self
    }
    pub(crate) fn boundary(mut self, document: Document) -> Self {
        self.boundary = Some(document);
        self
    }
    pub(crate) fn session(mut self, document: Document) -> Self {
        self.session.get_or_insert_default().push(document);
        self
    }
    pub(crate) fn policy(mut self, document: Document) -> Self {
        self.policy = Some(document);
        self
    }
    pub(crate) fn scp(mut self, documents: &[Document]) -> Self {
        self.scps.push(documents.to_vec());
        self
    }
    pub(crate) fn rcp(mut self, documents: &[Document]) -> Self {
        self.rcps.push(documents.to_vec());
        self
    }
    pub(crate) fn with(mut self, key: &str, value: impl Into<ContextValue>) -> Self {
        self.context.set(key, value);
        self
    }
    pub(crate) fn owner(mut self, account: &'static str) -> Self {
        self.owner = Some(account);
        self
    }

    fn on<T>(&self, then: impl FnOnce(&Request<'_>, &PolicyStack<'_>) -> T) -> T {
        fn refs<'a>(documents: &'a [Document]) -> Vec<PolicyRef<'a>> {
            let reference = |document: &'a Document| PolicyRef {
                name: "p",
                arn: Some("arn:aws:iam::111111111111:policy/p"),
                document,
            };
            documents.iter().map(reference).collect()
        }
        let request = Request {
            principal: &self.principal,
            action: &self.action,
            resource: &self.resource,
            resource_account: self.owner.map(|owner| owner.parse().unwrap()),
            context: &self.context,
        };
        let identity = refs(&self.identity);
        let groups = refs(&self.groups);
        let boundary = refs(self.boundary.as_slice());
        let policy = refs(self.policy.as_slice());
        let session = self.session.as_deref().map(refs);
        let scps: Vec<Vec<PolicyRef<'_>>> = self.scps.iter().map(|level| refs(level)).collect();
        let rcps: Vec<Vec<PolicyRef<'_>>> = self.rcps.iter().map(|level| refs(level)).collect();
        let scps: Vec<Level<'_>> = scps.iter().map(|policies| Level { id: "ou", policies }).collect();
        let rcps: Vec<Level<'_>> = rcps.iter().map(|policies| Level { id: "ou", policies }).collect();
        let stack = PolicyStack {
            identity: &identity,
            groups: &groups,
            boundary: &boundary,
            session: session.as_deref(),
            resource: policy.first().copied(),
            scps: &scps,
            rcps: &rcps,
        };
        then(&request, &stack)
    }

    pub(crate) fn evaluate(&self) -> Evaluation {
        self.on(evaluate)
    }

    pub(crate) fn decision(&self) -> Decision {
        self.evaluate().decision
    }

    pub(crate) fn explain(&self) -> Explanation {
        self.on(explain)
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.on(|request, stack| {
            evaluate(request, stack).reason(request, stack).map(|reason| reason.to_string())
        })
    }
}
