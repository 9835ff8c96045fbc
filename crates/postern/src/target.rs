//! What all commands that hand out credentials take alike: a target, how it is wanted, and what comes of it.

mod attribution;
mod effective;
mod narrowing;
mod variables;

use clap::Args;
use postern_broker::Issued;
use postern_types::{MfaCode, RoleArn, SessionDuration, SignedDuration, UserName};

use crate::{
    context::Context,
    daily::{Daily, Destination, Wish, targets},
    directory,
    env::Environment,
    errors::CliError,
};

use self::{attribution::AttributionArgs, narrowing::NarrowingArgs};
pub(crate) use variables::{HANDED, Variables};

/// A target and how it is wanted.
#[derive(Clone, Debug, Args)]
pub(crate) struct TargetArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config
    /// [default: as this directory's .postern-target says, if it is trusted]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    #[command(flatten)]
    pub(crate) options: TargetOptions,
}

/// How a target is wanted.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TargetOptions {
    /// Whose key to use, where there are several [env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
    /// The code that the MFA device shows, if one is needed
    #[arg(long, value_name = "CODE")]
    mfa_code: Option<MfaCode>,
    /// How long the credentials are to last, 15m to 1h; with --direct up to the
    /// role's maximum [default: 1h, or that maximum]
    #[arg(long, value_name = "TIME")]
    duration: Option<SessionDuration>,
    /// Spend a code on this role alone, so that it may last longer than an hour
    #[arg(long)]
    direct: bool,
    /// Hand out nothing with less than this left, such as 30m: it is renewed before
    #[arg(long, value_name = "TIME")]
    min_ttl: Option<SessionDuration>,
    #[command(flatten)]
    narrowing: NarrowingArgs,
    #[command(flatten)]
    attribution: AttributionArgs,
}

/// Credentials, and what they are for.
pub(crate) struct Handover {
    pub(crate) destination: Destination,
    pub(crate) issued: Issued,
}

impl TargetArgs {
    /// The target's name: the one that was given, else the directory's.
    pub(crate) fn name(&self, context: &Context) -> Result<String, CliError> {
        directory::target(self.target.as_deref(), context)
    }
}

impl TargetOptions {
    /// What a target's name means when it is wanted so. Makes no call.
    pub(crate) fn destination(
        &self,
        context: &Context,
        daily: &Daily<'_>,
        name: &str,
    ) -> Result<Destination, CliError> {
        let mut destination = daily.destination(name, &self.wish())?;
        let of_estate = |role: &RoleArn| {
            daily.design().is_ok_and(|design| targets(design).iter().any(|target| target.arn == *role))
        };
        let warn = |text: &str| context.printer.warning(text);
        self.narrowing.narrow(&mut destination, &warn)?;
        self.attribution.attribute(&mut destination, &of_estate, &warn)?;
        if self.narrowing.show_effective {
            self.show_effective(context, &destination)?;
        }
        Ok(destination)
    }

    /// Whether the request for a role is another than its name alone would make.
    pub(crate) fn change_the_request(&self) -> bool {
        !self.narrowing.is_empty() || !self.attribution.is_empty()
    }

    /// Whether a code is spent on each role.
    pub(crate) fn are_direct(&self) -> bool {
        self.direct
    }

    /// How much must be left of what is handed out.
    pub(crate) fn min_ttl(&self) -> SignedDuration {
        self.min_ttl.map_or(SignedDuration::ZERO, SignedDuration::from)
    }

    /// The code that was given.
    pub(crate) fn code(&self) -> Option<MfaCode> {
        self.mfa_code
    }

    /// What of this a target's meaning depends on.
    pub(crate) fn wish(&self) -> Wish<'_> {
        Wish {
            person: self.person.as_ref(),
            duration: self.duration,
            direct: self.direct,
            min_ttl: self.min_ttl,
        }
    }

    fn show_effective(&self, context: &Context, destination: &Destination) -> Result<(), CliError> {
        let Some(request) = destination.role() else {
            return Err(no_role_assumed(&destination.name, "--show-effective"));
        };
        let region = destination.region.as_ref().map_or("us-east-1", |region| region.as_str());
        let table = effective::render(context, request, region)?;
        // Asked for, so --quiet does not silence it; standard output belongs to the command.
        context.printer.aside(table.trim_end());
        Ok(())
    }

    /// The credentials of a destination that [`Self::destination`] made.
    pub(crate) fn obtain(&self, daily: &Daily<'_>, destination: Destination) -> Result<Handover, CliError> {
        let issued = daily.obtain(&destination, self.mfa_code)?.issued;
        daily.count_use(&destination);
        Ok(Handover { destination, issued })
    }

    /// Both at once, for commands that have nothing to check in between.
    pub(crate) fn take(&self, context: &Context, name: &str) -> Result<Handover, CliError> {
        let daily = Daily::open(context)?;
        let destination = self.destination(context, &daily, name)?;
        self.obtain(&daily, destination)
    }
}

impl Handover {
    /// What a process that works with them is given.
    pub(crate) fn variables(&self, environment: &Environment) -> Variables {
        Variables::of(&self.destination, &self.issued, environment)
    }
}

/// What only the request for a role can carry, asked of a target that assumes none.
fn no_role_assumed(target: &str, flags: &str) -> CliError {
    CliError::usage(format!("`{target}` assumes no role, and {flags} can only be given where one is assumed"))
}
