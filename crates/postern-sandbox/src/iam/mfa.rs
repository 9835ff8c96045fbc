//! Virtual MFA devices: seeds, and the two codes that bind a device to a user.
//!
//! Codes are those of the real clock: people's authenticator apps live in it. A device is enabled or
//! resynchronised with the codes of two consecutive steps, the second of which must be the present step,
//! the one before or the one after. The second code then counts as used, as does everything before it.

use data_encoding::BASE64;
use postern_types::{MfaCode, TotpSeed};

use super::{
    common::{ANY_PATH, TagKeys, check_path, tagging, write_tags},
    keys::name_of,
    qr,
    users::{Detail, write_root, write_user},
};
use crate::{
    ServiceError,
    model::{Account, EnabledMfa, MfaDevice, Owner, Tag},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry, find_user},
    page::Paging,
    wire::{Decoder, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateVirtualMfaDevice>(),
    entry::<EnableMfaDevice>(),
    entry::<ResyncMfaDevice>(),
    entry::<DeactivateMfaDevice>(),
    entry::<DeleteVirtualMfaDevice>(),
    entry::<ListMfaDevices>(),
    entry::<ListVirtualMfaDevices>(),
    entry::<GetMfaDevice>(),
];

/// MFA devices that a user may have.
const DEVICES: usize = 8;

/// Our words: no text was observed.
pub(super) fn virtual_device_missing(serial: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

fn device_missing(serial: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("MFA Device with serial number {serial} does not exist."))
}

/// The step of the second of two consecutive codes, if they are of about now and the second is unused.
fn second_step(device: &MfaDevice, codes: [&str; 2], now: i64) -> Option<i64> {
    let [first, second] = codes.map(|code| code.parse::<MfaCode>().ok());
    let (first, second) = first.zip(second)?;
    (now - 1..=now + 1).filter(|step| device.last_step.is_none_or(|last| *step > last)).find(|step| {
        let is_first = device.seed.code_of_step(step - 1).ct_eq(&first);
        let is_second = device.seed.code_of_step(*step).ct_eq(&second);
        is_first & is_second
    })
}

fn wrong_codes() -> ServiceError {
    ServiceError::invalid_authentication_code("Authentication code for device is not valid.")
}

/// `CreateVirtualMFADevice`: the only answer that ever shows the seed.
struct CreateVirtualMfaDevice {
    name: String,
    path: String,
    tags: Vec<Tag>,
}

impl CreateVirtualMfaDevice {
    fn serial(&self, account: &Account) -> String {
        account.arn(&format!("mfa{}{}", self.path, self.name))
    }
}

impl Operation for CreateVirtualMfaDevice {
    const NAME: &'static str = "CreateVirtualMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            name: d.required("VirtualMFADeviceName", &rules::VIRTUAL_MFA_DEVICE_NAME),
            path: d.optional("Path", &ANY_PATH).unwrap_or_else(|| "/".to_owned()),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_path(&self.path)?;
        let serial = self.serial(call.account());
        let needs = Needs::on(serial.as_str()).request_tags(&self.tags);
        Ok(tagging(needs, "iam:TagMFADevice", &serial, &self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        TagKeys::Exact.check(&op.tags)?;
        let serial = op.serial(call.account());
        if call.account().mfa_devices.contains_key(&serial) {
            return Err(ServiceError::already_exists("MFA device already exists."));
        }
        let seed = TotpSeed::generate(call.rng);
        // Shown once, at its creation. On the wire it is Base64 of the Base32 text.
        let base32 = seed.expose_secret_base32();
        // Who will use the device is not known yet, so the account's id stands behind the `@`.
        let uri = format!("otpauth://totp/{}@{}?secret={}", op.name, call.account().id, base32.as_str());
        let picture = qr::png(&uri)
            .ok_or_else(|| ServiceError::service_failure("The QR code of the device cannot be drawn."))?;
        let reply = Reply::result(|xml| {
            xml.element("VirtualMFADevice", |xml| {
                xml.text("SerialNumber", &serial);
                xml.text("Base32StringSeed", BASE64.encode(base32.as_bytes()));
                xml.text("QRCodePNG", BASE64.encode(&picture));
                write_tags(xml, &op.tags);
            });
        });
        let device =
            MfaDevice { serial: serial.clone(), seed, tags: op.tags.clone(), enabled: None, last_step: None };
        call.account_mut().mfa_devices.insert(serial, device);
        Ok(reply)
    }
}

/// `EnableMFADevice`
struct EnableMfaDevice {
    user_name: String,
    serial: String,
    codes: [String; 2],
}

impl Operation for EnableMfaDevice {
    const NAME: &'static str = "EnableMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
            serial: d.required("SerialNumber", &rules::SERIAL_NUMBER),
            codes: ["AuthenticationCode1", "AuthenticationCode2"]
                .map(|name| d.required(name, &rules::AUTHENTICATION_CODE)),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let (now, step) = (call.now, TotpSeed::step_at(call.real_now));
        let account = call.account_mut();
        let owner = Owner::User(find_user(account, &op.user_name)?.id.clone());
        let devices = account.mfa_devices_of(&owner).count();
        let device =
            account.mfa_devices.get_mut(&op.serial).ok_or_else(|| virtual_device_missing(&op.serial))?;
        if device.enabled.is_some() {
            return Err(ServiceError::already_exists("MFA Device is already in use."));
        }
        // Our words, after those of the other quotas.
        if devices >= DEVICES {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for MFADevicesPerUser: {DEVICES}"
            )));
        }
        let [first, second] = &op.codes;
        let used = second_step(device, [first, second], step).ok_or_else(wrong_codes)?;
        device.last_step = Some(used);
        device.enabled = Some(EnabledMfa { owner, since: now });
        Ok(Reply::nothing())
    }
}

/// Refuses a device that is not enabled for this owner.
fn own_device<'a>(
    account: &'a mut Account,
    owner: &Owner,
    serial: &str,
) -> Result<&'a mut MfaDevice, ServiceError> {
    account
        .mfa_devices
        .get_mut(serial)
        .filter(|device| device.enabled.as_ref().is_some_and(|enabled| enabled.owner == *owner))
        .ok_or_else(|| device_missing(serial))
}

/// `ResyncMFADevice`
struct ResyncMfaDevice {
    user_name: String,
    serial: String,
    codes: [String; 2],
}

impl Operation for ResyncMfaDevice {
    const NAME: &'static str = "ResyncMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::EXISTING_USER_NAME),
            serial: d.required("SerialNumber", &rules::SERIAL_NUMBER),
            codes: ["AuthenticationCode1", "AuthenticationCode2"]
                .map(|name| d.required(name, &rules::AUTHENTICATION_CODE)),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let step = TotpSeed::step_at(call.real_now);
        let account = call.account_mut();
        let owner = Owner::User(find_user(account, &op.user_name)?.id.clone());
        let device = own_device(account, &owner, &op.serial)?;
        let [first, second] = &op.codes;
        let used = second_step(device, [first, second], step).ok_or_else(wrong_codes)?;
        device.last_step = Some(used);
        Ok(Reply::nothing())
    }
}

/// `DeactivateMFADevice`: the device stays, unassigned.
struct DeactivateMfaDevice {
    user_name: Option<String>,
    serial: String,
}

impl Operation for DeactivateMfaDevice {
    const NAME: &'static str = "DeactivateMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            serial: d.required("SerialNumber", &rules::SERIAL_NUMBER),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let subject = call.owner_or_caller(op.user_name.as_deref())?;
        let account = call.account_mut();
        let owner = subject.owner(account)?;
        own_device(account, &owner, &op.serial)?.enabled = None;
        Ok(Reply::nothing())
    }
}

/// `DeleteVirtualMFADevice`: only of one that is nobody's.
struct DeleteVirtualMfaDevice {
    serial: String,
}

impl Operation for DeleteVirtualMfaDevice {
    const NAME: &'static str = "DeleteVirtualMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { serial: d.required("SerialNumber", &rules::SERIAL_NUMBER) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(needs_on_device(call.account(), &self.serial))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let devices = &mut call.account_mut().mfa_devices;
        let device = devices.get(&op.serial).ok_or_else(|| virtual_device_missing(&op.serial))?;
        if device.enabled.is_some() {
            return Err(ServiceError::delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
        }
        devices.remove(&op.serial);
        Ok(Reply::nothing())
    }
}

/// The own action on a virtual device, which may not exist.
pub(super) fn needs_on_device(account: &Account, serial: &str) -> Needs {
    let needs = Needs::on(serial);
    match account.mfa_devices.get(serial) {
        Some(device) => needs.resource_tags(&device.tags),
        None => needs,
    }
}

/// `ListMFADevices`: those of one user.
struct ListMfaDevices {
    user_name: Option<String>,
    paging: Paging,
}

impl Operation for ListMfaDevices {
    const NAME: &'static str = "ListMFADevices";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::EXISTING_USER_NAME), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let owner = call.owner_or_caller(op.user_name.as_deref())?.owner(account)?;
        let devices = account
            .mfa_devices_of(&owner)
            .filter_map(|device| Some((device.serial.clone(), (device, device.enabled.as_ref()?))));
        let page = op.paging.cut(call, Self::NAME, devices)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "MFADevices", |xml, (device, enabled)| {
                xml.text("UserName", name_of(account, &enabled.owner));
                xml.text("SerialNumber", &device.serial);
                xml.time("EnableDate", enabled.since);
            });
        }))
    }
}

/// `ListVirtualMFADevices`: those of the account, never with a seed.
struct ListVirtualMfaDevices {
    status: &'static str,
    paging: Paging,
}

impl Operation for ListVirtualMfaDevices {
    const NAME: &'static str = "ListVirtualMFADevices";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            status: d.optional_word("AssignmentStatus", &["Assigned", "Unassigned", "Any"]).unwrap_or("Any"),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(call.account().arn("mfa/")))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let devices = account
            .mfa_devices
            .values()
            .filter(|device| match op.status {
                "Assigned" => device.enabled.is_some(),
                "Unassigned" => device.enabled.is_none(),
                _ => true,
            })
            .map(|device| (device.serial.clone(), device));
        let page = op.paging.cut(call, Self::NAME, devices)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "VirtualMFADevices", |xml, device| {
                xml.text("SerialNumber", &device.serial);
                if let Some(enabled) = &device.enabled {
                    xml.element("User", |xml| match &enabled.owner {
                        Owner::Root => write_root(xml, account),
                        Owner::User(id) => {
                            if let Some(user) = account.users.by_id(id) {
                                write_user(xml, account, user, Detail::Brief);
                            }
                        }
                    });
                    xml.time("EnableDate", enabled.since);
                }
            });
        }))
    }
}

/// `GetMFADevice`: one of a user's.
struct GetMfaDevice {
    user_name: Option<String>,
    serial: String,
}

impl GetMfaDevice {
    /// The user who was named, or whose device it is: serial numbers are ARNs and tell it.
    fn subject(&self, call: &Call<'_>) -> Result<Subject, ServiceError> {
        let account = call.account();
        let owner = account.mfa_devices.get(&self.serial).and_then(|device| device.enabled.as_ref());
        match (&self.user_name, owner.map(|enabled| &enabled.owner)) {
            (Some(name), _) => Ok(Subject::User(name.clone())),
            (None, Some(Owner::Root)) => Ok(Subject::Root),
            (None, Some(owner)) => Ok(Subject::User(name_of(account, owner).to_owned())),
            (None, None) => call.owner_or_caller(None),
        }
    }
}

impl Operation for GetMfaDevice {
    const NAME: &'static str = "GetMFADevice";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::USER_NAME),
            serial: d.required("SerialNumber", &rules::SERIAL_NUMBER),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_subject(call.account(), &self.subject(call)?))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let owner = op.subject(call)?.owner(account)?;
        let enabled = account
            .mfa_devices
            .get(&op.serial)
            .and_then(|device| device.enabled.as_ref())
            .filter(|enabled| enabled.owner == owner)
            .ok_or_else(|| device_missing(&op.serial))?;
        Ok(Reply::result(|xml| {
            xml.text("UserName", name_of(account, &enabled.owner));
            xml.text("SerialNumber", &op.serial);
            xml.time("EnableDate", enabled.since);
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_consecutive_codes_of_about_now() {
        let seed = TotpSeed::from_bytes(b"12345678901234567890".to_vec());
        let code = |step: i64| seed.code_of_step(step).as_str().to_owned();
        let now = 1_000;
        let device = |last| MfaDevice {
            serial: String::new(),
            seed: seed.clone(),
            tags: vec![],
            enabled: None,
            last_step: last,
        };
        for (first, second, last, used) in [
            (now - 1, now, None, Some(now)),
            (now, now + 1, None, Some(now + 1)),
            (now - 2, now - 1, None, Some(now - 1)),
            // Stale, too early, the wrong way round, the same, not consecutive.
            (now - 3, now - 2, None, None),
            (now + 1, now + 2, None, None),
            (now, now - 1, None, None),
            (now, now, None, None),
            (now - 1, now + 1, None, None),
            // Used before.
            (now - 1, now, Some(now), None),
            (now, now + 1, Some(now), Some(now + 1)),
        ] {
            let codes = [code(first), code(second)];
            assert_eq!(
                second_step(&device(last), [&codes[0], &codes[1]], now),
                used,
                "{first} {second} {last:?}"
            );
        }
        assert_eq!(second_step(&device(None), ["", "12"], now), None);
    }
}
