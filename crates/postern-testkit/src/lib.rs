//! What the tests share: requests signed as AWS's own clients sign them.

pub mod live;
pub mod query;

pub use postern_serve as serve;
