//! Who reaches what in an estate, and by which credential.
//!
//! ```text
//! Estate + managed policies ──▶ World ──caller──▶ Caller ──may / first_power──▶ Answer
//!                                 └────────────reach─────▶ Reach: user × credential × role
//! what was used ──Change──▶ ServiceOutlook: what roles leave of it
//! ```
//!
//! What a credential fixes in a request (who calls, whether with MFA, since when) is fixed before anything is asked.
//! What the caller is free to choose (its address, an external id, a session's name, the time) is cut into the classes
//! that the policies tell apart, and every combination of classes is put to the evaluator. So an [`Answer::Never`] is about
//! all requests and not about those that were tried, and an [`Answer::Allowed`] carries a context in which the call
//! succeeds. Where a document is missing or there are too many combinations, the answer is [`Answer::Unknown`],
//! which no caller may take for a denial.
//!
//! The crate is pure: it reads no file, opens no connection, knows no clock.

mod caller;
mod doors;
mod effect;
mod power;
mod reach;
mod search;
mod used;
mod world;

pub use self::{
    caller::{Caller, Held, SessionFacts, Tie},
    effect::{Effect, Writers},
    power::Power,
    reach::{Grant, Reach, Way},
    search::Answer,
    used::{Change, Doer, Lost, May, ServiceOutlook, Stop, Verdict},
    world::{Guardrail, Missing, World},
};
