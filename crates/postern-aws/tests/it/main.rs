//! The client against servers: scripted ones that misbehave, and the sandbox.

#[cfg(test)]
mod script;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod unreachable;
