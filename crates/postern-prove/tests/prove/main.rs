//! Who reaches what.

#[cfg(test)]
mod laws;
#[cfg(test)]
mod reach;
