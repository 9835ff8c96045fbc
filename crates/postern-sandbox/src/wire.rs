//! The AWS Query protocol: parameters in, XML out (facts of the wire: *IAM API Reference*, "Making query requests").

mod decode;
mod params;
mod rule;
mod xml;

pub(crate) use decode::{Decoder, Echo};
pub(crate) use params::{Malformed, Params};
pub(crate) use rule::Rule;
pub(crate) use rule::rules;
pub(crate) use xml::{Xml, seconds};
