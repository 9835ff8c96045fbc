//! Estate files, the estates they describe, and plans.

#[cfg(test)]
mod cap;
#[cfg(test)]
mod common;
#[cfg(test)]
mod design;
#[cfg(test)]
mod draft;
#[cfg(test)]
mod emit;
#[cfg(test)]
mod example;
#[cfg(test)]
mod format;
#[cfg(test)]
mod more;
#[cfg(test)]
mod organization;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod teardown;
