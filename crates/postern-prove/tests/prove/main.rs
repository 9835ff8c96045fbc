//! Who reaches what.

#[cfg(test)]
mod effect;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod used;
