//! `postern policy` through the command line.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod eval;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod simulate;
