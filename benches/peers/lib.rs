//! Nothing but the bench `peers`.
