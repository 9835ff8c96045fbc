//! The servers, and in each a user and a role whose calls can be repeated.

use std::{
    env, io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use postern_serve::{BlockingSandbox, SandboxConfig};
use postern_testkit::query::{Keys, element, form, on_the_wire, signed};
use postern_types::{Timestamp, TotpSeed};

use crate::http::Client;

/// Different requests of each kind, so that nothing can answer from memory.
const VARIANTS: usize = 256;

/// Requests that are ready to be sent.
pub(crate) struct Scene {
    pub(crate) server: SocketAddr,
    pub(crate) identity: Vec<Vec<u8>>,
    pub(crate) assume: Vec<Vec<u8>>,
}

impl Scene {
    /// `caller` asks who it is, and `assumer` assumes the role.
    fn new(server: SocketAddr, caller: &Keys, assumer: &Keys, role: &str) -> Self {
        let now = SystemTime::now();
        let make = |keys: &Keys, parameters: &[(&str, &str)], variant: usize| {
            // A date a little later or earlier is another signature.
            let time = now + Duration::from_secs(variant as u64 % 240) - Duration::from_secs(120);
            on_the_wire(&signed(&server.to_string(), keys, "sts", form(parameters), time))
        };
        let identity = (0..VARIANTS)
            .map(|n| make(caller, &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")], n))
            .collect();
        let assume = (0..VARIANTS)
            .map(|n| {
                let session = format!("session-{n}");
                let parameters = [
                    ("Action", "AssumeRole"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role),
                    ("RoleSessionName", &session),
                ];
                make(assumer, &parameters, n)
            })
            .collect();
        Self { server, identity, assume }
    }

    /// moto answers whoever asks; a key that looks like one will do.
    pub(crate) fn of_moto(server: SocketAddr) -> Self {
        let keys = Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "secret".to_owned(), token: None };
        Self::new(server, &keys, &keys, "arn:aws:iam::222222222222:role/developer")
    }
}

/// A sandbox in this process, over HTTP like any other.
pub(crate) struct Sandbox {
    thread: BlockingSandbox,
    server: SocketAddr,
    pub(crate) ready: Duration,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        let begun = Instant::now();
        let thread = BlockingSandbox::start(SandboxConfig::default()).unwrap();
        let ready = begun.elapsed();
        let server = thread.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
        Self { thread, server, ready }
    }

    fn call(&self, keys: &Keys, service: &str, parameters: &[(&str, &str)]) -> String {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let mut all = vec![("Version", version)];
        all.extend_from_slice(parameters);
        let request = signed(&self.server.to_string(), keys, service, form(&all), SystemTime::now());
        let mut client = Client::new(self.server);
        let (status, body) = client.send(&on_the_wire(&request)).unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(status, 200, "{parameters:?}: {text}");
        text
    }

    /// The bastion design: a user whose MFA session assumes a role of another account.
    pub(crate) fn scene(&self) -> Scene {
        let bastion = self.thread.create_account(None, Some("bastion")).unwrap();
        let prod = self.thread.create_account(None, Some("prod")).unwrap();
        let root = |account: &postern_sandbox::AccountInfo| Keys {
            id: account.root_key.to_string(),
            secret: account.root_secret.expose_secret().to_owned(),
            token: None,
        };
        let iam = |parameters: &[(&str, &str)]| self.call(&root(&bastion), "iam", parameters);
        let role = format!("arn:aws:iam::{}:role/developer", prod.id);
        iam(&[("Action", "CreateUser"), ("UserName", "alice")]);
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{role}","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}}]}}"#
        );
        iam(&[
            ("Action", "PutUserPolicy"),
            ("UserName", "alice"),
            ("PolicyName", "postern"),
            ("PolicyDocument", &policy),
        ]);
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}}]}}"#,
            bastion.id
        );
        self.call(
            &root(&prod),
            "iam",
            &[("Action", "CreateRole"), ("RoleName", "developer"), ("AssumeRolePolicyDocument", &trust)],
        );
        let alice = Keys::of(&iam(&[("Action", "CreateAccessKey"), ("UserName", "alice")]));

        let made = iam(&[("Action", "CreateVirtualMFADevice"), ("VirtualMFADeviceName", "alice")]);
        let serial = element(&made, "SerialNumber");
        // A blob is Base64 in XML: here of the Base32 text.
        let base32 = data_encoding::BASE64.decode(element(&made, "Base32StringSeed").as_bytes()).unwrap();
        let seed = TotpSeed::from_base32(std::str::from_utf8(&base32).unwrap()).unwrap();
        let step = TotpSeed::step_at(Timestamp::now());
        let code = |step: i64| seed.code_of_step(step).as_str().to_owned();
        iam(&[
            ("Action", "EnableMFADevice"),
            ("UserName", "alice"),
            ("SerialNumber", &serial),
            ("AuthenticationCode1", &code(step - 1)),
            ("AuthenticationCode2", &code(step)),
        ]);
        let session = self.call(
            &alice,
            "sts",
            &[("Action", "GetSessionToken"), ("SerialNumber", &serial), ("TokenCode", &code(step + 1))],
        );
        Scene::new(self.server, &alice, &Keys::of(&session), &role)
    }

    /// How long a reset takes by the admin API.
    pub(crate) fn reset(&self) -> Duration {
        let request = format!(
            "POST /_postern/reset HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
            self.server,
            self.thread.admin().token()
        );
        let mut client = Client::new(self.server);
        let begun = Instant::now();
        let (status, body) = client.send(request.as_bytes()).unwrap();
        assert!(status < 300, "{}", String::from_utf8_lossy(body));
        begun.elapsed()
    }
}

/// moto's server, ended when dropped.
pub(crate) struct Moto {
    child: Child,
    pub(crate) server: SocketAddr,
}

impl Moto {
    pub(crate) fn start() -> io::Result<Self> {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/moto_server");
        let program = env::var_os("MOTO_SERVER").map_or(default, Into::into);
        let server = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut child = Command::new(program)
            .args(["-p", &server.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let begun = Instant::now();
        while TcpStream::connect(server).is_err() {
            if begun.elapsed() > Duration::from_secs(60) || child.try_wait()?.is_some() {
                return Err(io::Error::other("moto did not start"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { child, server })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
