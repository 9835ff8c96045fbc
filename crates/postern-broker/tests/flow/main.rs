//! The flow over fake ports and a fake clock.

#[cfg(test)]
mod plan;
#[cfg(test)]
mod run;
#[cfg(test)]
mod world;
