//! What happens on the demo's stage: attempts, the answers they got, and whether those are as told.

use std::fmt;

use postern_aws::raw::RawAnswer as Answer;

use crate::{
    errors::CliError,
    output::{BAD, BOLD, DIM, GOOD, Printer, WARN, command, paint, prose},
};

const INDENT: &str = "      ";

/// How an attempt ends, if the story is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The call is carried out.
    Works,
    /// The call is refused with this code.
    Refused(&'static str),
    /// The call passes authorization, and the sandbox says that it does not play this service: the
    /// one case in which 501 means "allowed".
    Permitted,
}

impl Expected {
    fn holds(self, answer: &Answer) -> bool {
        match self {
            Self::Works => answer.is_success(),
            Self::Refused(code) => answer.code.as_deref() == Some(code) && answer.status != 501,
            Self::Permitted => answer.status == 501,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("to work"),
            Self::Refused(code) => write!(f, "to be refused with {code}"),
            Self::Permitted => f.write_str("to pass authorization"),
        }
    }
}

/// A row of the final table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Name,
    ListUsers,
    CreateUser,
    ReadBuckets,
    AssumeRole,
    StopTrail,
    LastBeyondAnHour,
}

impl Goal {
    pub(super) const ALL: [Self; 7] = [
        Self::Name,
        Self::ListUsers,
        Self::CreateUser,
        Self::ReadBuckets,
        Self::AssumeRole,
        Self::StopTrail,
        Self::LastBeyondAnHour,
    ];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Name => "learn whose key it is",
            Self::ListUsers => "list the users",
            Self::CreateUser => "create a user for later",
            Self::ReadBuckets => "read the bucket list",
            Self::AssumeRole => "assume a role",
            Self::StopTrail => "switch off the audit trail",
            Self::LastBeyondAnHour => "still be in after an hour",
        }
    }
}

/// A column of the final table: what was stolen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loot {
    AdminKey,
    PersonKey,
    PlainSession,
    RoleCredentials,
}

impl Loot {
    pub(super) const ALL: [Self; 4] =
        [Self::AdminKey, Self::PersonKey, Self::PlainSession, Self::RoleCredentials];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::AdminKey => "admin key",
            Self::PersonKey => "her key",
            Self::PlainSession => "+ session",
            Self::RoleCredentials => "role creds",
        }
    }

    /// Who stands at the prompt.
    pub(super) const fn thief(self) -> &'static str {
        match self {
            Self::AdminKey => "thief (admin key)",
            Self::PersonKey => "thief (her key)",
            Self::PlainSession => "thief (her key, plain session)",
            Self::RoleCredentials => "thief (role creds)",
        }
    }
}

/// The transcript: shows what happens while it happens, and remembers what the end needs.
pub(super) struct Scene<'a> {
    printer: &'a Printer,
    shown: usize,
    surprises: Vec<String>,
    outcomes: Vec<(Goal, Loot, bool)>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self { printer, shown: 0, surprises: Vec::new(), outcomes: Vec::new() }
    }

    /// A chapter's heading.
    pub(super) fn chapter(&self, letter: char, title: &str) -> Result<(), CliError> {
        self.line(&format!("\n{}", paint(BOLD, &format!("({letter}) {title}"))))
    }

    /// The narrator.
    pub(super) fn tell(&self, text: &str) -> Result<(), CliError> {
        self.prose(text, "    ", "    ")
    }

    /// What came of what was typed.
    pub(super) fn outcome(&self, text: &str) -> Result<(), CliError> {
        self.prose(text, "      → ", "        ")
    }

    /// One attempt: the command that would be typed, the answer that came, and whether it was as told.
    ///
    /// `shows` picks what is worth showing of an answer that worked.
    pub(super) fn attempt(
        &mut self,
        who: &str,
        typed: &str,
        answer: &Answer,
        expected: Expected,
        shows: &dyn Fn(&Answer) -> String,
    ) -> Result<(), CliError> {
        self.shown += 1;
        let prompt = format!("  {} ", paint(DIM, &format!("{who} $")));
        self.line(&command(typed, &prompt, INDENT, self.printer.width()))?;
        let message = answer.message.as_deref().unwrap_or_default().trim_end();
        let words = match &answer.code {
            None => format!("{} {}", paint(GOOD, "works"), shows(answer)),
            Some(_) if answer.status == 501 => {
                format!("{} (the sandbox itself plays no such service: {message})", paint(GOOD, "allowed"))
            }
            Some(code) => {
                format!("{} {} {code}: {message}", paint(BAD, "refused"), answer.status)
            }
        };
        self.outcome(&words)?;
        if !expected.holds(answer) {
            let surprise = format!("`{typed}` was expected {expected}");
            self.not_as_told(&surprise)?;
            self.surprises.push(surprise);
        }
        Ok(())
    }

    /// Something besides an answer that must be so.
    pub(super) fn check(&mut self, holds: bool, claim: &str) -> Result<(), CliError> {
        self.shown += 1;
        if holds {
            return self.prose(&format!("{} {claim}", paint(GOOD, "✓")), INDENT, "        ");
        }
        self.not_as_told(&format!("it does not hold that {claim}"))?;
        self.surprises.push(claim.to_owned());
        Ok(())
    }

    /// Notes for the final table whether something could be done with something stolen.
    pub(super) fn note(&mut self, goal: Goal, loot: Loot, answer: &Answer) {
        self.outcomes.push((goal, loot, answer.is_success() || answer.status == 501));
    }

    /// The final table: goals down, loot across.
    pub(super) fn table(&self) -> String {
        let first = Goal::ALL.iter().map(|g| g.words().len()).max().unwrap_or(0);
        let columns: Vec<usize> = Loot::ALL.iter().map(|l| l.words().len().max("refused".len())).collect();
        let before = columns.first().copied().unwrap_or(0);
        let after: usize = columns.iter().skip(1).sum::<usize>() + 3 * columns.len().saturating_sub(2);
        let rule = |left: char, middle: char, right: char| {
            let mut line = format!("{left}{}", "─".repeat(first + 2));
            for width in &columns {
                line.push(middle);
                line.push_str(&"─".repeat(width + 2));
            }
            line.push(right);
            line.push('\n');
            line
        };
        let mut text = format!("  {:first$}   {:before$}   after: stolen …\n", "", "before");
        debug_assert!(after >= "after: stolen …".chars().count());
        text.push_str(&format!("  {}", rule('┌', '┬', '┐')));
        text.push_str(&format!("  │ {:first$} ", "a thief who has …, can"));
        for (loot, width) in Loot::ALL.iter().zip(&columns) {
            text.push_str(&format!("│ {:width$} ", loot.words()));
        }
        text.push_str("│\n");
        text.push_str(&format!("  {}", rule('├', '┼', '┤')));
        for goal in Goal::ALL {
            text.push_str(&format!("  │ {:first$} ", goal.words()));
            for (loot, width) in Loot::ALL.iter().zip(&columns) {
                let (plain, style) = match self.could(goal, *loot) {
                    Some(true) => ("yes", BAD),
                    Some(false) => ("refused", GOOD),
                    None => ("–", DIM),
                };
                let pad = " ".repeat(width.saturating_sub(plain.chars().count()));
                text.push_str(&format!("│ {}{pad} ", paint(style, plain)));
            }
            text.push_str("│\n");
        }
        text.push_str(&format!("  {}", rule('└', '┴', '┘')));
        text
    }

    /// Whether any attempt at this goal went through; none where there was no attempt.
    fn could(&self, goal: Goal, loot: Loot) -> Option<bool> {
        let attempts = self.outcomes.iter().filter(|(g, l, _)| *g == goal && *l == loot);
        attempts.map(|(_, _, could)| *could).reduce(|one, other| one || other)
    }

    /// How many things were shown.
    pub(super) fn shown(&self) -> usize {
        self.shown
    }

    /// What was not as told.
    pub(super) fn surprises(&self) -> &[String] {
        &self.surprises
    }

    pub(super) fn line(&self, text: &str) -> Result<(), CliError> {
        self.printer.data(&format!("{text}\n"))?;
        if self.printer.reader_gone() {
            return Err(CliError::failed("nobody reads on"));
        }
        Ok(())
    }

    /// Words, broken where the terminal ends.
    pub(super) fn prose(&self, text: &str, first: &str, rest: &str) -> Result<(), CliError> {
        self.line(&prose(text, first, rest, self.printer.width()))
    }

    fn not_as_told(&self, what: &str) -> Result<(), CliError> {
        self.prose(&format!("{} {what}", paint(WARN, "not as told:")), INDENT, "        ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;

    fn answer(status: u16, code: Option<&str>) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: String::new(),
            code: code.map(str::to_owned),
            message: None,
            request_id: None,
        }
    }

    #[test]
    fn an_answer_that_is_not_as_told_is_a_surprise() {
        let printer = Printer::new(Color::Never, true, None);
        let mut scene = Scene::new(&printer);
        for (answer, expected, surprise) in [
            (answer(200, None), Expected::Works, false),
            (answer(403, Some("AccessDenied")), Expected::Works, true),
            (answer(403, Some("AccessDenied")), Expected::Refused("AccessDenied"), false),
            (answer(403, Some("InvalidClientTokenId")), Expected::Refused("AccessDenied"), true),
            (answer(200, None), Expected::Refused("AccessDenied"), true),
            (answer(501, Some("NotImplemented")), Expected::Permitted, false),
            (answer(501, Some("AccessDenied")), Expected::Refused("AccessDenied"), true),
            (answer(403, Some("AccessDenied")), Expected::Permitted, true),
        ] {
            let before = scene.surprises().len();
            scene.attempt("thief", "aws", &answer, expected, &|_| String::new()).unwrap();
            assert_eq!(scene.surprises().len() > before, surprise, "{answer:?} {expected:?}");
        }
    }

    #[test]
    fn the_table_fits_a_terminal_of_80_columns_and_one_success_is_enough() {
        let printer = Printer::new(Color::Never, true, None);
        let mut scene = Scene::new(&printer);
        scene.note(Goal::AssumeRole, Loot::RoleCredentials, &answer(403, Some("AccessDenied")));
        scene.note(Goal::AssumeRole, Loot::RoleCredentials, &answer(200, None));
        let table = anstream::adapter::strip_str(&scene.table()).to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let row = table.lines().find(|line| line.contains("assume a role")).unwrap();
        assert!(row.ends_with("│ –         │ –       │ –         │ yes        │"), "{row}");
    }
}
