//! Which part of a script is running, and what may be called there.

use super::complaint::Complaint;

/// The parts of a script, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The top level: `declare` and constants.
    Declare,
    /// `run(trial)`: builds stages.
    Run,
    /// `report(results)`: tables and charts.
    Report,
    /// `claims(results)`: verdicts.
    Claims,
}

impl Phase {
    /// Refuses a function that belongs to another part of the script.
    pub(super) fn require(self, wanted: Self, function: &str) -> Result<(), Complaint> {
        if self == wanted {
            return Ok(());
        }
        let message = format!("`{function}` belongs in {}: {}", wanted.place(), self.reason());
        Err(Complaint::new("phase", message))
    }

    fn place(self) -> &'static str {
        match self {
            Self::Declare => "the top level of the script",
            Self::Run => "`run(trial)`",
            Self::Report => "`report(results)`",
            Self::Claims => "`claims(results)`",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Declare => "the top level only declares the experiment",
            Self::Run => "`run` only says what one trial is, before anything is measured",
            Self::Report => "reports only read results",
            Self::Claims => "claims only judge results",
        }
    }
}
