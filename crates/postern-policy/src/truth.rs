//! Three-valued matching.

/// Whether an element of a statement matches.
///
/// [`Truth::Unsettled`] stands where AWS documents no answer: a number that is none, a negated list
/// of principals that names only half of one. A statement left unsettled counts as matching when it
/// denies and as not matching when it allows, so that being wrong never grants anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It does not match.
    No,
    /// AWS does not document whether it matches.
    Unsettled,
    /// It matches.
    Yes,
}

impl Truth {
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    pub(crate) const fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unsettled => Self::Unsettled,
            Self::Yes => Self::No,
        }
    }

    /// Whether any of these is true.
    pub(crate) fn any(truths: impl Iterator<Item = Self>) -> Self {
        let mut sum = Self::No;
        for truth in truths {
            sum = sum.or(truth);
            if sum == Self::Yes {
                break;
            }
        }
        sum
    }

    /// Whether all of these are true.
    pub(crate) fn all(truths: impl Iterator<Item = Self>) -> Self {
        let mut sum = Self::Yes;
        for truth in truths {
            sum = sum.and(truth);
            if sum == Self::No {
                break;
            }
        }
        sum
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}
