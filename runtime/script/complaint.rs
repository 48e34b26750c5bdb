//! An error raised by a native function, before anyone knows where the script called it.

use rhai::{Dynamic, EvalAltResult, Position};

/// What natives return where they fail.
pub(super) type Raised = Box<EvalAltResult>;

/// What went wrong and how to mend it. The place is added where the error is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Last part of the diagnostic code, `setting`.
    pub(super) code: &'static str,
    /// What went wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// Name inside the call's parentheses that the caret should point at instead of the call.
    pub(super) at: Option<String>,
}

impl Complaint {
    /// A complaint without a hint.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, at: None }
    }

    /// The same with a remedy.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a remedy, if there is one.
    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// The same pointing at this map key or argument.
    pub(super) fn at(mut self, name: &str) -> Self {
        self.at = Some(name.to_owned());
        self
    }
}

impl From<Complaint> for Raised {
    fn from(complaint: Complaint) -> Self {
        Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(complaint), Position::NONE))
    }
}
