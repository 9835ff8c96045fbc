//! Who reaches what.

#[cfg(test)]
mod reach;
