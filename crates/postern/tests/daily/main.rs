//! The daily commands against the sandbox, as a person and as an SDK would run them.

#[cfg(test)]
mod assume;
#[cfg(test)]
mod attribution;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod completing;
#[cfg(test)]
mod console;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod enrol;
#[cfg(test)]
mod export;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod forget;
#[cfg(test)]
mod import;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod narrowing;
#[cfg(test)]
mod picker;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod rotate;
#[cfg(test)]
mod second_user;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod whoami;
#[cfg(test)]
mod world;
