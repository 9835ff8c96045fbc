//! `postern people invite`

use clap::Args;
use postern_aws::{AwsError, Connection};
use postern_estate::{INVITATION_POLICY, INVITATION_TAG};
use postern_types::{
    AccessKeyId, LongTermKey, PolicyName, SessionDuration, SignedDuration, Timestamp, UserName,
};

use super::{Bastion, ceremony, invitation::Invitation};
use crate::{
    access::WayIn,
    context::Context,
    errors::{CliError, ExitStatus},
    output::{GOOD, paint},
};

/// How long an invitation may be open.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

/// Arguments of `postern people invite`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern people invite zoe > zoe.txt     the invitation, printed this once
  postern people invite zoe --valid 2h
  postern people invite zoe --cancel      it is good for nothing from now on

Send it by a channel that only the person reads. With it, `postern enrol` on
the person's own machine makes device and key: nobody else ever sees seed or
key. It allows nothing but to enrol this user, and ends with the enrolment,
with the time given, or with --cancel.

Until then, whoever holds it can enrol in the person's place, and would hold
the roles granted to that person. The person notices: `postern enrol` then
refuses. A second invitation replaces the first.")]
pub(super) struct InviteArgs {
    /// The person, as named in the estate file
    person: UserName,
    /// How long it can be used, 5m to 168h
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    valid: SessionDuration,
    /// End the person's invitation
    #[arg(long, conflicts_with_all = ["valid", "replace_keys"])]
    cancel: bool,
    /// Delete the keys that the person has: inactive ones, or those of a machine that is gone
    #[arg(long)]
    replace_keys: bool,
    #[command(flatten)]
    way: WayIn,
}

pub(super) fn run(args: &InviteArgs, context: &Context) -> Result<ExitStatus, CliError> {
    let valid = SignedDuration::from(args.valid);
    if !(SHORTEST..=LONGEST).contains(&valid) {
        return Err(CliError::usage(format!("an invitation is good for 5m to 168h, not {}", args.valid)));
    }
    let bastion = Bastion::open(context, &args.way)?;
    if args.cancel {
        return cancel(&bastion, &args.person, context);
    }
    bastion.check_person(&args.person)?;
    let devices = bastion.devices(&args.person)?;
    if let Some(device) = devices.first() {
        let person = &args.person;
        return Err(CliError::failed(format!("{person} has an MFA device: {}", device.serial))
            .hint(format!("if it is lost: `postern people device-lost {person}`, then invite"))
            .hint(format!("for a further one: `postern people enrol {person} --device LABEL`")));
    }
    let invitation = invite(args, &bastion, valid, context)?;
    let text = invitation.to_text();
    context.printer.data(&text)?;
    context.printer.data("\n")?;
    say_next(&invitation, context);
    Ok(ExitStatus::Done)
}

/// Makes the key, and lets it do what enrolment takes. What is made in vain is taken back.
fn invite(
    args: &InviteArgs,
    bastion: &Bastion,
    valid: SignedDuration,
    context: &Context,
) -> Result<Invitation, CliError> {
    let (person, connection) = (&args.person, &bastion.connection);
    if withdraw(connection, person)? {
        context.printer.status(&format!("the earlier invitation of {person} is ended"));
    }
    check_keys(args, connection, context)?;
    let key = connection.create_access_key(person).map_err(|error| ceremony::worded(person, error))?;
    let until = Timestamp::from_second((Timestamp::now() + valid).as_second()).unwrap_or(Timestamp::MAX);
    if let Err(error) = open(bastion, person, &key, until) {
        // Without its policy the key opens nothing; without the key the policy does not.
        let _ = connection.delete_access_key(person, &key.id);
        let _ = withdraw(connection, person);
        return Err(error.into());
    }
    let design = &bastion.file.design;
    Ok(Invitation {
        account: bastion.account,
        partition: design.partition,
        user: person.clone(),
        region: design.region.value.clone(),
        estate: design.name.value.to_string(),
        endpoint: connection.endpoint().url("iam").map(str::to_owned),
        until,
        key,
    })
}

/// The tag first: from it an interrupted run is known, and ended by the next one.
fn open(bastion: &Bastion, person: &UserName, key: &LongTermKey, until: Timestamp) -> Result<(), AwsError> {
    let partition = bastion.file.design.partition;
    let document = postern_estate::invitation(partition, bastion.account, person, &key.id, until);
    bastion.connection.tag_user(person, INVITATION_TAG, key.id.as_str())?;
    bastion.connection.put_user_policy(person, &policy_name(), &document)
}

/// Looks at the keys that are no invitation's: AWS takes two, and an enrolment needs one for a while.
fn check_keys(args: &InviteArgs, connection: &Connection, context: &Context) -> Result<(), CliError> {
    let person = &args.person;
    let keys = connection.access_keys(person)?;
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    if args.replace_keys {
        for key in &keys {
            connection.delete_access_key(person, &key.id)?;
            context.printer.status(&format!("{} key {} is deleted", paint(GOOD, "✓"), key.id));
        }
        return Ok(());
    }
    if let Some(key) = keys.iter().find(|key| !key.active) {
        return Err(CliError::failed(format!(
            "{person} has the inactive key {}, in the way of a new one",
            key.id
        ))
        .hint(format!("to delete what keys there are: `postern people invite {person} --replace-keys`")));
    }
    let replace =
        format!("if the machine that has it is gone: `postern people invite {person} --replace-keys`");
    match ids.as_slice() {
        [] => Ok(()),
        [one] => {
            context.printer.status(&format!(
                "{person} has the key {one}; where it is in the person's key store, it is kept. {replace}"
            ));
            Ok(())
        }
        many => Err(CliError::failed(format!(
            "{person} has {} access keys: {}",
            many.len(),
            many.join(", ")
        ))
        .hint("AWS takes two, and the invitation needs one: delete one of them, or all by --replace-keys")),
    }
}

fn say_next(invitation: &Invitation, context: &Context) {
    let person = &invitation.user;
    context.printer.status(&format!("{} {person} is invited until {}", paint(GOOD, "✓"), invitation.until));
    context.printer.status(&format!(
        "send the line above by a channel that only {person} reads; {person} runs `postern enrol` and pastes it"
    ));
    context.printer.status(&format!(
        "until it is used, whoever holds it can enrol as {person}; `postern people invite {person} --cancel` ends it"
    ));
}

fn cancel(bastion: &Bastion, person: &UserName, context: &Context) -> Result<ExitStatus, CliError> {
    // Its first answer says whether there is such a user.
    let devices = bastion.devices(person)?;
    let text = if withdraw(&bastion.connection, person)? {
        format!("{} the invitation of {person} is ended: its key and policy are deleted", paint(GOOD, "✓"))
    } else {
        format!("{person} has no invitation")
    };
    context.printer.status(&text);
    let keys = bastion.connection.access_keys(person)?;
    let has: Vec<String> = devices
        .iter()
        .map(|device| format!("device {}", device.serial))
        .chain(keys.iter().map(|key| format!("key {}", key.id)))
        .collect();
    if !has.is_empty() {
        context.printer.status(&format!(
            "{person} has {}; if that was not {person}: `postern people device-lost {person} --key`",
            has.join(", ")
        ));
    }
    Ok(ExitStatus::Done)
}

/// Ends a user's invitation, if there is one: policy, key, tag. Answers whether there was anything.
pub(super) fn withdraw(connection: &Connection, person: &UserName) -> Result<bool, AwsError> {
    let key = connection.user_tag(person, INVITATION_TAG)?;
    connection.delete_user_policy(person, &policy_name())?;
    let Some(key) = key else { return Ok(false) };
    // What somebody else wrote into the tag is no key of ours.
    if let Ok(key) = key.parse::<AccessKeyId>() {
        connection.delete_access_key(person, &key)?;
    }
    connection.untag_user(person, INVITATION_TAG)?;
    Ok(true)
}

fn policy_name() -> PolicyName {
    INVITATION_POLICY.parse().unwrap_or_else(|_| unreachable!("a fixed and valid name"))
}
