//! The guards of an organization, applied on the sandbox: they bind, and the way in stays open.

use postern_aws::{
    Connection, OrganizationScope, collect,
    execute::{Execution, Outcome, execute},
    raw::RawCall,
};
use postern_estate::{Design, Desired, Estate, NoticeKind, Plan, Quotas, diff};
use postern_testkit::serve::When;
use postern_types::{IamPath, Timestamp, TotpSeed};

use crate::{
    bastion::{BASTION, Lab, PROD, SETTLE, account},
    organization::{MANAGEMENT, credentials},
};

const GUARDED: &str = r#"
version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
profile = "b"
[accounts.prod]
id = "222222222222"
profile = "p"
[administrators]
people = ["carol"]
[roles.readonly]
accounts = ["prod"]
policies = ["ReadOnlyAccess"]
[people.carol]
[organization]
management = "999999999999"
profile = "m"
no_users_outside_bastion = true
no_root = true
no_leaving = true
protect_postern = true
"#;

fn desired(text: &str) -> Desired {
    let no_files = |path: &str| Err(format!("no file {path}"));
    Design::parse(text).unwrap().desired(&no_files, &|_| Quotas::DEFAULT).unwrap()
}

struct World {
    lab: Lab,
    management: Connection,
}

impl World {
    fn new() -> Self {
        let lab = Lab::of(&[BASTION, PROD, MANAGEMENT]);
        lab.sandbox.create_organization(account(MANAGEMENT), &[account(BASTION), account(PROD)]).unwrap();
        let management = lab.connections[&account(MANAGEMENT)].clone();
        Self { lab, management }
    }

    /// Reads as root: the accounts of the estate, and the organization.
    fn read(&self) -> Estate {
        let mut connections = self.lab.connections.clone();
        connections.remove(&account(MANAGEMENT));
        let snapshot = collect(&connections, &|| Timestamp::UNIX_EPOCH);
        let mut estate = snapshot.complete().unwrap();
        let scope = OrganizationScope { tree: false, policies: "postern-acme-" };
        estate.organization = self.management.organization(scope).unwrap();
        estate
    }

    fn plan(&self, text: &str) -> Plan {
        diff(&self.read(), &desired(text))
    }

    fn execute(&self, plan: Plan) -> Outcome {
        let plan = plan.confirm().unwrap();
        execute(Execution {
            plan: &plan,
            connections: &self.lab.connections,
            settle: SETTLE,
            now: &|| Timestamp::UNIX_EPOCH,
            cancelled: &|| false,
            log: &mut |_| Ok(()),
        })
        .unwrap()
    }

    /// Carol with a key and a device, as `people enrol` leaves her.
    fn enrol(&self) {
        let bastion = self.lab.bastion();
        let answer = bastion.raw(&RawCall::iam("CreateAccessKey", &[("UserName", "carol")])).unwrap();
        assert!(answer.is_success(), "{}", answer.body);
        let name = "carol".parse().unwrap();
        let device = bastion.create_virtual_mfa_device(&IamPath::root(), &name, &[]).unwrap();
        let step = TotpSeed::step_at(Timestamp::now());
        let codes = [step - 1, step].map(|step| device.seed.code_of_step(step));
        bastion.enable_mfa_device(&"carol".parse().unwrap(), &device.serial, codes).unwrap();
    }
}

#[test]
fn guards_wait_for_an_administrator_then_bind_everyone_else() {
    let world = World::new();
    let first = world.plan(GUARDED);
    assert!(first.notices.iter().any(|notice| notice.kind == NoticeKind::GuardsWait));
    assert!(world.execute(first).is_complete());
    // Root goes on as before: nothing is attached.
    world.enrol();
    let second = world.plan(GUARDED);
    assert_eq!(second.steps.len(), 2, "{second:#?}");
    let prod = &world.lab.connections[&account(PROD)];
    // Roles of prod that are there before: one like any administrator's, one of postern's.
    let answer = |connection: &Connection, action, parameters: &[(&str, &str)]| {
        connection.raw(&RawCall::iam(action, parameters)).unwrap()
    };
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111111111111:user/postern/carol"}}}"#;
    let trusted = [("RoleName", "Admin"), ("AssumeRolePolicyDocument", trust)];
    assert!(answer(prod, "CreateRole", &trusted).is_success());
    let everything = [("RoleName", "Admin"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    assert!(answer(prod, "AttachRolePolicy", &everything).is_success());
    // The trust of postern-admin asks for a code; the guards do not, and it is they who are tried here.
    let open = [("RoleName", "postern-admin"), ("PolicyDocument", trust)];
    assert!(answer(prod, "UpdateAssumeRolePolicy", &open).is_success());
    let may_assume =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;
    let own = [("UserName", "carol"), ("PolicyName", "test"), ("PolicyDocument", may_assume)];
    assert!(answer(world.lab.bastion(), "PutUserPolicy", &own).is_success());
    let key = answer(world.lab.bastion(), "CreateAccessKey", &[("UserName", "carol")]);
    let carol = world.lab.as_someone(credentials(&key), BASTION);
    let session = |role: &str| {
        let arn = format!("arn:aws:iam::{PROD}:role/{role}");
        let call = RawCall::sts("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "test")]);
        let answer = carol.raw(&call).unwrap();
        assert!(answer.is_success(), "{}", answer.body);
        world.lab.as_someone(credentials(&answer), PROD)
    };
    let (admin, postern) = (session("Admin"), session("postern/postern-admin"));
    let tag = [("RoleName", "readonly"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    assert!(answer(&admin, "TagRole", &tag).is_success(), "not guarded yet");
    assert!(world.execute(second).is_complete());
    // From here on root is nobody in the members, and other administrators leave postern's roles alone.
    let denied = answer(prod, "ListRoles", &[]);
    assert_eq!(denied.code.as_deref(), Some("AccessDenied"));
    let denied = answer(&admin, "TagRole", &tag).message.unwrap();
    assert!(denied.contains("with an explicit deny in a service control policy"), "{denied}");
    assert!(!answer(&admin, "CreateUser", &[("UserName", "backdoor")]).is_success());
    assert!(answer(&admin, "ListRoles", &[]).is_success());
    assert!(answer(&postern, "TagRole", &tag).is_success(), "the way in stays open");
    let leave = RawCall::json("organizations", "AWSOrganizationsV20161128.LeaveOrganization", "{}");
    assert!(!admin.raw(&leave).unwrap().is_success());
    assert!(!postern.raw(&leave).unwrap().is_success());
    // Without guards all is as before.
    let off = GUARDED.replace(" = true", " = false");
    let organization = world.management.organization(OrganizationScope::WHOLE).unwrap();
    let estate = Estate { organization, ..Estate::default() };
    let mut nothing = desired(&off);
    nothing.estate.accounts.clear();
    assert!(world.execute(diff(&estate, &nothing)).is_complete());
    assert!(answer(prod, "ListRoles", &[]).is_success());
}

#[test]
fn a_call_that_is_lost_leaves_the_guards_as_planned() {
    let world = World::new();
    let text = GUARDED.replace("no_root = true", "no_root = false").replace("protect_postern = true", "");
    assert!(world.execute(world.plan(&text.replace("no_leaving = true", ""))).is_complete());
    let calls = world.lab.calls_of(|| assert!(world.execute(world.plan(&text)).is_complete()));
    let start = world.lab.sandbox.world().export();
    let back = text.replace("no_leaving = true", "").replace("no_users_outside_bastion = true", "");
    for (from, to) in [(&text, &back), (&back, &text)] {
        for cut in (1..calls).step_by(11) {
            world.lab.sandbox.world().import(&start).unwrap();
            assert!(world.execute(world.plan(from)).is_complete());
            let plan = world.plan(to);
            world.lab.cut(cut, When::After, false);
            world.execute(plan);
            world.lab.sandbox.faults().mend();
            let rest = world.plan(to);
            assert!(rest.steps.is_empty() || world.execute(rest).is_complete());
            assert!(world.plan(to).is_empty(), "cut at call {cut}");
        }
    }
}
