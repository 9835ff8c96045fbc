//! The client against servers: scripted ones that misbehave, and the sandbox.

#[cfg(test)]
mod apply;
#[cfg(test)]
mod bastion;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod enrol;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod organization;
#[cfg(test)]
mod script;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod usage;
