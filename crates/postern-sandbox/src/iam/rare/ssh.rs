//! SSH public keys.

use super::{Kind, fresh, write_common};
use crate::{
    ServiceError,
    iam::common::find_user_mut,
    model::{Rare, RareCredentials, SshPublicKey},
    operation::{Authorized, Call, Needs, Operation, Reply},
    wire::{Decoder, Rule, Xml, rules},
};

/// SSH public keys that a user may have.
const KEYS: usize = 5;
const BODY: Rule = Rule::text(1, 16_384);

impl Kind for SshPublicKey {
    const LIST: &'static str = "ListSSHPublicKeys";
    const UPDATE: &'static str = "UpdateSSHPublicKey";
    const DELETE: &'static str = "DeleteSSHPublicKey";
    const ID: &'static str = "SSHPublicKeyId";
    const MEMBERS: &'static str = "SSHPublicKeys";
    const STATUS: &'static [&'static str] = &["Active", "Inactive"];

    fn all(held: &RareCredentials) -> &Vec<Rare<Self>> {
        &held.ssh_public_keys
    }

    fn all_mut(held: &mut RareCredentials) -> &mut Vec<Rare<Self>> {
        &mut held.ssh_public_keys
    }

    /// Our words: no text was observed.
    fn missing(id: &str) -> ServiceError {
        ServiceError::no_such_entity(format!("The Public Key with id {id} cannot be found."))
    }

    fn write(one: &Rare<Self>, xml: &mut Xml) {
        xml.time("UploadDate", one.created);
    }
}

/// `UploadSSHPublicKey`
pub(in crate::iam) struct Upload {
    user_name: String,
    body: String,
}

impl Operation for Upload {
    const NAME: &'static str = "UploadSSHPublicKey";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
            body: d.required("SSHPublicKeyBody", &BODY),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let now = call.now;
        let (account, rng) = call.account_and_rng();
        let user = find_user_mut(account, &op.user_name)?;
        let raw = key_of(&op.body)?;
        let keys = &mut user.rare.ssh_public_keys;
        if keys.iter().any(|key| key.of.body == op.body) {
            return Err(ServiceError::new(
                400,
                "DuplicateSSHPublicKey",
                "The SSH public key is a duplicate.",
            ));
        }
        if keys.len() >= KEYS {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for SSHPublicKeysPerUser: {KEYS}"
            )));
        }
        let key = Rare {
            id: fresh("APKA", rng),
            active: true,
            created: now,
            of: SshPublicKey { body: op.body.clone() },
        };
        let reply = Reply::result(|xml| {
            xml.element("SSHPublicKey", |xml| {
                write_common(xml, &user.name, &key);
                xml.text("Fingerprint", fingerprint(&raw));
                xml.text("SSHPublicKeyBody", &key.of.body);
                xml.time("UploadDate", key.created);
            });
        });
        user.rare.ssh_public_keys.push(key);
        Ok(reply)
    }
}

/// The key behind `ssh-rsa`, the one kind that IAM takes (*IAM API Reference*, `UploadSSHPublicKey`).
fn key_of(body: &str) -> Result<Vec<u8>, ServiceError> {
    let invalid =
        || ServiceError::new(400, "InvalidPublicKey", "The public key is malformed or otherwise invalid.");
    let mut words = body.split_whitespace();
    if words.next() != Some("ssh-rsa") {
        return Err(ServiceError::new(
            400,
            "UnrecognizedPublicKeyEncoding",
            "The public key encoding format is unsupported or unrecognized.",
        ));
    }
    let raw =
        data_encoding::BASE64.decode(words.next().unwrap_or_default().as_bytes()).map_err(|_| invalid())?;
    if raw.starts_with(b"\0\0\0\x07ssh-rsa") { Ok(raw) } else { Err(invalid()) }
}

/// The MD5 of a key, as colons and hexadecimal digits: what AWS shows, and no protection of anything.
fn fingerprint(raw: &[u8]) -> String {
    md5(raw).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// RFC 1321.
fn md5(message: &[u8]) -> [u8; 16] {
    const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64).wrapping_mul(8).to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let words: Vec<u32> =
            block.chunks_exact(4).filter_map(|w| Some(u32::from_le_bytes(w.try_into().ok()?))).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64_usize {
            let (f, at) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            let turn = TURNS.get(i / 16).and_then(|row| row.get(i % 4)).copied().unwrap_or_default();
            let word = words.get(at).copied().unwrap_or_default();
            let sum = a.wrapping_add(f).wrapping_add(constant(i)).wrapping_add(word);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(turn)));
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (byte, value) in digest.iter_mut().zip(state.iter().flat_map(|word| word.to_le_bytes())) {
        *byte = value;
    }
    digest
}

/// `2^32 · |sin(i + 1)|`
fn constant(i: usize) -> u32 {
    #[rustfmt::skip]
    const ALL: [u32; 64] = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
        0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
        0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
        0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
        0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
        0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ];
    ALL.get(i).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_the_rfc() {
        let hex = |text: &str| data_encoding::HEXLOWER.encode(&md5(text.as_bytes()));
        assert_eq!(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
        let digits = "1234567890".repeat(8);
        assert_eq!(hex(&digits), "57edf4a22be3c955ac49da2e2107b67a");
        assert_eq!(hex(&"a".repeat(56)), "3b0c8ac703f828b04c6c197006d17218");
        assert_eq!(fingerprint(b"").len(), 47);
    }
}
